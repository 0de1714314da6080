"""What is kept of tasks that are over, and for how long: their files, their rows in the journal, base models.

A task counts as over when everything in it is claimed and no reorganisation brings it back; until then nothing of it is
touched. What was published lies in the store, which is not the client's: an audit needs nothing from here.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from node.bases import remove_unused
from node.journal import Journal
from node.policy import Policy
from protocol.errors import StorageFailed
from protocol.staging import local_storage

logger = logging.getLogger(__name__)

_PAUSE = 3600.0  # seconds between two looks
_DAY = 24 * 3600


class Retention:
    """The tasks of one client that are over."""

    def __init__(self, journal: Journal, work: Path, policy: Policy) -> None:
        self._journal = journal
        self._work = work
        self._policy = policy
        self._next_look = 0.0

    def over(self, task_id: int, now: int, clear: Callable[[int], None]) -> None:
        """A task is over for good, at chain time `now`: what was joined is kept for a while, the rest is cleared."""
        if not self._journal.has(f"task:{task_id}:"):
            clear(task_id)
        elif self._journal.recall(f"over:{task_id}") is None:
            self._journal.remember(f"over:{task_id}", {"since": now})

    def tidy(self, now: int, clear: Callable[[int], None]) -> None:
        """Remove what was kept for long enough, or is too much; does nothing if it has looked within the hour.

        `clear` removes the files of a task. Killed at any moment it does the rest the next time.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _PAUSE
        try:
            removed = [task_id for task_id in self._too_old_or_much(now) if self._remove(task_id, clear)]
            with local_storage(f"Removing base models below {self._work}"):
                bases = remove_unused(self._work)
        except StorageFailed as error:
            logger.warning("Could not tidy up: %s", error)
            return
        if removed or bases:
            logger.info("Removed what was kept of %d tasks that are over, and %d base models", len(removed), bases)

    def _too_old_or_much(self, now: int) -> list[int]:
        """Tasks that are over, the oldest first."""
        since = {int(key.split(":")[1]): int(fact["since"]) for key, fact in self._journal.facts("over:").items()}
        order = sorted(since, key=lambda task_id: (since[task_id], task_id))
        with local_storage(f"Looking through {self._work}"):
            sizes = {task_id: _size(self._work / f"task-{task_id}") for task_id in order}
        total, found = sum(sizes.values()), []
        for task_id in order:
            is_old = now - since[task_id] >= self._policy.keep_days * _DAY
            if is_old or total > self._policy.keep_bytes:
                total -= sizes[task_id]
                found.append(task_id)
        return found

    def _remove(self, task_id: int, clear: Callable[[int], None]) -> bool:
        """Files first: as long as they are there, the journal says that they are to go."""
        if self._journal.is_open(f"task:{task_id}:"):
            return False  # a transaction that is still looked after
        clear(task_id)
        if (self._work / f"task-{task_id}").exists():
            return False
        self._journal.drop(f"task:{task_id}:", f"over:{task_id}")
        return True


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))
