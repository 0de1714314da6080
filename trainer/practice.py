"""A training without a stake: what `trainer practice` does. Needs no key, sends nothing."""

import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from node.bases import fetch_base
from node.output import NotFound, Output
from node.settings import ClientSettings
from protocol.specs import MAX_SPEC_BYTES, TaskSpec, check_parameters, read_spec
from protocol.store import ArtifactStore, Limits, open_store
from protocol.tasks.runs import MODEL_FILE
from trainer.curves import Curves, draw, read_curve
from trainer.making import Making, make_and_tell
from trainer.process import Step
from trainer.settings import TrainerSettings


def practice(
    client: ClientSettings, settings: TrainerSettings, task_id: int, seconds: int, into: Path | None, output: Output
) -> None:
    """Train for a task as `run` would, for at most `seconds`, and show how it went. NotFound, errors of the store."""
    chain = client.chain()
    count = int(chain.call("Arena", "taskCount"))
    if task_id > count:
        raise NotFound(f"Task {task_id} does not exist; there are {count}.")
    parameters = chain.task(task_id).parameters
    store = open_store(client.store)
    with tempfile.TemporaryDirectory(prefix="skein-practice-") as scratch:
        folder = Path(scratch)
        spec = read_spec(store.get(parameters.spec_digest, folder / "spec", Limits(MAX_SPEC_BYTES, 1)))
        check_parameters(spec, parameters)
        making = _fetch(store, f"task-{task_id}", spec, folder, settings)
        target = into or folder / "model"
        score, took = _train(making, target, seconds, settings, output)
        curve = read_curve(folder)
    if output.json:
        output.record({"task": task_id, "score": score, "seconds": took, "model": str(into) if into else None})
        return
    if len(curve) > 1:
        output.line(draw(curve, f"task {task_id}"))
    output.record({"score": f"{score:.4f}", "took": f"{took:.1f} s"} | ({"model": target / MODEL_FILE} if into else {}))


def _fetch(store: ArtifactStore, name: str, spec: TaskSpec, folder: Path, settings: TrainerSettings) -> Making:
    most = settings.max_download_bytes
    data = store.get(spec.training_digest, folder / "data", Limits(most))
    return Making(name, spec, folder, data, fetch_base(store, spec, folder, most), settings.seed or 0)


def _train(
    making: Making, target: Path, seconds: int, settings: TrainerSettings, output: Output
) -> tuple[float, float]:
    """Train with a bar on the terminal; the score, and the seconds that it took."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    started = time.monotonic()
    progress = nullcontext() if output.json else Progress(*columns, transient=True)
    with Curves(making.folder, settings.tensorboard) as curves, progress as bar:
        shown = bar.add_task(making.spec.title, told="") if bar else None

        def hear(step: Step) -> None:
            curves.add(**step)
            if bar and shown is not None:
                told = f"loss {step['loss']:.4f}  score {step['score']:.4f}"
                bar.update(shown, total=step["steps"], completed=step["step"], told=told)

        score = make_and_tell(making, target, seconds, settings, threading.Event(), hear)
    return score, time.monotonic() - started
