"""How near two models are: what a panel calls a copy."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BILLION = 10**9


def distance(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> int:
    """The Euclidean distance of all weights over the greater of both norms, in billionths, rounded down.

    Both have the tensors of one specification: equal names and shapes. Summed in double precision, tensor by tensor in
    the order of their names, without rounding between tensors, so that every machine comes to the same within the last
    digits of a double. Two models of nothing but zeros are at distance 0.
    """
    names = sorted(one)
    apart = math.fsum(_square(one[name].astype(np.float64) - other[name].astype(np.float64)) for name in names)
    norm = max(math.fsum(_square(model[name].astype(np.float64)) for name in names) for model in (one, other))
    return 0 if norm == 0 else int(math.sqrt(apart / norm) * _BILLION)


def _square(array: NDArray[np.float64]) -> float:
    return math.fsum((array * array).ravel().tolist())
