"""Making a model for a task, by the built-in training or by the trainer's own command."""

import hashlib
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protocol.configuration import expanded
from protocol.specs import TaskSpec, spec_digest
from trainer import command, process
from trainer.curves import Curves
from trainer.process import Hear
from trainer.settings import TrainerSettings

_SEARCH_SECONDS = 0.8  # part of the time after which a training ends by itself and keeps its best model


@dataclass(frozen=True)
class Making:
    """What a model is made of: the folders of specification, data and base model; `name` is for the logs."""

    name: str
    spec: TaskSpec
    folder: Path
    data: Path
    base: Path | None
    seed: int


def make(making: Making, output: Path, seconds: float, settings: TrainerSettings, stopping: threading.Event) -> float:
    """Make a model in the folder `output` in at most `seconds`; its score on the rows kept aside (with a command: on
    all training data). TaskFailed, TrainingStopped, StorageFailed.
    """
    with Curves(making.folder / "curve", _tensorboard(making, settings)) as curves:
        hear = process.telling(making.name, lambda step: curves.add(**step))
        return make_and_tell(making, output, seconds, settings, stopping, hear)


def make_and_tell(
    making: Making, output: Path, seconds: float, settings: TrainerSettings, stopping: threading.Event, hear: Hear
) -> float:
    """The same, where somebody else keeps the curve."""
    job = _job(making, output, settings)
    if settings.command is not None:
        return command.run(settings.command, job, making.folder, seconds, stopping, hear)
    job["budget"] = {"max_seconds": _SEARCH_SECONDS * seconds, **settings.budget()}
    return float(process.run(job, making.folder, seconds, stopping, hear)["score"])


def _job(making: Making, output: Path, settings: TrainerSettings) -> dict[str, Any]:
    job: dict[str, Any] = {
        "spec": str(making.folder / "spec"),
        "data": str(making.data),
        "output": str(output),
        "seed": making.seed,
        "trials": settings.trials,
        "device": settings.device,
        # Another training must not go on where this one stopped.
        "search": str(making.folder / f"search-{_identity(making, settings)}"),
    }
    return job if making.base is None else {**job, "base": str(making.base)}


def _identity(making: Making, settings: TrainerSettings) -> str:
    told = [spec_digest(making.spec), making.seed, settings.trials, settings.device, settings.budget()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _tensorboard(making: Making, settings: TrainerSettings) -> Path | None:
    return settings.tensorboard and expanded(settings.tensorboard) / making.name
