"""Which updates seem to plant a backdoor, whatever its trigger: what a voter can see on its own rows.

A voter works out how much more each column speaks for each class with an update than without: its **shift**. Two things
betray a trigger, and neither asks which columns or which class it is about.

- **Unseen**: what a trigger needs is a change that rows without it do not show. A voter's own rows tell along which
  directions rows vary; what an honest update changes lies mostly along those. An honest member whose rows are unlike
  the voter's changes what those do not show as well, but in a way of its own, while those who plant one trigger change
  the same. So a part that others share is held against an update sooner than one that it has alone; that one is too, or
  attackers would each plant a piece.
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
_NEAREST = 0.3  # the part that is taken to be like each
_MOST = 0.6  # the part that may be held to be unseen
_ALONE = 2  # how many times as much an update may have that none shares
_ECHOES = 2  # how many others must point where an update does
_FEW = 4
_FLOOR = 0.1  # of the mean variance of a column: what rows are taken to vary by in every direction
_MOST_ROWS = 2000

Shifts = Mapping[int, NDArray[Any]]
Hidden = NDArray[np.float64]  # (updates, classes, columns), or a size of each


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
        """The part of each shift that rows do not show, of the same shape (…, columns).

        √f (C + f)^-½ s, with the covariance C of the rows and the floor f: s without what it has along the directions
        in which rows vary.
        """
        hidden: NDArray[np.float64] = shifts - ((shifts @ self.directions.T) * self._shown) @ self.directions
        return hidden

    @property
    def _shown(self) -> NDArray[np.float64]:
        return 1 - np.sqrt(1 - self.parts)


def suspected(voting: Voting, shifts: Shifts, variation: Variation) -> set[int]:
    """The slots of updates that seem to plant a backdoor.

    `shifts`: by slot, how much more each column speaks for each class, shape (classes, columns); `variation`: of the
    voter's own rows.
    """
    found = unseen(voting.unseen, shifts, variation)
    return found | focused(voting.focus, {slot: shift for slot, shift in shifts.items() if slot not in found})


def unseen(limit: int, shifts: Shifts, variation: Variation) -> set[int]:
    """The slots of updates that change what rows do not show.

    An update has a part that rows do not show, the part that the mean with its nearest has, and the part of others'
    that points where its own does; each at its worst class, and over what three tenths of the updates do not exceed.
    Unseen are those with more than `limit` thousandths of the latter two, or with twice that of the first: at most six
    tenths of all, the worst. Of fewer than four updates none.
    """
    if not limit or len(shifts) < _FEW:
        return set()
    slots = sorted(shifts)
    hidden = variation.unseen(np.array([shifts[slot] for slot in slots], np.float64))
    alone, shared, echoed = (_over(sizes) for sizes in (_norms(hidden), _norms(_mixed(hidden)), _echoes(hidden)))
    sizes = np.maximum(alone / _ALONE, np.minimum(shared, echoed))
    worst = np.argsort(-sizes, kind="stable")[: int(_MOST * len(slots))]
    return {slots[place] for place in worst if sizes[place] > limit / 1000}


def _norms(hidden: Hidden) -> Hidden:
    """The length of each at its worst class."""
    longest: Hidden = np.linalg.norm(hidden, axis=2).max(axis=1)
    return longest


def _over(sizes: Hidden) -> Hidden:
    """By what a part of them does not exceed."""
    return sizes / max(float(np.sort(sizes)[int(_REFERENCE * (len(sizes) - 1))]), 1e-12)


def _mixed(hidden: Hidden) -> Hidden:
    """The mean of each and those nearest to it: what each has of its own averages out."""
    flat = hidden.reshape(len(hidden), -1)
    squares = np.square(flat).sum(axis=1)
    distances = squares[:, None] + squares - 2 * flat @ flat.T
    count = max(2, round(_NEAREST * len(hidden)))
    return np.array([hidden[np.argsort(row, kind="stable")[:count]].mean(axis=0) for row in distances])


def _echoes(hidden: Hidden) -> Hidden:
    """How far others go where each points, at its worst class: the second farthest of them."""
    directions = hidden / np.maximum(np.linalg.norm(hidden, axis=2, keepdims=True), 1e-12)
    along = np.einsum("jcd,icd->cij", hidden, directions, optimize=True)
    itself = np.arange(len(hidden))
    along[:, itself, itself] = -np.inf
    farthest: Hidden = np.maximum(np.sort(along, axis=2)[:, :, -_ECHOES].max(axis=0), 0)
    return farthest


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
