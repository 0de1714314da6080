"""Classification of rows of numbers by a multi-layer perceptron (with no hidden layer: softmax regression).

A specification's `model` is {"features": 30, "hidden": [32], "classes": 2}. A model's tensors, all float32:

    mean, scale            (features,)   x is standardised as (x - mean) * scale
    layers.<i>.weight      (out, in)     one more layer than `hidden` names, ReLU between them
    layers.<i>.bias        (out,)

Evaluation is in float64 with exact sums (see `protocol.tasks.exact`), so that the outputs are the same to the last bit
on every machine and a model made of near-ties cannot set honest validators against each other. A sample's loss is the
cross-entropy in nats, at most MAX_LOSS so that one sample cannot decide a task. Its value is 1 if the class of the
largest output is right (metric accuracy; of equal outputs the first counts), or the loss (metric log_loss).
"""

import math
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from torch import Tensor, nn
from torch.nn import functional

from protocol.documents import Document, canonical_json, explain
from protocol.errors import ModelInvalid, TaskFailed
from protocol.models import TensorType, tensor_bytes
from protocol.specs import TaskSpec, spec_error
from protocol.tasks.base import Budget, Floats, Metrics, Progress, Task, Trained, Weights
from protocol.tasks.data import Table, read_data
from protocol.tasks.determinism import deterministic
from protocol.tasks.exact import exact_linear

MAX_LOSS = 100.0
METRICS = {"accuracy": True, "log_loss": False}  # whether more is better
_ELEMENTS = 2**22  # of the widest layer's outputs that are computed at once
_MAX_PARAMETERS = 100_000_000

Labels = NDArray[np.int64]
Width = Annotated[int, Field(ge=1, le=65_536)]


class Perceptron(Document):
    """A specification's `model`: widths of the input, of each hidden layer, and the number of classes."""

    features: Width
    hidden: Annotated[tuple[Width, ...], Field(max_length=8)]
    classes: Annotated[int, Field(ge=2, le=10_000)]

    def layers(self) -> list[tuple[int, int]]:
        """(in, out) of each layer."""
        return list(pairwise((self.features, *self.hidden, self.classes)))


