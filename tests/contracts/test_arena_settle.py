"""Settlement, re-draw and finalization: what each verb refuses, in the order of its checks, then what it does."""

from __future__ import annotations

from itertools import permutations

import pytest
from arena_life import undone
from reference import WAD
from reference_rewards import INVALID, UNAVAILABLE, UNOPENABLE, VERDICTS
from reference_task import Phase, State

GOOD, FAIR = 95 * 10**7, 90 * 10**7


@pytest.fixture(scope="module")
def opened(newborn, creator, trainers, validators, stranger):
    """Five submissions: three models, a copy of the first, one never revealed; three validators with unlike stakes."""
    life = newborn
    life.create(creator)
    life.register({account: stake * WAD for account, stake in zip(validators, (20, 30, 60), strict=False)})
    for trainer, label in zip(trainers, "ABCAD", strict=True):
        life.commit(trainer, label, 101 * WAD)
    life.unseal({1: "A", 2: "B", 3: "C", 4: "A"}, creator)
    life.draw([1, 2, 3], stranger)
    return life


@pytest.fixture
def life(opened):
    return opened.fork()


def said(validators, *scores, submissions=(1, 2, 3)) -> dict:
    """Each validator says one thing about all submissions; None is silence."""
    pairs = zip(validators, scores, strict=False)
    return {account: dict.fromkeys(submissions, score) for account, score in pairs if score is not None}


