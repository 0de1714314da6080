"""From files to files: all that a process which trains or evaluates has to call."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

from protocol.artifacts import artifact_paths, manifest_of
from protocol.errors import ArtifactError, ModelInvalid, TaskFailed
from protocol.models import read_tensors, write_tensors
from protocol.reports import write_report
from protocol.specs import TaskSpec, spec_digest
from protocol.staging import local_storage, promote, staged_directory
from protocol.tasks import load
from protocol.tasks.base import Budget, Metrics, Progress, Task, Trained, Weights, no_progress

MODEL_FILE = "model.safetensors"


def evaluate_artifact(
    spec: TaskSpec, model_dir: Path, heldout_dir: Path, report_dir: Path, base: Path | None = None
) -> Metrics:
    """Score the model in `model_dir` on the opened held-out set, and write the report to `report_dir`.

    `base`, here and below: the folder of the base model, for kinds that adapt one.

    What it raises is the verdict: TaskFailed for a held-out set that is none (unopenable, and decided first),
    ModelInvalid for a model that the specification does not allow (invalid). StorageFailed is about this machine.
    """
    task = load(spec, base)
    try:
        data = task.load(heldout_dir)
    except TaskFailed as error:
        raise TaskFailed("held-out set", error.reason) from None
    metrics = task.evaluate(read_model(task, model_dir), data)
    write_report(
        report_dir,
        spec=spec_digest(spec),
        model=manifest_of(model_dir).digest,
        metric=spec.metric,
        losses=metrics.losses,
        values=metrics.values,
    )
    return metrics


def train_artifact(
    spec: TaskSpec,
    data_dir: Path,
    model_dir: Path,
    budget: Budget,
    seed: int,
    progress: Callable[[Progress], None] = no_progress,
    base: Path | None = None,
) -> Trained:
    """Train on the data set in `data_dir`; the model's artifact takes the place of what was in `model_dir`.

    TaskFailed if the data are not what the specification needs, or the training diverged.
    """
    task = load(spec, base)
    trained = task.train(task.load(data_dir), budget, seed, progress)
    write_model(trained.weights, model_dir)
    return trained


def write_model(weights: Weights, model_dir: Path) -> None:
    """The artifact of a model, in the place of what was in `model_dir`. StorageFailed."""
    with local_storage(f"Writing the model to {model_dir}"), staged_directory(model_dir) as stage:
        write_tensors(stage / MODEL_FILE, weights)
        if model_dir.exists():
            rmtree(model_dir)
        promote(stage, model_dir)


def read_model(task: Task[Any], model_dir: Path) -> Weights:
    """The weights of a model's artifact, through the gate. ModelInvalid says what is wrong with it."""
    with local_storage(f"Reading the model in {model_dir}"):
        try:
            paths = artifact_paths(model_dir)
        except ArtifactError as error:
            raise ModelInvalid(str(error).rstrip(".")) from None
    if paths != [MODEL_FILE]:
        raise ModelInvalid(f"its artifact must hold {MODEL_FILE} and nothing else")
    return read_tensors(model_dir / MODEL_FILE, task.tensors(), task.spec.limits.max_model_bytes)
