"""What all kinds that choose one of several classes have in common: metrics, evaluation in pieces, training.

A sample's loss is the cross-entropy in nats, at most MAX_LOSS so that one sample cannot decide a task. Its value is

    accuracy            1 if the class of the largest output is right (of equal outputs the first counts), else 0
    balanced_accuracy   the same, times what makes every class weigh alike: for data where one class is rare
    log_loss            the loss
"""

import math
import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from protocol.errors import ModelInvalid, TaskFailed
from protocol.tasks.base import Budget, Floats, Metric, Metrics, Progress, Task, Trained, Weights, no_progress
from protocol.tasks.checkpoints import Checkpoint
from protocol.tasks.determinism import deterministic
from protocol.tasks.exact import exact_cross_entropy
from protocol.tasks.sets import Labelled

MAX_LOSS = 100.0
MAX_PARAMETERS = 100_000_000
# Numbers of the widest intermediate result that are computed at once: so many stay in a processor's cache, but a large
# weight is made ready for at least so many rows, and memory is for at most so many.
_CACHED, _WORTHWHILE_ROWS, _MOST = 2**19, 2048, 2**22

L = TypeVar("L", bound=Labelled)


class Classifier(Task[L]):
    """A kind whose models give an output per class. The networks that it trains have the model's tensors as state."""

    metrics: ClassVar = {"accuracy": Metric(True), "balanced_accuracy": Metric(True), "log_loss": Metric(False)}

    @abstractmethod
    def width(self) -> int:
        """The most numbers that evaluating one sample takes at once."""

    @abstractmethod
    def outputs(self, weights: dict[str, Tensor], data: L) -> Tensor:
        """Outputs (samples, classes), float64, by `protocol.tasks.exact` alone; `weights` as the model has them."""

    @abstractmethod
    def network(self, data: L, dropout: float) -> nn.Module:
        """A new network for training on `data`; called with what `inputs` gives, it returns outputs."""

    @abstractmethod
    def inputs(self, data: L) -> Tensor:
        """What the network is called with, float32 or int64; a row per sample."""

    def evaluate(self, weights: Weights, data: L) -> Metrics:
        rows, data = _rows_at_once(self.width()), data.counted()
        with deterministic(), torch.inference_mode():
            tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
            starts = range(0, len(data), rows)
            parts = [self._measure(tensors, data.rows(slice(at, at + rows))) for at in starts]
        losses, hits = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Metrics(losses, self._values(data, losses, hits))

    def _measure(self, weights: dict[str, Tensor], data: L) -> tuple[Floats, Floats]:
        outputs = self.outputs(weights, data)
        if not outputs.isfinite().all():
            raise ModelInvalid("its outputs are not finite")
        losses = exact_cross_entropy(outputs, torch.from_numpy(data.y)).clamp_(max=MAX_LOSS)
        return losses.numpy(), (outputs.numpy().argmax(axis=1) == data.y).astype(np.float64)

    def _values(self, data: L, losses: Floats, hits: Floats) -> Floats:
        if self.spec.metric == "log_loss":
            return losses
        if self.spec.metric == "accuracy":
            return hits
        counts = data.class_counts()
        values: Floats = hits * (counts.sum() / (np.count_nonzero(counts) * counts[data.y]))
        return values

    def train(self, data: L, budget: Budget, seed: int, progress: Callable[[Progress], None] = no_progress) -> Trained:
        with deterministic(seed):
            order = torch.randperm(len(data)).numpy()
            kept = round(budget.validation * len(data))
            if not 0 < kept < len(data):
                raise TaskFailed(self.kind, f"{len(data)} rows are too few to keep {budget.validation:.0%} aside")
            return _Training(self, data.rows(order[kept:]), data.rows(order[:kept]), budget).run(progress)


def _rows_at_once(width: int) -> int:
    return max(1, min(max(_CACHED // width, _WORTHWHILE_ROWS), _MOST // width))


class _Training:
    """One training run: AdamW on cross-entropy, stopped early by the rows that were kept aside."""

    def __init__(self, task: Classifier[Any], rows: Any, kept: Any, budget: Budget) -> None:
        self.task, self.kept, self.budget = task, kept, budget
        self.device = torch.device(budget.device)
        self.x, self.y = task.inputs(rows).to(self.device), torch.from_numpy(rows.y).to(self.device)
        self.network = task.network(rows, budget.dropout).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=budget.learning_rate, weight_decay=budget.weight_decay
        )
        self.checkpoint = Checkpoint(budget.checkpoint, budget.checkpoint_seconds)
        self.history: list[Progress] = []
        self.best, self.best_epoch, self.weights = math.inf, 0, self._weights()
        self.spent = 0.0  # seconds, by earlier lives as well

    def run(self, progress: Callable[[Progress], None]) -> Trained:
        self._go_on()
        while not self._is_over():
            started = time.monotonic()
            self._epoch()
            step = self._measure(len(self.history) + 1)
            self.history.append(step)
            if step.loss < self.best:
                self.best, self.best_epoch, self.weights = step.loss, step.step, self._weights()
            self.spent += time.monotonic() - started
            if self.checkpoint.due():
                self.checkpoint.keep(self._state())
            progress(step)
        return Trained(self.weights, tuple(self.history))

    def _is_over(self) -> bool:
        epoch, budget = len(self.history), self.budget
        if epoch > 0 and budget.max_seconds is not None and self.spent > budget.max_seconds:
            return True
        return epoch >= budget.epochs or epoch - self.best_epoch >= budget.patience

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "history": [astuple(step) for step in self.history],
            "weights": {name: torch.from_numpy(array) for name, array in self.weights.items()},
            "best": [self.best, self.best_epoch],
            "spent": self.spent,
        }

    def _go_on(self) -> None:
        """Take up the state that an earlier life has kept."""
        state = self.checkpoint.read()
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        self.history = [Progress(*step) for step in state["history"]]
        self.weights = {name: tensor.numpy() for name, tensor in state["weights"].items()}
        self.best, self.best_epoch = state["best"]
        self.spent = state["spent"]

    def _weights(self) -> Weights:
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.network.state_dict().items()}

    def _epoch(self) -> None:
        self.network.train()
        for rows in torch.split(torch.randperm(len(self.y)), self.budget.batch_size):
            chosen = rows.to(self.device)
            self.optimizer.zero_grad()
            torch.autograd.backward(functional.cross_entropy(self.network(self.x[chosen]), self.y[chosen]))
            self.optimizer.step()

    def _measure(self, epoch: int) -> Progress:
        weights = self._weights()
        try:
            if not all(np.isfinite(array).all() for array in weights.values()):
                raise ModelInvalid("its weights are not finite")
            metrics = self.task.evaluate(weights, self.kept)
        except ModelInvalid:
            raise TaskFailed(self.task.kind, "the training diverged; choose a lower learning rate") from None
        return Progress(epoch, self.budget.epochs, float(metrics.losses.mean()), metrics.score)
