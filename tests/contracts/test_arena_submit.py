"""Joining a task and revealing a model: what each verb refuses, in the order of its checks, then what it does."""

from __future__ import annotations

import pytest
from arena_life import digest_of
from brownie import reverts
from brownie_compat import error
from reference import WAD
from reference_task import Phase, State

SOME = b"\x0c" * 32


@pytest.fixture(scope="module")
def born(newborn, creator):
    newborn.create(creator)
    return newborn


@pytest.fixture
def life(born):
    return born.fork()


def test_commit(life, trainers, validators, arena, staking):
    trainer = trainers[0]
    life.refused("UnknownTask", "commitSubmission", 2, 10 * WAD, SOME, sender=trainer)
    life.refused("InsufficientStake", "commitSubmission", 1, 10 * WAD - 1, SOME, sender=trainer)
    life.refused("InvalidParameter", "commitSubmission", 1, 10 * WAD, bytes(32), sender=trainer)
    life.refused("InsufficientStake", "commitSubmission", 1, 1000 * WAD + 1, SOME, sender=trainer)

    number, tx = life.do("commitSubmission", 1, 10 * WAD, SOME, sender=trainer)
    assert number == tx.return_value == arena.submissionOf(1, trainer) == 1
    assert staking.lockedBy(trainer, arena) == 10 * WAD
    life.check()
    life.refused("AlreadyJoined", "commitSubmission", 1, 10 * WAD, SOME, sender=trainer)
    life.refused("AlreadyJoined", "registerValidator", 1, 20 * WAD, sender=trainer)
    assert arena.submissionOf(1, validators[0]) == 0


def test_commit_in_the_last_second(life, trainers):
    life.after(life.task.commit_ends - 1)
    life.do("commitSubmission", 1, 10 * WAD, SOME, sender=trainers[0])
    life.refused("WrongPhase", "commitSubmission", 1, 10 * WAD, SOME, sender=trainers[1])


def test_a_copied_commitment_opens_for_nobody_else(life, trainers, validators):
    """It names its author."""
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    copied = life.task.submissions[0].commitment
    life.do("commitSubmission", 1, 10 * WAD, copied, sender=trainers[1])
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    args = (1, 2, digest_of("A"), life.salt)
    life.refused("CommitmentMismatch", "revealSubmission", *args, sender=trainers[1])


def test_a_commitment_holds_in_its_task_only(life, trainers, validators, creator):
    life.commit(trainers[0], "A", 10 * WAD)
    copied = life.task.submissions[0].commitment
    second = life.create(creator)
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    life.do("commitSubmission", second, 10 * WAD, copied, sender=trainers[0])
    life.until(Phase.REVEAL)
    args = (second, 1, digest_of("A"), life.salt)
    life.refused("CommitmentMismatch", "revealSubmission", *args, sender=trainers[0])


def test_register(life, validators, arena, staking):
    validator = validators[0]
    life.refused("UnknownTask", "registerValidator", 2, 20 * WAD, sender=validator)
    life.refused("InsufficientStake", "registerValidator", 1, 20 * WAD - 1, sender=validator)
    life.refused("InsufficientStake", "registerValidator", 1, 1000 * WAD + 1, sender=validator)

    index, tx = life.do("registerValidator", 1, 20 * WAD, sender=validator)
    assert index == tx.return_value == 1 and arena.validatorAt(1, 1) == validator
    assert staking.lockedBy(validator, arena) == 20 * WAD
    life.check()
    life.refused("AlreadyJoined", "registerValidator", 1, 20 * WAD, sender=validator)
    life.refused("AlreadyJoined", "commitSubmission", 1, 10 * WAD, SOME, sender=validator)

    life.after(life.task.commit_ends - 1)
    life.do("registerValidator", 1, 20 * WAD, sender=validators[1])
    life.refused("WrongPhase", "registerValidator", 1, 20 * WAD, sender=validators[2])


def test_a_stake_serves_one_task_only(life, creator, validators, arena, staking):
    life.register({validators[0]: 600 * WAD})
    second = life.create(creator)
    life.refused("InsufficientStake", "registerValidator", second, 401 * WAD, sender=validators[0])
    life.do("registerValidator", second, 400 * WAD, sender=validators[0])
    assert staking.lockable(validators[0]) == 0 and staking.lockedBy(validators[0], arena) == 1000 * WAD
    life.check()


def test_a_disabled_arena_takes_nobody_in(life, staking, arena, owner, trainers, validators):
    staking.setModule(arena, False, {"from": owner})
    with reverts(error("Unauthorized", arena)):
        arena.commitSubmission(1, 10 * WAD, SOME, {"from": trainers[0]})
    with reverts(error("Unauthorized", arena)):
        arena.registerValidator(1, 20 * WAD, {"from": validators[0]})


@pytest.fixture
def revealing(life, trainers, validators):
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    for trainer, label in zip(trainers, "AAB", strict=False):
        life.commit(trainer, label, 10 * WAD)
    life.until(Phase.REVEAL)
    return life


def test_reveal_before_its_phase(life, trainers):
    life.commit(trainers[0], "A", 10 * WAD)
    life.refused("WrongPhase", "revealSubmission", 1, 1, digest_of("A"), life.salt, sender=trainers[0])


def test_reveal(revealing, trainers):
    life, digest, salt = revealing, digest_of("A"), revealing.salt
    life.refused("UnknownTask", "revealSubmission", 2, 1, digest, salt, sender=trainers[0])
    life.refused("UnknownSubmission", "revealSubmission", 1, 4, digest, salt, sender=trainers[0])
    life.refused("Unauthorized", "revealSubmission", 1, 1, digest, salt, sender=trainers[1])
    life.refused("InvalidParameter", "revealSubmission", 1, 1, bytes(32), salt, sender=trainers[0])
    life.refused("CommitmentMismatch", "revealSubmission", 1, 1, digest_of("B"), salt, sender=trainers[0])
    life.refused("CommitmentMismatch", "revealSubmission", 1, 1, digest, bytes(32), sender=trainers[0])

    life.do("revealSubmission", 1, 1, digest, salt, sender=trainers[0])
    assert (life.state(1), life.task.pending) == (State.REVEALED, 2)
    life.check()
    life.refused("AlreadyRevealed", "revealSubmission", 1, 1, digest, salt, sender=trainers[0])

    life.after(life.task.reveal_ends - 1)
    life.reveal({3: "B"})
    life.refused("WrongPhase", "revealSubmission", 1, 2, digest, salt, sender=trainers[1])


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_duplicate(revealing, trainers, order):
    """The earlier commit keeps the model, in whatever order they reveal."""
    revealing.reveal(dict.fromkeys(order, "A"))
    assert (revealing.state(1), revealing.state(2)) == (State.REVEALED, State.DUPLICATE)
    assert len(revealing.task.unique) == 1 and revealing.task.pending == 2
    revealing.check()
    revealing.refused("AlreadyRevealed", "revealSubmission", 1, 2, digest_of("A"), revealing.salt, sender=trainers[1])


def test_phases_without_enough_people(life, arena, trainers, validators):
    """Abandoned as soon as the commit phase ends."""
    life.commit(trainers[0], "A", 10 * WAD)
    life.register({validators[0]: 20 * WAD})
    life.after(life.task.commit_ends)
    args = (1, 1, digest_of("A"), life.salt)
    life.refused("WrongPhase", "revealSubmission", *args, sender=trainers[0])
    assert arena.phase(1) == Phase.ABANDONED and arena.phase(2) == Phase.NONE
