"""How a trainer trains: by a command of its own, by a search, on from a checkpoint; and how it looks on."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import play
import psutil
import pytest
from operators import operator_shell
from samples import CANCER
from tensorboardX.proto.event_pb2 import Event
from world import World, _sets

from node.output import NotFound
from protocol.artifacts import manifest_of
from protocol.errors import TaskFailed
from protocol.phases import SubmissionState
from protocol.specs import write_spec
from protocol.tasks import Budget, load
from protocol.tasks.base import Progress
from protocol.tasks.checkpoints import Checkpoint
from trainer.command import LOG_FILE
from trainer.curves import draw, read_curve
from trainer.making import Making, make
from trainer.search import Search
from trainer.settings import TrainerSettings

OWN = f"{sys.executable} {Path(__file__).with_name('own_training.py')}"
SHORT = Budget(epochs=12, learning_rate=0.01)


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.fixture
def making(tmp_path: Path) -> Making:
    write_spec(CANCER, tmp_path / "work" / "spec")
    return Making("task-1", CANCER, tmp_path / "work", _sets(tmp_path)[0], None, 7)


def train(making: Making, seconds: float = 120, **settings: Any) -> float:
    chosen = TrainerSettings(**settings)
    return make(making, making.folder / "model", seconds, chosen, threading.Event())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def scalars(folder: Path) -> dict[str, list[float]]:
    """The scalars in TensorBoard's event files: length, its sum, the event, its sum."""
    found: dict[str, list[float]] = {}
    (path,) = folder.glob("events.out.tfevents.*")
    data = path.read_bytes()
    while data:
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        data = data[16 + length :]
        for value in event.summary.value:
            found.setdefault(value.tag, []).append(value.simple_value)
    return found


# --- a command of one's own


def test_a_command_of_ones_own_makes_the_model(making: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEIN_PASSWORD", "hunter2")
    score = train(making, command=OWN, tensorboard=tmp_path / "board")
    assert 0 <= score <= 1
    assert files(making.folder / "model") == ["model.safetensors"]
    assert [step["loss"] for step in read_curve(making.folder / "curve")] == [1, 0.5, 1 / 3]
    assert scalars(tmp_path / "board" / "task-1")["kept_aside/loss"] == pytest.approx([1, 0.5, 1 / 3])
    assert "epoch 2 of 3" in (making.folder / LOG_FILE).read_text()


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("crash", "wrote no model.safetensors .exit code 1"),
        ("wrong", r"tensor mean is 'F32' \[29\], expected F32 \[30\]"),
    ],
)
def test_a_command_that_makes_no_proper_model_makes_none(making: Making, behaviour: str, told: str) -> None:
    with pytest.raises(TaskFailed, match=told):
        train(making, command=f"{OWN} {behaviour}")
    assert not (making.folder / "model").exists()


