"""Where a training stands, on disk, so that one that was killed goes on and ends as if it had not been.

A checkpoint is for the trainer alone: it is never published, and never read from anywhere but the trainer's own disk.
"""

import io
import logging
import time
from pathlib import Path
from typing import Any

import torch

from protocol.staging import local_storage, write_file

logger = logging.getLogger(__name__)


class Checkpoint:
    """One file; `None` keeps nothing. A state is tensors, numbers, texts, lists and dictionaries.

    `seconds`: between two that are kept, since a large model takes a while to write.
    """

    def __init__(self, path: Path | None, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._kept = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The state that was kept last, None if there is none that can be read."""
        if self._path is None or not self._path.exists():
            return None
        try:
            with local_storage(f"Reading {self._path}"):
                state: dict[str, Any] = torch.load(io.BytesIO(self._path.read_bytes()), weights_only=True)
        except Exception as error:  # whatever a damaged file makes the library raise
            logger.warning("Began anew, since the checkpoint %s cannot be read: %s", self._path, error)
            return None
        return state

    def due(self) -> bool:
        """Whether it is time to keep another one."""
        return self._path is not None and time.monotonic() - self._kept >= self._seconds

    def keep(self, state: dict[str, Any]) -> None:
        """Put a state in the place of the last one, whole or not at all. StorageFailed."""
        if self._path is None:
            return
        buffer = io.BytesIO()
        torch.save(state, buffer)
        with local_storage(f"Writing the checkpoint {self._path}"):
            write_file(self._path, buffer.getvalue())
        self._kept = time.monotonic()

    def drop(self) -> None:
        """Remove it: the training is over."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