class Network(nn.Module):
    """The perceptron as it is trained; its state is the tensors of a model."""

    mean: Tensor
    scale: Tensor

    def __init__(self, model: Perceptron, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(model.features))
        self.register_buffer("scale", torch.ones(model.features))
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in model.layers())
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (rows, classes) of x (rows, features)."""
        x = (x - self.mean) * self.scale
        for layer in self.layers[:-1]:
            x = self.dropout(functional.relu(layer(x)))
        return cast(Tensor, self.layers[-1](x))

    def standardise(self, x: Tensor) -> None:
        """Choose mean and scale so that the rows have mean 0 and deviation 1; columns that do not vary are left out."""
        deviation, mean = torch.std_mean(x.double(), dim=0, correction=0)
        scale = torch.where(deviation > 1e-7 * mean.abs(), 1 / deviation, 0.0).float()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(scale.isfinite(), scale, 0.0))

    def weights(self) -> Weights:
        """A copy of its tensors."""
        return {name: tensor.detach().numpy().copy() for name, tensor in self.state_dict().items()}


class Classification(Task[Table]):
    """The kind "classification"."""

    kind = "classification"

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        try:
            self.model = Perceptron.model_validate_json(canonical_json(spec.model))
        except ValidationError as error:
            raise spec_error(f"model.{explain(error)}") from None
        self._check()

    def _check(self) -> None:
        if METRICS.get(self.spec.metric) != self.spec.maximise:
            offered = " or ".join(f"{name} (maximise: {more})" for name, more in METRICS.items())
            raise spec_error(f"metric: it must be {offered}")
        if sum((inputs + 1) * outputs for inputs, outputs in self.model.layers()) > _MAX_PARAMETERS:
            raise spec_error(f"model: it has more than {_MAX_PARAMETERS:,} parameters")
        if (needed := tensor_bytes(self.tensors())) > self.spec.limits.max_model_bytes:
            raise spec_error(f"limits.max_model_bytes: this model needs {needed}")

    def tensors(self) -> Mapping[str, TensorType]:
        tensors = {name: TensorType("F32", (self.model.features,)) for name in ("mean", "scale")}
        for number, (inputs, outputs) in enumerate(self.model.layers()):
            tensors[f"layers.{number}.weight"] = TensorType("F32", (outputs, inputs))
            tensors[f"layers.{number}.bias"] = TensorType("F32", (outputs,))
        return tensors

    def load(self, directory: Path) -> Table:
        return read_data(directory, self.model.features, self.model.classes)

    def evaluate(self, weights: Weights, data: Table) -> Metrics:
        batch = max(1, _ELEMENTS // max(self.model.features, *(outputs for _, outputs in self.model.layers())))
        with deterministic(), torch.inference_mode():
            tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
            parts = [
                self._evaluate_rows(
                    tensors, torch.from_numpy(data.x[start : start + batch]), data.y[start : start + batch]
                )
                for start in range(0, len(data), batch)
            ]
        losses, hits = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Metrics(losses, hits if self.spec.metric == "accuracy" else losses)

    def _evaluate_rows(self, weights: Mapping[str, Tensor], x: Tensor, y: Labels) -> tuple[Floats, Floats]:
        outputs = self._outputs(weights, x.double())
        if not outputs.isfinite().all():
            raise ModelInvalid("its outputs are not finite")
        losses = functional.cross_entropy(outputs, torch.from_numpy(y), reduction="none").clamp(max=MAX_LOSS)
        return losses.numpy(), (outputs.numpy().argmax(axis=1) == y).astype(np.float64)

    def _outputs(self, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        x = (x - weights["mean"].double()) * weights["scale"].double()
        last = len(self.model.hidden)
        for number in range(last + 1):
            x = exact_linear(x, weights[f"layers.{number}.weight"].double(), weights[f"layers.{number}.bias"].double())
            x = x if number == last else functional.relu(x)
        return x

    def train(
        self, data: Table, budget: Budget, seed: int, progress: Callable[[Progress], None] = lambda _: None
    ) -> Trained:
        with deterministic(seed):
            order = torch.randperm(len(data)).numpy()
            kept = round(budget.validation * len(data))
            if not 0 < kept < len(data):
                raise TaskFailed(self.kind, f"{len(data)} rows are too few to keep {budget.validation:.0%} aside")
            training = _Training(self, data.rows(order[kept:]), data.rows(order[:kept]), budget)
            return training.run(progress)


class _Training:
    """One training run: AdamW on cross-entropy, stopped early by the rows that were kept aside."""

    def __init__(self, task: Classification, rows: Table, kept: Table, budget: Budget) -> None:
        self.task, self.kept, self.budget = task, kept, budget
        self.x, self.y = torch.from_numpy(rows.x), torch.from_numpy(rows.y)
        self.network = Network(task.model, budget.dropout)
        self.network.standardise(self.x)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=budget.learning_rate, weight_decay=budget.weight_decay
        )

    def run(self, progress: Callable[[Progress], None]) -> Trained:
        history: list[Progress] = []
        best, best_epoch, weights = math.inf, 0, self.network.weights()
        started = time.monotonic()
        for epoch in range(1, self.budget.epochs + 1):
            self._epoch()
            history.append(self._measure(epoch))
            progress(history[-1])
            if history[-1].loss < best:
                best, best_epoch, weights = history[-1].loss, epoch, self.network.weights()
            if epoch - best_epoch >= self.budget.patience or time.monotonic() - started > self._seconds():
                break
        return Trained(weights, tuple(history))

    def _epoch(self) -> None:
        self.network.train()
        for rows in torch.split(torch.randperm(len(self.x)), self.budget.batch_size):
            self.optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(self.network(self.x[rows]), self.y[rows]))
            self.optimizer.step()

    def _measure(self, epoch: int) -> Progress:
        try:
            metrics = self.task.evaluate(self.network.weights(), self.kept)
        except ModelInvalid:
            raise TaskFailed(self.task.kind, "the training diverged; choose a lower learning rate") from None
        return Progress(epoch, self.budget.epochs, float(metrics.losses.mean()), metrics.score)

    def _seconds(self) -> float:
        return math.inf if self.budget.max_seconds is None else self.budget.max_seconds
