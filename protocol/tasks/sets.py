"""The artifact of a data set: `data.safetensors`, whose tensors its kind decides, and `card.json`, which tells people
what it is. Training and held-out sets have the same form."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocol.documents import Document
from protocol.errors import ConfigInvalid, ModelInvalid, TaskFailed
from protocol.models import Tensors, TensorType, read_tensors, write_tensors
from protocol.staging import local_storage, write_file

DATA_FILE = "data.safetensors"
CARD_FILE = "card.json"
MAX_DATA_BYTES = 2**34

Text = Annotated[str, Field(max_length=4000)]
MOST_LABEL = 200
Label = Annotated[str, Field(min_length=1, max_length=MOST_LABEL)]


class Card(Document):
    """What a data set is, for people: where it comes from, and what its columns and classes are called, if it has any.

    `rows` counts samples of any sort.
    """

    version: Literal[1] = 1
    name: Label
    description: Text = ""
    source: Text = ""
    licence: Text = ""
    features: tuple[Label, ...] = ()
    classes: tuple[Label, ...] = ()
    rows: Annotated[int, Field(ge=1)]


class Labelled:
    """Samples with a class each: for frozen dataclasses that have these fields, and arrays of as many rows.

    `y`: the classes, int64 of shape (samples,). `counts`: of every class, the samples in the set that these were taken
    from; None where they are the set.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    y: NDArray[np.int64]
    counts: NDArray[np.int64] | None

    def __len__(self) -> int:
        return len(self.y)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What else there is of every sample, by its field's name; the fields that are arrays."""
        told = ((name, getattr(self, name)) for name in self.__dataclass_fields__ if name not in ("y", "counts"))
        return {name: value for name, value in told if isinstance(value, np.ndarray)}

    def rows(self, indices: NDArray[np.int64] | slice) -> Self:
        """Some of the samples, in the order of `indices`; those of a slice are not copied."""
        parts = {name: array[indices] for name, array in self.arrays().items()}
        return replace(self, y=self.y[indices], counts=self.class_counts(), **parts)

    def class_counts(self) -> NDArray[np.int64]:
        """Of every class, how many samples the whole set has."""
        return np.bincount(self.y) if self.counts is None else self.counts

    def counted(self) -> Self:
        """The same, where the classes are not counted anew for every part that is taken from it."""
        return replace(self, counts=self.class_counts())

    def strata(self) -> NDArray[np.int64]:
        """The classes."""
        return self.y

    def content(self, index: int) -> bytes:
        """A sample as bytes."""
        return b"".join(np.ascontiguousarray(array[index]).tobytes() for array in (*self.arrays().values(), self.y))


class Splittable(Protocol):
    """What `split` needs of a data set; `protocol.tasks.base.Samples` explains it."""

    def __len__(self) -> int: ...
    def rows(self, indices: NDArray[np.int64]) -> Self: ...
    def strata(self) -> NDArray[np.int64]: ...
    def content(self, index: int) -> bytes: ...


S = TypeVar("S", bound=Splittable)


def split(data: S, share: float, seed: bytes) -> tuple[S, S]:
    """Divide into a training and a held-out part; `share` of every class, rounded, is held out.

    The order is by a hash of seed and sample, so that it depends on no library's random numbers and equal samples come
    to lie together. Whoever knows the seed knows the division: keep it as secret as the held-out set's key.
    ConfigInvalid if a class would be missing on one side.
    """
    keys = [hashlib.sha256(seed + data.content(index)).digest() for index in range(len(data))]
    order = np.array(sorted(range(len(data)), key=keys.__getitem__), np.int64)
    held_out, strata = np.zeros(len(data), bool), data.strata()
    for label in np.unique(strata):
        members = order[strata[order] == label]
        count = round(share * len(members))
        if not 0 < count < len(members):
            raise ConfigInvalid(f"Class {label} has {len(members)} rows, too few to hold out {share:.0%} of them.")
        held_out[members[:count]] = True
    return data.rows(order[~held_out[order]]), data.rows(order[held_out[order]])


def write_set(directory: Path, tensors: Tensors, card: Card, rows: int) -> Path:
    """Write a data set's artifact; the card's number of rows is set to `rows`. StorageFailed."""
    write_tensors(directory / DATA_FILE, tensors)
    with local_storage(f"Writing the data set to {directory}"):
        write_file(directory / CARD_FILE, card.model_copy(update={"rows": rows}).to_bytes())
    return directory


def read_set(directory: Path, expected: Mapping[str, TensorType], rows: Sequence[str] = ("x", "y")) -> Tensors:
    """Read a data set of just these tensors; TaskFailed if it is anything else. The card is not looked at.

    The tensors `rows` have one row per sample: as many in all of them, and not 0.
    """
    try:
        tensors = read_tensors(directory / DATA_FILE, expected, MAX_DATA_BYTES)
    except ModelInvalid as error:
        raise TaskFailed("data set", error.reason) from None
    lengths = {name: len(tensors[name]) for name in rows}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        told = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise TaskFailed("data set", f"its tensors must have the same number of rows, above 0; there are {told}")
    return tensors


def check_classes(y: NDArray[np.int64], classes: int) -> None:
    """TaskFailed for a label that is no class."""
    if y.min() < 0 or y.max() >= classes:
        raise TaskFailed("data set", f"it has labels outside 0 to {classes - 1}")
