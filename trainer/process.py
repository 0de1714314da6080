"""The far side of `trainer.training`: starts it, listens, ends it when its time is over."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from node.metrics import TRAINING
from protocol.errors import ProtocolError, TaskFailed
from protocol.staging import local_storage

logger = logging.getLogger(__name__)

_TELL_SECONDS = 10.0  # between two lines on a training's progress
_GLANCE_SECONDS = 0.5
_LONGEST_LINE = 1 << 20

Step = Mapping[str, Any]
Hear = Callable[[Step], None]
"""Told of each step: "step", "steps", "loss", "score"."""


class TrainingStopped(ProtocolError):
    """The client is ending; the training starts again with the next one."""

    retryable = True


class TimeOver(ProtocolError):
    """A process did not end in its time."""


def run(
    job: Mapping[str, Any],
    scratch: Path,
    seconds: float,
    stopping: threading.Event,
    hear: Hear = lambda step: None,
) -> Step:
    """Run a job of `trainer.training` for at most `seconds`, and return its last word, such as its "score".

    TaskFailed if it cannot be done, or not in time; TrainingStopped when `stopping` is set.
    """
    with local_storage(f"Preparing a training in {scratch}"), tempfile.NamedTemporaryFile("w", dir=scratch) as file:
        json.dump(job, file)
        file.flush()
        command = [sys.executable, "-I", "-m", "trainer.training", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                return _listen(process, time.monotonic() + seconds, stopping, hear)
            except TimeOver:
                raise TaskFailed("training", "it was not done in time for the task's deadline") from None
            finally:
                process.kill()


def _listen(process: subprocess.Popen[bytes], deadline: float, stopping: threading.Event, hear: Hear) -> Step:
    for line in lines(process, deadline, stopping):
        message = json.loads(line)
        if "failed" in message:
            raise TaskFailed("training", str(message["failed"]).rstrip("."))
        if "done" in message:
            return dict(message)
        hear(message)
    process.wait()
    raise TaskFailed("training", f"it ended without a model ({last_words(process)})")


def telling(name: str, then: Hear = lambda step: None) -> Hear:
    """Log a step now and then, and pass all of them on."""
    told = time.monotonic()

    def hear(step: Step) -> None:
        nonlocal told
        then(step)
        for figure in ("loss", "score"):
            TRAINING.labels(name, figure).set(step[figure])
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            numbers = [step[key] for key in ("step", "steps", "loss", "score")]
            logger.info("Training %s step=%s/%s loss=%.4f score=%.4f", name, *numbers)

    return hear


def lines(process: subprocess.Popen[bytes], deadline: float, stopping: threading.Event) -> Iterator[bytes]:
    """The lines as they come, until the output ends. TimeOver, TrainingStopped."""
    assert process.stdout is not None
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if stopping.is_set():
                raise TrainingStopped("The training was stopped with its client.")
            if time.monotonic() > deadline:
                raise TimeOver("The time for the training is over.")
            if not selector.select(_GLANCE_SECONDS):
                continue
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                return
            *whole, buffer = (buffer + piece).split(b"\n")
            buffer = buffer[-_LONGEST_LINE:]
            yield from whole


def end_group(process: subprocess.Popen[bytes], patience: float) -> None:
    """End a process that leads a group, and all that it started: politely, then for good."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def last_words(process: subprocess.Popen[bytes]) -> str:
    """What it died of: its exit code, and the last thing that it said."""
    said = process.stderr.read().decode("utf-8", "replace").strip().splitlines() if process.stderr else []
    return f"exit code {process.returncode}" + (f", {said[-1][:300]}" if said else "")
