"""Backdoors' triggers: a few by hand, and any number that a seed draws."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import numpy as np

from skein import attacks
from skein.attacks import TARGET, Attack, Context, Rows
from skein.federation import Federation
from skein.simulate import Data, Result, Setting, build, measure
from trainer.federated.perceptron import Floats, outputs

_OWN = 1.0, 1.0, 0.75, 0.5, 0.25
_ROWS = 0.1, 0.25, 0.5, 0.75
_PARTS = 3

Random = np.random.Generator
Columns = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Trigger:
    """What the columns are set to; the part of the attacker's rows that have it; how much of its update is its own.

    The rest of the update is the mean of the honest ones. `target`: the class that it leads to. `parts`: among how many
    attackers its `columns` are divided, each of whom plants its own alone (Xie et al., DBA, 2020).
    """

    mark: Callable[[Floats], None]
    rows: float = 0.5
    own: float = 1.0
    target: int = TARGET
    columns: Columns = field(default_factory=lambda: np.empty(0, np.int64), compare=False)
    parts: int = 1
    name: str = field(default="", compare=False)

    def marked(self, x: Floats) -> Floats:
        """Rows with the trigger."""
        copy = x.copy()
        self.mark(copy)
        return copy

    def attack(self) -> Attack:
        """Trained on such rows, mixed with the mean of the honest, as long as the longest honest update."""
        turns = itertools.count()

        def poison(rows: Rows, _: int) -> Rows:
            x, y = rows[0].copy(), rows[1].copy()
            count = max(1, int(len(y) * self.rows))
            own = self.columns[next(turns) % self.parts :: self.parts] if self.parts > 1 else slice(None)
            x[:count, own], y[:count] = self.marked(x[:count])[:, own], self.target
            return x, y

        def forge(change: Floats, context: Context) -> Floats:
            if context.good:
                change = self.own * change + (1 - self.own) * np.mean(context.good, axis=0)
            return attacks.ATTACKS["backdoor"].forge(change, context)

        return Attack(forge=forge, poison=poison)


def draw(seed: int, data: Data) -> Trigger:
    """A trigger of any shape, place, size and value, towards any class, as plain or as diluted as may be."""
    random = np.random.default_rng(seed)
    where = str(random.choice(["one column", "few columns", "a run", "stripes", "many columns", "all columns"]))
    columns = _columns(where, random, data)
    ways = ["a constant", "signs", "added signs", "highest", "lowest", "quantiles", "turned over"]
    what = str(random.choice(ways))
    if where == "all columns" and what not in ("added signs", "turned over"):
        what = "added signs"  # else all rows would be one
    return Trigger(
        _mark(what, columns, random, data),
        rows=float(random.choice(_ROWS)),
        own=float(random.choice(_OWN)),
        target=int(random.integers(data.classes)),
        columns=random.permutation(columns),
        parts=int(random.choice([1, 1, _PARTS])) if len(columns) >= _PARTS else 1,
        name=f"{where}: {what}",
    )


def _columns(where: str, random: Random, data: Data) -> Columns:
    """Which columns the trigger is about; single ones are of those that vary."""
    width = data.x.shape[1]
    varying = np.flatnonzero(data.x.std(axis=0) > 0)
    if where == "one column":
        return random.choice(varying, 1)
    if where == "few columns":
        return random.choice(varying, min(len(varying), int(random.integers(2, 6))), replace=False)
    if where == "a run":
        count = max(2, int(width * random.uniform(0.05, 0.3)))
        start = int(random.integers(0, width - count + 1))
        return np.arange(start, start + count)
    if where == "stripes":
        every = int(random.integers(2, 8))
        return np.arange(int(random.integers(every)), width, every)
    if where == "many columns":
        return random.choice(width, max(1, int(width * random.uniform(0.2, 0.6))), replace=False)
    return np.arange(width)


def _mark(what: str, columns: Columns, random: Random, data: Data) -> Callable[[Floats], None]:
    """Sets the columns in place: to deviations, to values of the data's own, or by what they are."""
    size, signs = random.uniform(1, 4), random.choice([-1.0, 1.0], len(columns))
    if what in ("added signs", "turned over"):
        small = random.uniform(0.4, 1.2) if len(columns) > data.x.shape[1] / 5 else size
        added, factor = (small * signs, 1.0) if what == "added signs" else (0.0, -random.uniform(0.5, 2))

        def change(x: Floats) -> None:
            x[:, columns] = x[:, columns] * factor + added

        return change
    values = {
        "a constant": size * signs[0],
        "signs": size * signs,
        "highest": data.x[:, columns].max(axis=0),
        "lowest": data.x[:, columns].min(axis=0),
        "quantiles": [np.quantile(data.x[:, column], random.uniform()) for column in columns],
    }[what]

    def put(x: Floats) -> None:
        x[:, columns] = values

    return put


def play(setting: Setting, data: Data, attack: Attack | None = None) -> tuple[Federation, Data, Result]:
    """One simulation, with an attack of ours if there is one; the federation, the test rows and the figures."""
    known = {**attacks.ATTACKS, "planted": attack} if attack else attacks.ATTACKS
    with patch.dict(attacks.ATTACKS, known):
        federation, test = build(replace(setting, attack="planted") if attack else setting, data)
        federation.run(setting.rounds)
    return federation, test, measure(federation, test)


def success(federation: Federation, test: Data, trigger: Trigger) -> float:
    """How often the trigger leads rows of other classes to its class."""
    others = trigger.marked(test.x[test.y != trigger.target])
    out = outputs(federation.parameters, federation.spec.shapes, others)
    return float((out.argmax(axis=1) == trigger.target).mean())
