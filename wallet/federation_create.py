"""Founding a federation: its specification and first model are made, published, and named on the chain."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file

from node.amounts import format_amount
from protocol.artifacts import manifest_of
from protocol.chain import Chain
from protocol.configuration import expanded
from protocol.documents import Document, explain
from protocol.errors import ConfigInvalid
from protocol.federated.first import initial
from protocol.federated.fixed import encode_model, flatten
from protocol.federated.rules import Rule
from protocol.federated.spec import Column, FederationSpec, Privacy, Tensor, write_federation
from protocol.federated.votes import Voting
from protocol.federated.wire import Packing, write_model
from protocol.store import ArtifactStore
from protocol.tasks.data import number, read_rows
from wallet.actions import Action, Call, with_approval
from wallet.federation_file import FederationFile
from wallet.stakes import wallet_figure

_LARGEST = 2**62
D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Prepared:
    """A federation ready to be published: its specification, and the artifacts of that and of the first model."""

    file: FederationFile
    spec: FederationSpec
    spec_folder: Path
    model_folder: Path

    @property
    def digests(self) -> tuple[str, str]:
        """Of the specification and of the first model."""
        return manifest_of(self.spec_folder).digest, manifest_of(self.model_folder).digest


@contextmanager
def prepared(file: FederationFile) -> Iterator[Prepared]:
    """Specification and first model in a temporary directory; ConfigInvalid for what cannot be."""
    fields: dict[str, Any] = {"title": file.title, "description": file.description, "exponent": file.model.exponent}
    first = None
    if file.model.first:
        first = _arrays(expanded(file.model.first))
        fields["tensors"] = tuple(_tensor(name, array) for name, array in first.items())
        fields["title"] = file.title or Path(file.model.first).stem
    else:
        fields |= _table(file)
    spec = _specify(file, fields)
    words = encode_model(flatten(first) if first else initial(spec.shapes, file.model.seed), spec.exponent)
    with TemporaryDirectory(prefix="skein-federation-") as name:
        folder = write_federation(spec, Path(name) / "spec")
        write_model(Path(name) / "model", words)
        yield Prepared(file, spec, folder, Path(name) / "model")


def _specify(file: FederationFile, fields: Mapping[str, Any]) -> FederationSpec:
    parts: dict[str, type[Document]] = {"rule": Rule, "packing": Packing, "voting": Voting, "privacy": Privacy}
    sections = {name: getattr(file, name) for name in parts}
    rules = {
        name: _made(parts[name], f"{name}.", section.model_dump())
        for name, section in sections.items()
        if section is not None
    }
    return _made(FederationSpec, "", {**fields, **rules})


def _made(kind: type[D], place: str, values: Mapping[str, Any]) -> D:
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigInvalid(f"The federation does not add up: {place}{explain(error).rstrip('.')}.") from None


def _table(file: FederationFile) -> dict[str, Any]:
    data = file.data
    columns, classes = [(column.name, column.mean, column.deviation) for column in data.columns], 0
    if data.source:
        columns, classes = _statistics(expanded(data.source), data.label)
    title = file.title or Path(data.source).stem or "Federation"
    return {
        "title": title,
        "columns": tuple(_column(*figures) for figures in columns),
        "label": data.label,
        "classes": data.classes or classes,
        "hidden": file.model.hidden,
    }


def _column(name: str, mean: float, deviation: float) -> Column:
    millionths = 1e6 * mean, 1e6 / deviation if deviation else 0.0
    if not all(-_LARGEST <= value <= _LARGEST for value in millionths):
        raise ConfigInvalid(f"The mean or the deviation of column {name!r} is out of range.")
    try:
        return Column(name=name, mean=round(millionths[0]), scale=round(millionths[1]))
    except ValidationError as error:
        raise ConfigInvalid(f"Column {name!r} cannot be: {explain(error).rstrip('.')}.") from None


def _tensor(name: str, array: NDArray[Any]) -> Tensor:
    try:
        return Tensor.model_validate({"name": name, "shape": array.shape, "dtype": str(array.dtype)})
    except ValidationError as error:
        raise ConfigInvalid(f"Tensor {name!r} of the first model cannot be: {explain(error).rstrip('.')}.") from None


def _statistics(path: Path, label: str) -> tuple[list[tuple[str, float, float]], int]:
    """Name, mean and deviation of every column but the label, and how many classes that has."""
    header, rows = read_rows(path)
    if not rows or label not in header:
        raise ConfigInvalid(f"{path} has no rows with a column {label!r}.")
    columns = {name: np.array([number(path, line, row, name) for line, row in rows]) for name in header}
    labels = columns.pop(label)
    if labels.min() < 0 or (labels != np.rint(labels)).any():
        raise ConfigInvalid(f"{path}, column {label!r}: classes must be the whole numbers from 0.")
    return [(name, float(each.mean()), float(each.std())) for name, each in columns.items()], int(labels.max()) + 1


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a first model; those of an .npz are named by their places, as Flower orders them."""
    try:
        if path.suffix != ".npz":
            return dict(load_file(path))
        with path.open("rb") as stream:  # which numpy would leave open where it is no archive
            file = np.load(stream, allow_pickle=False)
            found = {name: file[name] for name in file.files} if isinstance(file, NpzFile) else {}
    # whatever a file of another sort makes the two libraries say
    except (OSError, ValueError, EOFError, NotImplementedError, BadZipFile, SafetensorError) as error:
        raise ConfigInvalid(f"The first model {path} cannot be read: {str(error).rstrip('.')}.") from None
    if not found or not all(isinstance(array, np.ndarray) for array in found.values()):
        raise ConfigInvalid(f"The first model {path} does not hold arrays alone, as numpy.savez writes them.")
    return found


def parameters(made: Prepared) -> dict[str, Any]:
    """IAlliance.Parameters."""
    file, (spec, model) = made.file, made.digests
    reward, rounds, windows = file.reward, file.rounds, file.windows
    return {
        "spec_digest": spec,
        "model_digest": model,
        "bounty": reward.bounty,
        "min_stake": reward.min_stake,
        "floor_stake": file.floor_stake,
        "rounds": rounds.count,
        "proposers": rounds.proposers,
        "committee": rounds.committee,
        "quorum": rounds.quorum,
        "min_members": file.min_members,
        "silent_slash": rounds.silent_slash,
        "rest_window": windows.rest,
        "commit_window": windows.commit,
        "reveal_window": windows.reveal,
        "vote_window": windows.vote,
        "ballot_window": windows.ballot,
        "attest_window": windows.attest,
        "invited": file.invited,
    }


def creation(chain: Chain, creator: str, made: Prepared) -> Action:
    """Approve and found; ConfigInvalid when the creator cannot pay."""
    bounty, held = made.file.reward.bounty, chain.token_balance(creator)
    if held < bounty:
        raise ConfigInvalid(f"The bounty is {format_amount(bounty)} SKEIN; {creator} holds {format_amount(held)}.")
    what = f"found the federation, with a pool of {format_amount(bounty)} SKEIN"
    call = Call(what, "Alliance", "createFederation", (parameters(made),))
    return Action(with_approval(chain, creator, "Alliance", bounty, call), (wallet_figure(creator),))


def publish(made: Prepared, store: ArtifactStore) -> None:
    """Put specification and first model into the store."""
    for folder in (made.spec_folder, made.model_folder):
        store.put(folder)
