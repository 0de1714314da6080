"""How near two models are: what a panel calls a copy."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Model = Mapping[str, NDArray[Any]]

_BILLION = 10**9
_PIECE = 2**16  # numbers at once: what is needed beside the models does not depend on their size


def distance(one: Model, other: Model) -> int:
    """The Euclidean distance of all weights over the greater of both norms, in billionths, rounded down.

    Both have the tensors of one specification: equal names and shapes. Tensors of floating-point numbers count, unless
    there are none: others name things, such as a base model. Squares are of double precision; those of a piece of a
    tensor are added without rounding, and so are the pieces' sums, so that every machine comes to the same. Two models
    of nothing but zeros are at distance 0.
    """
    pieces = [[_squares(a - b), _squares(a), _squares(b)] for a, b in _pairs(one, other)]
    apart, *norms = (math.fsum(sums) for sums in zip(*pieces, strict=True))
    norm = max(norms)
    return 0 if norm == 0 else int(math.sqrt(apart / norm) * _BILLION)


def _pairs(one: Model, other: Model) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    learned = [name for name in one if one[name].dtype.kind == "f"]
    for name in sorted(learned or one):
        flat = one[name].reshape(-1), other[name].reshape(-1)
        for start in range(0, flat[0].size, _PIECE):
            a, b = (array[start : start + _PIECE].astype(np.float64) for array in flat)
            yield a, b


def _squares(array: NDArray[np.float64]) -> float:
    return math.fsum((array * array).tolist())
