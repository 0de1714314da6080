"""What an honest voter says of the updates of a round: screening, which is the same for all, then its own losses.

Whether an update is harmful is judged relative to the round's other updates: a fixed bar would slash honest members
once training converges or data differ. Harmful is what a voter's loss exceeds the median by, more than `spread` times
1.4826 · MAD and `slack` besides (MAD: the median distance from the median).

Of fewer than four updates none can be told from the others: then what raises the loss by more than `slack` is rejected,
and harmful is only what raises it by half besides. An honest update may do the first to a few rows by chance.
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocol.documents import Document
from protocol.federated.fixed import Words
from protocol.federated.settlement import Ballot
from protocol.federated.stacks import Stack

_MAD_TO_DEVIATION = 1.4826
_FEW = 4
_RISE = 0.5  # of the loss without any update


class Voting(Document):
    """A specification's `voting`; all in thousandths.

    `least_work`: the norm of an update over the median norm. `same`: the distance of two updates over the shorter's
    norm, below which they are one. `spread`, `slack`: see above. `harm`: what the aggregate's loss may rise by the
    update. `unseen`, `focus`: see focus.py; 0 for none.
    """

    least_work: Annotated[int, Field(ge=0, le=1000)] = 100
    same: Annotated[int, Field(ge=0, le=1000)] = 10
    spread: Annotated[int, Field(ge=0, le=100_000)] = 3000
    slack: Annotated[int, Field(ge=0, le=100_000)] = 20
    harm: Annotated[int, Field(ge=0, le=100_000)] = 20
    unseen: Annotated[int, Field(ge=0, le=100_000)] = 1500
    focus: Annotated[int, Field(ge=0, le=1000)] = 500

    @property
    def suspects(self) -> bool:
        """Whether updates are looked at for backdoors."""
        return bool(self.unseen or self.focus)


def screen(voting: Voting, updates: Mapping[int, Words]) -> dict[int, str]:
    """Why updates are out, by slot: too little work, or the same as one of a lower slot. Exact."""
    slots = sorted(updates)
    if not slots:
        return {}
    products = Stack([updates[slot] for slot in slots]).base_products
    lengths = [math.isqrt(products[index, index]) for index in range(len(slots))]
    floor = voting.least_work * sorted(lengths)[len(lengths) // 2]
    out: dict[int, str] = {}
    for index, slot in enumerate(slots):
        if 1000 * lengths[index] < floor or lengths[index] == 0:
            out[slot] = "idle"
            continue
        for other in range(index):
            apart = products[index, index] + products[other, other] - 2 * products[index, other]
            shorter = min(products[index, index], products[other, other])
            if 10**6 * apart < voting.same**2 * shorter and slots[other] not in out:
                out[slot] = "copy"
                break
    return out


def harmful(voting: Voting, losses: Mapping[int, float], base: float | None = None) -> set[int]:
    """The slots whose loss stands out. A loss that is no number is harmful by itself.

    `base`: the loss without any update; where there are too few to compare, half of it is allowed besides.
    """
    return _above(voting, losses, base, _RISE)


def _above(voting: Voting, losses: Mapping[int, float], base: float | None, rise: float = 0.0) -> set[int]:
    """The slots above the bar; of few the median is one with twice `base`, and `rise` of that is allowed."""
    finite = [loss for loss in losses.values() if math.isfinite(loss)]
    allowed = voting.slack / 1000
    if base is not None and len(losses) < _FEW:
        finite += [base, base]
        allowed += rise * base
    if not finite:
        return set(losses)
    middle = statistics.median(finite)
    spread = statistics.median(abs(loss - middle) for loss in finite)
    bar = middle + voting.spread / 1000 * _MAD_TO_DEVIATION * spread + allowed
    return {slot for slot, loss in losses.items() if not loss <= bar}


def ballot(
    voting: Voting,
    broken: Iterable[int],
    screened: Iterable[int],
    losses: Mapping[int, float],
    without: Mapping[int, float],
    together: float,
    base: float | None = None,
    suspected: Iterable[int] = (),
) -> Ballot:
    """An honest ballot.

    `broken`: slots of updates that are none. `losses`: of the model with each update alone; `base`: without any;
    `together`: with the aggregate of all that are not screened; `without`: with that of all but one. `suspected`:
    slots of updates that seem to plant a backdoor; that alone is a reason to reject them, not to call them harmful.
    """
    harms = set(broken) | harmful(voting, losses, base)
    accepts = losses.keys() - harms - _above(voting, losses, base) - set(screened) - set(suspected)
    accepts -= {slot for slot, loss in without.items() if together - loss > voting.harm / 1000}
    return Ballot(mask(accepts), mask(harms))


def mask(slots: Iterable[int]) -> int:
    """The slots as bits."""
    return sum(1 << slot for slot in set(slots))


def slots_of(mask: int) -> list[int]:
    """The bits as slots."""
    return [slot for slot in range(mask.bit_length()) if mask >> slot & 1]


def mean_loss(losses: NDArray[np.float64]) -> float:
    """The mean; infinite where one is not a number."""
    total = float(np.mean(losses))
    return total if math.isfinite(total) else math.inf
