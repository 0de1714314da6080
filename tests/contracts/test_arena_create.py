"""The creator's verbs: what each refuses, in the order of its checks, then what it does."""

from __future__ import annotations

import pytest
from arena_life import KEY
from brownie import ZERO_ADDRESS, reverts
from brownie_compat import error
from reference import WAD
from reference_rewards import SCORE_BOUND
from reference_task import YEAR, Parameters, Phase, ascii32


@pytest.fixture
def life(newborn):
    return newborn.fork()


@pytest.fixture
def task(life, creator):
    return life.create(creator)


def test_constructor(Arena, arena, staking, token, randomness, owner):
    for peers in ((ZERO_ADDRESS, randomness, staking), (staking, ZERO_ADDRESS, staking)):
        with reverts(error("ZeroAddress")):
            owner.deploy(Arena, *peers)
    assert (arena.STAKING(), arena.TOKEN(), arena.RANDOMNESS()) == (staking, token, randomness)
    assert arena.EMISSIONS() == ZERO_ADDRESS
    assert arena.taskCount() == 0


def test_constants(arena):
    slashes = ["UNREVEALED", "DUPLICATE", "INVALID", "UNAVAILABLE", "SILENT", "DEVIATING"]
    assert [getattr(arena, f"{name}_SLASH")() * 100 // WAD for name in slashes] == [10, 50, 10, 10, 5, 10]
    assert (arena.SETTLER_SHARE(), arena.MIN_BOND_RATE(), arena.GAMMA()) == (WAD // 10,) * 3
    assert (arena.LAMBDA(), arena.Q(), arena.BATCH_SIZE()) == (10 * WAD, 85 * WAD // 100, 256)


REFUSED = {
    "specDigest": [{"spec_digest": bytes(32)}],
    "heldOutDigest": [{"held_out_digest": bytes(32)}],
    "keyHash": [{"key_hash": bytes(32)}],
    "bounty": [{"bounty": 0}],
    "bond": [{"bond": 100 * WAD - 1}],
    "minTrainerStake": [{"min_trainer_stake": 0}],
    "minValidatorStake": [{"min_validator_stake": 0}],
    "commitWindow": [{"commit_window": 0}, {"commit_window": YEAR + 1}],
    "revealWindow": [{"reveal_window": 0}, {"reveal_window": YEAR + 1}],
    "keyWindow": [{"key_window": 0}, {"key_window": 2**32 - 1}],
    "scoreCommitWindow": [{"score_commit_window": 0}, {"score_commit_window": YEAR + 1}],
    "scoreRevealWindow": [{"score_reveal_window": 0}, {"score_reveal_window": YEAR + 1}],
    "challengeWindow": [{"challenge_window": YEAR + 1, "appeal_panel_size": 4, "appeal_bond": 1}],
    "scale": [{"scale": 0}, {"scale": SCORE_BOUND + 1}, {"scale": 2**64 - 1}],
    "tolerance": [{"tolerance": 5 * 10**6 + 1}],
    "slashTolerance": [{"slash_tolerance": 10**9 + 1}],
    "grid": [{"grid": 0}, {"grid": 10**9 + 1}],
    "panelSize": [{"panel_size": 0}, {"panel_size": 33}],
    "quorum": [{"quorum": 0}, {"quorum": 4}],
    "paidRanks": [{"paid_ranks": 0}, {"paid_ranks": 65}],
    "maxShare": [{"max_share": WAD // 64 - 1}, {"max_share": WAD + 1}],
    "appealPanelSize": [
        {"appeal_panel_size": 4},
        {"challenge_window": 1, "appeal_bond": 1},
        {"challenge_window": 1, "appeal_bond": 1, "appeal_panel_size": 3},
        {"challenge_window": 1, "appeal_bond": 1, "appeal_panel_size": 33},
    ],
    "appealBond": [
        {"appeal_bond": 1},
        {"challenge_window": 1, "appeal_panel_size": 4},
        {"challenge_window": 1, "appeal_panel_size": 4, "appeal_bond": 100 * WAD + 1},
    ],
    "canaryRoot": [{"canary_root": b"\x01" * 32}],
}


def test_create_refuses_every_parameter_out_of_bounds(life, arena, creator):
    assert list(REFUSED) == list(Parameters().bounds())
    for name, cases in REFUSED.items():
        for changes in cases:
            parameters = Parameters(**changes).astuple()
            life.refused("InvalidParameter", "createTask", parameters, sender=creator)
            with reverts(error("InvalidParameter", ascii32(name))):
                arena.createTask(parameters, {"from": creator})


def test_create_refuses_without_money(life, token, arena, creator, receiver):
    parameters = Parameters().astuple()
    with reverts(error("ERC20InsufficientAllowance", arena, 0, 1100 * WAD)):
        arena.createTask(parameters, {"from": receiver})
    assert arena.taskCount() == 0


def test_create_at_the_bounds(life, creator):
    windows = ["commit_window", "reveal_window", "key_window", "score_commit_window", "score_reveal_window"]
    least = {"bounty": 9, "bond": 0, "min_trainer_stake": 1, "min_validator_stake": 1, "panel_size": 1, "quorum": 1}
    life.create(creator, **least, **dict.fromkeys(windows, 1), scale=1, tolerance=0, slash_tolerance=0, grid=1)
    most = {"scale": 2**62, "tolerance": 2**62, "slash_tolerance": 2**62, "grid": 2**62, "paid_ranks": 64}
    life.create(creator, **most, **dict.fromkeys(windows, YEAR), panel_size=32, quorum=32, maximise=False)
    life.check()


def test_create(life, token, arena, creator):
    before = token.balanceOf(creator)
    number, tx = life.do("createTask", Parameters().astuple(), sender=creator)
    assert number == tx.return_value == arena.taskCount() == 1
    assert before - token.balanceOf(creator) == token.balanceOf(arena) == 1100 * WAD
    life.check()


def test_fund(life, task, token, arena, creator, stranger):
    life.refused("UnknownTask", "fundTask", 2, 1, sender=stranger)
    life.refused("ZeroAmount", "fundTask", task, 0, sender=stranger)
    with reverts(error("SafeCastOverflowedUintDowncast", 128, 2**128)):
        arena.fundTask(task, 2**128, {"from": stranger})

    life.do("fundTask", task, 5, sender=stranger)
    assert token.balanceOf(arena) == 1100 * WAD + 5
    life.check()

    life.after(life.task.commit_ends - 1)
    life.do("fundTask", task, 1, sender=stranger)  # in the last second of the phase
    life.refused("WrongPhase", "fundTask", task, 1, sender=stranger)  # and in the first after it


def test_cancel(life, task, creator, stranger, trainers):
    life.refused("UnknownTask", "cancelTask", 2, sender=creator)
    life.refused("Unauthorized", "cancelTask", task, sender=stranger)

    life.do("cancelTask", task, sender=creator)
    life.check()
    life.refused("WrongPhase", "cancelTask", task, sender=creator)
    life.refused("WrongPhase", "fundTask", task, 1, sender=creator)
    life.refused("WrongPhase", "finalize", task, sender=creator)
    life.refused("UnknownSubmission", "settle", task, 1, sender=creator)


def test_a_task_that_somebody_joined_cannot_be_cancelled(life, creator, trainers, validators):
    first, second = life.create(creator), life.create(creator)
    life.commit(trainers[0], "A", 10 * WAD)
    life.refused("TaskNotEmpty", "cancelTask", second, sender=creator)
    life.number = first
    life.register({validators[0]: 20 * WAD})
    life.refused("TaskNotEmpty", "cancelTask", first, sender=creator)
    life.after(life.task.commit_ends)
    life.refused("WrongPhase", "cancelTask", first, sender=creator)


def test_release_key(life, task, creator, stranger, trainers, validators):
    life.refused("UnknownTask", "releaseKey", 2, KEY, sender=creator)
    life.refused("WrongPhase", "releaseKey", task, KEY, sender=creator)
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    life.commit(trainers[1], "B", 10 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    life.after(life.task.reveal_ends - 1)
    life.refused("WrongPhase", "releaseKey", task, KEY, sender=creator)
    life.refused("WrongKey", "releaseKey", task, bytes(32), sender=creator)

    life.do("releaseKey", task, KEY, sender=stranger)
    assert (life.task.attempt, life.task.pending) == (1, 2)
    life.check()
    life.refused("WrongPhase", "releaseKey", task, KEY, sender=creator)


def test_release_key_too_late(life, task, creator, trainers, validators):
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    life.after(life.task.key_ends)
    life.refused("WrongPhase", "releaseKey", task, KEY, sender=creator)
    assert life.task.phase(life.now) == Phase.VOID
