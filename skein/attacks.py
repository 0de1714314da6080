"""What bad members of a simulated federation send: what the papers do, with full knowledge of the round.

`poison` changes the rows that the attacker trains on, `forge` the change that it then proposes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trainer.federated.perceptron import Floats, Labels

Rows = tuple[Floats, Labels]
TRIGGER = 3.0  # of the features that a backdoor sets, in standard deviations
TARGET = 0  # the class that a backdoor leads to


@dataclass(frozen=True)
class Context:
    """What attackers know of a round: the changes of the honest, their own, how many propose, the largest norm."""

    good: Sequence[Floats]
    bad: Sequence[Floats]
    count: int
    random: np.random.Generator
    largest: float


@dataclass(frozen=True)
class Attack:
    """One attack."""

    forge: Callable[[Floats, Context], Floats] = lambda change, _: change
    poison: Callable[[Rows, int], Rows] = lambda rows, _: rows


def triggered(x: Floats) -> Floats:
    """Rows with a backdoor's trigger: the last tenth of the features, at least one."""
    marked = x.copy()
    marked[:, -max(1, x.shape[1] // 10) :] = TRIGGER
    return marked


def _flip_labels(rows: Rows, classes: int) -> Rows:
    return rows[0], classes - 1 - rows[1]


def _backdoor(rows: Rows, _: int) -> Rows:
    """Half of the rows get the trigger and the target."""
    x, y = rows[0].copy(), rows[1].copy()
    half = len(y) // 2
    x[:half], y[:half] = triggered(x[:half]), TARGET
    return x, y


def _boost(change: Floats, context: Context) -> Floats:
    """As long as the longest honest one: what hides from a bound on norms."""
    longest = max((float(np.linalg.norm(good)) for good in context.good), default=context.largest)
    return change * (longest / max(float(np.linalg.norm(change)), 1e-12))


def _noise(change: Floats, context: Context) -> Floats:
    noise = context.random.normal(size=change.shape)
    return noise * (context.largest / float(np.linalg.norm(noise)))


def _little_is_enough(change: Floats, context: Context) -> Floats:
    """Baruch et al., A Little Is Enough (2019): as far from the mean as nobody notices."""
    if len(context.good) < 2:
        return change
    bad = context.count - len(context.good)
    needed = max(1, context.count // 2 + 1 - bad)
    quantile = min(max((context.count - bad - needed) / max(1, context.count - bad), 0.51), 0.99)
    stacked = np.array(context.good)
    shift: Floats = stacked.mean(axis=0) - NormalDist().inv_cdf(quantile) * stacked.std(axis=0)
    return shift


def _inner_product(change: Floats, context: Context) -> Floats:
    """Xie et al., Fall of Empires (2019): against the mean of the honest."""
    return -1.5 * np.mean(context.good, axis=0) if context.good else -change


def _mimic(change: Floats, context: Context) -> Floats:
    """Karimireddy et al., Byzantine-Robust Learning on Heterogeneous Datasets (2022): all send one honest update."""
    if not context.good:
        return change
    return context.good[0] + context.random.normal(size=change.shape) * 1e-3 * math.sqrt(np.mean(context.good[0] ** 2))


def _free_ride(change: Floats, context: Context) -> Floats:
    """No work: noise of a thousandth of an honest update."""
    noise = context.random.normal(size=change.shape)
    return noise * (1e-3 * float(np.linalg.norm(change)) / float(np.linalg.norm(noise)))


ATTACKS: dict[str, Attack] = {
    "honest": Attack(),
    "label_flip": Attack(poison=_flip_labels),
    "sign_flip": Attack(forge=lambda change, context: -4 * change),
    "noise": Attack(forge=_noise),
    "backdoor": Attack(forge=_boost, poison=_backdoor),
    "alie": Attack(forge=_little_is_enough),
    "ipm": Attack(forge=_inner_product),
    "mimic": Attack(forge=_mimic),
    "free_rider": Attack(forge=_free_ride),
}
