"""Updates as whole numbers, so that an aggregate is the same to the last bit on every machine and in any order.

An update is a vector of int32 **words**, one per parameter in the order of the model's tensor names; a word times
`unit(exponent)` is a change of that parameter. Its norm is at most 2^exponent, which is NORM = 2^26 in words. Hence the
dot product of two updates is at most 2^52: every partial sum of it is exact in float64, whatever the order, the library
and the instruction set. A global model is a vector of int64 words of the same unit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.errors import ModelInvalid

NORM_BITS = 26
NORM = 2**NORM_BITS
"""The largest norm of an update, in words."""
EXPONENTS = range(-16, 17)
"""Allowed exponents: the largest norm of an update as a power of two."""
MODEL_BOUND = 2**52
"""The largest word of a model: its float64 value is exact."""

Words = NDArray[np.int32]
ModelWords = NDArray[np.int64]
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Update:
    """What one member proposes: `digest` orders updates and breaks ties, `weight` is a whole number above 0."""

    digest: str
    words: Words
    weight: int = 1


def unit(exponent: int) -> float:
    """What one word is worth."""
    return math.ldexp(1.0, exponent - NORM_BITS)


def flatten(weights: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """All parameters in one float64 vector, tensors in the order of their names."""
    return np.concatenate([np.asarray(weights[name], np.float64).ravel() for name in sorted(weights)])


def unflatten(vector: NDArray[Any], shapes: Shapes) -> dict[str, NDArray[Any]]:
    """The tensors of a vector, of its dtype; of many vectors, shape (…, parameters), those of each: (…, *shape)."""
    tensors, start = {}, 0
    for name in sorted(shapes):
        stop = start + math.prod(shapes[name])
        tensors[name] = vector[..., start:stop].reshape((*vector.shape[:-1], *shapes[name]))
        start = stop
    if start != vector.shape[-1]:
        raise ModelInvalid(f"it has {vector.shape[-1]:,} parameters, its shapes need {start:,}")
    return tensors


def encode(change: NDArray[Any], exponent: int, random: np.random.Generator) -> Words:
    """The words of a change: clipped to the largest norm, scaled, rounded up or down at random without bias.

    ModelInvalid for a change that is not finite.
    """
    scaled = np.asarray(change, np.float64) * math.ldexp(1.0, NORM_BITS - exponent)
    length = float(np.linalg.norm(scaled))
    if not math.isfinite(length):
        raise ModelInvalid("its change is not finite: the training diverged")
    most = NORM - math.sqrt(scaled.size) - 1  # rounding adds less than 1 per word
    if length > most:
        scaled *= most / length
    return round_at_random(scaled, random).astype(np.int32)


def round_at_random(values: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Each value's floor, or the next whole number with the probability of its fraction."""
    rounded: NDArray[np.float64] = np.floor(values + random.random(values.shape))
    return rounded


def decode(words: NDArray[Any], exponent: int) -> NDArray[np.float64]:
    """The change that words stand for, or the parameters of a model's words."""
    return np.asarray(words, np.float64) * unit(exponent)


def encode_model(parameters: NDArray[Any], exponent: int) -> ModelWords:
    """The words of a model, rounded to the nearest (half to even). ModelInvalid beyond the bound."""
    scaled = np.rint(np.asarray(parameters, np.float64) * math.ldexp(1.0, NORM_BITS - exponent))
    if not np.isfinite(scaled).all() or (np.abs(scaled) > MODEL_BOUND).any():
        raise ModelInvalid("its parameters are not finite, or too large for the federation's unit")
    return scaled.astype(np.int64)


def step(model: ModelWords, aggregate: Words) -> ModelWords:
    """The next model. Words stay within the bound, far outside of what a sound model has."""
    moved: ModelWords = np.clip(model + aggregate, -MODEL_BOUND, MODEL_BOUND)
    return moved


def check_words(words: Words, parameters: int) -> None:
    """ModelInvalid unless it is an update: the right number of words, the norm at most NORM. Exact."""
    if words.dtype != np.int32 or words.shape != (parameters,):
        raise ModelInvalid(f"it has shape {words.shape} of {words.dtype}, expected ({parameters},) of int32")
    if squared_norm(words) > NORM**2:
        raise ModelInvalid("its norm is above the largest allowed")


def squared_norm(words: NDArray[np.int32]) -> int:
    """The sum of squares: exact up to 2^53, and above that at least 2^53."""
    total = 0.0
    for start in range(0, len(words), 1 << 20):
        part = words[start : start + (1 << 20)].astype(np.float64)
        total += float(part @ part)
    return int(min(total, 2.0**100))
