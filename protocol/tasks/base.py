"""The whole contract between a specification, those who make it, those who train for it and those who evaluate.

A kind of task is one file with one class that implements `Task`, and a registration; see KINDS.md.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from protocol.documents import Document, canonical_json, explain
from protocol.errors import ConfigInvalid
from protocol.models import TensorType, tensor_bytes, zeros
from protocol.specs import TaskSpec, spec_error
from protocol.tasks.sets import Card

Weights = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_MARGIN = 10  # times the spread that was measured: the least tolerance of a specification


class Samples(Protocol):
    """A data set in memory."""

    def __len__(self) -> int: ...

    def rows(self, indices: Indices) -> Self:
        """Some of the samples, in the order of `indices`; each is evaluated as it is among all."""
        ...

    def strata(self) -> NDArray[np.int64]:
        """Of every sample, the group (its class) that must be on both sides of a split: shape (samples,)."""
        ...

    def content(self, index: int) -> bytes:
        """A sample as bytes: equal samples lie on the same side of a split."""
        ...


Data = TypeVar("Data", bound=Samples)


@dataclass(frozen=True)
class Metric:
    """A way to score. `spread`: by how much two honest validators were seen to differ, in billionths, rounded up.

    benchmarks/determinism measures it.
    """

    maximise: bool
    spread: int = 0


@dataclass(frozen=True)
class Metrics:
    """An evaluation: per sample, in the order of the data, a loss and a value (float64, shape (samples,)).

    The score is the mean of the values.
    """

    losses: Floats
    values: Floats

    @property
    def score(self) -> float:
        """The mean of the values, summed without rounding."""
        return math.fsum(self.values) / len(self.values)


@dataclass(frozen=True)
class Budget:
    """How a trainer spends its effort. Nothing here is part of the task: every trainer chooses for itself.

    `validation` is the share of the training data kept aside to stop early; training ends when `patience` epochs in a
    row brought nothing, or after `max_seconds` (which then makes the result depend on the machine's speed). `device` is
    torch's name of what computes. In the file `checkpoint` the state is kept every `checkpoint_seconds`, and a training
    that was killed goes on from there; kinds whose trainings are short need not.
    """

    epochs: int = 200
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    dropout: float = 0.0
    validation: float = 0.2
    patience: int = 20
    max_seconds: float | None = None
    device: str = "cpu"
    checkpoint: Path | None = None
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        ranges = {
            "epochs": self.epochs >= 1,
            "batch_size": self.batch_size >= 1,
            "learning_rate": 0 < self.learning_rate < math.inf,
            "weight_decay": 0 <= self.weight_decay < math.inf,
            "dropout": 0 <= self.dropout < 1,
            "validation": 0 < self.validation < 1,
            "patience": self.patience >= 1,
            "max_seconds": self.max_seconds is None or self.max_seconds > 0,
        }
        for name, holds in ranges.items():
            if not holds:
                raise ValueError(f"{name} = {getattr(self, name)} is out of range")


@dataclass(frozen=True)
class Progress:
    """Where a training stands after `step` of at most `steps`; loss and score are of the data that was kept aside."""

    step: int
    steps: int
    loss: float
    score: float


@dataclass(frozen=True)
class Trained:
    """The best weights of a training, and how each step went."""

    weights: Weights
    history: tuple[Progress, ...]

    @property
    def best(self) -> Progress:
        """The step that the weights are of."""
        return min(self.history, key=lambda progress: progress.loss)


@dataclass(frozen=True)
class Origin:
    """Where a creator says that the data are: a name, a file or a directory; the column that is to be predicted."""

    source: str
    label: str | None = None


@dataclass(frozen=True)
class Source(Generic[Data]):
    """A whole data set before it is split, its card, and what it says about the specification's `model`."""

    data: Data
    card: Card
    model: Mapping[str, Any]


@dataclass(frozen=True)
class Example(Generic[Data]):
    """A small task of a kind, on which `skein kind check` tries it: at most seconds of training.

    `origin`: what a creator would name as its source. `model` completes what that says. For kinds that adapt a model,
    `published` is the folder that a creator would name as its base, and `base` that of the artifact.
    """

    origin: str
    source: Source[Data]
    model: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = Budget()
    published: Path | None = None
    base: Path | None = None


def no_progress(_: Progress) -> None:
    """What is told of a training that nobody listens to."""


class Task(ABC, Generic[Data]):
    """One task of a kind. The constructor raises SpecInvalid for a specification that the kind cannot follow.

    `base` is the folder of the artifact `spec.base_digest`, for kinds that adapt a model; without it nothing can be
    loaded. `model` is the specification's `model`, read as `description` says.
    """

    kind: ClassVar[str]
    description: ClassVar[type[Document]]
    metrics: ClassVar[Mapping[str, Metric]]
    adapts: ClassVar[bool] = False
    budget: ClassVar[Budget] = Budget()
    """What a trainer spends if it does not choose."""

    def __init__(self, spec: TaskSpec, base: Path | None = None) -> None:
        self.spec, self.base = spec, base
        try:
            self.model = self.description.model_validate_json(canonical_json(spec.model))
        except ValidationError as error:
            raise spec_error(f"model.{explain(error)}") from None
        except ValueError as error:  # a creator's, before it is a document: with floats
            raise spec_error(f"model: {error}") from None
        self._check_scoring()
        if self.adapts != (spec.base_digest is not None):
            raise spec_error(f"base_digest: {self.kind} {'needs it' if self.adapts else 'adapts no model'}")
        self.check()
        if (needed := tensor_bytes(self.tensors())) > spec.limits.max_model_bytes:
            raise spec_error(f"limits.max_model_bytes: this model needs {needed}")

    def _check_scoring(self) -> None:
        metric = self.metrics.get(self.spec.metric)
        if metric is None or metric.maximise != self.spec.maximise:
            offered = " or ".join(f"{name} (maximise: {each.maximise})" for name, each in self.metrics.items())
            raise spec_error(f"metric: it must be {offered}")
        if self.spec.tolerance < (least := _MARGIN * metric.spread):
            raise spec_error(f"tolerance: honest validators may differ, so it must be at least {least} billionths")

    # --- the task

    def check(self) -> None:
        """Raise SpecInvalid for what `description` cannot express."""

    @abstractmethod
    def tensors(self) -> Mapping[str, TensorType]:
        """The tensors of a model, all shapes complete."""

    def blank(self) -> Weights:
        """A model that anybody could make, and that costs as much to evaluate as any other: what goes wrong with it is
        not any model's fault."""
        return zeros(self.tensors())

    def check_base(self) -> None:
        """TaskFailed if the artifact of the base model is not what the specification says."""

    @abstractmethod
    def load(self, directory: Path) -> Data:
        """Read the artifact of a training or held-out set; TaskFailed says what is wrong with it (or with the base)."""

    @abstractmethod
    def train(
        self, data: Data, budget: Budget, seed: int, progress: Callable[[Progress], None] = no_progress
    ) -> Trained:
        """Train a model; the same arguments give the same weights on the same machine. TaskFailed if it diverges.

        `progress` is called after each step and may raise to end the training.
        """

    @abstractmethod
    def evaluate(self, weights: Weights, data: Data) -> Metrics:
        """Score a model, within the task's tolerance the same everywhere. ModelInvalid for outputs that are no numbers.

        `weights` have passed the gate: they are finite and exactly `tensors()`. What it gives of a sample must not
        depend on which others are there.
        """

    # --- making one

    @classmethod
    def make_base(cls, source: Path, into: Path) -> Path:
        """Make the artifact of a base model of a local directory; ConfigInvalid if it cannot be adapted."""
        raise ConfigInvalid(f"The kind {cls.kind} adapts no model.")

    @classmethod
    def read_base(cls, base: Path) -> Mapping[str, Any]:
        """What the artifact of a base model says about the specification's `model`; TaskFailed if it is none."""
        raise ConfigInvalid(f"The kind {cls.kind} adapts no model.")

    @classmethod
    @abstractmethod
    def read(cls, origin: Origin) -> Source[Data]:
        """A creator's data; ConfigInvalid says what is wrong with them."""

    @classmethod
    @abstractmethod
    def write(cls, directory: Path, data: Data, card: Card) -> Path:
        """Write the artifact of a data set, as `load` reads it. StorageFailed."""

    @classmethod
    @abstractmethod
    def example(cls, folder: Path) -> Example[Data]:
        """The kind's example; files that it needs go to `folder`. The same each time."""
