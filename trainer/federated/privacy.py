"""What a member's rounds have cost it in ε, by the accountants of Opacus (the extra `privacy`).

Every round in which a member proposes releases one noisy update. ε is at the specification's δ, over all rounds so far.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from protocol.errors import ConfigInvalid
from protocol.federated.spec import Privacy


class Spent(NamedTuple):
    """One release: the noise over the clip, the rate at which rows were drawn, how many steps."""

    noise: float
    rate: float
    steps: int


class BudgetExceeded(ConfigInvalid):
    """The next round would cost more ε than the member allows."""


def epsilon(history: Sequence[Spent], delta: float) -> float:
    """ε of all releases together, by Rényi accounting; infinite without noise."""
    if not history:
        return 0.0
    if min(spent.noise for spent in history) <= 0:
        return math.inf
    try:
        from opacus.accountants import RDPAccountant
    except ImportError:
        raise ConfigInvalid(
            "This federation asks for privacy: install the extra with pip install '.[privacy]'."
        ) from None
    accountant = RDPAccountant()
    accountant.history = [(spent.noise, spent.rate, spent.steps) for spent in history]
    return float(accountant.get_epsilon(delta))


def cost_of_round(privacy: Privacy, rows: int, batch_size: int, epochs: int) -> Spent:
    """What one more round releases: the update as a whole, or every step's gradient. `rows`: those trained on.

    One row more or less turns an update within the clip into any other: the noise counts against twice the clip.
    """
    noise = privacy.noise / 1000
    if privacy.method == "update":
        return Spent(noise / 2, 1.0, 1)
    steps = epochs * math.ceil(rows / batch_size)
    return Spent(noise, min(1.0, batch_size / rows), steps)


def allow(privacy: Privacy, history: Sequence[Spent], following: Spent, own_budget: float | None) -> float:
    """ε after the round. BudgetExceeded if that is more than the federation, or the member, allows."""
    after = epsilon([*history, following], 10.0**-privacy.delta)
    budget = min(privacy.budget / 1000, math.inf if own_budget is None else own_budget)
    if after > budget:
        raise BudgetExceeded(f"one more round would cost ε = {after:.3f}, the budget is {budget:.3f}.")
    return after
