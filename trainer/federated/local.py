"""A member's own data: read where they are, never uploaded; what leaves them is an update and a ballot.

`--data` names them: a CSV or Parquet file, a folder of such files, `sql:URL?query=SELECT…`, `python:module:factory`, or
`flower:DIR` (see `flower.py`). A factory is called with the specification and returns anything with the four verbs of
`Local`.
"""

import csv
import errno
import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from protocol.configuration import expanded
from protocol.errors import ConfigInvalid, ProtocolError, TaskFailed
from protocol.federated.fixed import flatten, unflatten
from protocol.federated.focus import Variation, suspected
from protocol.federated.spec import FederationSpec
from protocol.merkle import merkle_root
from trainer.federated.perceptron import Effort, Floats, Noise, losses, train
from trainer.federated.sensitivity import shifts

Weights = Mapping[str, NDArray[Any]]
_HELD_OUT = 0.2


class Facts(NamedTuple):
    """What a member commits to: how many rows it has, and the Merkle root of their hashes, 0x hex."""

    rows: int
    root: str


@runtime_checkable
class Local(Protocol):
    """The four verbs of a member's data. Weights are arrays by tensor name, as in `FederationSpec.shapes`."""

    def load(self) -> Facts:
        """Read the data, once, before all else."""
        ...

    def train(self, weights: Weights, seed: int) -> Weights:
        """Weights after some training on the member's rows, from the given ones."""
        ...

    def evaluate(self, weights: Weights) -> float:
        """The mean loss on rows that are never trained on; any number that is lower the better."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """For the log: "rows" to train on, and what else there is.

        Where the federation asks for DP-SGD: "privacy": "dp_sgd" if `train` does that, with the "batch_size" and
        "epochs" from which it is accounted.
        """
        ...


@dataclass
class Table:
    """Rows under the specification's columns."""

    spec: FederationSpec
    source: str
    effort: Effort

    def load(self) -> Facts:
        rows = list(_rows(self.source))
        self.x, self.y = _numbers(self.spec, rows, self.source)
        order = np.random.default_rng(0).permutation(len(self.y))
        held = round(_HELD_OUT * len(order))
        if held < 1 or len(order) - held < 1:
            raise ConfigInvalid(f"{self.source} has {len(order)} rows; a member needs at least 5.")
        self._held, self._kept = order[:held], order[held:]
        leaves = [row.tobytes() + label.tobytes() for row, label in zip(self.x, self.y, strict=True)]
        return Facts(len(leaves), "0x" + merkle_root(leaves).hex())

    def train(self, weights: Weights, seed: int) -> Weights:
        rows = self.x[self._kept], self.y[self._kept]
        random = np.random.default_rng(seed)
        vector = train(flatten(weights), self.spec.shapes, *rows, self.effort, random, self._noise)
        return unflatten(vector, self.spec.shapes)

    def evaluate(self, weights: Weights) -> float:
        return float(losses(flatten(weights), self.spec.shapes, self.x[self._held], self.y[self._held]).mean())

    def suspected(self, base: Floats, models: Mapping[int, Floats]) -> set[int]:
        """The slots of models whose updates seem to plant a backdoor, as far as these rows can tell."""
        found = shifts(base, models, self.spec.shapes, self.x[self._held], self.y[self._held])
        return suspected(self.spec.voting, found, self._variation)

    @cached_property
    def _variation(self) -> Variation:
        return Variation.of(self.x)

    def describe(self) -> Mapping[str, Any]:
        counts = {"rows": len(self._kept), "held_out": len(self._held)}
        told = {**counts, "batch_size": self.effort.batch_size, "epochs": self.effort.epochs}
        return told if self._noise is None else {**told, "privacy": "dp_sgd"}

    @property
    def _noise(self) -> Noise | None:
        privacy = self.spec.privacy
        if privacy is None or privacy.method != "dp_sgd":
            return None
        return Noise(privacy.clip / 1000, privacy.noise / 1000)


def open_local(source: str, spec: FederationSpec, effort: Effort) -> Local:
    """The data that `--data` names. ConfigInvalid for what cannot be."""
    if source.startswith("flower:"):
        from trainer.federated.flower import open_flower

        return open_flower(source, spec)
    if not source.startswith("python:"):
        if spec.tensors:
            raise ConfigInvalid("This federation trains with its members' own code: --data python:… or flower:….")
        return Table(spec, source, effort)
    module, _, name = source.removeprefix("python:").partition(":")
    find_modules_here()
    try:
        made = getattr(importlib.import_module(module), name)(spec)
    except ProtocolError:
        raise
    except Exception as error:  # whatever its code raises
        raise ConfigInvalid(f"--data {source}: {str(error).rstrip('.') or type(error).__name__}.") from error
    if not isinstance(made, Local):
        raise ConfigInvalid(f"--data {source}: what it returns has not all of load, train, evaluate and describe.")
    return made


def find_modules_here() -> None:
    """Let code of the member's own be found where the program runs, as `python -m` does."""
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)


