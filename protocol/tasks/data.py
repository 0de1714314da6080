"""Tables of numbers with a class in each row: how they are kept, and where creators' tables come from.

The artifact's `data.safetensors` has x: float32, shape (rows, features), and y: int64, shape (rows,), classes counted
from 0.
"""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.configuration import expanded
from protocol.errors import ConfigInvalid
from protocol.models import TensorType
from protocol.tasks.base import Origin, Source
from protocol.tasks.sets import MOST_LABEL, Card, Labelled, check_classes, read_set, write_set

MOST_CLASSES = 10_000
LARGEST = 2**32  # rows times features of a directory with arrays
_LARGEST_NUMBER = float(np.finfo(np.float32).max)

Row = dict[str, str]


@dataclass(frozen=True)
class Table(Labelled):
    """Rows with a class each: x float32 of shape (rows, features), y int64 of shape (rows,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    counts: NDArray[np.int64] | None = None


def write_data(directory: Path, table: Table, card: Card) -> Path:
    """Write a table's artifact; the card's number of rows is set to the table's. StorageFailed."""
    return write_set(directory, {"x": table.x, "y": table.y}, card, len(table))


def read_data(directory: Path, features: int, classes: int) -> Table:
    """Read a table of this width; TaskFailed if it is anything else. The card is not looked at."""
    tensors = read_set(directory, {"x": TensorType("F32", (None, features)), "y": TensorType("I64", (None,))})
    check_classes(tensors["y"], classes)
    return Table(tensors["x"], tensors["y"])


def table_source(table: Table, card: Card) -> Source[Table]:
    """A table's source: features and classes follow from it."""
    return Source(table, card, {"features": table.x.shape[1], "classes": len(card.classes)})


def breast_cancer() -> Source[Table]:
    """Wisconsin diagnostic breast cancer: 569 samples, 30 measurements of cell nuclei, malignant or benign."""
    return _packaged("load_breast_cancer", "breast_cancer", "Is a breast mass malignant? 30 measurements of nuclei.")


def digits() -> Source[Table]:
    """Handwritten digits: 1,797 images of 8 x 8 pixels, ten classes."""
    return _packaged("load_digits", "digits", "Which digit was written? Images of 8 x 8 pixels.")


DATASETS: dict[str, Callable[[], Source[Table]]] = {"breast_cancer": breast_cancer, "digits": digits}


def packaged(loader: str, name: str) -> Any:
    """A data set as scikit-learn ships it; ConfigInvalid where that is not installed."""
    try:
        from sklearn import datasets
    except ImportError:
        raise ConfigInvalid(f"The data set {name} ships with scikit-learn; install skein[node].") from None
    return getattr(datasets, loader)()


def _packaged(loader: str, name: str, description: str) -> Source[Table]:
    raw = packaged(loader, name)
    card = Card(
        name=name,
        description=description,
        source="UCI Machine Learning Repository, as shipped with scikit-learn",
        licence="CC BY 4.0",
        features=tuple(str(feature) for feature in raw.feature_names),
        classes=tuple(str(label) for label in raw.target_names),
        rows=len(raw.target),
    )
    return table_source(Table(raw.data.astype(np.float32), raw.target.astype(np.int64)), card)


def read_table(origin: Origin) -> Source[Table]:
    """The table that a task file names; ConfigInvalid when it cannot be read."""
    if origin.source in DATASETS:
        return DATASETS[origin.source]()
    path = expanded(origin.source)
    if path.is_dir():
        return _read_arrays(path)
    if path.is_file():
        return read_csv(path, required_label(origin))
    raise unknown_source(origin, DATASETS, "a CSV file or a directory")


def required_label(origin: Origin) -> str:
    """The column that names the class; ConfigInvalid where a CSV file comes without."""
    if origin.label is None:
        raise ConfigInvalid(f"Say which column of {origin.source} is the class: data.label.")
    return origin.label


def unknown_source(origin: Origin, names: dict[str, Any], else_: str) -> ConfigInvalid:
    """The sentence about a source that is nothing."""
    return ConfigInvalid(f"There is no data set {origin.source!r}: name one of {', '.join(names)}, {else_}.")


