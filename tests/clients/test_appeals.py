"""Clients that appeal by themselves: where they were overruled, or a creator lied about a canary, or a panel lied."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import play
import pytest
from killer import deaths_of
from network import SKEIN
from operators import operator_shell
from world import QUICK, World, write_model

from node.appeals import Standing
from node.program import settle_down
from protocol.calls import Record
from protocol.encoding import canary_proof
from protocol.models import write_tensors
from protocol.phases import SubmissionState as S
from protocol.tasks import load
from protocol.tasks.runs import MODEL_FILE, read_model
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings
from validator.arena import ArenaValidator
from validator.duties import Duty
from validator.evaluation import Case, Finding
from wallet.canaries import measured

BOND = 10 * SKEIN
TERMS = {"challenge_window": 1000, "appeal_bond": BOND}
PANELS_OF_ONE = {**TERMS, "panel_size": 1, "quorum": 1, "appeal_panel_size": 3}


class Conspirator(ArenaValidator):
    """In the first attempt whoever has one of the first two places says that a model is worth nothing."""

    def find(self, task_id: int, task: Record, case: Case, duty: Duty) -> Finding | None:
        finding = super().find(task_id, task, case, duty)
        if finding is None or task.attempt > 1 or duty.slot > 1:
            return finding
        return Finding(10**8, finding.report, finding.digest)


class Slanderer(ArenaValidator):
    """In the first attempt calls every model a copy of the one before it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        honest = self.copies.original_of

        def slander(task_id: int, case: Case, duty: Duty, finding: Finding | None) -> int | None:
            is_first = self.chain.task(task_id).attempt == 1
            return duty.submission_id - 1 if is_first else honest(task_id, case, duty, finding)

        self.copies.original_of = slander  # type: ignore[method-assign]


def decide(world: World, task: int) -> None:
    """From the challenge phase to the end, by a larger panel."""
    world.pass_to(task, "challenge_ends")
    world.work()
    world.network.mine(2)
    world.score(task)
    world.pass_to(task, "challenge_ends")
    for _ in range(2):
        world.work()
    assert world.chain.task(task).finalized


def appellant(world: World, task: int, submission: int) -> int:
    """The account that appealed, 0 if none did."""
    found = world.chain.call("Arena", "appealOf", task, submission).appellant
    addresses = [account.address for account in world.network.accounts]
    return addresses.index(found) if found in addresses else 0


