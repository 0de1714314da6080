"""A kind of one's own: rows of numbers, and of each row a number that is to be told; a linear model.

A specification's `model` is {"features": 3}. `data.safetensors` has x (F32, shape (rows, features)) and y (F32, shape
(rows,)). A model's tensors are `weight` (F32, (1, features)) and `bias` (F32, (1,)). The only metric, `squared_error`,
is the mean of (weight · x + bias - y)², at most MOST a row, so that one row cannot decide a task.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn
from torch.nn import functional

from protocol.configuration import expanded
from protocol.documents import Document
from protocol.errors import ConfigInvalid, ModelInvalid, TaskFailed
from protocol.models import TensorType
from protocol.tasks.base import (
    Budget,
    Example,
    Indices,
    Metric,
    Metrics,
    Origin,
    Progress,
    Source,
    Task,
    Trained,
    Weights,
    no_progress,
)
from protocol.tasks.data import number, read_rows, required_label, unknown_source
from protocol.tasks.determinism import deterministic
from protocol.tasks.exact import exact_linear
from protocol.tasks.sets import Card, read_set, write_set

MOST = 1e6


class Columns(Document):
    """A specification's `model`: bounds for every number, and nothing that a task could hide in."""

    features: Annotated[int, Field(ge=1, le=10_000)]


@dataclass(frozen=True)
class Rows:
    """x float32 of shape (rows, features), y float32 of shape (rows,)."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, indices: Indices) -> "Rows":
        """Some of them, in this order."""
        return Rows(self.x[indices], self.y[indices])

    def strata(self) -> NDArray[np.int64]:
        """There are no classes that must be on both sides of a split."""
        return np.zeros(len(self), np.int64)

    def content(self, index: int) -> bytes:
        """Equal rows lie on the same side of a split."""
        return self.x[index].tobytes() + self.y[index].tobytes()


class Regression(Task[Rows]):
    """The kind "regression"."""

    kind = "regression"
    description = Columns
    metrics: ClassVar[Mapping[str, Metric]] = {"squared_error": Metric(maximise=False)}
    model: Columns

    def tensors(self) -> Mapping[str, TensorType]:
        return {"weight": TensorType("F32", (1, self.model.features)), "bias": TensorType("F32", (1,))}

    def load(self, directory: Path) -> Rows:
        expected = {"x": TensorType("F32", (None, self.model.features)), "y": TensorType("F32", (None,))}
        return Rows(**read_set(directory, expected))

    def evaluate(self, weights: Weights, data: Rows) -> Metrics:
        with deterministic(), torch.inference_mode():
            weight, bias = (torch.from_numpy(weights[name]) for name in ("weight", "bias"))
            told = exact_linear(torch.from_numpy(data.x).double(), weight, bias)[:, 0]
            if not told.isfinite().all():
                raise ModelInvalid("its outputs are not finite")
            errors = (told - torch.from_numpy(data.y).double()).square_().clamp_(max=MOST).numpy()
        return Metrics(errors, errors)

    def train(
        self, data: Rows, budget: Budget, seed: int, progress: Callable[[Progress], None] = no_progress
    ) -> Trained:
        kept = round(budget.validation * len(data))
        if not 0 < kept < len(data):
            raise TaskFailed(self.kind, f"{len(data)} rows are too few to keep {budget.validation:.0%} aside")
        with deterministic(seed):
            order = torch.randperm(len(data)).numpy()
            return self._fit(data.rows(order[kept:]), data.rows(order[:kept]), budget, progress)

    def _fit(self, rows: Rows, kept: Rows, budget: Budget, progress: Callable[[Progress], None]) -> Trained:
        x, y = torch.from_numpy(rows.x).to(budget.device), torch.from_numpy(rows.y).to(budget.device)
        layer = nn.Linear(self.model.features, 1).to(budget.device)
        optimizer = torch.optim.AdamW(layer.parameters(), budget.learning_rate, weight_decay=budget.weight_decay)
        history: list[Progress] = []
        best, started = self._weights(layer), monotonic()
        while len(history) < budget.epochs and not _is_over(history, budget, monotonic() - started):
            for batch in torch.randperm(len(rows)).split(budget.batch_size):
                optimizer.zero_grad()
                torch.autograd.backward(functional.mse_loss(layer(x[batch])[:, 0], y[batch]))
                optimizer.step()
            history.append(self._measure(layer, kept, len(history) + 1, budget))
            if history[-1] is min(history, key=lambda step: step.loss):
                best = self._weights(layer)
            progress(history[-1])
        return Trained(best, tuple(history))

    def _measure(self, layer: nn.Linear, kept: Rows, epoch: int, budget: Budget) -> Progress:
        weights = self._weights(layer)
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise TaskFailed(self.kind, "the training diverged; choose a lower learning rate")
        score = self.evaluate(weights, kept).score
        return Progress(epoch, budget.epochs, score, score)

    @staticmethod
    def _weights(layer: nn.Linear) -> Weights:
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in layer.state_dict().items()}

    # --- making one

    @classmethod
    def read(cls, origin: Origin) -> Source[Rows]:
        """`harvest`, or a CSV file whose column `label` is the number that is to be told."""
        if origin.source == "harvest":
            return harvest()
        path, label = expanded(origin.source), required_label(origin)
        if not path.is_file():
            raise unknown_source(origin, {"harvest": harvest}, "or a CSV file")
        header, rows = read_rows(path)
        if label not in header or len(header) < 2 or not rows:
            raise ConfigInvalid(f"{path} must have a column {label!r}, others to tell it from, and rows.")
        features = tuple(name for name in header if name != label)
        x, y = (
            [[number(path, line, row, name) for name in names] for line, row in rows] for names in (features, [label])
        )
        card = Card(name=path.stem[:200], features=features, rows=len(rows))
        return _source(Rows(np.array(x, np.float32), np.array(y, np.float32)[:, 0]), card)

    @classmethod
    def write(cls, directory: Path, data: Rows, card: Card) -> Path:
        return write_set(directory, {"x": data.x, "y": data.y}, card, len(data))

    @classmethod
    def example(cls, folder: Path) -> Example[Rows]:
        return Example("harvest", harvest(), budget=Budget(epochs=40, learning_rate=0.05))


def _is_over(history: list[Progress], budget: Budget, seconds: float) -> bool:
    """Whether the time is over, or `patience` epochs in a row brought nothing; one epoch there always is."""
    if not history:
        return False
    best = min(history, key=lambda step: step.loss)
    return len(history) - best.step >= budget.patience or seconds > (budget.max_seconds or np.inf)


def _source(data: Rows, card: Card) -> Source[Rows]:
    return Source(data, card, {"features": data.x.shape[1]})


def harvest(count: int = 500) -> Source[Rows]:
    """Harvests made by rule: tonnes a hectare, of rain, sun and fertiliser as parts of what is usual."""
    random = np.random.default_rng(7)
    x = random.normal(1, 0.2, (count, 3)).astype(np.float32)
    y = (x @ np.array([2.0, 1.0, 1.5], np.float32) + random.normal(0, 0.1, count)).astype(np.float32)
    card = Card(name="harvest", features=("rain", "sun", "fertiliser"), licence="Apache-2.0", rows=count)
    return _source(Rows(x, y), card)
