"""The rules by which accepted updates become one: exact, so that everybody who applies one gets the same words.

| rule               | the aggregate is                                                                          |
|--------------------|-------------------------------------------------------------------------------------------|
| `mean`             | the mean by weight; no weight is more than `weight_cap` of all                            |
| `median`           | the median of every word; of an even number the mean of the middle two, rounded down      |
| `trimmed_mean`     | the mean of every word without the f smallest and the f largest                           |
| `multi_krum`       | the mean of the n − f updates that are nearest to their n − f − 2 nearest neighbours      |
| `centred_clipping` | from 0, three times: go by the mean of the differences, clipped to their median length    |

Of n updates f = n · tolerated are expected to be bad. Sources: Yin et al. 2018 (median, trimmed mean), Blanchard et
al. 2017 (Krum), Karimireddy et al. 2021 (centred clipping), Allouah et al. 2023 (mixing).
"""

from collections.abc import Callable, Sequence
from math import isqrt
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocol.documents import Document
from protocol.federated.fixed import Update, Words
from protocol.federated.networks import middle_rows, sort_rows
from protocol.federated.stacks import (
    WHOLE,
    Integers,
    Matrix,
    Stack,
    clipped_to_median,
    for_pieces,
    mixed,
    rounded_quotient,
)

MOST_UPDATES = 1024
_CLIPPING_STEPS = 3


