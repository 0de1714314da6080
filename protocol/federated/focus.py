"""Whether an update teaches a model to obey a few columns: what a backdoor does, whatever its trigger.

A voter works out, on its own rows, how much more each column speaks for each class with the update than without. A
member's honest update moves many columns a little; one that plants a backdoor moves those of the trigger and hardly any
other. Which columns and which class it is about need not be known.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTHS = (0.01, 0.05, 0.1, 0.2)  # parts of all columns that a trigger may have


def focused(limit: int, shifts: Mapping[int, NDArray[Any]]) -> set[int]:
    """The slots of updates that are about few columns.

    `shifts`: by slot, how much more each column speaks for each class, shape (classes, columns). For k columns the
    spread of an update is 1 − (the sum of its k largest values) / (√k · the norm of all), at its most focused class: 0
    if nothing else moves. An update is focused if for some k its spread is below `limit` thousandths of the spread that
    three quarters of the updates do not exceed.
    """
    if not limit or len(shifts) < 2:
        return set()
    slots = sorted(shifts)
    sizes = np.sort(np.abs(np.array([shifts[slot] for slot in slots], np.float64)), axis=2)[:, :, ::-1]
    norms = np.maximum(np.sqrt(np.square(sizes).sum(axis=2)), 1e-12)
    found: set[int] = set()
    for count in sorted({max(1, round(width * sizes.shape[2])) for width in _WIDTHS}):
        spreads = 1 - (sizes[:, :, :count].sum(axis=2) / (norms * count**0.5)).max(axis=1)
        usual = np.sort(spreads)[-1 - (len(slots) - 1) // 4]
        found |= {slot for slot, spread in zip(slots, spreads, strict=True) if 1000 * spread < limit * usual}
    return found
