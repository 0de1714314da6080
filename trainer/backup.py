"""Copies of models between commitment and revelation: the one thing of a trainer that does not follow from its key."""

import logging
import shutil
from pathlib import Path

from protocol.artifacts import artifact_paths
from protocol.configuration import expanded
from protocol.staging import local_storage, promote, staged_directory

logger = logging.getLogger(__name__)


class Backup:
    """A folder of copies, best on another disk; with None nothing is kept. `work`: whose models they are.

    Every account on every network has a place of its own below the folder. StorageFailed when a disk fails.
    """

    def __init__(self, root: Path | None, work: Path) -> None:
        self._root = expanded(root) / work.parent.name / work.name if root else None

    def keep(self, task_id: int, model: Path) -> None:
        """Copy a model, unless its copy is there."""
        if self._root is not None and not self._place(task_id).exists():
            _copy(model, self._place(task_id))

    def restore(self, task_id: int, model: Path) -> bool:
        """Whether there was a copy; it is in the model's place now."""
        if self._root is None or not self._place(task_id).exists():
            return False
        _copy(self._place(task_id), model)
        logger.info("Restored the model of task=%d from its copy", task_id)
        return True

    def clear(self, task_id: int) -> None:
        """Remove a copy that is not needed any more."""
        if self._root is not None:
            shutil.rmtree(self._place(task_id), ignore_errors=True)

    def _place(self, task_id: int) -> Path:
        assert self._root is not None
        return self._root / f"task-{task_id}"


def _copy(source: Path, target: Path) -> None:
    with local_storage(f"Copying {source} to {target}"), staged_directory(target) as stage:
        for path in artifact_paths(source):
            (stage / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, stage / path)
        promote(stage, target)
