"""The task runtime: what training and evaluating mean. The only part of the repository that imports torch."""

from collections.abc import Callable
from typing import Any

from protocol.specs import TaskSpec, spec_error
from protocol.tasks.base import Budget, Metrics, Progress, Task, Trained, Weights

__all__ = ["KINDS", "Budget", "Metrics", "Progress", "Task", "Trained", "Weights", "load"]


def _classification(spec: TaskSpec) -> Task[Any]:
    from protocol.tasks.classification import Classification

    return Classification(spec)


# Kinds are imported when they are used: torch takes seconds to load, and who only writes specifications lacks it.
KINDS: dict[str, Callable[[TaskSpec], Task[Any]]] = {"classification": _classification}


def load(spec: TaskSpec) -> Task[Any]:
    """The task of a specification; SpecInvalid for a kind that does not exist or a specification it cannot follow."""
    if spec.kind not in KINDS:
        raise spec_error(f"kind: {spec.kind} is none of {', '.join(KINDS)}")
    return KINDS[spec.kind](spec)
