"""How updates and models travel: one safetensors file each.

An update is dense or sparse (only its largest words, with their places), of whole words or of 8 bits: then every 256
words share a shift, and each is its mantissa times two to that power, so that what arrives are whole numbers again.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocol.documents import Document
from protocol.errors import ModelInvalid
from protocol.federated.fixed import MODEL_BOUND, NORM, ModelWords, Words, check_words, round_at_random, squared_norm
from protocol.models import Tensors, TensorType, read_tensors, tensor_bytes, write_tensors

UPDATE_FILE = "update.safetensors"
MODEL_FILE = "model.safetensors"
_BLOCK = 256
_LARGEST = 127
_MOST_SHIFT = 24

Floats = NDArray[np.float64]
Mantissas = NDArray[np.int8]
Shifts = NDArray[np.uint8]


class Packing(Document):
    """A specification's `packing`: the bits of a word, and how many words are kept, in thousandths."""

    bits: Literal[8, 32] = 32
    kept: Annotated[int, Field(ge=1, le=1000)] = 1000

    def count(self, parameters: int) -> int:
        """How many words travel."""
        return max(1, parameters * self.kept // 1000)

    def types(self, parameters: int) -> dict[str, TensorType]:
        """The tensors of an update."""
        count = self.count(parameters)
        types = {"words": TensorType("I32", (count,))}
        if self.bits == 8:
            blocks = math.ceil(count / _BLOCK)
            types = {"mantissas": TensorType("I8", (count,)), "shifts": TensorType("U8", (blocks,))}
        if self.kept < 1000:
            types["places"] = TensorType("I32", (count,))
        return types


def pack(words: Words, packing: Packing, random: np.random.Generator) -> Tensors:
    """The tensors of an update; what they stand for is an update again, perhaps a little shorter."""
    tensors: Tensors = {}
    if packing.kept < 1000:
        count = packing.count(len(words))
        places = np.sort(np.argpartition(np.abs(words), len(words) - count)[len(words) - count :])
        tensors["places"], words = places.astype(np.int32), words[places]
    if packing.bits == 32:
        return {**tensors, "words": words}
    mantissas, shifts = _quantise(words.astype(np.float64), random)
    while squared_norm(_restore(mantissas, shifts)) > NORM**2:
        words = (words * 0.97).astype(np.int32)
        mantissas, shifts = _quantise(words.astype(np.float64), random)
    return {**tensors, "mantissas": mantissas, "shifts": shifts}


def _quantise(words: Floats, random: np.random.Generator) -> tuple[Mantissas, Shifts]:
    blocks = np.zeros((math.ceil(len(words) / _BLOCK), _BLOCK))
    blocks.ravel()[: len(words)] = words
    largest = np.abs(blocks).max(axis=1)
    # the rounding may add one
    shifts = np.maximum(np.frexp(largest / (_LARGEST - 1))[1], 0)
    mantissas = round_at_random(np.ldexp(blocks, -shifts[:, None]), random)
    return mantissas.ravel()[: len(words)].astype(np.int8), shifts.astype(np.uint8)


def _restore(mantissas: Mantissas, shifts: Shifts) -> Words:
    return np.left_shift(mantissas.astype(np.int32), np.repeat(shifts, _BLOCK)[: len(mantissas)].astype(np.int32))


def unpack(tensors: Tensors, packing: Packing, parameters: int) -> Words:
    """The words of an update's tensors, checked. ModelInvalid says what is wrong."""
    if packing.bits == 8:
        if (tensors["shifts"] > _MOST_SHIFT).any():
            raise ModelInvalid("a shift of its words is too large")
        words = _restore(tensors["mantissas"], tensors["shifts"])
    else:
        words = tensors["words"]
    if packing.kept < 1000:
        places = tensors["places"]
        if places[0] < 0 or places[-1] >= parameters or (np.diff(places) <= 0).any():
            raise ModelInvalid("the places of its words are not increasing, or outside of the model")
        dense = np.zeros(parameters, np.int32)
        dense[places] = words
        words = dense
    check_words(words, parameters)
    return words


def wire_bytes(tensors: Tensors) -> int:
    """The data of an update's file; its header adds some hundred bytes."""
    return sum(array.nbytes for array in tensors.values())


def write_update(folder: Path, words: Words, packing: Packing, random: np.random.Generator) -> int:
    """Write the artifact of an update; returns the bytes of its data."""
    tensors = pack(words, packing, random)
    write_tensors(folder / UPDATE_FILE, tensors)
    return wire_bytes(tensors)


def read_update(folder: Path, packing: Packing, parameters: int) -> Words:
    """The words of an update's artifact. ModelInvalid for anything that is none."""
    types = packing.types(parameters)
    return unpack(read_tensors(folder / UPDATE_FILE, types, tensor_bytes(types)), packing, parameters)


def most_bytes(packing: Packing, parameters: int) -> int:
    """The largest artifact of an update."""
    return tensor_bytes(packing.types(parameters))


def write_model(folder: Path, words: ModelWords) -> None:
    """Write the artifact of a global model: the same bytes for the same words, hence one digest."""
    write_tensors(folder / MODEL_FILE, {"words": words})


def read_model(folder: Path, parameters: int) -> ModelWords:
    """The words of a global model's artifact. ModelInvalid for anything that is none."""
    types = {"words": TensorType("I64", (parameters,))}
    words = read_tensors(folder / MODEL_FILE, types, tensor_bytes(types))["words"]
    if (words > MODEL_BOUND).any() or (words < -MODEL_BOUND).any():
        raise ModelInvalid("a word of it is beyond the bound")
    return words
