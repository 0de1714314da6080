"""What is kept of tasks that are over goes in time, whole, and nothing else does."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from killer import one_run
from network import Network
from samples import CANCER

from node.journal import Journal
from node.policy import Policy
from node.retention import Retention
from node.sender import Sender
from protocol.specs import write_spec

DAY, NOBODY = 24 * 3600, "0x00000000000000000000000000000000000000AA"
BASE, OTHER = "0x" + "ab" * 32, "0x" + "cd" * 32


@pytest.fixture
def journal(network: Network, tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path, network.chain(1)) as opened:
        yield opened


def retention(journal: Journal, **policy: float) -> Retention:
    return Retention(journal, journal.folder, Policy(**policy))


def clear_in(journal: Journal, task_id: int) -> None:
    shutil.rmtree(journal.folder / f"task-{task_id}", ignore_errors=True)


def live(network: Network, journal: Journal, task_id: int, size: int = 1000, confirmed: int = 2) -> None:
    """What a task leaves: files, a base model, facts, transactions."""
    sender, folder = Sender(network.chain(1), journal, 2), journal.folder / f"task-{task_id}"
    for step in ("commit", "reveal", "claim"):
        sender.send(f"task:{task_id}:{step}", "SkeinToken", "transfer", NOBODY, task_id)
    network.mine(confirmed)
    sender.resume()
    journal.remember(f"task:{task_id}:commit", {"digest": "0x12"})
    write_spec(CANCER.model_copy(update={"base_digest": BASE if task_id % 2 else OTHER}), folder / "spec")
    (folder / "model").write_bytes(bytes(size))
    (journal.folder / "bases" / (BASE if task_id % 2 else OTHER)).mkdir(parents=True, exist_ok=True)


def kept(journal: Journal) -> list[int]:
    """The tasks of which there are files; those of which there are rows."""
    files = sorted(int(path.name.removeprefix("task-")) for path in journal.folder.glob("task-*"))
    assert files == [number for number in range(1, 9) if journal.recall(f"task:{number}:commit")]
    return files


def finish(found: Retention, journal: Journal, task_id: int, now: int) -> None:
    found.over(task_id, now, lambda number: clear_in(journal, number))


def tidy(found: Retention, journal: Journal, now: int) -> None:
    found.tidy(now, lambda number: clear_in(journal, number))


def test_files_rows_and_bases_go_after_their_time(network: Network, journal: Journal) -> None:
    for task_id in (1, 2, 3):
        live(network, journal, task_id)
    found = retention(journal, keep_days=10)
    for task_id, now in ((1, 0), (2, 5 * DAY)):
        finish(found, journal, task_id, now)
    tidy(found, journal, 10 * DAY - 1)
    assert kept(journal) == [1, 2, 3]
    for _ in range(2):  # a second look within the hour changes nothing
        tidy(retention(journal, keep_days=10), journal, 10 * DAY)
        assert kept(journal) == [2, 3]
    bases = journal.folder / "bases"
    assert (bases / BASE).exists() and (bases / OTHER).exists()  # the third task adapts the first one's, too
    assert journal.newest("task:1:claim") is None and journal.newest("task:2:claim") is not None
    tidy(retention(journal, keep_days=10), journal, 15 * DAY)
    assert kept(journal) == [3]
    assert (bases / BASE).exists() and not (bases / OTHER).exists()
    assert journal.next_nonce() == network.chain(1).nonce()  # so that nobody seems to have sent ours


def test_the_oldest_go_where_there_is_too_much(network: Network, journal: Journal) -> None:
    for task_id, size in ((1, 40_000), (2, 100), (3, 50_000), (4, 10)):
        live(network, journal, task_id, size)
    found = retention(journal, keep_days=100, keep_bytes=60_000)
    for task_id, now in ((3, 1), (1, 2), (2, 3)):
        finish(found, journal, task_id, now)
    tidy(found, journal, 10)
    assert kept(journal) == [1, 2, 4]  # the fourth is not over


def test_what_is_not_final_stays(network: Network, journal: Journal) -> None:
    live(network, journal, 1, confirmed=0)
    found = retention(journal, keep_days=0)
    finish(found, journal, 1, 0)
    tidy(found, journal, DAY)
    assert kept(journal) == [1]


def test_what_was_never_joined_goes_at_once(journal: Journal) -> None:
    write_spec(CANCER, journal.folder / "task-1" / "spec")
    finish(retention(journal), journal, 1, 0)
    assert kept(journal) == [] and journal.facts("over:") == {}


@pytest.mark.parametrize("deadly", ["rmtree", "drop"])
def test_killed_in_the_middle_it_does_the_rest_later(network: Network, tmp_path: Path, deadly: str) -> None:
    with Journal.open(tmp_path, network.chain(1)) as journal:
        for task_id in (1, 2, 3):
            live(network, journal, task_id)
        for task_id in (1, 2):
            finish(retention(journal), journal, task_id, 0)

    def die() -> None:
        with Journal.open(tmp_path, network.chain(1)) as journal:
            if deadly == "rmtree":
                shutil.rmtree = _half  # type: ignore[assignment]
            else:
                Journal.drop = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
            tidy(retention(journal), journal, 100 * DAY)

    assert one_run(die) == -signal.SIGKILL
    with Journal.open(tmp_path, network.chain(1)) as journal:
        assert (journal.folder / "task-3" / "model").exists()
        tidy(retention(journal), journal, 100 * DAY)
        assert kept(journal) == [3] and journal.facts("over:") == {}


def _half(folder: Path, ignore_errors: bool = False) -> None:
    """Removes one of the files, and is killed."""
    next(path for path in folder.rglob("*") if path.is_file()).unlink()
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_rows_of_a_task_are_not_those_of_another_with_more_digits(journal: Journal) -> None:
    for key in ("task:1:commit", "task:12:commit", "task:1", "task:2:commit"):
        journal.remember(key, {})
    assert [*journal.facts("task:1:")] == ["task:1:commit"]
    journal.drop("task:1:")
    assert [*journal.facts("task:")] == ["task:1", "task:12:commit", "task:2:commit"]