def test_a_command_is_ended_with_all_that_it_started_and_what_it_wrote_counts(making: Making) -> None:
    for seconds in (16, 160):  # it counts what comes in time, and a busy machine takes its own to begin
        with suppress(TaskFailed):
            train(making, seconds=seconds, command=f"{OWN} linger")
            break
    assert files(making.folder / "model") == ["model.safetensors"]
    child = int((making.folder / "child").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


# --- search and checkpoints


def dying_at(step: int) -> Callable[[Progress], None]:
    seen = 0

    def hear(progress: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            raise Killed

    return hear


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_a_training_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    task = load(CANCER)
    data = task.load(_sets(tmp_path)[0])
    whole = task.train(data, SHORT, 7)
    kept = replace(SHORT, checkpoint=tmp_path / "training.pt", checkpoint_seconds=0)
    for step in (3, 4):
        with pytest.raises(Killed):
            task.train(data, kept, 7, dying_at(step))
    heard: list[Progress] = []
    resumed = task.train(data, kept, 7, heard.append)
    assert [progress.step for progress in heard] == list(range(8, 13))
    assert resumed.history == whole.history
    assert same(resumed.weights, whole.weights)


def test_a_damaged_checkpoint_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "training.pt").write_bytes(b"half of something")
    assert Checkpoint(tmp_path / "training.pt", 0).read() is None


def test_a_search_finds_what_is_best_on_its_own_rows_and_survives_kills(tmp_path: Path) -> None:
    task = load(CANCER)
    data, slow = task.load(_sets(tmp_path)[0]), replace(SHORT, epochs=4, learning_rate=1e-5)
    single = task.train(data, slow, 7)

    def search(folder: str, fixed: tuple[str, ...] = ()) -> Search:
        return Search(4, fixed, tmp_path / folder)

    found = search("a").run(task, data, slow, 7, lambda _: None)
    assert found.best.loss < single.best.loss
    for step in (2, 5, 3):
        with pytest.raises(Killed):
            search("b").run(task, data, slow, 7, dying_at(step))
    assert same(search("b").run(task, data, slow, 7, lambda _: None).weights, found.weights)
    fixed = search("c", ("learning_rate", "dropout", "weight_decay", "batch_size"))
    assert same(fixed.run(task, data, slow, 7, lambda _: None).weights, single.weights)


def test_a_search_of_which_all_trials_diverge_says_so(tmp_path: Path) -> None:
    task = load(CANCER)
    wild = replace(SHORT, learning_rate=1e36)
    with pytest.raises(TaskFailed, match="every trial diverged"):
        Search(2, (), tmp_path / "s").run(task, task.load(_sets(tmp_path)[0]), wild, 7, lambda _: None)


def test_a_training_process_that_is_killed_goes_on(making: Making) -> None:
    settings = {"epochs": 30, "patience": 30, "learning_rate": 0.001}
    train(making, **settings)
    digest = manifest_of(making.folder / "model").digest
    job = {"spec": str(making.folder / "spec"), "data": str(making.data), "seed": 7, "budget": settings}
    job |= {"output": str(making.folder / "again"), "search": str(making.folder / "search")}
    job["budget"] = settings | {"checkpoint_seconds": 0}
    (making.folder / "job").write_text(json.dumps(job))
    lives = [_live(making.folder / "job", lines=8), _live(making.folder / "job", lines=1000)]
    assert '"step": 8' in lives[0][-1]
    assert "done" in lives[1][-1] and len(lives[1]) < 30
    assert manifest_of(making.folder / "again").digest == digest


def _live(job: Path, lines: int) -> list[str]:
    """Start a training and kill it after some lines; what it said."""
    command = [sys.executable, "-I", "-m", "trainer.training", str(job)]
    said = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if len(said) == lines:
                process.kill()
                break
    return said


def test_a_device_that_is_not_there_is_told(making: Making) -> None:
    with pytest.raises(TaskFailed, match="there is no device cuda:7: torch sees no GPU"):
        train(making, device="cuda:7")


# --- looking on


def test_a_trainer_can_practise_and_look_at_curves(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = world.task()
    operator = operator_shell(world.network, tmp_path, monkeypatch, 2)
    told = operator.run("trainer", "practice", str(task), "--epochs", "5", "--into", str(tmp_path / "kept")).stdout
    assert "loss on the rows kept aside" in told
    assert files(tmp_path / "kept") == ["model.safetensors"]
    assert world.chain.task(task).submission_count == 0
    with pytest.raises(NotFound, match="no training for task 1 here"):
        operator.run("trainer", "curve", str(task))
    play.stake(world.network, 2)
    operator.run("trainer", "run", "--once", "--command", OWN)
    assert world.chain.task(task).submission_count == 1
    assert [step["step"] for step in operator.json("trainer", "curve", str(task))] == [1, 2, 3]


def test_a_curve_with_gaps_can_be_drawn() -> None:
    steps = [{"step": n, "loss": float("nan") if n == 2 else 1 / n, "score": float("inf")} for n in range(1, 5)]
    assert "score" in draw(steps, "x")


def test_a_model_that_nothing_makes_again_comes_back_from_its_copy(world: World, tmp_path: Path) -> None:
    task = world.task()
    for account in (3, 4):
        play.register(world.network, task, account)
    world.trainer(2, command=f"SKEIN_SEED=$RANDOM$(date +%N) {OWN}", backup=tmp_path / "other disk")
    world.work()
    submission = world.chain.submission(task, 1)
    world.replace_all()  # with empty disks
    world.work()
    assert (world.clients[0].folder(task) / "model").exists()  # long before it is due
    world.pass_to(task, "commit_ends")
    world.work()
    assert world.states(task) == [SubmissionState.REVEALED]
    assert world.chain.submission(task, 1).commitment == submission.commitment
