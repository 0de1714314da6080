"""Appeals: what the verb refuses, in the order of its checks, then what it does to whom."""

from __future__ import annotations

import pytest
from appealing import APPEALS, BOND, FAIR, GOOD, decide, finish, opened, panel, say
from reference import WAD
from reference_rewards import INVALID, UNAVAILABLE
from reference_task import Phase, State


@pytest.fixture(scope="module")
def drawn(newborn, creator, trainers, validators, stranger):
    return opened(newborn, creator, trainers, validators, stranger)


@pytest.fixture
def life(drawn):
    return drawn.fork()


def test_appeal(life, stranger, trainers, token):
    life.refused("UnknownTask", "appeal", 2, 1, sender=stranger)
    life.refused("UnknownSubmission", "appeal", 1, 4, sender=stranger)
    life.refused("WrongPhase", "appeal", 1, 1, sender=stranger)
    say(life, GOOD)
    before = token.balanceOf(trainers[1])
    life.do("appeal", 1, 1, sender=trainers[1])
    assert before - token.balanceOf(trainers[1]) == BOND
    assert (life.task.pending, life.task.appealed) == (2, 1)
    life.check()
    life.refused("AlreadyAppealed", "appeal", 1, 1, sender=stranger)
    life.until(Phase.SETTLE)
    life.refused("WrongPhase", "appeal", 1, 2, sender=stranger)
    life.refused("AppealPending", "settle", 1, 1, sender=stranger)
    life.refused("SubmissionsPending", "redraw", 1, sender=stranger)
    life.settle(stranger, [2, 3])
    life.refused("RedrawPossible", "finalize", 1, sender=stranger)


def test_the_challenge_window_has_two_ends(life, stranger):
    say(life, GOOD)
    life.after(life.task.score_reveal_ends - 1)
    life.refused("WrongPhase", "appeal", 1, 1, sender=stranger)
    life.refused("WrongPhase", "settle", 1, 1, sender=stranger)
    life.after(life.task.challenge_ends - 1)
    life.do("appeal", 1, 1, sender=stranger)
    life.do("settle", 1, 2, sender=stranger)  # the first second after it


def test_a_result_that_nobody_appeals_costs_time_alone(life, stranger):
    say(life, GOOD)
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("finalize", 1, sender=stranger)
    assert life.task.outcome == "settled" and life.task.attempt == 1


