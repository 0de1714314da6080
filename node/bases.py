"""Base models: what tasks that adapt a model start from. One copy serves all tasks of a client."""

from pathlib import Path

from protocol.specs import TaskSpec
from protocol.store import ArtifactStore, Limits


def fetch_base(store: ArtifactStore, spec: TaskSpec, work: Path, max_bytes: int) -> Path | None:
    """The folder of the base model of a task, fetched and verified below `work`; None for a task without one.

    Errors of the store; ArtifactError if it is larger than `max_bytes`.
    """
    if spec.base_digest is None:
        return None
    return store.get(spec.base_digest, work / "bases" / spec.base_digest, Limits(max_bytes))
