"""Data sets: the artifact that holds one, how one is split, and those that ship in packages.

A data set's artifact is `data.safetensors` (x: float32, shape (rows, features); y: int64, shape (rows,), classes
counted from 0) and `card.json`, which tells people what it is. Training and held-out sets have the same form.
"""

import csv
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocol.documents import Document
from protocol.errors import ConfigInvalid, ModelInvalid, TaskFailed
from protocol.models import TensorType, read_tensors, write_tensors
from protocol.staging import local_storage, write_file

DATA_FILE = "data.safetensors"
CARD_FILE = "card.json"
MAX_DATA_BYTES = 2**34
_LARGEST = float(np.finfo(np.float32).max)

Text = Annotated[str, Field(max_length=4000)]
Label = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Table:
    """Rows with a class each: x float32 of shape (rows, features), y int64 of shape (rows,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def rows(self, indices: NDArray[np.int64]) -> "Table":
        """Some of the rows, in the order of `indices`."""
        return Table(self.x[indices], self.y[indices])


class Card(Document):
    """What a data set is, for people: where it comes from, and what its columns and classes are called."""

    version: Literal[1] = 1
    name: Label
    description: Text
    source: Text
    licence: Text
    features: tuple[Label, ...]
    classes: Annotated[tuple[Label, ...], Field(min_length=2)]
    rows: Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Source:
    """A whole data set before it is split, and its card."""

    table: Table
    card: Card


def write_data(directory: Path, table: Table, card: Card) -> Path:
    """Write a data set's artifact; the card's number of rows is set to the table's. StorageFailed."""
    write_tensors(directory / DATA_FILE, {"x": table.x, "y": table.y})
    with local_storage(f"Writing the data set to {directory}"):
        write_file(directory / CARD_FILE, card.model_copy(update={"rows": len(table)}).to_bytes())
    return directory


def read_data(directory: Path, features: int, classes: int) -> Table:
    """Read a data set of this width; TaskFailed if it is anything else. The card is not looked at."""
    expected = {"x": TensorType("F32", (None, features)), "y": TensorType("I64", (None,))}
    try:
        tensors = read_tensors(directory / DATA_FILE, expected, MAX_DATA_BYTES)
    except ModelInvalid as error:
        raise TaskFailed("data set", error.reason) from None
    table = Table(tensors["x"], tensors["y"])
    if len(table.x) != len(table.y) or not len(table):
        raise TaskFailed("data set", f"it has {len(table.x)} rows and {len(table.y)} labels")
    if table.y.min() < 0 or table.y.max() >= classes:
        raise TaskFailed("data set", f"it has labels outside 0 to {classes - 1}")
    return table


def split(table: Table, share: float, seed: bytes) -> tuple[Table, Table]:
    """Divide into a training and a held-out part; `share` of every class, rounded, is held out.

    The order is by a hash of seed and row, so that it depends on no library's random numbers and equal rows come to
    lie together. Whoever knows the seed knows the division: keep it as secret as the held-out set's key.
    ConfigInvalid if a class would be missing on one side.
    """
    keys = [hashlib.sha256(seed + x.tobytes() + y.tobytes()).digest() for x, y in zip(table.x, table.y, strict=True)]
    order = np.array(sorted(range(len(table)), key=keys.__getitem__), np.int64)
    held_out = np.zeros(len(table), bool)
    for label in np.unique(table.y):
        members = order[table.y[order] == label]
        count = round(share * len(members))
        if not 0 < count < len(members):
            raise ConfigInvalid(f"Class {label} has {len(members)} rows, too few to hold out {share:.0%} of them.")
        held_out[members[:count]] = True
    return table.rows(order[~held_out[order]]), table.rows(order[held_out[order]])


def breast_cancer() -> Source:
    """Wisconsin diagnostic breast cancer: 569 samples, 30 measurements of cell nuclei, malignant or benign."""
    return _packaged("load_breast_cancer", "breast_cancer", "Is a breast mass malignant? 30 measurements of nuclei.")


def digits() -> Source:
    """Handwritten digits: 1,797 images of 8 x 8 pixels, ten classes."""
    return _packaged("load_digits", "digits", "Which digit was written? Images of 8 x 8 pixels.")


DATASETS: dict[str, Callable[[], Source]] = {"breast_cancer": breast_cancer, "digits": digits}


def _packaged(loader: str, name: str, description: str) -> Source:
    try:
        from sklearn import datasets
    except ImportError:
        raise ConfigInvalid(f"The data set {name} ships with scikit-learn; install skein[node].") from None
    raw: Any = getattr(datasets, loader)()
    card = Card(
        name=name,
        description=description,
        source="UCI Machine Learning Repository, as shipped with scikit-learn",
        licence="CC BY 4.0",
        features=tuple(str(feature) for feature in raw.feature_names),
        classes=tuple(str(label) for label in raw.target_names),
        rows=len(raw.target),
    )
    return Source(Table(raw.data.astype(np.float32), raw.target.astype(np.int64)), card)


def read_csv(path: Path, label: str) -> Source:
    """A creator's own table: a header, then numbers, and a column `label` whose texts are the classes (sorted).

    ConfigInvalid names the line and column that cannot be used. The card has to be completed.
    """
    header, rows = _read_rows(path)
    if label not in header:
        raise ConfigInvalid(f"{path} has no column {label!r}; it has {', '.join(header)}.")
    features = [name for name in header if name != label]
    numbers = [[_number(path, line, row, name) for name in features] for line, row in rows]
    labels = [row[label] for _, row in rows]
    classes = sorted(set(labels))
    if len(classes) < 2 or "" in classes:
        raise ConfigInvalid(f"Column {label!r} of {path} must name at least two classes, one in every line.")
    table = Table(np.array(numbers, np.float32), np.array([classes.index(name) for name in labels], np.int64))
    card = Card(
        name=path.stem,
        description="",
        source="",
        licence="",
        features=tuple(features),
        classes=tuple(classes),
        rows=len(rows),
    )
    return Source(table, card)


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and every row with its line number."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path} is not CSV in UTF-8: {error}.") from None
    if len(header) != len(set(header)) or "" in header:
        raise ConfigInvalid(f"The first line of {path} must name every column, each differently.")
    for line, row in rows:
        if len(row) != len(header):
            raise ConfigInvalid(f"Line {line} of {path} has {len(row)} columns, the first line has {len(header)}.")
    return header, [(line, dict(zip(header, row, strict=True))) for line, row in rows]


def _number(path: Path, line: int, row: dict[str, str], name: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not abs(number) <= _LARGEST:
        raise ConfigInvalid(f"Line {line} of {path} has {row[name]!r} in column {name!r}, which is not a number.")
    return number