def test_an_appeal_that_is_right(life, trainers, stranger, token):
    """The first panel lied about one model. The larger one finds that: the liars pay, and the appellant is paid."""
    say(life, GOOD, other={1: FAIR})
    liars = panel(life, 1)
    life.do("appeal", 1, 1, sender=trainers[0])
    before = token.balanceOf(trainers[0])
    decide(life, stranger, GOOD)
    lost = [next(v for v in life.task.validators if v.account == one.address) for one in liars]
    assert [v.slashed for v in lost] == [v.stake // 10 for v in lost]
    assert token.balanceOf(trainers[0]) - before == BOND + sum(v.slashed for v in lost) // 2
    assert len(panel(life, 1, 2)) == 5 and life.task.submissions[0].score == GOOD
    assert life.state(1) == State.SCORED and life.task.forfeited == 0
    finish(life, stranger)


def test_an_appellant_has_no_part_of_what_silence_costs(life, trainers, stranger, token):
    mute, *liars = panel(life, 1)
    accounts = [life.people[v.account] for v in life.task.validators if v.account != mute.address]
    life.score({account: {1: FAIR, 2: GOOD, 3: GOOD} for account in accounts}, until=Phase.CHALLENGE)
    life.do("appeal", 1, 1, sender=trainers[0])
    before = token.balanceOf(trainers[0])
    decide(life, stranger, GOOD)
    slashed = {v.account: v.slashed for v in life.task.validators}
    assert slashed[mute.address] > 0
    assert token.balanceOf(trainers[0]) - before == BOND + sum(slashed[one.address] for one in liars) // 2
    finish(life, stranger)


def test_an_appeal_that_is_wrong(life, trainers, stranger, token):
    """The bond is shared by those who did the work."""
    say(life, GOOD)
    life.do("appeal", 1, 1, sender=trainers[0])
    before = token.balanceOf(trainers[0])
    decide(life, stranger, GOOD + 1)
    assert token.balanceOf(trainers[0]) == before
    assert life.task.slashed == life.task.forfeited == BOND and life.task.submissions[0].score == GOOD + 1
    finish(life, stranger)


@pytest.mark.parametrize("verdict, state", [(INVALID, State.INVALID), (UNAVAILABLE, State.UNAVAILABLE)])
def test_a_verdict_can_be_appealed(life, trainers, stranger, verdict, state):
    """Nothing was settled before: the trainer whose model was called bad has lost nothing when it wins."""
    say(life, verdict)
    life.do("appeal", 1, 1, sender=trainers[0])
    decide(life, stranger, GOOD)
    assert life.state(1) == State.SCORED and life.task.submissions[0].slashed == 0
    assert life.state(2) == state and life.task.submissions[1].slashed > 0
    finish(life, stranger)


def test_a_larger_panel_without_consensus_leaves_what_was(life, trainers, stranger, token):
    """The bond goes back, the first result stands, and nobody of the larger panel is measured against it."""
    say(life, GOOD)
    life.do("appeal", 1, 1, sender=trainers[0])
    before = token.balanceOf(trainers[0])
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("redraw", 1, sender=stranger)
    life.mine(2)
    life.draw([1], stranger)
    opinions = (GOOD, FAIR, INVALID, 10**8, 2 * 10**8)
    life.score({account: {1: score} for account, score in zip(panel(life, 1, 2), opinions, strict=True)})
    life.settle(stranger)
    life.check()
    assert token.balanceOf(trainers[0]) - before == BOND
    assert life.state(1) == State.SCORED and life.task.submissions[0].score == GOOD
    assert all(v.slashed == 0 for v in life.task.validators)
    finish(life, stranger)


def test_an_appeal_in_the_second_attempt_leads_to_a_third_and_last(life, trainers, stranger):
    life.until(Phase.CHALLENGE)
    life.until(Phase.SETTLE)
    life.settle(stranger)  # nobody scored
    life.do("redraw", 1, sender=stranger)
    life.mine(2)
    life.draw([1, 2, 3], stranger)
    say(life, GOOD, other={1: FAIR})
    for submission in (1, 2):
        life.do("appeal", 1, submission, sender=trainers[2])
    decide(life, stranger, GOOD, (1, 2))
    assert life.task.attempt == 3 and life.task.challenge_ends == life.task.score_reveal_ends
    assert [life.state(i) for i in (1, 2, 3)] == [State.SCORED] * 3
    finish(life, stranger)


def test_unscored_and_appealed_in_one_further_attempt(life, trainers, stranger):
    """Submission 3 has no consensus, submission 1 is appealed: both are drawn again, 1 by the larger panel and for
    good, 3 by the usual one and open to appeals."""
    say(life, GOOD, submissions=(1, 2))
    life.do("appeal", 1, 1, sender=trainers[0])
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("redraw", 1, sender=stranger)
    life.mine(2)
    life.draw([1, 3], stranger)
    assert [len(panel(life, i, 2)) for i in (1, 3)] == [5, 3]
    say(life, GOOD, submissions=(1, 3))
    life.refused("AlreadyAppealed", "appeal", 1, 1, sender=stranger)
    life.refused("SubmissionNotScorable", "appeal", 1, 2, sender=stranger)
    life.do("appeal", 1, 3, sender=stranger)
    decide(life, stranger, GOOD, (3,))
    finish(life, stranger)


def test_no_appeal_without_a_larger_panel(newborn, creator, trainers, validators, stranger):
    life = newborn.fork()
    life.create(creator, **APPEALS)
    life.register(dict.fromkeys(validators[:3], 20 * WAD))
    life.commit(trainers[0], "A", 50 * WAD)
    life.unseal({1: "A"}, creator)
    life.until(Phase.CHALLENGE)
    life.refused("AppealNotPossible", "appeal", life.number, 1, sender=stranger)


def test_no_appeal_against_a_panel_that_was_not_drawn(newborn, creator, trainers, validators, stranger):
    life = newborn.fork()
    life.create(creator, **APPEALS)
    life.register(dict.fromkeys(validators[:5], 20 * WAD))
    life.commit(trainers[0], "A", 50 * WAD)
    life.unseal({1: "A"}, creator)
    life.until(Phase.CHALLENGE)
    life.refused("PanelNotDrawn", "appeal", life.number, 1, sender=stranger)


def test_no_appeals_where_there_is_no_window(newborn, creator, trainers, validators, stranger):
    life = opened(
        newborn.fork(), creator, trainers, validators, stranger, challenge_window=0, appeal_panel_size=0, appeal_bond=0
    )
    life.until(Phase.SETTLE)
    assert life.task.challenge_ends == life.task.score_reveal_ends
    life.refused("WrongPhase", "appeal", life.number, 1, sender=stranger)


def test_an_attempt_that_is_renewed_can_still_be_appealed(newborn, creator, trainers, validators, stranger):
    life = newborn.fork()
    life.create(creator, **APPEALS)
    life.register(dict.fromkeys(validators[:5], 20 * WAD))
    life.commit(trainers[0], "A", 50 * WAD)
    life.unseal({1: "A"}, creator)
    life.mine(300)
    life.do("renewSeed", life.number, sender=stranger)
    assert life.task.challenge_ends == life.task.score_reveal_ends + 1000
    life.check()
