"""Classification of rows as they come: numbers, some of them missing, and categories; health, finance, agriculture.

A specification's `model` is {"numbers": 4, "categories": [3, 7], "hidden": [32], "classes": 2}: so many columns of
numbers, and of each column of categories how many there are. `data.safetensors` has x (F32, numbers; 0 where missing),
missing (U8, 1 where x is missing), codes (I64, categories counted from 1; 0 for missing), y (I64). A model's tensors:

    mean, scale            (numbers,)    a number is standardised as (x - mean) * scale; a missing one is 0
    layers.<i>.weight      (out, in)     of the inputs [numbers, whether each is missing, a one for each code]
    layers.<i>.bias        (out,)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from protocol.configuration import expanded
from protocol.documents import Document
from protocol.errors import ConfigInvalid, TaskFailed
from protocol.models import TensorType
from protocol.specs import spec_error
from protocol.tasks.base import Budget, Example, Origin, Source
from protocol.tasks.classification import (
    Classes,
    Hidden,
    check_size,
    exact_layers,
    forward_layers,
    layer_tensors,
    layers_of,
    linear_layers,
)
from protocol.tasks.classifier import Classifier
from protocol.tasks.data import Row, as_number, labels_of, read_rows, required_label, unknown_source
from protocol.tasks.sets import Card, Labelled, check_classes, read_set, write_set

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "None", "?"})
MOST_CATEGORIES = 1000


class Columns(Document):
    """A specification's `model`."""

    numbers: Annotated[int, Field(ge=0, le=10_000)]
    categories: Annotated[tuple[Annotated[int, Field(ge=1, le=MOST_CATEGORIES)], ...], Field(max_length=1000)]
    hidden: Hidden
    classes: Classes

    def features(self) -> int:
        """How many inputs there are."""
        return 2 * self.numbers + sum(self.categories) + len(self.categories)

    def layers(self) -> list[tuple[int, int]]:
        """(in, out) of each layer."""
        return layers_of(self.features(), self.hidden, self.classes)


@dataclass(frozen=True)
class Records(Labelled):
    """Rows: x float32 and missing uint8 of shape (rows, numbers), codes int64 of shape (rows, categories)."""

    x: NDArray[np.float32]
    missing: NDArray[np.uint8]
    codes: NDArray[np.int64]
    y: NDArray[np.int64]
    counts: NDArray[np.int64] | None = None


class Tabular(Classifier[Records]):
    """The kind "tabular"."""

    kind = "tabular"
    description = Columns
    model: Columns

    def check(self) -> None:
        if not self.model.features():
            raise spec_error("model: it has neither numbers nor categories")
        check_size(self.model.layers())

    def tensors(self) -> Mapping[str, TensorType]:
        return {
            **{name: TensorType("F32", (self.model.numbers,)) for name in ("mean", "scale")},
            **layer_tensors(self.model.layers()),
        }

    def load(self, directory: Path) -> Records:
        numbers, columns = self.model.numbers, len(self.model.categories)
        expected = {
            "x": TensorType("F32", (None, numbers)),
            "missing": TensorType("U8", (None, numbers)),
            "codes": TensorType("I64", (None, columns)),
            "y": TensorType("I64", (None,)),
        }
        tensors = read_set(directory, expected, tuple(expected))
        check_classes(tensors["y"], self.model.classes)
        if (tensors["missing"] > 1).any() or tensors["x"][tensors["missing"] == 1].any():
            raise TaskFailed("data set", "missing must be 0 or 1, and x must be 0 where it is missing")
        if not ((tensors["codes"] >= 0) & (tensors["codes"] <= np.array(self.model.categories, np.int64))).all():
            raise TaskFailed("data set", "it has codes of no category")
        return Records(**tensors)

    def width(self) -> int:
        return max(self.model.features(), *(outputs for _, outputs in self.model.layers()))

    def outputs(self, weights: dict[str, Tensor], data: Records) -> Tensor:
        inputs, numbers = self.inputs(data).double(), self.model.numbers
        x = (inputs[:, :numbers] - weights["mean"].double()) * weights["scale"].double()
        x = torch.cat([x * (1 - inputs[:, numbers : 2 * numbers]), inputs[:, numbers:]], dim=1)
        return exact_layers(weights, x, len(self.model.layers()))

    def inputs(self, data: Records) -> Tensor:
        """Numbers, whether they are missing, and the codes as ones: (rows, features), float32."""
        ones = []
        for column, size in enumerate(self.model.categories):
            ones.append(np.eye(size + 1, dtype=np.float32)[data.codes[:, column]])
        return torch.from_numpy(np.concatenate([data.x, data.missing.astype(np.float32), *ones], axis=1))

    def network(self, data: Records, dropout: float) -> nn.Module:
        return _Network(self.model, data, dropout)

    @classmethod
    def read(cls, origin: Origin) -> Source[Records]:
        if origin.source == "loans":
            return loans()
        path = expanded(origin.source)
        if not path.is_file():
            raise unknown_source(origin, {"loans": loans}, "or a CSV file")
        return read_records(path, required_label(origin))

    @classmethod
    def write(cls, directory: Path, data: Records, card: Card) -> Path:
        return write_set(directory, {**data.arrays(), "y": data.y}, card, len(data))

    @classmethod
    def example(cls, folder: Path) -> Example[Records]:
        return Example("loans", loans(600), {"hidden": [8]}, Budget(epochs=20, learning_rate=0.02))


