"""Copies and canaries: what marks them, who is paid, who is slashed."""

from __future__ import annotations

import pytest
from appealing import BOND, FAIR, GOOD, by_all, canaries, decide, finish, opened, panel, say, score_around, tell
from arena_life import digest_of
from reference import WAD
from reference_rewards import INVALID, UNOPENABLE, canary_leaf, keccak
from reference_task import Phase, State


@pytest.fixture(scope="module")
def drawn(newborn, creator, trainers, validators, stranger):
    return opened(newborn, creator, trainers, validators, stranger)


@pytest.fixture
def life(drawn):
    return drawn.fork()


def test_copies(life, stranger):
    """Nearly equal models are scored, but not ranked, and their trainer is not slashed."""
    say(life, GOOD, copies={3: 1})
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.check()
    assert life.state(3) == State.COPIED and life.task.submissions[2].score == GOOD
    assert life.task.ranking == [1, 2] and life.task.submissions[2].slashed == 0
    finish(life, stranger)
    assert life.task.submissions[2].weight == 0


def test_half_of_the_stake_makes_no_copy(newborn, creator, trainers, validators, stranger):
    """Whoever is wrong about it is not paid, and not slashed."""
    life = newborn.fork()
    life.create(creator)
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    for trainer, label in zip(trainers, "AB", strict=False):
        life.commit(trainer, label, 50 * WAD)
    life.unseal({1: "A", 2: "B"}, creator)
    life.draw([1, 2], stranger)
    life.score({account: {1: GOOD, 2: GOOD} for account in validators[:2]}, {validators[0]: {2: 1}})
    life.settle(stranger)
    life.check()
    assert life.state(2) == State.SCORED
    assert [v.slashed for v in life.task.validators] == [0, 0]
    assert life.task.validators[1].weight == 2 * life.task.validators[0].weight


def test_a_copy_is_of_an_earlier_model_that_was_revealed(life, stranger):
    batches = {}
    for account, original in zip(panel(life, 2), (2, 3, 2**32 - 1), strict=True):
        slot = life.task.panels[2, 1].members.index(account.address)
        batches[account] = [(2, slot, GOOD, bytes(32), original)]
        life.do("commitScores", 1, 0, life.commitment(account, batches[account]), sender=account)
    life.until(Phase.SCORE_REVEAL)
    for account, entries in batches.items():
        life.refused("WrongOriginal", "revealScores", 1, 0, entries, life.salt, sender=account)


def test_a_false_copy_can_be_appealed(life, trainers, stranger, token):
    say(life, GOOD, copies={3: 1})
    life.do("appeal", 1, 3, sender=trainers[2])
    before = token.balanceOf(trainers[2])
    decide(life, stranger, GOOD, (3,))
    assert life.state(3) == State.SCORED and token.balanceOf(trainers[2]) - before == BOND
    assert life.task.ranking == [1, 2, 3]
    finish(life, stranger)


def test_reveal_canary(newborn, creator, trainers, validators, stranger):
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    number, salt = life.number, life.salt
    life.refused("UnknownTask", "revealCanary", number + 1, 3, GOOD, salt, [], sender=creator)
    life.refused("UnknownSubmission", "revealCanary", number, 4, GOOD, salt, [], sender=creator)
    life.refused("WrongPhase", "revealCanary", number, 3, GOOD, salt, [], sender=creator)
    life.until(Phase.SCORE_REVEAL)
    for score in (INVALID, 2**62 + 1):
        life.refused("ScoreOutOfRange", "revealCanary", number, 3, score, salt, [], sender=creator)
    for submission, score, secret in ((1, GOOD, salt), (3, GOOD + 1, salt), (3, GOOD, bytes(32))):
        life.refused("WrongCanary", "revealCanary", number, submission, score, secret, [], sender=creator)
    tell(life, stranger)
    life.check()
    life.refused("AlreadyRevealed", "revealCanary", number, 3, GOOD, salt, [], sender=creator)


def test_there_is_no_canary_without_a_root(life, creator):
    life.until(Phase.SCORE_REVEAL)
    life.refused("WrongCanary", "revealCanary", 1, 3, GOOD, life.salt, [], sender=creator)


