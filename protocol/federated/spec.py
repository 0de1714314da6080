"""Federation specifications: what a federation trains, and by which rules; fixed by the digest that stands on chain."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from eth_utils.crypto import keccak
from pydantic import Field, model_validator

from protocol.artifacts import FileHasher, artifact_paths, manifest_for
from protocol.documents import Document, canonical_json
from protocol.errors import ArtifactError
from protocol.federated.fixed import EXPONENTS
from protocol.federated.rules import Rule
from protocol.federated.votes import Voting
from protocol.federated.wire import Packing
from protocol.specs import spec_error
from protocol.staging import local_storage, write_file

SPEC_FILE = "federation.json"
MAX_SPEC_BYTES = 256 * 1024
_MOST_PARAMETERS = 100_000_000

Text = Annotated[str, Field(min_length=1, max_length=120)]


class Column(Document):
    """A feature: its name, and by what it is standardised, (x - mean) * scale, both in millionths."""

    name: Text
    mean: Annotated[int, Field(ge=-(2**62), le=2**62)] = 0
    scale: Annotated[int, Field(ge=0, le=2**62)] = 1_000_000


class Tensor(Document):
    """An array of a model whose members train it with code of their own. Whole numbers (counters) stay as they are."""

    name: Text
    shape: Annotated[tuple[Annotated[int, Field(ge=1, le=2**31)], ...], Field(max_length=8)]
    dtype: Literal["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"] = "float32"


class Privacy(Document):
    """How members hide single rows: noise with a deviation of `noise` thousandths of the clip.

    `method` "update": on the whole update, clipped to the largest norm. "dp_sgd": on every gradient, each row's clipped
    to `clip` thousandths. `budget`: the largest ε in thousandths at δ = 10^-`delta` that a member spends in all rounds;
    a member may set a lower one.
    """

    method: Literal["update", "dp_sgd"]
    noise: Annotated[int, Field(ge=1, le=10**9)]
    clip: Annotated[int, Field(ge=1, le=10**9)] = 1000
    budget: Annotated[int, Field(ge=1, le=10**9)]
    delta: Annotated[int, Field(ge=1, le=18)] = 5


class FederationSpec(Document):
    """A federation: its data's columns and classes, its network, and the rules.

    `hidden`: widths of the hidden layers. `exponent`: the largest norm of an update is 2^exponent. `tensors`: those of
    a model that is no network of columns; then `columns`, `label`, `classes` and `hidden` are left out.
    """

    version: Literal[1] = 1
    title: Text
    description: Annotated[str, Field(max_length=8000)] = ""
    columns: Annotated[tuple[Column, ...], Field(max_length=4096)] = ()
    label: Annotated[str, Field(max_length=120)] = ""
    classes: Annotated[int, Field(ge=0, le=10_000)] = 0
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=65_536)], ...], Field(max_length=8)] = ()
    tensors: Annotated[tuple[Tensor, ...], Field(max_length=4096)] = ()
    exponent: Annotated[int, Field(ge=EXPONENTS.start, lt=EXPONENTS.stop)] = 0
    rule: Rule = Rule()
    packing: Packing = Packing()
    voting: Voting = Voting()
    privacy: Privacy | None = None

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if self.tensors:
            if self.columns or self.label or self.classes or self.hidden:
                raise ValueError("it has tensors, so that columns, label, classes and hidden must be left out")
            names = [tensor.name for tensor in self.tensors]
        else:
            if not self.columns or not self.label or self.classes < 2:
                raise ValueError("it needs tensors, or columns, a label and at least 2 classes")
            names = [*(column.name for column in self.columns), self.label]
        if len(set(names)) < len(names):
            raise ValueError(f"a {'tensor' if self.tensors else 'column'} is named twice")
        if self.parameters > _MOST_PARAMETERS:
            raise ValueError(f"its network has more than {_MOST_PARAMETERS:,} parameters")
        if len(self.to_bytes()) > MAX_SPEC_BYTES:
            raise ValueError(f"the specification is larger than {MAX_SPEC_BYTES} bytes")
        return self

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The tensors of a model by name."""
        if self.tensors:
            return {tensor.name: tensor.shape for tensor in self.tensors}
        widths = (len(self.columns), *self.hidden, self.classes)
        shapes: dict[str, tuple[int, ...]] = {}
        for number in range(len(widths) - 1):
            shapes[f"layers.{number}.weight"] = (widths[number + 1], widths[number])
            shapes[f"layers.{number}.bias"] = (widths[number + 1],)
        return shapes

    @property
    def parameters(self) -> int:
        """How many words a model has."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def schema_hash(self) -> str:
        """What members commit to: the names of their columns in order, and the classes of the label; or the tensors."""
        schema: list[object] = [[column.name for column in self.columns], self.label, self.classes]
        if self.tensors:
            schema = [[tensor.name, list(tensor.shape), tensor.dtype] for tensor in self.tensors]
        return "0x" + keccak(canonical_json(schema)).hex()


def load_federation(data: bytes) -> FederationSpec:
    """Read canonical bytes; SpecInvalid names the field that is wrong."""
    try:
        return FederationSpec.parse(data, MAX_SPEC_BYTES)
    except ValueError as error:
        raise spec_error(str(error)) from None


def write_federation(spec: FederationSpec, folder: Path) -> Path:
    """Write the artifact of a specification: `federation.json` alone."""
    with local_storage(f"Writing the specification to {folder}"):
        write_file(folder / SPEC_FILE, spec.to_bytes())
    return folder


def read_federation(folder: Path) -> FederationSpec:
    """Read the artifact of a specification; SpecInvalid if it is anything else."""
    with local_storage(f"Reading the specification in {folder}"):
        try:
            paths = artifact_paths(folder)
        except ArtifactError as error:
            raise spec_error(str(error).rstrip(".")) from None
        if paths != [SPEC_FILE]:
            raise spec_error(f"its artifact must hold {SPEC_FILE} and nothing else")
        with (folder / SPEC_FILE).open("rb") as file:
            return load_federation(file.read(MAX_SPEC_BYTES + 1))


def federation_digest(spec: FederationSpec) -> str:
    """The digest of the artifact of a specification, as it stands on chain."""
    hasher = FileHasher()
    hasher.update(spec.to_bytes())
    return manifest_for([(SPEC_FILE, hasher.size, hasher.cid())]).digest
