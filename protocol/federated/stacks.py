"""Updates side by side, read in pieces that fit a processor's cache.

What is done to updates before a rule (clipping, mixing) makes each a combination of all, with whole coefficients over a
common denominator. So one matrix of dot products serves every step and every rule that looks at distances. Pieces are
worked on by as many threads as there are processors; all sums are exact, so that this does not show in the result.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.federated.fixed import Words

PIECE = 8192  # columns: 20 rows of int32 are 640 KiB
WHOLE = 2**20
"""The largest divisor of combined coefficients."""

Matrix = NDArray[np.int32]
Integers = NDArray[Any]  # of Python's whole numbers, which have no bound


class Stack:
    """Rows of words of equal length, each a combination of updates."""

    def __init__(self, updates: Sequence[Words], coefficients: Integers | None = None, denominator: int = 1) -> None:
        self.updates, self.count, self.width = updates, len(updates), len(updates[0])
        self.coefficients, self.denominator = coefficients, denominator

    def read(self, start: int, stop: int) -> Matrix:
        """Columns `start` to `stop` of all rows, shape (count, stop - start), for the caller to overwrite."""
        piece = np.empty((self.count, stop - start), np.int32)
        for index, words in enumerate(self.updates):
            piece[index] = words[start:stop]
        if self.coefficients is None:
            return piece
        sums = self.coefficients.astype(np.float64) @ piece.astype(np.float64)
        return rounded_quotient(sums, self.denominator).astype(np.int32)

    @cached_property
    def base_products(self) -> Integers:
        """The dot products of all pairs of updates: below 2^53, hence exact."""
        parts: list[NDArray[np.float64]] = []

        def work(start: int, stop: int) -> None:
            piece = np.empty((self.count, stop - start))
            for index, words in enumerate(self.updates):
                piece[index] = words[start:stop]
            parts.append(piece @ piece.T)

        for_pieces(self.width, work)
        products: Integers = np.sum(parts, axis=0).astype(np.int64).astype(object)
        return products

    @cached_property
    def products(self) -> Integers:
        """The dot products of all pairs of rows, times the denominator's square."""
        if self.coefficients is None:
            return self.base_products
        products: Integers = self.coefficients.dot(self.base_products).dot(self.coefficients.T)
        return products

    def distances(self) -> Integers:
        """Squared distances of all pairs of rows, times the denominator's square."""
        lengths = np.diag(self.products)
        squares: Integers = lengths[:, None] + lengths[None, :] - 2 * self.products
        return squares

    def derive(self, coefficients: Integers, denominator: int) -> "Stack":
        """A stack whose rows are combinations of this one's rows."""
        whole = coefficients if self.coefficients is None else coefficients.dot(self.coefficients)
        derived = Stack(self.updates, whole, self.denominator * denominator)
        if "base_products" in self.__dict__:
            derived.base_products = self.base_products
        return derived

    def combine(self, factors: Sequence[int], divisor: int) -> Words:
        """The sum of factor × row over the divisor, to the nearest whole word. Factors are not negative.

        Beyond 2^20 the divisor becomes 2^20 and the coefficients of the updates are rounded down to that.
        """
        vector: Integers = np.array(factors, object)
        if self.coefficients is not None:
            vector, divisor = vector.dot(self.coefficients), divisor * self.denominator
        if divisor > WHOLE:
            vector, divisor = vector * WHOLE // divisor, WHOLE
        used = [index for index, factor in enumerate(vector) if factor]
        rows = [self.updates[index] for index in used]
        return _weighted_sum(rows, [int(vector[index]) for index in used], divisor, self.width)


def _weighted_sum(rows: Sequence[Words], factors: Sequence[int], divisor: int, width: int) -> Words:
    result = np.zeros(width, np.int32)
    if not rows:
        return result
    equal = len(set(factors)) == 1
    column = np.array(factors, np.float64)
    # a word is at most 2^26: 31 of them fit an int32
    kind = np.int32 if len(rows) < 32 else np.int64

    def plain(start: int, stop: int) -> None:
        total: NDArray[Any] = rows[0][start:stop].astype(kind)
        for row in rows[1:]:
            total += row[start:stop]
        result[start:stop] = rounded_quotient(total * column[0], divisor)

    def weighted(start: int, stop: int) -> None:
        piece = np.empty((len(rows), stop - start))
        for index, row in enumerate(rows):
            piece[index] = row[start:stop]
        result[start:stop] = rounded_quotient(column @ piece, divisor)

    for_pieces(width, plain if equal else weighted)
    return result


def mixed(stack: Stack, neighbours: int) -> Stack:
    """Every row replaced by the mean of its nearest rows, itself among them (nearest-neighbour mixing).

    Allouah et al., Fixing by Mixing: A Recipe for Optimal Byzantine ML under Heterogeneity (2023).
    """
    chosen = np.zeros((stack.count, stack.count), np.int64).astype(object)
    for index, row in enumerate(stack.distances()):
        order = sorted(range(stack.count), key=lambda other: (row[other], other != index, other))
        chosen[index, order[:neighbours]] = 1
    return stack.derive(chosen, neighbours)


def clipped_to_median(stack: Stack) -> Stack:
    """No row longer than the (lower) median of all lengths, in steps of a 65,536th."""
    lengths = [isqrt(square) for square in np.diag(stack.products)]
    middle = sorted(lengths)[(len(lengths) - 1) // 2]
    factors = [65536 if length <= middle else 65536 * middle // length for length in lengths]
    return stack.derive(np.diag(np.array(factors, object)), 65536)


def rounded_quotient(sums: NDArray[np.float64], divisor: int) -> NDArray[np.float64]:
    """sums / divisor to the nearest whole number, half upwards; `sums` is overwritten.

    The same everywhere, since IEEE 754 fixes each step. Exact for a divisor up to 2^20 and quotients up to 2^26: one
    that is no tie is farther from one than all roundings together.
    """
    sums /= divisor
    sums += 0.5
    return np.floor(sums, out=sums)


def for_pieces(width: int, work: Callable[[int, int], None]) -> None:
    """Call work(start, stop) for all pieces, on all processors."""
    starts = range(0, width, PIECE)

    def batch(share: Sequence[int]) -> None:
        for start in share:
            work(start, min(start + PIECE, width))

    threads = min(len(os.sched_getaffinity(0)), len(starts) // 8)
    if threads < 2:
        batch(starts)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(batch, [starts[index::threads] for index in range(threads)]))
