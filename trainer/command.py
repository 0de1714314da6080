"""A training command of the trainer's own: any program that writes the model file.

It is run by the shell, with these variables:

    SKEIN_SPEC         folder of the specification (task.json)
    SKEIN_DATA         folder of the training data
    SKEIN_BASE         folder of the base model, where the task has one
    SKEIN_OUTPUT       folder to write model.safetensors to
    SKEIN_CHECKPOINTS  folder that is still there when the command is started again
    SKEIN_SEED         a number; the same after a restart
    SKEIN_SECONDS      how long it may take

Lines of its output that are JSON objects with "step" and "loss" (and "steps", "score") are its progress; everything
that it says is kept in `command.log`. When its time is over it is ended (SIGTERM, then SIGKILL), and the model that it
has written by then counts.
"""

import json
import logging
import math
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protocol.artifacts import MANIFEST_FILE
from protocol.errors import TaskFailed
from protocol.staging import local_storage, promote, staged_directory
from protocol.tasks.runs import MODEL_FILE
from trainer import process
from trainer.process import Hear, Step, TimeOver

logger = logging.getLogger(__name__)

LOG_FILE = "command.log"
_GATE_PART, _GATE_SECONDS = 0.1, 30.0  # of the time is for the gate: that part, or so long where that is more
_PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL
_SECRET = ("SKEIN_PASSWORD", "SKEIN_PASSWORD_FILE", "SKEIN_KEYSTORE")


def run(
    command: str, job: Mapping[str, Any], scratch: Path, seconds: float, stopping: threading.Event, hear: Hear
) -> float:
    """Run the command for a job like those of `trainer.training`; its model goes through the gate and to job["output"].

    Returns the score on the training data. TaskFailed if it made no model that the specification allows.
    """
    target, given = Path(job["output"]), _given(seconds)
    with local_storage(f"Preparing a training in {scratch}"), staged_directory(target) as stage:
        outcome = _run(command, _environment(job, scratch, stage, given), scratch, given, stopping, hear)
        if not (stage / MODEL_FILE).is_file():
            raise TaskFailed("training", f"the command wrote no {MODEL_FILE} ({outcome})")
        _tidy(stage)
        check = {name: job[name] for name in ("spec", "data", "base") if name in job} | {"model": str(stage)}
        score = float(process.run(check, scratch, seconds - given, stopping)["score"])
        promote(stage, target)
    return score


def _given(seconds: float) -> float:
    """The command's part of the time."""
    return seconds - max(_GATE_PART * seconds, min(_GATE_SECONDS, seconds / 2))


def _environment(job: Mapping[str, Any], scratch: Path, output: Path, seconds: float) -> dict[str, str]:
    """What the command is told. It is the trainer's own, but it needs no key."""
    checkpoints = scratch / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    told = {"SPEC": job["spec"], "DATA": job["data"], "BASE": job.get("base", ""), "OUTPUT": str(output)}
    told |= {"CHECKPOINTS": str(checkpoints), "SEED": str(job["seed"]), "SECONDS": f"{seconds:.0f}"}
    kept = {name: value for name, value in os.environ.items() if name not in _SECRET}
    return kept | {f"SKEIN_{name}": value for name, value in told.items()}


def _run(
    command: str,
    environment: Mapping[str, str],
    scratch: Path,
    seconds: float,
    stopping: threading.Event,
    hear: Hear,
) -> str:
    """How the command ended, for people."""
    deadline = time.monotonic() + seconds
    with (scratch / LOG_FILE).open("wb") as log:
        started = subprocess.Popen(
            command,
            shell=True,
            cwd=scratch,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        with started:
            try:
                for line in process.lines(started, deadline, stopping):
                    log.write(line + b"\n")
                    log.flush()
                    if (step := _step(line)) is not None:
                        hear(step)
                if started.wait(max(deadline - time.monotonic(), 0)):
                    logger.warning("The training command ended with exit code %d", started.returncode)
            except (TimeOver, subprocess.TimeoutExpired):
                logger.info("Ended the training command, since its %.0f s are over", seconds)
                return "its time was over"
            finally:
                process.end_group(started, _PATIENCE)
    return f"exit code {started.returncode}; see {scratch / LOG_FILE}"


def _step(line: bytes) -> Step | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    if not isinstance(told, dict) or not all(_is_number(told.get(name)) for name in ("step", "loss")):
        return None
    score = told.get("score")
    steps = told.get("steps")
    return {
        "step": told["step"],
        "steps": steps if _is_number(steps) else told["step"],
        "loss": told["loss"],
        "score": score if _is_number(score) else math.nan,
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tidy(stage: Path) -> None:
    """Only the model is the artifact: what a library leaves beside it would make it invalid."""
    for left in stage.iterdir():
        if left.name not in (MODEL_FILE, MANIFEST_FILE):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