def test_a_canary_finds_a_panel_that_conspires(newborn, creator, trainers, validators, stranger):
    """All three said the same, and it was false: all three are slashed. The canary takes no part."""
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    said = {life.people[v.account]: {1: GOOD, 2: GOOD, 3: FAIR} for v in life.task.validators}
    told = [panel(life, 3)[0]]
    del said[told[0]]
    entries = {account: life.entries(account, scores) for account, scores in said.items()}
    score_around(life, entries, lambda: tell(life, creator))
    life.until(Phase.SETTLE)
    life.settle(stranger, [3])
    life.check()
    assert life.state(3) == State.CANARY
    found = {member.address for member in panel(life, 3)}
    slashed = {v.account: v.slashed * 10 // v.stake for v in life.task.validators if v.slashed}
    assert slashed == dict.fromkeys(found, 1)  # silence costs as much
    life.settle(stranger, [1, 2])
    assert 3 not in life.task.ranking and life.task.stake(life.task.unique) == 100 * WAD


@pytest.mark.parametrize("put_up", [BOND, 100 * WAD])
def test_a_creator_who_lies_about_a_canary_loses_its_bond(
    newborn, creator, trainers, validators, stranger, token, put_up
):
    """As much as the appellant put up is the appellant's, at most all of the bond."""
    life = canaries(newborn.fork(), creator, trainers, validators, stranger, score=FAIR, appeal_bond=put_up)
    number, appellant = life.number, validators[0]
    score_around(life, by_all(life, dict.fromkeys((1, 2, 3), GOOD)), lambda: tell(life, creator, FAIR))
    life.until(Phase.CHALLENGE)
    life.do("appeal", number, 3, sender=appellant)
    before = token.balanceOf(appellant)
    decide(life, stranger, GOOD, (3,))
    assert life.state(3) == State.SCORED and all(v.slashed == 0 for v in life.task.validators)
    assert token.balanceOf(appellant) - before == 2 * put_up
    assert life.task.parameters.bond == 0 and life.task.slashed == 100 * WAD - put_up
    life.do("finalize", number, sender=stranger)
    assert life.task.creator_pot == 0
    life.claim(stranger)
    life.check()


def test_a_creator_who_lies_twice_loses_its_bond_once(newborn, creator, trainers, validators, stranger, token):
    """The first appellant is paid out of it; the second gets back what it put up."""
    life = newborn.fork()
    lies = {submission: canary_leaf(digest_of(model), FAIR, life.salt) for submission, model in ((2, "B"), (3, "C"))}
    root = keccak(min(lies.values()) + max(lies.values()))
    opened(life, creator, trainers, validators, stranger, canary_root=root)
    number, appellants = life.number, {2: trainers[1], 3: trainers[2]}

    def lie():
        for submission, other in ((2, 3), (3, 2)):
            life.do("revealCanary", number, submission, FAIR, life.salt, [lies[other]], sender=creator)

    score_around(life, by_all(life, dict.fromkeys((1, 2, 3), GOOD)), lie)
    life.until(Phase.CHALLENGE)
    for submission, appellant in appellants.items():
        life.do("appeal", number, submission, sender=appellant)
    before = {submission: token.balanceOf(appellant) for submission, appellant in appellants.items()}
    decide(life, stranger, GOOD, (2, 3))
    got = [token.balanceOf(appellant) - before[submission] for submission, appellant in appellants.items()]
    assert got == [2 * BOND, BOND]
    assert life.task.parameters.bond == 0 and life.task.slashed == 100 * WAD - BOND
    life.do("finalize", number, sender=stranger)
    life.claim(stranger)
    life.check()


def test_a_canary_that_is_a_copy_is_no_lie(newborn, creator, trainers, validators, stranger, token):
    """The creator told a score, and it is true: whoever appeals because the model is nearly an earlier one loses."""
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    number = life.number
    entries = by_all(life, dict.fromkeys((1, 2, 3), GOOD), {3: 1})
    score_around(life, entries, lambda: tell(life, creator))
    life.until(Phase.CHALLENGE)
    life.do("appeal", number, 3, sender=stranger)
    before = token.balanceOf(stranger)
    life.until(Phase.SETTLE)
    life.settle(creator)
    life.do("redraw", number, sender=creator)
    life.mine(2)
    life.draw([3], creator)
    say(life, GOOD, (3,), copies={3: 1}, until=Phase.SETTLE)
    life.settle(creator)
    life.check()
    assert life.state(3) == State.CANARY and token.balanceOf(stranger) == before
    assert life.task.parameters.bond == 100 * WAD and life.task.slashed == BOND
    assert all(v.weight and not v.slashed for v in life.task.validators)  # to call it a copy costs nothing
    life.do("finalize", number, sender=stranger)
    life.claim(stranger)
    life.check()


def test_what_a_larger_panel_decides_is_not_told_as_well(newborn, creator, trainers, validators, stranger):
    """Nor is one that is settled."""
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    say(life, GOOD)
    life.do("appeal", life.number, 3, sender=validators[0])
    life.until(Phase.SETTLE)
    life.refused("WrongPhase", "revealCanary", life.number, 3, GOOD, life.salt, [], sender=creator)
    life.settle(stranger)
    life.do("redraw", life.number, sender=stranger)
    life.until(Phase.SCORE_REVEAL)
    life.refused("AppealNotPossible", "revealCanary", life.number, 3, GOOD, life.salt, [], sender=creator)
    life.refused("SubmissionNotScorable", "revealCanary", life.number, 1, GOOD, life.salt, [], sender=creator)


def test_nor_while_others_are_scored_again(newborn, creator, trainers, validators, stranger):
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    life.until(Phase.CHALLENGE)  # nobody says a word
    life.do("appeal", life.number, 3, sender=validators[0])
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("redraw", life.number, sender=stranger)
    life.until(Phase.SCORE_REVEAL)
    life.refused("AlreadyAppealed", "revealCanary", life.number, 3, GOOD, life.salt, [], sender=creator)


def test_a_canary_that_nobody_can_confirm_is_an_unscored_model(newborn, creator, trainers, validators, stranger, token):
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    life.until(Phase.SCORE_REVEAL)
    tell(life, creator)
    life.until(Phase.CHALLENGE)
    life.do("appeal", life.number, 3, sender=stranger)
    before = token.balanceOf(stranger)
    life.until(Phase.SETTLE)
    life.settle(creator)
    life.do("redraw", life.number, sender=creator)
    life.mine(2)
    life.draw([1, 2, 3], creator)
    life.until(Phase.CHALLENGE)
    life.refused("AlreadyAppealed", "appeal", life.number, 3, sender=stranger)
    life.until(Phase.SETTLE)
    life.settle(creator)
    life.check()
    assert life.state(3) == State.UNSCORED and token.balanceOf(stranger) - before == BOND
    life.do("finalize", life.number, sender=stranger)
    life.claim(stranger)
    life.check()


def test_canaries_alone_leave_the_bounty_to_the_creator(newborn, creator, trainers, validators, stranger):
    life = newborn.fork()
    root = canary_leaf(digest_of("A"), GOOD, life.salt)
    opened(life, creator, trainers, validators, stranger, models="A", canary_root=root)
    entries = {account: life.entries(account, {1: GOOD}) for account in panel(life, 1)}
    score_around(life, entries, lambda: tell(life, creator, submission=1))
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("finalize", life.number, sender=stranger)
    assert life.task.outcome == "settled" and life.task.trainer_pot.assets == 0
    life.claim(stranger)
    life.check()


def test_unopenable_wins_against_a_canary_only_by_appeal(newborn, creator, trainers, validators, stranger):
    """The creator says that a canary can be scored, and everybody else that the key opens nothing: the appeal voids the
    task and takes the bond once."""
    life = canaries(newborn.fork(), creator, trainers, validators, stranger)
    accounts = [life.people[v.account] for v in life.task.validators]
    entries = {account: life.entries(account, dict.fromkeys((1, 2, 3), UNOPENABLE)) for account in accounts}
    score_around(life, entries, lambda: tell(life, creator))
    life.until(Phase.CHALLENGE)
    life.do("appeal", life.number, 3, sender=validators[0])
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("redraw", life.number, sender=stranger)
    life.mine(2)
    life.draw([3], stranger)
    say(life, UNOPENABLE, (3,), until=Phase.SETTLE)
    life.settle(stranger)
    life.do("finalize", life.number, sender=stranger)
    assert life.task.outcome == "void" and all(v.slashed == 0 for v in life.task.validators)
    life.claim(stranger)
    life.check()
