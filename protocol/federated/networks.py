"""Sorting networks over the rows of a matrix: every column is sorted at once, by minima and maxima of whole rows.

A network that sorts 20 rows of 10 million words is far quicker than 10 million sorts of 20 words, and where only some
ranks matter (a median), what does not lead to them is left out.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 128
"""Beyond this many rows networks become slower than sorting."""


class Comparator(NamedTuple):
    """Puts the smaller of two rows into `low` and the larger into `high`, each only if it is wanted."""

    low: int
    high: int
    keep_low: bool
    keep_high: bool


def sort_rows(rows: NDArray[Any], first: int, last: int) -> list[NDArray[Any]]:
    """Rows `first` to `last` (from 0) of the matrix with every column sorted. `rows` is overwritten."""
    if len(rows) > MOST_ROWS:
        ranks = np.arange(first, last + 1)
        ordered = np.partition(rows, ranks, axis=0)
        return [ordered[rank] for rank in ranks]
    return _run(list(rows), network(len(rows), first, last))[first : last + 1]


def middle_rows(rows: NDArray[Any], first: int, last: int) -> list[NDArray[Any]]:
    """The rows of which every column holds the ranks `first` to `last` of its words, in any order."""
    if len(rows) > MOST_ROWS:
        return sort_rows(rows, first, last)
    return _run(list(rows), network(len(rows), first, last, ordered=False))[first : last + 1]


def _run(wires: list[NDArray[Any]], comparators: tuple[Comparator, ...]) -> list[NDArray[Any]]:
    spare = np.empty_like(wires[0])
    for low, high, keep_low, keep_high in comparators:
        if not keep_high:
            np.minimum(wires[low], wires[high], out=wires[low])
        elif not keep_low:
            np.maximum(wires[low], wires[high], out=wires[high])
        else:
            np.minimum(wires[low], wires[high], out=spare)
            np.maximum(wires[low], wires[high], out=wires[high])
            wires[low], spare = spare, wires[low]
    return wires


@cache
def network(size: int, first: int, last: int, ordered: bool = True) -> tuple[Comparator, ...]:
    """Batcher's odd-even merge sort of `size` wires, reduced to what the ranks `first` to `last` need.

    Unless `ordered`, those ranks may come in any order among themselves.
    """
    wanted = set(range(first, last + 1))
    loose = set() if ordered else set(wanted)  # wires whose order among themselves no longer matters
    kept: list[Comparator] = []
    for low, high in reversed(list(_batcher(size))):
        if (low in loose and high in loose) or not {low, high} & wanted:
            continue
        kept.append(Comparator(low, high, low in wanted, high in wanted))
        wanted |= {low, high}
        loose -= {low, high}
    return tuple(reversed(kept))


def _batcher(size: int) -> Iterator[tuple[int, int]]:
    """Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M; for any number of wires."""
    top = 1 << max(size - 1, 0).bit_length() >> 1
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            yield from ((i, i + d) for i in range(size - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
