"""A kind on its own example: what `protocol.tasks.conformance` and the benchmark of determinism try things on."""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from protocol.artifacts import manifest_of
from protocol.specs import TaskSpec, make_spec, write_spec
from protocol.tasks.base import Example, Metrics, Task, Weights
from protocol.tasks.runs import write_model
from protocol.tasks.sets import split

SEED = b"conformance"
MEMORY_BYTES, SECONDS = 2**31, 120


class Fails(Exception):
    """A kind does not hold what it must; the message is a sentence."""


@dataclass(frozen=True)
class Bench:
    """A kind and its example, as folders below `place`."""

    cls: type[Task[Any]]
    place: Path

    @cached_property
    def example(self) -> Example[Any]:
        return self.cls.example(self.place)

    @cached_property
    def folders(self) -> tuple[Path, Path]:
        """The artifacts of the training and held-out set."""
        parts, card = split(self.example.source.data, 0.3, SEED), self.example.source.card
        training, held_out = (self.place / name for name in ("training", "held-out"))
        return self.cls.write(training, parts[0], card), self.cls.write(held_out, parts[1], card)

    def spec(self, **changes: Any) -> TaskSpec:
        """The specification of the example."""
        metric = next(iter(self.cls.metrics))
        base, training, held_out = self.example.base, *map(manifest_of, self.folders)
        described = {} if base is None else self.cls.read_base(base)
        fields = {
            "kind": self.cls.kind,
            "title": "Conformance",
            "description": "",
            "metric": metric,
            "maximise": self.cls.metrics[metric].maximise,
            "scale": 10**9,
            "tolerance": 10**5,
            "slash_tolerance": 10**6,
            "grid": 10**5,
            "model": {**described, **self.example.source.model, **self.example.model},
            "training_digest": training.digest,
            "held_out_digest": held_out.digest,
            "base_digest": None if base is None else manifest_of(base).digest,
            "limits": {"max_model_bytes": 2**30, "max_seconds": SECONDS, "max_memory_bytes": MEMORY_BYTES},
        }
        return make_spec(**fields | changes)

    @cached_property
    def task(self) -> Task[Any]:
        return self.cls(self.spec(), self.example.base)

    @cached_property
    def data(self) -> Any:
        """The held-out set."""
        return self.task.load(self.folders[1])

    @cached_property
    def weights(self) -> Weights:
        """A trained model."""
        return self.task.train(self.task.load(self.folders[0]), self.example.budget, 1).weights

    @cached_property
    def metrics(self) -> Metrics:
        """Of the trained model on the held-out set."""
        return self.task.evaluate(self.weights, self.data)

    def expect_equal(self, what: str, metrics: Metrics, other: Metrics) -> None:
        """Fails unless two evaluations agree within the spread of the metric."""
        spread = self.cls.metrics[self.task.spec.metric].spread / 10**9
        for name in ("losses", "values"):
            distance = np.abs(getattr(metrics, name) - getattr(other, name)).max()
            if not distance <= spread:
                raise Fails(f"{what}, {name} differ by {distance:.3g}; the kind states a spread of {spread:.3g}")


_ELSEWHERE = """
import importlib, resource, sys
from pathlib import Path
import numpy as np, torch
from protocol.specs import read_spec
from protocol.tasks.runs import read_model
name, spec, model, data, base, out, threads, confined = sys.argv[1:]
module, _, attribute = name.partition(":")
spec = read_spec(Path(spec))
task = getattr(importlib.import_module(module), attribute)(spec, Path(base) if base else None)
torch.set_num_threads(int(threads))
if confined == "True":
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + spec.limits.max_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    seconds = spec.limits.max_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
metrics = task.evaluate(read_model(task, Path(model)), task.load(Path(data)))
np.save(out, np.stack([metrics.losses, metrics.values]))
"""


def evaluate_elsewhere(bench: Bench, environment: dict[str, str], threads: int, confined: bool = False) -> Metrics:
    """The trained model's evaluation in another process; Fails if that ends badly."""
    folder = bench.place / "elsewhere"
    write_model(bench.weights, folder / "model")
    write_spec(bench.task.spec, folder / "spec")
    out = folder / "metrics.npy"
    name = f"{bench.cls.__module__}:{bench.cls.__qualname__}"
    folders = (folder / "spec", folder / "model", bench.folders[1], bench.example.base or "", out)
    command = [sys.executable, "-c", _ELSEWHERE, name, *map(str, folders), str(threads), str(confined)]
    path = os.pathsep.join(filter(None, [*sys.path, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        command, env=os.environ | environment | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise Fails(f"an evaluation in another process ended with exit code {done.returncode}: {last[:300]}")
    losses, values = np.load(out)
    return Metrics(losses, values)