def test_settle(life, stranger, token):
    life.refused("UnknownTask", "settle", 2, 1, sender=stranger)
    life.refused("UnknownSubmission", "settle", 1, 6, sender=stranger)
    life.refused("WrongPhase", "settle", 1, 1, sender=stranger)  # scores are still to come
    before = token.balanceOf(stranger)

    life.do("settle", 1, 4, sender=stranger)
    life.do("settle", 1, 5, sender=stranger)
    assert [s.slashed for s in life.task.submissions[3:]] == [505 * WAD // 10, 101 * WAD // 10]
    assert token.balanceOf(stranger) - before == 606 * WAD // 100  # a tenth of both
    life.check()
    for submission in (4, 5):
        life.refused("AlreadySettled", "settle", 1, submission, sender=stranger)

    life.until(Phase.SETTLE)
    life.do("settle", 1, 1, sender=stranger)
    life.refused("AlreadySettled", "settle", 1, 1, sender=stranger)


def test_settle_at_the_very_end_of_the_reveals(life, stranger):
    life.after(life.task.score_reveal_ends - 1)
    life.refused("WrongPhase", "settle", 1, 1, sender=stranger)
    life.do("settle", 1, 1, sender=stranger)


def test_settle_before_the_reveals_end(newborn, creator, trainers, validators, stranger):
    life = newborn.fork()
    number = life.create(creator)
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    for phase in (Phase.COMMIT, Phase.REVEAL):
        assert life.task.phase(life.now + 1) == phase
        life.refused("WrongPhase", "settle", number, 1, sender=stranger)
        life.until(Phase.REVEAL)


def test_settle_of_an_abandoned_task(newborn, creator, trainers, stranger):
    life = newborn.fork()
    number = life.create(creator)
    life.commit(trainers[0], "A", 10 * WAD)
    life.until(Phase.ABANDONED)
    life.refused("WrongPhase", "settle", number, 1, sender=stranger)


CONSENSUS = [
    # what the stakes of 20, 30 and 60 say, what comes of it, whom it costs a tenth of the stake, who has weight
    ((GOOD, GOOD, GOOD), State.SCORED, "", "012"),
    ((GOOD + 10**5, GOOD + 2 * 10**5, GOOD), State.SCORED, "", "02"),  # at the tolerance; in the grey zone
    ((GOOD, GOOD, FAIR), State.SCORED, "01", "2"),  # the greater stake decides
    ((GOOD - 5 * 10**6, GOOD - 5 * 10**6 - 1, GOOD), State.SCORED, "1", "2"),  # at the slash tolerance; beyond
    ((INVALID, GOOD, GOOD), State.SCORED, "0", "12"),
    ((UNAVAILABLE, GOOD, GOOD), State.SCORED, "", "12"),
    ((UNOPENABLE, GOOD, GOOD), State.SCORED, "0", "12"),
    ((GOOD, UNOPENABLE, INVALID), State.INVALID, "01", "2"),
    ((GOOD, UNAVAILABLE, INVALID), State.INVALID, "0", "2"),
    ((GOOD, INVALID, UNAVAILABLE), State.UNAVAILABLE, "", "2"),
    ((GOOD, INVALID, UNOPENABLE), State.UNOPENABLE, "", ""),
    ((GOOD, INVALID, None), State.INVALID, "0", "1"),
    ((GOOD, FAIR, None), State.SCORED, "0", "1"),
    ((None, None, GOOD), State.UNSCORED, "", ""),
    ((None, None, None), State.UNSCORED, "", ""),
]


@pytest.mark.parametrize("scores, state, slashed, weighted", CONSENSUS)
def test_consensus(life, validators, stranger, scores, state, slashed, weighted):
    life.score(said(validators, *scores))
    life.settle(stranger, [1])
    assert life.state(1) == state
    life.check()
    for index, v in enumerate(life.task.validators):
        percent = 5 if scores[index] is None else 10 * (str(index) in slashed)
        assert v.slashed == v.stake * percent // 100
        assert (v.weight > 0) == (str(index) in weighted)
    assert life.task.submissions[0].slashed == (life.task.submissions[0].stake // 10) * (
        state in (State.INVALID, State.UNAVAILABLE)
    )


def two_models(life, creator, trainers, validators, stranger, **changes):
    """A further task with two submissions and equal validators, drawn."""
    life.create(creator, **changes)
    life.register(dict.fromkeys(validators, 20 * WAD))
    life.commit(trainers[0], "E", 10 * WAD)
    life.commit(trainers[1], "F", 10 * WAD)
    life.unseal({1: "E", 2: "F"}, creator)
    life.draw([1, 2], stranger)


def test_the_lower_half_decides(newborn, creator, trainers, validators, stranger):
    """Of two equal stakes that agree well enough the worse score counts, in either direction."""
    for maximise, expected in ((True, GOOD - 1), (False, GOOD)):
        with undone():
            life = newborn.fork()
            two_models(life, creator, trainers, validators[:2], stranger, maximise=maximise)
            life.score({validators[0]: {1: GOOD, 2: GOOD}, validators[1]: {1: GOOD - 1, 2: GOOD}})
            life.settle(stranger)
            assert life.task.submissions[0].score == expected


def test_half_of_the_stake_is_no_consensus(newborn, creator, trainers, validators, stranger):
    """With two equal stakes one honest and one invented score look alike: nobody is slashed."""
    life = newborn.fork()
    two_models(life, creator, trainers, validators[:2], stranger)
    life.score({validators[0]: {1: GOOD, 2: GOOD}, validators[1]: {1: FAIR, 2: INVALID}})
    life.settle(stranger)
    assert life.state(1) == life.state(2) == State.UNSCORED and life.task.taken == 0
    life.check()


def test_three_opinions_are_no_consensus(newborn, creator, trainers, validators, stranger):
    """The median is that of one in three; on the other model it has a neighbour, not equal but near enough."""
    life = newborn.fork()
    two_models(life, creator, trainers, validators[:3], stranger)
    opinions = {1: (GOOD, FAIR, INVALID), 2: (GOOD, FAIR, FAIR + 5 * 10**6)}
    life.score({v: {i: opinion[n] for i, opinion in opinions.items()} for n, v in enumerate(validators[:3])})
    life.settle(stranger)
    assert (life.state(1), life.state(2)) == (State.UNSCORED, State.SCORED)
    assert [v.slashed for v in life.task.validators] == [2 * WAD, 0, 0]
    life.check()


def test_redraw(life, validators, stranger):
    life.refused("UnknownTask", "redraw", 2, sender=stranger)
    life.refused("WrongPhase", "redraw", 1, sender=stranger)
    life.score(said(validators[:2], GOOD, GOOD, submissions=(1, 2)))
    life.refused("SubmissionsPending", "redraw", 1, sender=stranger)
    life.settle(stranger)
    assert life.task.unscored == 1

    life.do("redraw", 1, sender=stranger)
    assert (life.task.attempt, life.task.pending, life.task.unscored) == (2, 1, 0)
    life.check()
    life.refused("WrongPhase", "redraw", 1, sender=stranger)
    life.mine(2)
    life.refused("SubmissionNotScorable", "drawPanel", 1, 1, sender=stranger)
    life.draw([3], stranger)
    life.check()
    assert life.task.panels[3, 1].scores == {} and life.state(3) == State.UNSCORED
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.refused("RedrawNotPossible", "redraw", 1, sender=stranger)
    life.refused("AlreadySettled", "settle", 1, 3, sender=stranger)


def test_nothing_to_redraw(life, validators, stranger):
    life.score(said(validators, GOOD, GOOD, GOOD))
    life.settle(stranger)
    life.refused("RedrawNotPossible", "redraw", 1, sender=stranger)


def test_finalize(life, validators, stranger):
    life.refused("UnknownTask", "finalize", 2, sender=stranger)
    life.refused("WrongPhase", "finalize", 1, sender=stranger)
    life.score(said(validators, GOOD, GOOD, FAIR))
    life.refused("SubmissionsPending", "finalize", 1, sender=stranger)
    life.settle(stranger)

    life.do("finalize", 1, sender=stranger)
    assert life.task.outcome == "settled"
    life.check()
    life.refused("WrongPhase", "finalize", 1, sender=stranger)
    life.refused("WrongPhase", "settle", 1, 1, sender=stranger)


def test_finalize_waits_for_the_second_attempt(life, validators, stranger):
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.refused("RedrawPossible", "finalize", 1, sender=stranger)


def test_unopenable_by_half_is_not_void(newborn, creator, trainers, validators, stranger):
    for verdicts, outcome in (((UNOPENABLE, GOOD), "settled"), ((UNOPENABLE, UNOPENABLE), "void")):
        with undone():
            life = newborn.fork()
            two_models(life, creator, trainers, validators[:2], stranger)
            life.score({account: dict(enumerate(verdicts, 1)) for account in validators[:2]})
            life.settle(stranger)
            life.do("finalize", life.number, sender=stranger)
            assert life.task.outcome == outcome


def test_the_order_of_settlements_is_nobodys_gain(life, validators, stranger, token):
    """Every order of the three scored submissions ends in the same records; only who settled differs."""
    life.score({validators[0]: {1: GOOD, 2: FAIR, 3: FAIR}, validators[2]: {1: GOOD, 2: GOOD, 3: INVALID}})
    ends = []
    for order in permutations((1, 2, 3)):
        with undone():
            other = life.fork()
            other.settle(stranger, [5, *order, 4])
            other.do("finalize", 1, sender=stranger)
            other.claim(stranger)
            pools = {account: vars(pool.own) for account, pool in other.model.ledger.pools.items()}
            ends.append((pools, other.model.received, token.balanceOf(stranger)))
    assert all(end == ends[0] for end in ends)


def test_an_attempt_whose_seed_is_fixed_waits_for_its_panels(life, stranger):
    """Whoever could have been drawn does not escape by waiting."""
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("redraw", 1, sender=stranger)
    life.mine(2)
    life.draw([1], stranger)
    life.after(life.task.score_reveal_ends + 30 * 24 * 3600)
    life.refused("PanelNotDrawn", "settle", 1, 2, sender=stranger)
    life.draw([2, 3], stranger)
    life.settle(stranger)
    assert {v.slashed for v in life.task.validators} != {0}


def test_nobody_is_paid_for_settling_its_own_slash(life, trainers, stranger, token):
    """The copier loses the whole of its slash; for the unrevealed model of another it gets the tenth."""
    before = token.balanceOf(trainers[3])
    life.do("settle", 1, 4, sender=trainers[3])
    assert token.balanceOf(trainers[3]) == before and life.task.slashed == 505 * WAD // 10
    life.do("settle", 1, 5, sender=trainers[3])
    assert token.balanceOf(trainers[3]) - before == 101 * WAD // 100
    life.check()


def test_stake_added_later_counts_for_nothing(life, trainers, validators, stranger):
    """Deposits after the commits change no weight, no panel and no part of the reward."""
    ends = []
    for added in (0, 5000 * WAD):
        with undone():
            other = life.fork()
            for account in (trainers[0], validators[0]) if added else ():
                other.stake(account, added)
            other.score(said(validators, GOOD, GOOD, GOOD))
            other.settle(stranger)
            other.do("finalize", 1, sender=stranger)
            people = [*other.task.submissions, *other.task.validators]
            ends.append([(one.account, one.stake, one.weight) for one in people])
            other.check()
    assert ends[0] == ends[1]


def test_verdicts_are_the_lowest_numbers():
    assert sorted(VERDICTS) == [-(2**63), -(2**63) + 1, -(2**63) + 2]
