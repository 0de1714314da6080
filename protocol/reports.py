"""Evaluation reports: what a validator did to arrive at a score, in a form that anyone can check in part.

The artifact of a report is `report.json` and `samples.f64`: for every sample, in the order of the held-out set, its
loss and its value as two little-endian float64. The score is the mean of the values. A Merkle root over the samples, in
blocks of 64 (the last may be shorter), stands in `report.json`, so that a single sample can be shown and re-run. A
validator that came to a verdict instead of a score publishes `verdict.json` alone.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from protocol.artifacts import Digest, artifact_paths
from protocol.documents import Document
from protocol.encoding import SCORE_BOUND, score
from protocol.errors import ArtifactError
from protocol.merkle import merkle_proof, merkle_root, verify_proof
from protocol.specs import Name
from protocol.staging import local_storage, write_file

REPORT_FILE = "report.json"
SAMPLES_FILE = "samples.f64"
VERDICT_FILE = "verdict.json"
MAX_REPORT_BYTES = 8192
MAX_REASON = 1000

_ENTRY_BYTES = 16
_BLOCK_SAMPLES = 64  # a kibibyte: one by one, a large report's hashes would take a tenth of its evaluation's time
_BLOCK_BYTES = _BLOCK_SAMPLES * _ENTRY_BYTES
_F64 = np.dtype("<f8")

Floats = NDArray[np.float64]
D = TypeVar("D", bound=Document)


class Report(Document):
    """How a model scored: digests of the specification and the model, the metric, the score (value times 1e9)."""

    version: Literal[1] = 1
    spec: Digest
    model: Digest
    metric: Name
    score: Annotated[int, Field(ge=-SCORE_BOUND, le=SCORE_BOUND)]
    samples: Annotated[int, Field(ge=1, le=2**40)]
    samples_root: Digest


class Verdict(Document):
    """Why a model has no score."""

    version: Literal[1] = 1
    spec: Digest
    model: Digest
    verdict: Literal["invalid", "unavailable", "unopenable"]
    reason: Annotated[str, Field(max_length=MAX_REASON)]


@dataclass(frozen=True)
class Evaluation:
    """A report with its samples: losses and values, both of shape (samples,)."""

    report: Report
    losses: Floats
    values: Floats

    def proof(self, index: int) -> tuple[bytes, list[bytes]]:
        """What `shown_sample` takes beside the report: the sample's block, and the siblings. IndexError."""
        if not 0 <= index < len(self.losses):
            raise IndexError(f"there is no sample {index} of {len(self.losses)}")
        blocks = _blocks(self.losses, self.values)
        return blocks[index // _BLOCK_SAMPLES], merkle_proof(blocks, index // _BLOCK_SAMPLES)


def shown_sample(report: Report, index: int, block: bytes, siblings: list[bytes]) -> tuple[float, float]:
    """The loss and the value of a sample that `Evaluation.proof` shows; ValueError if it is not the report's."""
    blocks, (place, rest) = -(-report.samples // _BLOCK_SAMPLES), divmod(index, _BLOCK_SAMPLES)
    entry = block[rest * _ENTRY_BYTES : (rest + 1) * _ENTRY_BYTES]
    root = bytes.fromhex(report.samples_root[2:])
    if not 0 <= index < report.samples or not verify_proof(root, blocks, place, block, siblings):
        raise ValueError(f"this is not what the report says of sample {index}")
    loss, value = np.frombuffer(entry, _F64).tolist()
    return loss, value


def mean_score(values: Floats) -> int:
    """The score of per-sample values: their mean, summed without rounding, times 1e9. ValueError if it is none."""
    return score(math.fsum(values) / len(values))


def write_report(directory: Path, *, spec: str, model: str, metric: str, losses: Floats, values: Floats) -> Report:
    """Write the artifact of an evaluation. ValueError if losses or values are not finite, StorageFailed."""
    root = merkle_root(_blocks(losses, values))
    report = Report(
        spec=spec,
        model=model,
        metric=metric,
        score=mean_score(values),
        samples=len(losses),
        samples_root="0x" + root.hex(),
    )
    with local_storage(f"Writing the report to {directory}"):
        write_file(directory / SAMPLES_FILE, _table(losses, values).tobytes())
        write_file(directory / REPORT_FILE, report.to_bytes())
    return report


def write_verdict(
    directory: Path, *, spec: str, model: str, verdict: Literal["invalid", "unavailable", "unopenable"], reason: str
) -> Verdict:
    """Write the artifact of a verdict; a longer reason is cut. StorageFailed."""
    told = Verdict(spec=spec, model=model, verdict=verdict, reason=reason[:MAX_REASON])
    with local_storage(f"Writing the verdict to {directory}"):
        write_file(directory / VERDICT_FILE, told.to_bytes())
    return told


def read_report(directory: Path, own: bool = False) -> Evaluation | Verdict:
    """Read the artifact of a report. ArtifactError if its parts do not agree: root, score, number of samples.

    `own`: it was written here just now, so the root, which takes longest, is as it was made.
    """
    with local_storage(f"Reading the report in {directory}"):
        paths = artifact_paths(directory)
        try:
            if paths == [VERDICT_FILE]:
                return _document(Verdict, directory / VERDICT_FILE)
            if paths != [REPORT_FILE, SAMPLES_FILE]:
                raise ValueError(f"it must hold {REPORT_FILE} and {SAMPLES_FILE}, or {VERDICT_FILE} alone")
            return _checked(_document(Report, directory / REPORT_FILE), directory / SAMPLES_FILE, own)
        except ValueError as error:
            raise ArtifactError(f"The report in {directory} does not hold: {error}.") from None


def read_summary(directory: Path) -> Report | Verdict:
    """What a report says that `read_report` or `write_report` has found to hold before; its samples are not read."""
    with local_storage(f"Reading the report in {directory}"):
        try:
            if (directory / VERDICT_FILE).exists():
                return _document(Verdict, directory / VERDICT_FILE)
            return _document(Report, directory / REPORT_FILE)
        except ValueError as error:
            raise ArtifactError(f"The report in {directory} does not hold: {error}.") from None


def _document(kind: type[D], path: Path) -> D:
    with path.open("rb") as file:
        return kind.parse(file.read(MAX_REPORT_BYTES + 1), MAX_REPORT_BYTES)


def _checked(report: Report, path: Path, own: bool) -> Evaluation:
    if path.stat().st_size != report.samples * _ENTRY_BYTES:
        raise ValueError(f"{SAMPLES_FILE} does not have {report.samples} samples")
    losses, values = np.fromfile(path, _F64).reshape(-1, 2).T
    if not own and merkle_root(_blocks(losses, values)).hex() != report.samples_root[2:]:
        raise ValueError("its samples are not those of its root")
    if mean_score(values) != report.score:
        raise ValueError(f"the mean of its samples is {mean_score(values)}, not {report.score}")
    return Evaluation(report, losses, values)


def _table(losses: Floats, values: Floats) -> NDArray[np.float64]:
    table = np.stack([losses, values], axis=1).astype(_F64)
    if not np.isfinite(table).all():
        raise ValueError("losses and values must be finite")
    return table


def _blocks(losses: Floats, values: Floats) -> list[bytes]:
    """The leaves of the tree."""
    data = _table(losses, values).tobytes()
    return [data[start : start + _BLOCK_BYTES] for start in range(0, len(data), _BLOCK_BYTES)]
