"""kill -9 after every step of both clients comes to the same end."""

import signal
from functools import partial

import play
import pytest
from killer import one_life
from world import QUICK, World, write_model

from node.participant import Participant
from protocol.phases import SubmissionState
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings
from validator.arena import ArenaValidator
from validator.sandbox import Sandbox
from validator.settings import ValidatorSettings

PROGRAMS = (2, 3)  # the accounts of a trainer and a validator


def make(world: World, account: int) -> Participant:
    means = world.means(account)
    if account == 2:
        return ArenaTrainer(means, TrainerSettings(**QUICK | {"epochs": 2}))
    return ArenaValidator(means, ValidatorSettings(**QUICK), Sandbox())


def live_on(world: World, account: int) -> int:
    """Start a client until it has nothing to do; returns how often it died."""
    for deaths in range(40):
        ended = one_life(partial(make, world, account))
        if ended == 0:
            return deaths
        assert ended == -signal.SIGKILL
    pytest.fail("it dies for ever")


def prepare(world: World) -> int:
    for account in PROGRAMS:
        play.stake(world.network, account)
    task = world.task(panel_size=1, quorum=1)
    write_model(world.means(2).work / f"task-{task}" / "model", 2)
    return task


def assert_paid(world: World, task: int) -> None:
    record = world.chain.task(task)
    assert record.finalized
    assert record.slashed == 0
    assert world.states(task) == [SubmissionState.SCORED]
    assert [world.locked(account) for account in PROGRAMS] == [0, 0]
    assert world.own(2) + world.own(3) == 3000
    assert world.chain.call("Arena", "taskCount") == 1


def test_killed_after_every_step_they_come_to_the_same_end(world: World) -> None:
    task, deaths = prepare(world), 0
    for deadline in ("commit_ends", "reveal_ends", "key", "score_commit_ends", "score_reveal_ends", ""):
        for account in (2, 3, 2, 3):
            deaths += live_on(world, account)
        if deadline == "key":
            world.release(task)
        elif deadline:
            world.pass_to(task, deadline)
    assert_paid(world, task)
    assert deaths >= 15
