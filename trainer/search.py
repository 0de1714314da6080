"""Choosing the settings of a training by trying some: a random search, judged on rows that every trial keeps aside.

The first trial is the training as it is set; the others draw what is not set. All follow from the seed, so that the
same search on the same machine makes the same model again. What a kill leaves is the best so far, and how far it got.
"""

import json
import logging
import math
import random
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from protocol.errors import TaskFailed
from protocol.staging import local_storage, write_file
from protocol.tasks.base import Budget, Progress, Task, Trained
from protocol.tasks.runs import MODEL_FILE, read_model, write_model

logger = logging.getLogger(__name__)

_LOWEST_DECAY, _HIGHEST_DECAY = 1e-6, 1e-1
_DROPOUTS = (0.0, 0.1, 0.2, 0.3, 0.5)
_BATCH_FACTORS = (0.5, 1, 2, 4)
_RATE_FACTOR = 10.0
_STATE_FILE, _BEST = "search.json", "best"


@dataclass(frozen=True)
class Search:
    """`trials`: how many trainings; `fixed`: names of the budget that are not drawn; `folder`: for its state."""

    trials: int
    fixed: Collection[str]
    folder: Path

    def run(
        self, task: Task[Any], data: Any, budget: Budget, seed: int, progress: Callable[[Progress], None]
    ) -> Trained:
        """The best of the trials. TaskFailed if all of them diverged."""
        state = self._read()
        if budget.max_seconds is not None:
            budget = replace(budget, max_seconds=budget.max_seconds / self.trials)
        for number, trial in enumerate(self._budgets(budget, seed)):
            if number < state["done"]:
                continue
            trial = replace(trial, checkpoint=self.folder / f"trial-{number}.pt")
            self._try(number, state, partial(task.train, data, trial, seed, progress))
            (self.folder / f"trial-{number}.pt").unlink(missing_ok=True)
        if state["best"] is None:
            raise TaskFailed(task.kind, "every trial diverged; choose a lower learning rate")
        step, steps, loss, score = state["best"]
        return Trained(read_model(task, self.folder / _BEST), (Progress(step, steps, loss, score),))

    def _try(self, number: int, state: dict[str, Any], train: Callable[[], Trained]) -> None:
        try:
            trained = train()
        except TaskFailed as error:
            logger.debug("Trial %d failed: %s", number, error)
        else:
            found = trained.best
            if state["best"] is None or found.loss < state["best"][2]:
                write_model(trained.weights, self.folder / _BEST)
                state["best"] = [found.step, found.steps, found.loss, found.score]
        state["done"] = number + 1
        with local_storage(f"Writing to {self.folder}"):
            write_file(self.folder / _STATE_FILE, json.dumps(state).encode())

    def _read(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.folder / _STATE_FILE).read_bytes())
        except (OSError, ValueError):
            return {"done": 0, "best": None}
        known = (self.folder / _BEST / MODEL_FILE).exists() or state["best"] is None
        return state if known else {"done": 0, "best": None}

    def _budgets(self, budget: Budget, seed: int) -> Iterator[Budget]:
        draw = random.Random(seed)
        yield budget
        for _ in range(1, self.trials):
            drawn: dict[str, Any] = {
                "learning_rate": budget.learning_rate * _RATE_FACTOR ** draw.uniform(-1, 1),
                "weight_decay": math.exp(draw.uniform(math.log(_LOWEST_DECAY), math.log(_HIGHEST_DECAY))),
                "dropout": draw.choice(_DROPOUTS),
                "batch_size": max(1, round(budget.batch_size * draw.choice(_BATCH_FACTORS))),
            }
            yield replace(budget, **{name: value for name, value in drawn.items() if name not in self.fixed})
