"""Where a creator's data come from: a packaged data set, a CSV file, or a directory with arrays."""

from pathlib import Path

import numpy as np

from protocol.errors import ConfigInvalid
from protocol.tasks.data import DATASETS, Card, Source, Table, read_csv

LARGEST = 2**32  # rows times features


def read_source(source: str, label: str | None) -> Source:
    """The data that a task file names; ConfigInvalid when they cannot be read."""
    if source in DATASETS:
        return DATASETS[source]()
    path = Path(source).expanduser()
    if path.is_dir():
        return _read_arrays(path)
    if path.is_file():
        if label is None:
            raise ConfigInvalid(f"Say which column of {path} is the class: data.label.")
        return read_csv(path, label)
    raise ConfigInvalid(
        f"There is no data set {source!r}: name one of {', '.join(DATASETS)}, a CSV file or a directory."
    )


def _read_arrays(directory: Path) -> Source:
    """x.npy: numbers, shape (rows, features); y.npy: classes counted from 0, shape (rows,). Pickles are not opened."""
    x, y = (_array(directory / name) for name in ("x.npy", "y.npy"))
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or not len(x):
        raise ConfigInvalid(
            f"{directory}: x must be (rows, features) and y (rows,), but they are {x.shape}, {y.shape}."
        )
    if x.dtype.kind not in "fiub" or not np.isfinite(x.astype(np.float32)).all():
        raise ConfigInvalid(f"{directory}/x.npy must hold finite numbers.")
    if y.dtype.kind not in "iu" or y.min() < 0:
        raise ConfigInvalid(f"{directory}/y.npy must hold classes, counted from 0.")
    classes = int(y.max()) + 1
    card = Card(
        name=directory.resolve().name[:200] or "data",
        description="",
        source="",
        licence="",
        features=tuple(f"x{index}" for index in range(x.shape[1])),
        classes=tuple(str(index) for index in range(max(2, classes))),
        rows=len(x),
    )
    return Source(Table(x.astype(np.float32), y.astype(np.int64)), card)


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ConfigInvalid(f"{path} is not an array that numpy.save wrote: {error}.") from None
    if not isinstance(array, np.ndarray) or array.size > LARGEST:
        raise ConfigInvalid(f"{path} is not one array of at most {LARGEST} numbers.")
    return array