@pytest.mark.deep
def test_a_validator_that_was_overruled_appeals_and_wins(world: World) -> None:
    task = world.task(**TERMS, appeal_panel_size=5)
    world.entrant(2, task)
    for account in range(3, 8):
        world.validator(account, Conspirator, appeal_budget=BOND)
    world.unseal(task)
    world.score(task)
    honest = world.chain.call("Arena", "panel", task, 1)[2]
    assert world.chain.call("Arena", "appealOf", task, 1).appellant == honest
    assert Standing(world.chain, honest).out == BOND
    before = world.chain.token_balance(honest)
    decide(world, task)
    assert world.states(task) == [S.SCORED] and world.chain.submission(task, 1).score > 9 * 10**8
    told = Standing(world.chain, honest)
    assert (told.out, told.won, told.lost) == (0, SKEIN // 10, {})  # half of the tenths that two liars lost
    assert world.chain.token_balance(honest) - before >= BOND + SKEIN // 10


@pytest.mark.deep
def test_trainers_appeal_against_lies_alone(world: World) -> None:
    """One model is called a copy that is none; another is one, and its trainer saves the bond."""
    spec = world.spec(copy_distance=1_000_000)
    task = world.task(spec, **PANELS_OF_ONE)
    first, slandered, thief = (world.trainer(account, appeal_budget=BOND) for account in (2, 3, 4))
    for trainer, number in ((first, 2), (slandered, 300)):
        write_model(trainer.model_folder(task), number)
    weights = dict(read_model(load(spec), slandered.model_folder(task)))
    weights["layers.0.weight"] = weights["layers.0.weight"] * np.float32(1 + 1e-5)
    write_tensors(thief.model_folder(task) / MODEL_FILE, weights)
    for account in (5, 6, 7):
        world.validator(account, Slanderer)
    world.unseal(task)
    world.score(task)
    assert [appellant(world, task, number) for number in (1, 2, 3)] == [0, 3, 0]
    decide(world, task)
    assert world.states(task)[1] == S.SCORED


def test_a_trainer_that_was_scored_wrongly_appeals(world: World) -> None:
    task = world.task(**PANELS_OF_ONE)
    world.entrant(2, task, appeal_budget=BOND)
    for account in (3, 4, 5):
        world.validator(account, Conspirator)
    world.unseal(task)
    world.score(task)
    assert appellant(world, task, 1) == 2
    decide(world, task)
    assert world.chain.submission(task, 1).score > 9 * 10**8


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_a_trainer_that_is_killed_after_every_step_appeals_once(world: World) -> None:
    play.stake(world.network, 2)
    task, deaths = world.task(**PANELS_OF_ONE), 0

    def live() -> None:
        client = ArenaTrainer(world.means(2), TrainerSettings(**QUICK, appeal_budget=BOND))
        settle_down(client)
        client.close()
        client.journal.close()

    def step(deadline: str = "") -> None:
        nonlocal deaths
        if deadline:
            world.network.set_time(max(world.chain.task(task)[deadline], world.network.now() + 1))
        deaths += deaths_of(live)
        world.work()

    means = world.means(2)
    means.journal.close()
    write_model(means.work / f"task-{task}" / "model", 2)
    for account in (3, 4, 5):
        world.validator(account, Conspirator)
    for deadline in ("", "commit_ends", "reveal_ends"):
        step(deadline)
    world.release(task)
    for deadline in ("", "score_commit_ends", "score_reveal_ends"):
        step(deadline)
    assert appellant(world, task, 1) == 2
    for deadline in ("challenge_ends", "", ""):
        step(deadline)
        world.network.mine(2)
    for deadline in ("score_commit_ends", "score_reveal_ends", "challenge_ends", "", ""):
        step(deadline)
    told = Standing(world.chain, world.network.accounts[2].address)
    assert told.bonds == {(task, 1): BOND} and told.returned and deaths >= 8
    assert world.chain.submission(task, 1).score > 9 * 10**8 and world.locked(2) == 0


def test_a_lie_about_a_canary_costs_its_creator_the_bond(world: World) -> None:
    spec = world.spec()
    folder = write_model(world.root / "canary", 2)
    (found,) = measured([folder], spec, world.root / "held-out", world.root / "scratch")
    lie = replace(found, score=10**8)
    task = world.task(spec, **PANELS_OF_ONE, canary_root="0x" + lie.leaf.hex())
    shutil.copytree(folder, world.trainer(2).model_folder(task))
    for account in (3, 4, 5):
        world.validator(account, appeal_budget=BOND)
    world.unseal(task)
    world.work()
    world.network.set_time(world.chain.task(task).score_commit_ends)
    told = (lie.score, bytes.fromhex(lie.salt), canary_proof([lie.leaf], 0))
    world.network.chain(1).send("Arena", "revealCanary", task, 1, *told)
    world.work()
    world.pass_to(task, "score_reveal_ends")
    assert appellant(world, task, 1) in (3, 4, 5)
    decide(world, task)
    assert world.states(task) == [S.SCORED] and world.chain.task(task).parameters.bond == 0


@pytest.mark.deep
def test_without_a_budget_it_is_only_told(
    world: World, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = world.task(**TERMS, appeal_panel_size=4)
    world.entrant(2, task)
    for account in range(3, 7):
        world.validator(account, Conspirator)
    world.unseal(task)
    with caplog.at_level(logging.WARNING):
        world.score(task)
        settle_down(world.clients[-1])
    assert appellant(world, task, 1) == 0
    told = [line for line in caplog.messages if "appeal" in line]
    why = "no bonds are allowed (--appeal-budget); `skein task appeal 1 1` costs one of 10 SKEIN."
    assert told == [f"Did not appeal task=1 submission=1: {why}"]
    shell = operator_shell(world.network, tmp_path, monkeypatch, 2)
    told = shell.run("validator", "audit", "1", code=6).stdout
    assert "To appeal it, with a bond of 10 SKEIN, within 16m" in told and told.endswith(": skein task appeal 1 1\n")
