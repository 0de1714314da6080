"""Claims: what each refuses, in the order of its checks, then what it pays; in any order, by anyone, once."""

from __future__ import annotations

from itertools import permutations

import pytest
from arena_life import undone
from reference import WAD

GOOD, FAIR = 95 * 10**7, 90 * 10**7


@pytest.fixture(scope="module")
def settled(newborn, creator, trainers, validators, delegator, stranger):
    """Three ranked submissions, two paid ranks; three validators of whom one lied; amounts that do not divide."""
    life = newborn
    life.stake(trainers[0], 77 * WAD + 7, delegator)
    life.create(creator, bounty=1000 * WAD + 1, bond=101 * WAD + 3, paid_ranks=2)
    life.register({account: stake * WAD + 1 for account, stake in zip(validators, (20, 30, 60), strict=False)})
    for i, (trainer, label) in enumerate(zip(trainers, "ABC", strict=False)):
        life.commit(trainer, label, (101 + i) * WAD + i)
    life.unseal({1: "A", 2: "B", 3: "C"}, creator)
    life.draw([1, 2, 3], stranger)
    scores = {1: GOOD, 2: FAIR, 3: FAIR - 10**8}
    lies = {submission: score - 10**8 for submission, score in scores.items()}
    life.score({validators[0]: lies, validators[1]: scores, validators[2]: {i: s + 99 for i, s in scores.items()}})
    life.settle(stranger)
    return life


@pytest.fixture
def life(settled):
    return settled.fork()


@pytest.fixture
def final(life, stranger):
    life.do("finalize", 1, sender=stranger)
    return life


def test_claims_wait_for_the_end(life, arena, validators, creator, stranger):
    life.refused("WrongPhase", "claimSubmission", 1, 1, sender=stranger)
    life.refused("WrongPhase", "claimValidator", 1, validators[0], sender=stranger)
    life.refused("WrongPhase", "claimCreator", 1, sender=creator)
    assert arena.claimable(1, 1, stranger) == arena.claimable(1, 0, validators[1]) == 0


def test_claim_submission(final, arena, staking, trainers, delegator, stranger):
    final.refused("UnknownTask", "claimSubmission", 2, 1, sender=stranger)
    final.refused("UnknownSubmission", "claimSubmission", 1, 4, sender=stranger)
    expected = arena.claimable(1, 1, stranger)
    delegated = staking.assetsOf(trainers[0], delegator)

    reward, tx = final.do("claimSubmission", 1, 1, sender=stranger)
    assert reward == tx.return_value == expected > 0
    assert staking.lockedBy(trainers[0], arena) == 0 and staking.assetsOf(trainers[0], delegator) > delegated
    final.check()
    final.refused("AlreadyClaimed", "claimSubmission", 1, 1, sender=trainers[0])
    assert arena.claimable(1, 1, stranger) == 0


def test_claim_of_an_unpaid_rank(final, arena, staking, trainers, stranger):
    reward, tx = final.do("claimSubmission", 1, 3, sender=stranger)
    assert reward == tx.return_value == 0 and "RewardDistributed" not in tx.events
    assert staking.lockedBy(trainers[2], arena) == 0
    final.check()


def test_claim_validator(final, arena, staking, validators, stranger):
    final.refused("UnknownTask", "claimValidator", 2, validators[0], sender=stranger)
    final.refused("UnknownValidator", "claimValidator", 1, validators[3], sender=stranger)
    expected = arena.claimable(1, 0, validators[1])

    reward, tx = final.do("claimValidator", 1, validators[1], sender=stranger)
    assert reward == tx.return_value == expected > 0
    assert staking.lockedBy(validators[1], arena) == 0
    final.check()
    final.refused("AlreadyClaimed", "claimValidator", 1, validators[1], sender=stranger)

    reward, _ = final.do("claimValidator", 1, validators[0], sender=stranger)  # slashed three times, paid nothing
    assert reward == 0
    final.check()


def test_claim_creator(final, token, creator, stranger):
    final.refused("UnknownTask", "claimCreator", 2, sender=stranger)
    before = token.balanceOf(creator)
    assets, tx = final.do("claimCreator", 1, sender=stranger)
    assert assets == tx.return_value == token.balanceOf(creator) - before == 101 * WAD + 3
    final.check()
    final.refused("AlreadyClaimed", "claimCreator", 1, sender=creator)


def test_claims_in_any_order_pay_the_same(final, stranger):
    """But for the rounding, below one wei a claim, which the last one of a side gets."""
    claims = {submission: ("claimSubmission", 1, submission) for submission in (1, 2, 3)}
    for order in permutations(claims):
        with undone():
            life = final.fork()
            pot = life.task.trainer_pot
            shares = {i: pot.assets * pot.weights.get(i, 0) // pot.weight for i in order}
            paid = {i: life.do(*claims[i], sender=stranger)[0] for i in order}
            last = [i for i in order if shares[i]][-1]
            assert sum(paid.values()) == pot.assets
            assert {i for i in order if paid[i] != shares[i]} <= {last}
            assert 0 <= paid[last] - shares[last] < 2


def test_nothing_is_left(final, arena, token, stranger):
    final.claim(stranger)
    assert token.balanceOf(arena) == 0
    final.check()


def test_a_reward_reaches_an_operator_without_stake(final, staking, trainers, stranger):
    """It asked for all its stake back while the task ran; the lock kept it there, out of the active stake."""
    operator = trainers[1]
    staking.requestWithdrawal(operator, staking.sharesOf(operator, operator), {"from": operator})
    assert staking.stakeOf(operator) == 0
    tx = final.arena.claimSubmission(1, 2, {"from": stranger})
    assert staking.stakeOf(operator) == tx.return_value > 0


def test_a_disabled_arena_still_pays(final, staking, arena, owner, token, stranger):
    staking.setModule(arena, False, {"from": owner})
    final.claim(stranger)
    assert token.balanceOf(arena) == 0
