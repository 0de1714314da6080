"""The task runtime: what training and evaluating mean. The only part of the repository that imports torch."""

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from protocol.specs import TaskSpec, spec_error
from protocol.tasks.base import Budget, Metrics, Progress, Task, Trained, Weights

__all__ = ["KINDS", "Budget", "Metrics", "Progress", "Task", "Trained", "Weights", "installed", "kind", "load"]

# Where the class of each kind is. Kinds are imported when they are used: torch takes seconds to load, and who only
# writes specifications lacks it.
KINDS: dict[str, str] = {
    "classification": "protocol.tasks.classification:Classification",
    "tabular": "protocol.tasks.tabular:Tabular",
    "image": "protocol.tasks.image:Image",
    "text_classification": "protocol.tasks.text_classification:TextClassification",
    "causal_lm": "protocol.tasks.causal_lm:CausalLM",
}
GROUP = "skein.kinds"  # the entry points by which packages of others bring kinds


@cache
def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The kinds that installed packages bring, by name. None takes the place of one of ours."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.value):
        if entry.name not in KINDS:
            found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def kind(name: str) -> type[Task[Any]]:
    """The class of a kind; SpecInvalid for one that does not exist here."""
    if name in KINDS:
        module, _, attribute = KINDS[name].partition(":")
        ours: type[Task[Any]] = getattr(importlib.import_module(module), attribute)
        return ours
    brought = installed().get(name, ())
    if not brought:
        raise spec_error(f"kind: {name} is none of {', '.join([*KINDS, *installed()])}")
    if len({entry.value for entry in brought}) > 1:  # which one counts must not depend on an order
        raise spec_error(f"kind: {name} is brought by {' and '.join(map(package_of, brought))}; uninstall one")
    return _loaded(brought[0])


def _loaded(entry: EntryPoint) -> type[Task[Any]]:
    try:
        found = entry.load()
    except Exception as error:  # whatever somebody else's module raises as it is imported
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise spec_error(f"kind: {entry.name} of {package_of(entry)} cannot be loaded: {reason}") from error
    if not (isinstance(found, type) and issubclass(found, Task) and getattr(found, "kind", None) == entry.name):
        raise spec_error(f"kind: {entry.value} of {package_of(entry)} is no class of the kind {entry.name}")
    return found


def package_of(entry: EntryPoint) -> str:
    """The package that brings a kind, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def load(spec: TaskSpec, base: Path | None = None) -> Task[Any]:
    """The task of a specification; SpecInvalid for a kind that does not exist or a specification it cannot follow.

    `base`: the folder of the model that is to be adapted, for kinds that do.
    """
    return kind(spec.kind)(spec, base)
