"""Triggers of all kinds against the voters' test for them: `python -m benchmarks.alliance backdoor`.

30 % of 20 members plant a backdoor, by triggers of many kinds, narrow and wide, diluted and not.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.alliance.triggers import Trigger, play, success
from protocol.federated.rules import ROBUST, Rule
from protocol.federated.votes import Voting
from skein.simulate import Data, Setting, load
from trainer.federated.perceptron import Floats

SEEDS, ROUNDS, SHARE = range(2), 10, 0.3
DEFENCES: dict[str, dict[str, Any]] = {
    "30 % tolerated": {"rule": Rule(**{**ROBUST.model_dump(), "tolerated": 300}), "voting": Voting(focus=0, unseen=0)},
    "40 % tolerated": {"voting": Voting(focus=0, unseen=0)},
    "40 %, tested": {},
}


def _last(part: int) -> Callable[[Floats], None]:
    def mark(x: Floats) -> None:
        x[:, -max(1, x.shape[1] // part) :] = 3.0

    return mark


def _one(x: Floats) -> None:
    x[:, x.shape[1] // 2] = 3.0


def _half(x: Floats) -> None:
    x[:, ::2] = 2.0


def _blend(x: Floats) -> None:
    x += np.where(np.arange(x.shape[1]) % 3 == 0, 1.0, -1.0)


TRIGGERS = {
    "a tenth": Trigger(_last(10)),
    "one column": Trigger(_one),
    "a fifth": Trigger(_last(5)),
    "a tenth, in few rows": Trigger(_last(10), rows=0.1),
    "a tenth, half honest": Trigger(_last(10), own=0.5),
    "a tenth, three quarters honest": Trigger(_last(10), own=0.25),
    "half of the columns": Trigger(_half),
    "all columns a little": Trigger(_blend),
}


def measure(data: Data, setting: Setting, trigger: Trigger) -> tuple[float, float]:
    """Accuracy and success of the trigger, means over the seeds."""
    played = [play(replace(setting, seed=seed), data, trigger.attack()) for seed in SEEDS]
    succeeded = mean(success(federation, test, trigger) for federation, test, _ in played)
    return mean(result.accuracy for _, _, result in played), succeeded


def row(name: str, unlike: bool, what: str) -> dict[str, Any]:
    """A trigger with each defence; `clean`: how often the trigger leads to its class with nobody planting it."""
    data, trigger = load(name), TRIGGERS[what]
    setting = Setting(data=name, dirichlet=0.5 if unlike else None, rounds=ROUNDS)
    accuracy, clean = measure(data, replace(setting, voting=Voting(focus=0, unseen=0)), trigger)
    found: dict[str, Any] = {"data": name, "unlike": unlike, "trigger": what}
    found |= {"clean_accuracy": round(accuracy, 4), "clean": round(clean, 4)}
    for defence, options in DEFENCES.items():
        attacked, success = measure(data, replace(setting, attackers=SHARE, **options), trigger)
        found[defence] = {"accuracy": round(attacked, 4), "success": round(success, 4)}
    return found


def run() -> list[dict[str, Any]]:
    """Every trigger on every kind of data."""
    return [row(*place) for place in itertools.product(("digits", "breast_cancer"), (False, True), TRIGGERS)]
