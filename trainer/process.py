"""The far side of `trainer.training`: starts it, listens, ends it when its time is over."""

import json
import logging
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from protocol.errors import ProtocolError, TaskFailed
from protocol.staging import local_storage

logger = logging.getLogger(__name__)

_TELL_SECONDS = 10.0  # between two lines on a training's progress
_GLANCE_SECONDS = 0.5


class TrainingStopped(ProtocolError):
    """The client is ending; the training starts again with the next one."""

    retryable = True


def run(job: Mapping[str, Any], scratch: Path, seconds: float, stopping: threading.Event, name: str) -> float:
    """Run a job of `trainer.training` for at most `seconds`, and return its score.

    TaskFailed if it cannot be done, or not in time; TrainingStopped when `stopping` is set.
    """
    with local_storage(f"Preparing a training in {scratch}"), tempfile.NamedTemporaryFile("w", dir=scratch) as file:
        json.dump(job, file)
        file.flush()
        command = [sys.executable, "-I", "-m", "trainer.training", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                return _listen(process, time.monotonic() + seconds, stopping, name)
            finally:
                process.kill()


def _listen(process: subprocess.Popen[bytes], deadline: float, stopping: threading.Event, name: str) -> float:
    told = time.monotonic()
    for line in _lines(process, deadline, stopping):
        message = json.loads(line)
        if "failed" in message:
            raise TaskFailed("training", str(message["failed"]).rstrip("."))
        if "done" in message:
            return float(message["score"])
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            logger.info("Training %s step=%s/%s loss=%.4f score=%.4f", name, *_numbers(message))
    process.wait()
    raise TaskFailed("training", f"it ended without a model ({_last_line(process)})")


def _numbers(message: Mapping[str, Any]) -> list[Any]:
    return [message[key] for key in ("step", "steps", "loss", "score")]


def _lines(process: subprocess.Popen[bytes], deadline: float, stopping: threading.Event) -> Iterator[bytes]:
    """The lines as they come, until the output ends."""
    assert process.stdout is not None
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if stopping.is_set():
                raise TrainingStopped("The training was stopped with its client.")
            if time.monotonic() > deadline:
                raise TaskFailed("training", "it was not done in time for the task's deadline")
            if not selector.select(_GLANCE_SECONDS):
                continue
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                return
            *lines, buffer = (buffer + piece).split(b"\n")
            yield from lines


def _last_line(process: subprocess.Popen[bytes]) -> str:
    """What it died of: its exit code, and the last thing that it said."""
    assert process.stderr is not None
    said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
    return f"exit code {process.returncode}" + (f", {said[-1][:300]}" if said else "")