def _rows(source: str) -> Iterator[Mapping[str, Any]]:
    if source.startswith("sql:"):
        yield from _query(source[4:])
        return
    path = expanded(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".csv", ".parquet"))
        if not files:
            raise ConfigInvalid(f"The folder {source} holds no .csv or .parquet file.")
    else:
        files = [path]
    for file in files:
        yield from _parquet(file) if file.suffix == ".parquet" else _csv(file)


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            if len(set(names)) < len(names):
                raise ConfigInvalid(f"{path} names a column twice in its first line.")
            yield from reader
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path} is not text in UTF-8: export it as CSV with that encoding.") from error
    except csv.Error as error:
        raise ConfigInvalid(
            f"{path} is not CSV: what follows line {reader.line_num} cannot be told apart into columns."
        ) from error


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise ConfigInvalid("Parquet files need the extra: pip install '.[parquet]'.") from None
    try:
        yield from parquet.read_table(path).to_pylist()
    except ArrowException as error:
        raise ConfigInvalid(f"{path} is not Parquet, or is damaged.") from error
    except OSError as error:
        code = errno.ENOENT if isinstance(error, FileNotFoundError) else error.errno  # it has its own words for that
        raise ConfigInvalid(f"{path} cannot be read: {os.strerror(code) if code else error}.") from error


def _query(source: str) -> Iterator[Mapping[str, Any]]:
    url, _, query = source.partition("?query=")
    if not query:
        raise ConfigInvalid("SQL data are given as sql:URL?query=SELECT …")
    try:
        with create_engine(url).connect() as connection:
            yield from (dict(row) for row in connection.execute(text(query)).mappings())
    except (SQLAlchemyError, ImportError, ValueError) as error:  # a port that is none is a ValueError
        told = str(error).splitlines()[0].rstrip(".")
        raise ConfigInvalid(f"The query on {url.partition('@')[2] or url} failed: {told}.") from error


def _numbers(
    spec: FederationSpec, rows: Sequence[Mapping[str, Any]], source: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    names = [column.name for column in spec.columns]
    for number, row in enumerate(rows, 1):  # each, since the files of a folder may differ
        if missing := [name for name in (*names, spec.label) if name not in row]:
            raise ConfigInvalid(f"{source}, row {number}, has no column {missing[0]!r}, which the federation asks for.")
    x = np.array([_floats(row, names, number, source) for number, row in enumerate(rows, 1)]).reshape(-1, len(names))
    mean = np.array([column.mean for column in spec.columns]) / 1e6
    scale = np.array([column.scale for column in spec.columns]) / 1e6
    labels = [_label(row[spec.label], spec.classes, number, source) for number, row in enumerate(rows, 1)]
    return (x - mean) * scale, np.array(labels, np.int64)


def _floats(row: Mapping[str, Any], names: Iterable[str], number: int, source: str) -> list[float]:
    values = []
    for name in names:
        try:
            value = float(row[name])
        except (TypeError, ValueError):
            raise ConfigInvalid(f"{source}, row {number}: {name} is {row[name]!r}, which is no number.") from None
        if not np.isfinite(value):
            raise ConfigInvalid(f"{source}, row {number}: {name} is not finite.")
        values.append(value)
    return values


def _label(value: Any, classes: int, number: int, source: str) -> int:
    try:
        label = int(float(value))
    except (TypeError, ValueError, OverflowError):
        label = -1
    if not 0 <= label < classes or label != float(value):
        raise ConfigInvalid(f"{source}, row {number}: the label is {value!r}; it must be 0 to {classes - 1}.")
    return label


def checked_loss(local: Local, weights: Weights) -> float:
    """A member's loss as a number; TaskFailed with a sentence for whatever its data's code raises."""
    try:
        return float(local.evaluate(weights))
    except Exception as error:
        raise TaskFailed("evaluation", _failure(error)) from error


def checked_training(local: Local, weights: Weights, seed: int) -> Weights:
    """The trained weights, of the same names and shapes, finite; TaskFailed with a sentence for whatever they are not.

    Tensors that the code leaves out stay as they were.
    """
    try:
        trained = {name: np.asarray(array, np.float64) for name, array in local.train(weights, seed).items()}
    except Exception as error:
        raise TaskFailed("training", _failure(error)) from error
    for name, array in trained.items():
        if name not in weights:
            raise TaskFailed("training", f"the member's code returned {name!r}, which is no tensor of the model")
        if array.shape != weights[name].shape:
            raise TaskFailed("training", f"{name!r} has the shape {array.shape}, not {weights[name].shape}")
        if not np.isfinite(array).all():
            raise TaskFailed("training", f"{name!r} is not finite: the training diverged")
    return {**weights, **trained}


def _failure(error: Exception) -> str:
    if isinstance(error, TaskFailed):
        return error.reason
    told = (
        str(error) if isinstance(error, ProtocolError) else f"the member's data failed: {error or type(error).__name__}"
    )
    return " ".join(told.split())[:500].rstrip(".")
