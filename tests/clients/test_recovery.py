"""What comes between: stores and disks that fail, silence, expired seeds, reorganisations, rivals."""

import logging
import shutil
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest
from world import World, write_model

from protocol.calls import Record
from protocol.encoding import ScoreEntry, ascii32
from protocol.phases import SubmissionState
from skein.processes import until
from validator.arena import ArenaValidator
from validator.evaluation import Case, Finding

S = SubmissionState


class Silent(ArenaValidator):
    """Commits, and reveals nothing before the second attempt."""

    def reveal(self, task_id: int, task: Record, batch: int, entries: Sequence[ScoreEntry]) -> None:
        if task.attempt > 1:
            super().reveal(task_id, task, batch, entries)


class Slow(ArenaValidator):
    """Takes its time over the models that are not the one named first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gate, self.quick, assess = Event(), "", self.evaluations.assess

        def assess_slowly(case: Case, digest: str, key: str) -> Finding:
            if digest != self.quick:
                self.gate.wait()
            return assess(case, digest, key)

        self.evaluations.assess = assess_slowly  # type: ignore[method-assign]


def finish(world: World, task: int) -> None:
    for _ in range(3):
        world.work()
    assert world.chain.task(task).finalized
    assert [world.locked(account) for account in range(2, 12)] == [0] * 10


def test_submissions_that_nobody_scored_are_drawn_again(world: World) -> None:
    task = world.contest(Silent)
    world.score(task)
    assert world.states(task) == [S.UNSCORED]
    assert world.chain.task(task).attempt == 2
    world.network.mine(2)
    world.score(task)
    finish(world, task)
    assert world.states(task) == [S.SCORED]
    record = world.chain.validator(task, world.network.accounts[3].address)
    assert record.slashed == record.stake // 20


def test_a_seed_that_expired_is_asked_for_again(world: World) -> None:
    task = world.contest()
    ticket = world.chain.task(task).seed_ticket
    world.network.mine(300)
    world.work()
    assert world.chain.task(task).seed_ticket > ticket
    world.network.mine(2)
    world.score(task)
    finish(world, task)
    assert world.states(task) == [S.SCORED]


def test_a_seed_that_nobody_used_in_time_makes_nobody_silent(world: World) -> None:
    """All were away until scores could no longer be committed: the attempt begins anew, and nobody is slashed."""
    task = world.contest()
    world.network.set_time(world.chain.task(task).score_reveal_ends)
    ticket = world.chain.task(task).seed_ticket
    world.work()
    assert world.chain.task(task).seed_ticket > ticket
    world.network.mine(2)
    world.score(task)
    finish(world, task)
    assert world.states(task) == [S.SCORED] and world.chain.task(task).slashed == 0


def test_a_store_that_is_down_costs_no_deadline(world: World, caplog: pytest.LogCaptureFixture) -> None:
    task = world.task()
    world.entrant(2, task)
    for account in (3, 4, 5):
        world.validator(account)
    world.work()
    store, hidden = world.store.root, world.root / "hidden"
    store.rename(hidden)
    store.write_text("not a directory")
    with caplog.at_level(logging.WARNING):
        world.pass_to(task, "commit_ends")
    assert "Could not publish the model" in caplog.text
    assert world.states(task) == [S.COMMITTED]
    world.network.set_time(world.chain.task(task).reveal_ends - 30)
    world.work()  # the last moment: better revealed and published later than not revealed
    assert world.states(task) == [S.REVEALED]
    store.unlink()
    hidden.rename(store)
    for client in world.clients:
        client.jobs._failures.clear()  # the pause of a minute is over
    world.pass_to(task, "reveal_ends")
    world.release(task)
    world.score(task)
    finish(world, task)
    assert world.states(task) == [S.SCORED]


def test_a_model_that_was_not_tried_yet_is_not_unavailable(world: World) -> None:
    task = world.task()
    for account in (2, 3):
        world.entrant(account, task)
    slow = world.validator(4, Slow)
    for account in (5, 6):
        world.validator(account)
    world.unseal(task)
    assert isinstance(slow, Slow)
    slow.quick = world.chain.submission(task, 1).digest
    world.network.set_time(world.chain.task(task).score_commit_ends - 100)
    findings = slow.folder(task) / "findings"
    until(lambda: slow.tick() or [*findings.glob("0x*")], 60, "The evaluation of the quick model")
    slow.tick()
    slow.tick()
    assert not world.has_committed(task, 4)
    slow.gate.set()
    world.score(task)
    finish(world, task)
    assert world.states(task) == [S.SCORED, S.SCORED]
    assert world.chain.task(task).slashed == 0


def test_a_store_that_is_away_at_the_deadline_makes_no_verdict(world: World) -> None:
    task = world.task()
    trainer = world.entrant(2, task)
    validators = [world.validator(account) for account in (3, 4, 5)]
    world.work()
    world.pass_to(task, "commit_ends")
    world.pass_to(task, "reveal_ends")
    hidden = world.root / "hidden"
    world.store.root.rename(hidden)
    world.release(task)
    world.work()
    world.network.set_time(world.chain.task(task).score_commit_ends - 100)  # models that are missing are given up
    for client in validators:
        client.jobs._failures.clear()
    world.work()
    assert not any(world.has_committed(task, account) for account in (3, 4, 5))
    hidden.rename(world.store.root)
    for client in validators:
        client.jobs._failures.clear()  # the pause of a minute is over
    world.score(task)
    finish(world, task)
    assert world.states(task) == [S.SCORED] and world.chain.task(task).slashed == 0 and trainer.hindrance is None


def test_clients_that_lost_their_disks_go_on(world: World) -> None:
    task = world.task()
    world.trainer(2, epochs=3)
    for account in (3, 4, 5):
        world.validator(account)
    world.work()
    world.replace_all()
    world.pass_to(task, "commit_ends")
    assert world.states(task) == [S.REVEALED]  # the same training made the same model
    world.pass_to(task, "reveal_ends")
    world.release(task)
    world.work()
    assert world.has_committed(task, 3)
    world.replace_all()
    world.pass_to(task, "score_commit_ends")
    world.pass_to(task, "score_reveal_ends")
    finish(world, task)
    assert world.states(task) == [S.SCORED]
    assert world.chain.task(task).slashed == 0


def test_a_model_that_was_exchanged_is_not_revealed(world: World, caplog: pytest.LogCaptureFixture) -> None:
    task = world.task()
    trainer = world.entrant(2, task)
    for account in (3, 4, 5):
        world.validator(account)
    world.work()
    shutil.rmtree(trainer.model_folder(task))
    write_model(trainer.model_folder(task), 99)
    world.pass_to(task, "commit_ends")
    assert world.states(task) == [S.COMMITTED]
    assert "is not the one that was committed" in caplog.text


def test_an_unrevealed_submission_is_settled_by_the_others(world: World) -> None:
    task = world.task()
    for account in (2, 3):
        world.entrant(account, task)
    for account in (4, 5, 6):
        world.validator(account)
    world.work()
    absent = world.clients.pop(0)
    world.pass_to(task, "commit_ends")
    world.pass_to(task, "reveal_ends")
    assert world.states(task)[0] == S.UNREVEALED
    world.release(task)
    world.score(task)
    world.clients.append(absent)
    finish(world, task)
    assert world.states(task) == [S.UNREVEALED, S.SCORED]


def test_a_task_with_too_few_validators_gives_the_stakes_back(world: World) -> None:
    task = world.task()
    world.entrant(2, task)
    world.validator(3)
    world.work()
    world.pass_to(task, "commit_ends")
    finish(world, task)
    assert ascii32(world.outcome(task)) == "abandoned"
    assert (world.own(2), world.own(3)) == (1000, 1000)


def test_a_late_key_pays_the_trainers(world: World) -> None:
    task = world.task()
    world.entrant(2, task)
    for account in (3, 4):
        world.validator(account)
    world.work()
    for deadline in ("commit_ends", "reveal_ends", "key_ends"):
        world.pass_to(task, deadline)
    finish(world, task)
    assert ascii32(world.outcome(task)) == "void"
    assert world.own(2) == 1100


@pytest.mark.parametrize("phase", ["commit", "reveal", "score"])
def test_a_reorganisation_of_20_blocks_changes_no_outcome(world: World, phase: str) -> None:
    task = world.task()
    world.entrant(2, task)
    for account in (3, 4, 5):
        world.validator(account)
    world.network.mine(25)
    world.work()
    if phase == "commit":
        reorganise(world)
    world.network.mine(25)
    world.pass_to(task, "commit_ends")
    if phase == "reveal":
        reorganise(world)
    world.pass_to(task, "reveal_ends")
    world.release(task)
    world.network.mine(20)
    world.work()
    if phase == "score":
        reorganise(world)
    world.pass_to(task, "score_commit_ends")
    world.pass_to(task, "score_reveal_ends")
    finish(world, task)
    assert world.states(task) == [S.SCORED]
    assert world.chain.task(task).slashed == 0


def reorganise(world: World) -> None:
    """Drop the last transactions of the clients, with the blocks that they are in."""
    before = world.network.now()
    world.network.reorg(20)
    world.network.set_time(max(before, world.network.now() + 1))
    world.work()
    world.work()
