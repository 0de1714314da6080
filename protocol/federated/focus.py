"""Which updates seem to plant a backdoor, whatever its trigger: what a voter can see on its own rows.

A voter works out how much more each column speaks for each class with an update than without: its **shift**. Two things
betray a trigger, and neither asks which columns or which class it is about.

- **Unseen**: what a trigger needs is a change that rows without it do not show. A voter's own rows tell along which
  directions rows vary; what an honest update changes lies mostly along those. Wide triggers stand out here.
- **Focused**: an honest update moves many columns a little, one with a narrow trigger moves few and hardly any other.

Both compare the updates of a round with one another. Bad ones may be half of a round's, and could be made so that the
honest ones look strange; so no more than a part is ever held to be unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.federated.votes import Voting

_WIDTHS = (0.01, 0.05, 0.1, 0.2)  # parts of all columns that a trigger may have
_REFERENCE = 0.3  # the part of a round's updates that are taken to be sound
_MOST = 0.4  # the part that may be held to be unseen
_FEW = 4
_FLOOR = 0.1  # of the mean variance of a column: what rows are taken to vary by in every direction
_MOST_ROWS = 2000

Shifts = Mapping[int, NDArray[Any]]


@dataclass(frozen=True)
class Variation:
    """How rows vary: `directions`, shape (k, columns), and the part of the variance along each that is no floor."""

    directions: NDArray[np.float64]
    parts: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> "Variation":
        """That of some rows, of which the first 2,000 are looked at; shape (rows, columns)."""
        centred = rows[:_MOST_ROWS] - rows[:_MOST_ROWS].mean(axis=0)
        _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
        variances = np.square(sizes) / len(centred)
        floor = max(_FLOOR * float(variances.sum()) / rows.shape[1], 1e-12)
        return cls(directions, variances / (variances + floor))

    def unseen(self, shifts: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much of each shift rows do not show, at its worst class; shifts (…, classes, columns).

        √(s (C + f)⁻¹ s · f), with the covariance C of the rows and the floor f: the norm of s without what it has along
        the directions in which rows vary.
        """
        seen = np.square(shifts @ self.directions.T) @ self.parts
        worst: NDArray[np.float64] = np.sqrt(np.maximum(np.square(shifts).sum(axis=-1) - seen, 0).max(axis=-1))
        return worst


def suspected(voting: Voting, shifts: Shifts, variation: Variation) -> set[int]:
    """The slots of updates that seem to plant a backdoor.

    `shifts`: by slot, how much more each column speaks for each class, shape (classes, columns); `variation`: of the
    voter's own rows.
    """
    found = unseen(voting.unseen, shifts, variation)
    return found | focused(voting.focus, {slot: shift for slot, shift in shifts.items() if slot not in found})


def unseen(limit: int, shifts: Shifts, variation: Variation) -> set[int]:
    """The slots of updates that change what rows do not show.

    More than `limit` thousandths of what three tenths of the updates do not exceed; of those at most four tenths of
    all, the worst. Of fewer than four updates none.
    """
    if not limit or len(shifts) < _FEW:
        return set()
    slots = sorted(shifts)
    sizes = variation.unseen(np.array([shifts[slot] for slot in slots], np.float64))
    worst = np.argsort(-sizes, kind="stable")[: int(_MOST * len(slots))]
    bar = limit / 1000 * np.sort(sizes)[int(_REFERENCE * (len(slots) - 1))]
    return {slots[place] for place in worst if sizes[place] > bar}


def focused(limit: int, shifts: Shifts) -> set[int]:
    """The slots of updates that are about few columns.

    For k columns the spread of an update is 1 − (the sum of its k largest values) / (√k · the norm of all), at its most
    focused class: 0 if nothing else moves. An update is focused if for some k its spread is below `limit` thousandths
    of the median.
    """
    if not limit or len(shifts) < 2:
        return set()
    slots = sorted(shifts)
    sizes = np.sort(np.abs(np.array([shifts[slot] for slot in slots], np.float64)), axis=2)[:, :, ::-1]
    norms = np.maximum(np.sqrt(np.square(sizes).sum(axis=2)), 1e-12)
    found: set[int] = set()
    for count in sorted({max(1, round(width * sizes.shape[2])) for width in _WIDTHS}):
        spreads = 1 - (sizes[:, :, :count].sum(axis=2) / (norms * count**0.5)).max(axis=1)
        bar = limit / 1000 * np.median(spreads)
        found |= {slot for slot, spread in zip(slots, spreads, strict=True) if spread < bar}
    return found
