"""Base models: what tasks that adapt a model start from. One copy serves all tasks of a client."""

import shutil
from contextlib import suppress
from pathlib import Path

from protocol.errors import ProtocolError
from protocol.specs import TaskSpec, read_spec
from protocol.store import ArtifactStore, Limits


def fetch_base(store: ArtifactStore, spec: TaskSpec, work: Path, max_bytes: int) -> Path | None:
    """The folder of the base model of a task, fetched and verified below `work`; None for a task without one.

    Errors of the store; ArtifactError if it is larger than `max_bytes`.
    """
    if spec.base_digest is None:
        return None
    return store.get(spec.base_digest, work / "bases" / spec.base_digest, Limits(max_bytes))


def remove_unused(work: Path) -> int:
    """Remove the base models that no specification below `work` names any more; how many there were. OSError."""
    wanted = set()
    for folder in work.glob("*/spec"):
        with suppress(ProtocolError):
            wanted.add(read_spec(folder).base_digest)
    unused = [place for place in work.glob("bases/0x*") if place.name not in wanted]
    for place in unused:
        shutil.rmtree(place)
    return len(unused)