def _read_arrays(directory: Path) -> Source[Table]:
    """x.npy: numbers, shape (rows, features); y.npy: classes counted from 0, shape (rows,). Pickles are not opened."""
    x, y = (read_array(directory / name) for name in ("x.npy", "y.npy"))
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or not len(x):
        raise ConfigInvalid(
            f"{directory}: x must be (rows, features) and y (rows,), but they are {x.shape}, {y.shape}."
        )
    with np.errstate(over="ignore"):  # what is too large is not finite
        finite = x.dtype.kind in "fiub" and np.isfinite(x.astype(np.float32)).all()
    if not finite:
        raise ConfigInvalid(f"{directory}/x.npy must hold finite numbers.")
    card = array_card(directory, y, tuple(f"x{index}" for index in range(x.shape[1])))
    return table_source(Table(x.astype(np.float32), y.astype(np.int64)), card)


def array_card(directory: Path, y: NDArray[Any], features: tuple[str, ...] = ()) -> Card:
    """The card of a directory with arrays; ConfigInvalid if y are no classes."""
    if y.dtype.kind not in "iu" or y.min() < 0 or y.max() >= MOST_CLASSES:
        raise ConfigInvalid(f"{directory}/y.npy must hold classes, counted from 0, at most {MOST_CLASSES:,}.")
    classes = tuple(str(index) for index in range(max(2, int(y.max()) + 1)))
    name = directory.resolve().name[:200] or "data"
    return Card(name=name, features=features, classes=classes, rows=len(y))


def read_array(path: Path) -> NDArray[Any]:
    """An array that numpy.save wrote; ConfigInvalid for anything else."""
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise ConfigInvalid(f"{path} is not an array that numpy.save wrote: {error}.") from None
    if not isinstance(array, np.ndarray) or array.size > LARGEST:
        raise ConfigInvalid(f"{path} is not one array of at most {LARGEST} numbers.")
    return array


def read_csv(path: Path, label: str) -> Source[Table]:
    """A creator's own table: a header, then numbers, and a column `label` whose texts are the classes (sorted).

    ConfigInvalid names the line and column that cannot be used. The card has to be completed.
    """
    header, rows = read_rows(path)
    features, classes, y = labels_of(path, header, rows, label)
    numbers = [[number(path, line, row, name) for name in features] for line, row in rows]
    card = Card(name=path.stem[:200], features=features, classes=classes, rows=len(rows))
    return table_source(Table(np.array(numbers, np.float32), y), card)


def labels_of(
    path: Path, header: list[str], rows: list[tuple[int, Row]], label: str
) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.int64]]:
    """The other columns, the classes (the texts in column `label`, sorted), and the class of every row."""
    if label not in header:
        raise ConfigInvalid(f"{path} has no column {label!r}; it has {', '.join(header)}.")
    labels = [row[label] for _, row in rows]
    classes = sorted(set(labels))
    if len(classes) < 2 or "" in classes:
        raise ConfigInvalid(f"Column {label!r} of {path} must name at least two classes, one in every line.")
    if len(classes) > MOST_CLASSES or max(map(len, classes)) > MOST_LABEL:
        raise ConfigInvalid(
            f"Column {label!r} of {path} names {len(classes):,} classes: at most {MOST_CLASSES:,}, of {MOST_LABEL} "
            "characters, can be told apart."
        )
    numbers = {name: index for index, name in enumerate(classes)}
    features = tuple(name for name in header if name != label)
    return features, tuple(classes), np.array([numbers[name] for name in labels], np.int64)


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, Row]]]:
    """The header of a CSV file, and every row with its line number; ConfigInvalid."""
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
    if longest := next((name for name in header if len(name) > MOST_LABEL), None):
        raise ConfigInvalid(f"A column of {path} has a name of {len(longest)} characters; {MOST_LABEL} are the most.")
    for line, row in rows:
        if len(row) != len(header):
            raise ConfigInvalid(f"Line {line} of {path} has {len(row)} columns, the first line has {len(header)}.")
    return header, [(line, dict(zip(header, row, strict=True))) for line, row in rows]


def number(path: Path, line: int, row: Row, name: str) -> float:
    """What a row has in a column, as a number that float32 can hold; ConfigInvalid."""
    value = as_number(row[name])
    if math.isnan(value):
        raise ConfigInvalid(f"Line {line} of {path} has {row[name]!r} in column {name!r}, which is not a number.")
    return value


def as_number(text: str) -> float:
    """A text as a number that float32 can hold, or NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= _LARGEST_NUMBER else math.nan
