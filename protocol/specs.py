"""Task specifications: what "correct" means for a task, fixed by the digest that stands on chain.

All quantities are integers: scores and tolerances in billionths (value times 1e9), sizes in bytes, times in seconds.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from protocol.artifacts import Digest, FileHasher, artifact_paths, manifest_for
from protocol.documents import Document, explain
from protocol.errors import ArtifactError, SpecInvalid
from protocol.staging import local_storage, write_file

SPEC_FILE = "task.json"
MAX_SPEC_BYTES = 64 * 1024
_BOUND = 2**62  # of scores and their differences on chain

# C0, C1, zero-width, line-breaking and direction-changing characters: texts are shown in terminals.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class EvaluationLimits(Document):
    """What one evaluation may cost: bytes of the model's artifact, seconds of processor time, bytes of memory.

    A model that needs more is invalid, so they are part of what validators must agree on.
    """

    max_model_bytes: Annotated[int, Field(ge=1, le=2**40)]
    max_seconds: Annotated[int, Field(ge=1, le=86_400)]
    max_memory_bytes: Annotated[int, Field(ge=2**28, le=2**40)]


class TaskSpec(Document):
    """A task. `kind` says how the rest is read: `model` is the kind's own description of the network to be trained.

    `scale`, `tolerance`, `slash_tolerance`, `grid` and `maximise` mean what they mean in the Arena contract and must
    equal what was given there. `tolerance` is what honest validators may differ by, so the kind demands at least what
    it was measured to spread; `grid` is the least difference that decides a rank, so the tolerance may not exceed it.
    `base_digest`, for kinds that adapt a model, names that model; it is left out otherwise. `copy_distance`: a model
    whose weights are no farther than this from those of an earlier commit is a copy of it, in billionths of the greater
    of their norms (`protocol.copies`); without it only identical models are copies.
    """

    version: Literal[1] = 1
    kind: Name
    title: Annotated[str, Field(min_length=1, max_length=120)]
    description: Annotated[str, Field(max_length=8000)]
    metric: Name
    maximise: bool
    scale: Annotated[int, Field(ge=1, le=_BOUND)]
    tolerance: Annotated[int, Field(ge=0, le=_BOUND)]
    slash_tolerance: Annotated[int, Field(ge=0, le=_BOUND)]
    grid: Annotated[int, Field(ge=1, le=_BOUND)]
    model: dict[str, JsonValue]
    training_digest: Digest
    held_out_digest: Digest
    base_digest: Digest | None = None
    copy_distance: Annotated[int, Field(ge=1, le=10**9)] | None = None
    limits: EvaluationLimits

    @model_serializer(mode="wrap")
    def _leave_out_what_is_none(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        for name in ("base_digest", "copy_distance"):
            if fields[name] is None:
                del fields[name]
        return fields

    @field_validator("title", "description")
    @classmethod
    def _check_text(cls, text: str) -> str:
        if (found := _UNPRINTABLE.search(text)) is not None:
            raise ValueError(f"the character U+{ord(found.group()):04X} is not allowed in texts")
        return text

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if not self.tolerance <= self.slash_tolerance <= self.scale:
            raise ValueError("tolerance <= slash_tolerance <= scale must hold")
        if not self.tolerance <= self.grid <= self.scale:
            raise ValueError("tolerance <= grid <= scale must hold")
        if len(self.to_bytes()) > MAX_SPEC_BYTES:
            raise ValueError(f"the specification is larger than {MAX_SPEC_BYTES} bytes; shorten the description")
        return self


class ScoringParameters(Protocol):
    """The part of the Arena's TaskParameters that a specification repeats; digests as 0x and 64 hex digits."""

    @property
    def spec_digest(self) -> str: ...
    @property
    def held_out_digest(self) -> str: ...
    @property
    def maximise(self) -> bool: ...
    @property
    def scale(self) -> int: ...
    @property
    def tolerance(self) -> int: ...
    @property
    def slash_tolerance(self) -> int: ...
    @property
    def grid(self) -> int: ...


def make_spec(**fields: Any) -> TaskSpec:
    """A specification from its fields; SpecInvalid names the one that is wrong."""
    try:
        return TaskSpec(**fields)
    except ValidationError as error:
        raise spec_error(explain(error)) from None


def load_spec(data: bytes) -> TaskSpec:
    """Read a specification's canonical bytes; SpecInvalid names the field that is wrong."""
    try:
        return TaskSpec.parse(data, MAX_SPEC_BYTES)
    except ValueError as error:
        raise spec_error(str(error)) from None


def write_spec(spec: TaskSpec, directory: Path) -> Path:
    """Write the artifact of a specification: `task.json` alone."""
    with local_storage(f"Writing the specification to {directory}"):
        write_file(directory / SPEC_FILE, spec.to_bytes())
    return directory


def read_spec(directory: Path) -> TaskSpec:
    """Read the artifact of a specification; SpecInvalid if it is anything else."""
    with local_storage(f"Reading the specification in {directory}"):
        try:
            paths = artifact_paths(directory)
        except ArtifactError as error:
            raise spec_error(str(error).rstrip(".")) from None
        if paths != [SPEC_FILE]:
            raise spec_error(f"its artifact must hold {SPEC_FILE} and nothing else")
        with (directory / SPEC_FILE).open("rb") as file:
            return load_spec(file.read(MAX_SPEC_BYTES + 1))


def spec_digest(spec: TaskSpec) -> str:
    """The digest of the artifact of a specification, as it stands on chain."""
    hasher = FileHasher()
    hasher.update(spec.to_bytes())
    return manifest_for([(SPEC_FILE, hasher.size, hasher.cid())]).digest


def check_parameters(spec: TaskSpec, parameters: ScoringParameters) -> None:
    """SpecInvalid if the task on chain is not the one that the specification describes: keep away from it."""
    expected = {"spec_digest": spec_digest(spec)}
    for name in ("held_out_digest", "maximise", "scale", "tolerance", "slash_tolerance", "grid"):
        expected[name] = getattr(spec, name)
    for name, value in expected.items():
        if getattr(parameters, name) != value:
            raise spec_error(f"{name}: it says {value}, the chain says {getattr(parameters, name)}")


def spec_error(reason: str) -> SpecInvalid:
    """The one sentence about a specification; `reason` begins with the field."""
    return SpecInvalid(f"The specification is not valid: {reason}.")