class Rule(Document):
    """A specification's `rule`; `tolerated` (the share of bad updates) and `weight_cap` are in thousandths.

    `clip_to_median` first shortens every update to the median length; `mix` then replaces each by the mean of its
    n − f nearest ones. Both before any rule.
    """

    name: Literal["mean", "median", "trimmed_mean", "multi_krum", "centred_clipping"] = "mean"
    tolerated: Annotated[int, Field(ge=0, le=499)] = 300
    weight_cap: Annotated[int, Field(ge=1, le=1000)] = 1000
    clip_to_median: bool = False
    mix: bool = False

    def bad(self, count: int) -> int:
        """How many of `count` updates are taken to be bad: fewer than half, whatever is tolerated."""
        return min(count * self.tolerated // 1000, (count - 1) // 2)


# of the members drawn to propose more may be bad than of all: what is tolerated must be above the share of attackers
ROBUST = Rule(name="trimmed_mean", tolerated=400, mix=True, clip_to_median=True)
"""What a federation has where its founder says nothing else; what benchmarks/alliance measures."""


def aggregate(rule: Rule, updates: Sequence[Update]) -> Words:
    """The aggregate's words. The order of the updates does not matter; ties go to the smaller digest.

    ValueError for no update, too many, or unequal lengths.
    """
    if not 0 < len(updates) <= MOST_UPDATES:
        raise ValueError(f"{len(updates)} updates cannot be aggregated, only 1 to {MOST_UPDATES}")
    if len({len(update.words) for update in updates}) > 1:
        raise ValueError("the updates have different lengths")
    ordered = sorted(updates, key=lambda update: update.digest)
    stack = Stack([update.words for update in ordered])
    if rule.clip_to_median:
        stack = clipped_to_median(stack)
    if rule.mix:
        stack = mixed(stack, stack.count - rule.bad(stack.count))
    weights = small_weights(capped([update.weight for update in ordered], rule.weight_cap))
    return _RULES[rule.name](stack, rule.bad(stack.count), weights)


def capped(weights: Sequence[int], cap: int) -> list[int]:
    """The weights, none more than `cap` thousandths of their new sum; equal ones where that is not possible."""
    if len(weights) * cap < 1000:
        return [1] * len(weights)
    ordered, rest = sorted(weights, reverse=True), sum(weights)
    for above, largest in enumerate(ordered):
        # with the `above` largest cut to c: c = cap · (above · c + rest)
        room = 1000 - above * cap
        if largest * room <= cap * rest:
            if above == 0:
                return list(weights)
            return [weight * room if weight <= largest else cap * rest for weight in weights]
        rest -= largest
    return [1] * len(weights)


def small_weights(weights: Sequence[int]) -> list[int]:
    """The same proportions with a sum of at most 2^20, each at least 1."""
    if len(set(weights)) == 1:
        return [1] * len(weights)
    total = sum(weights)
    if total <= WHOLE:
        return list(weights)
    return [max(1, weight * (WHOLE - len(weights)) // total) for weight in weights]


def _collect(stack: Stack, work: Callable[[Matrix], NDArray[np.generic]]) -> Words:
    """The words that `work` makes of each piece."""
    result = np.empty(stack.width, np.int32)

    def piece(start: int, stop: int) -> None:
        result[start:stop] = work(stack.read(start, stop))

    for_pieces(stack.width, piece)
    return result


def _mean(stack: Stack, _bad: int, weights: Sequence[int]) -> Words:
    return stack.combine(weights, sum(weights))


def _sum_type(count: int) -> type[np.signedinteger]:
    """Words are at most 2^26, so that 31 of them fit an int32."""
    return np.int32 if count < 32 else np.int64


def _median(stack: Stack, _bad: int, _weights: Sequence[int]) -> Words:
    low, high = (stack.count - 1) // 2, stack.count // 2

    def work(piece: Matrix) -> NDArray[np.int32]:
        rows = sort_rows(piece, low, high)
        middle: NDArray[np.int32] = (rows[0] + rows[-1]) >> 1
        return middle

    return _collect(stack, work)


def _trimmed_mean(stack: Stack, bad: int, _weights: Sequence[int]) -> Words:
    kept = stack.count - 2 * bad

    def work(piece: Matrix) -> NDArray[np.float64]:
        rows = middle_rows(piece, bad, stack.count - bad - 1)
        total = rows[0].astype(_sum_type(kept))
        for row in rows[1:]:
            total += row
        return rounded_quotient(total.astype(np.float64), kept)

    return _collect(stack, work)


def _multi_krum(stack: Stack, bad: int, weights: Sequence[int]) -> Words:
    chosen = set(krum_order(stack.distances(), bad)[: stack.count - bad])
    kept = [weight if index in chosen else 0 for index, weight in enumerate(weights)]
    return stack.combine(kept, sum(kept))


def krum_order(distances: Integers, bad: int) -> list[int]:
    """Indices from the best: the sum of the squared distances to the n − bad − 2 nearest others; ties by index."""
    nearest = max(len(distances) - bad - 2, 1)
    scores = [sum(sorted([*row[:index], *row[index + 1 :]])[:nearest]) for index, row in enumerate(distances)]
    return sorted(range(len(distances)), key=lambda index: (scores[index], index))


def _centred_clipping(stack: Stack, _bad: int, _weights: Sequence[int]) -> Words:
    """The centre is kept as coefficients of the rows, in 2^-20."""
    centre: Integers = np.array([0] * stack.count, object)
    share = WHOLE // stack.count
    for _ in range(_CLIPPING_STEPS):
        lengths = [isqrt(square) for square in _squared_differences(stack.products, centre)]
        radius = sorted(lengths)[(len(lengths) - 1) // 2]
        factors = [share if length <= radius else share * radius // length for length in lengths]
        centre = np.array(factors, object) + centre * (WHOLE - sum(factors)) // WHOLE
    return stack.combine(list(centre), WHOLE)


def _squared_differences(products: Integers, centre: Integers) -> Integers:
    """Of each row and the centre, times (2^20 · denominator)²."""
    towards = products.dot(centre)
    squares: Integers = np.diag(products) * WHOLE**2 - 2 * WHOLE * towards + centre.dot(towards)
    return squares


_RULES: dict[str, Callable[[Stack, int, Sequence[int]], Words]] = {
    "mean": _mean,
    "median": _median,
    "trimmed_mean": _trimmed_mean,
    "multi_krum": _multi_krum,
    "centred_clipping": _centred_clipping,
}
NAMES = tuple(_RULES)
