"""The whole contract between a specification, those who train for it and those who evaluate.

A kind of task is one file with one class that implements `Task`, and one line in `protocol.tasks.KINDS`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from protocol.models import TensorType
from protocol.specs import TaskSpec

Weights = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
Data = TypeVar("Data")


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
    row brought nothing, or after `max_seconds` (which then makes the result depend on the machine's speed).
    """

    epochs: int = 200
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    dropout: float = 0.0
    validation: float = 0.2
    patience: int = 20
    max_seconds: float | None = None

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


class Task(ABC, Generic[Data]):
    """One task of a kind. The constructor raises SpecInvalid for a specification that the kind cannot follow."""

    kind: ClassVar[str]
    spec: TaskSpec

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec

    @abstractmethod
    def tensors(self) -> Mapping[str, TensorType]:
        """The tensors of a model, all shapes complete."""

    @abstractmethod
    def load(self, directory: Path) -> Data:
        """Read the artifact of a training or held-out set; TaskFailed says what is wrong with it."""

    @abstractmethod
    def train(
        self, data: Data, budget: Budget, seed: int, progress: Callable[[Progress], None] = lambda _: None
    ) -> Trained:
        """Train a model; the same arguments give the same weights on the same machine. TaskFailed if it diverges.

        `progress` is called after each step and may raise to end the training.
        """

    @abstractmethod
    def evaluate(self, weights: Weights, data: Data) -> Metrics:
        """Score a model, within the task's tolerance the same everywhere. ModelInvalid for outputs that are no numbers.

        `weights` have passed the gate: they are finite and exactly `tensors()`.
        """
