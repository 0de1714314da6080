"""The task runtime: what training and evaluating mean. The only part of the repository that imports torch."""

import importlib
from pathlib import Path
from typing import Any

from protocol.specs import TaskSpec, spec_error
from protocol.tasks.base import Budget, Metrics, Progress, Task, Trained, Weights

__all__ = ["KINDS", "Budget", "Metrics", "Progress", "Task", "Trained", "Weights", "kind", "load"]

# Where the class of each kind is. Kinds are imported when they are used: torch takes seconds to load, and who only
# writes specifications lacks it.
KINDS: dict[str, str] = {
    "classification": "protocol.tasks.classification:Classification",
    "tabular": "protocol.tasks.tabular:Tabular",
    "image": "protocol.tasks.image:Image",
    "text_classification": "protocol.tasks.text_classification:TextClassification",
    "causal_lm": "protocol.tasks.causal_lm:CausalLM",
}


def kind(name: str) -> type[Task[Any]]:
    """The class of a kind; SpecInvalid for one that does not exist."""
    if name not in KINDS:
        raise spec_error(f"kind: {name} is none of {', '.join(KINDS)}")
    module, _, attribute = KINDS[name].partition(":")
    found: type[Task[Any]] = getattr(importlib.import_module(module), attribute)
    return found


def load(spec: TaskSpec, base: Path | None = None) -> Task[Any]:
    """The task of a specification; SpecInvalid for a kind that does not exist or a specification it cannot follow.

    `base`: the folder of the model that is to be adapted, for kinds that do.
    """
    return kind(spec.kind)(spec, base)