class _Network(nn.Module):
    """As it is trained; mean and scale are those of the numbers that are there."""

    mean: Tensor
    scale: Tensor

    def __init__(self, model: Columns, data: Records, dropout: float) -> None:
        super().__init__()
        there = np.ma.masked_array(data.x.astype(np.float64), data.missing == 1)
        mean, deviation = there.mean(axis=0).filled(0.0), there.std(axis=0).filled(0.0)
        with np.errstate(divide="ignore"):
            scale = np.where(deviation > 1e-7 * np.abs(mean), 1 / deviation, 0.0).astype(np.float32)
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("scale", torch.from_numpy(np.where(np.isfinite(scale), scale, np.float32(0))))
        self.layers = linear_layers(model.layers())
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        numbers = len(self.mean)
        x = (inputs[:, :numbers] - self.mean) * self.scale * (1 - inputs[:, numbers : 2 * numbers])
        return forward_layers(self.layers, torch.cat([x, inputs[:, numbers:]], dim=1), self.dropout)


# --- sources


def read_records(path: Path, label: str) -> Source[Records]:
    """A creator's table: a column whose texts are all numbers, or missing, is one of numbers; others are categories.

    ConfigInvalid names the column that is neither.
    """
    header, rows = read_rows(path)
    features, classes, y = labels_of(path, header, rows, label)
    numbers = [name for name in features if all(_is_number(row[name]) for _, row in rows)]
    texts = [name for name in features if name not in numbers]
    missing = np.array([[row[name] in MISSING for name in numbers] for _, row in rows], np.uint8)
    x = np.array([[0.0 if row[name] in MISSING else as_number(row[name]) for name in numbers] for _, row in rows])
    coded = [_codes(path, name, rows) for name in texts]
    codes = np.stack([codes for codes, _ in coded], 1) if coded else np.zeros((len(rows), 0), np.int64)
    shape = (len(rows), len(numbers))
    data = Records(x.astype(np.float32).reshape(shape), missing.reshape(shape), codes, y)
    card = Card(name=path.stem[:200], features=(*numbers, *texts), classes=classes, rows=len(rows))
    return records_source(data, card, [size for _, size in coded])


def records_source(data: Records, card: Card, categories: list[int]) -> Source[Records]:
    """Records' source; `categories`: of each column of codes, how many there are."""
    model = {"numbers": data.x.shape[1], "categories": categories, "classes": len(card.classes)}
    return Source(data, card, model)


def _is_number(text: str) -> bool:
    return text in MISSING or not np.isnan(as_number(text))


def _codes(path: Path, name: str, rows: list[tuple[int, Row]]) -> tuple[NDArray[np.int64], int]:
    texts = [row[name] for _, row in rows]
    known = sorted(set(texts) - MISSING)
    if len(known) > MOST_CATEGORIES:
        raise ConfigInvalid(
            f"Column {name!r} of {path} has {len(known)} different texts, {MOST_CATEGORIES} are allowed: leave it out."
        )
    number = {text: place for place, text in enumerate(known, 1)}
    return np.array([number.get(text, 0) for text in texts], np.int64), len(known)


def loans(count: int = 4000) -> Source[Records]:
    """Loans made by rule: one in five fails, some facts are missing. For trying out, not for learning about loans."""
    random = np.random.default_rng(2026)
    income, debt = random.lognormal(3, 0.5, count), random.lognormal(2, 0.8, count)
    years, purpose, region = random.integers(0, 30, count), random.integers(1, 6, count), random.integers(1, 9, count)
    risk = debt / income - 0.05 * years + 0.6 * (purpose == 3) + 0.3 * (region < 3) + random.normal(0, 0.1, count)
    x = np.stack([income, debt, years], 1).astype(np.float32)
    missing = (random.random(x.shape) < np.array([0.02, 0.1, 0.2])).astype(np.uint8)
    codes = np.stack([purpose, np.where(random.random(count) < 0.05, 0, region)], 1)
    y = (risk > np.quantile(risk, 0.8)).astype(np.int64)
    card = Card(
        name="loans",
        description="Does a loan fail? Made by rule: one in five does.",
        source="protocol.tasks.tabular",
        licence="Apache-2.0",
        features=("income", "debt", "years employed", "purpose", "region"),
        classes=("repaid", "failed"),
        rows=count,
    )
    return records_source(Records(np.where(missing, np.float32(0), x), missing, codes, y), card, [5, 8])
