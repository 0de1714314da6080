"""From a submission's digest to a finding: a score or a verdict, with the report that anyone can check.

A finding is found again on disk after a restart, and comes out the same if it has to be made again. This machine's own
trouble (disk, memory, a store that does not answer) is never a verdict: it is raised, to be tried again. A crash, or
more memory or time than the specification allows, counts against a model only if a blank one does better in its place.
"""

import logging
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from node.bases import fetch_base
from protocol.artifacts import manifest_of
from protocol.encoding import INVALID, UNAVAILABLE, UNOPENABLE
from protocol.errors import ArtifactError, DigestMismatch, SpecInvalid, TaskFailed
from protocol.heldout import decrypt
from protocol.reports import Verdict, read_report, read_summary, write_verdict
from protocol.specs import TaskSpec
from protocol.staging import local_storage, promote
from protocol.store import ArtifactStore
from protocol.store import Limits as ArtifactLimits
from validator.isolation import Limits
from validator.outputs import HELD_OUT, MODEL, REPORT_FOLDER, read_result, read_stage
from validator.sandbox import Sandbox, SandboxUnavailable

logger = logging.getLogger(__name__)

VerdictName = Literal["invalid", "unavailable", "unopenable"]
_CODES = {"invalid": INVALID, "unavailable": UNAVAILABLE, "unopenable": UNOPENABLE}
_REPORT_BYTES = 1 << 20  # for a report, beside its samples
# Verdicts go by processor time. The clock on the wall only guards against a machine that stands still.
_WALL_FACTOR, _WALL_EXTRA = 4, 60


class _Concluded(Exception):
    """A verdict that needs no evaluation."""

    def __init__(self, verdict: VerdictName, reason: str) -> None:
        self.verdict: VerdictName = verdict
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Finding:
    """What a validator says of a submission: a score (value × 1e9) or a verdict, and the folder of its report."""

    score: int
    report: Path
    digest: str


@dataclass(frozen=True)
class Case:
    """What the evaluations of one task share: its files' folder, its specification's and held-out set's digest.

    `own_data`: evaluate on the data set in this folder instead of the held-out set, for dry runs.
    """

    folder: Path
    spec: TaskSpec
    spec_digest: str
    held_out_digest: str
    own_data: Path | None = None

    @property
    def spec_folder(self) -> Path:
        return self.folder / "spec"

    @property
    def sealed(self) -> Path:
        """The held-out set as it was published."""
        return self.folder / "held-out"

    @property
    def opened(self) -> Path:
        return self.own_data or self.folder / "held-out-opened"

    def model_folder(self, digest: str) -> Path:
        """Where a submission's model lies once it was fetched."""
        return self.folder / "models" / digest

    def finding_folder(self, digest: str) -> Path:
        """Where the report on a model lies."""
        return self.folder / "findings" / digest

    def unavailable_folder(self, digest: str) -> Path:
        """Where the report lies that a model was not to be had; kept apart, since it may be had in a later attempt."""
        return self.folder / "unavailable" / digest


class Evaluations:
    """Evaluates submissions. Threads may share it."""

    def __init__(self, store: ArtifactStore, sandbox: Sandbox, max_download_bytes: int) -> None:
        self._store = store
        self._sandbox = sandbox
        self._max_download_bytes = max_download_bytes
        self._opening = threading.Lock()

    def prepare(self, case: Case) -> None:
        """Before staking: whether the task can be evaluated at all, and a copy of its sealed held-out set.

        SpecInvalid for a specification that no kind can follow; errors of the store.
        """
        self._check(case, {"spec": case.spec_folder})
        if (base := self._fetch_base(case)) is not None:
            self._check(case, {"spec": case.spec_folder, "base": base})
        self._fetch_held_out(case)

    def assess(self, case: Case, digest: str, key: str) -> Finding:
        """Evaluate a model on the held-out set that `key` (0x hex) opens. Raises what may pass: errors of stores, disk
        and sandbox.
        """
        place = case.finding_folder(digest)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=_made(case.folder), prefix="evaluation-") as scratch:
                _keep(self._evaluate(case, digest, key, Path(scratch)), place)
        return read_finding(place)

    def score_again(self, case: Case, digest: str, key: str) -> int:
        """What a second evaluation says, whatever the first one has left. Raises what `assess` raises."""
        with tempfile.TemporaryDirectory(dir=_made(case.folder), prefix="again-") as scratch:
            return read_finding(self._evaluate(case, digest, key, Path(scratch))).score

    def give_up(self, case: Case, digest: str, reason: str) -> Finding:
        """The verdict on a model that could not be fetched in time."""
        place = case.unavailable_folder(digest)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=_made(case.folder), prefix="verdict-") as scratch:
                _keep(_write_verdict(case, digest, "unavailable", reason, Path(scratch)), place)
        return read_finding(place)

    def sample(self, case: Case, digest: str, key: str, count: int, seed: int) -> dict[str, Any]:
        """Evaluate a model on `count` samples that follow from `seed`: the evaluator's result, see there.

        What `assess` finds without evaluating is found here, too: {"verdict", "reason"}. Raises what `assess` raises.
        """
        with tempfile.TemporaryDirectory(dir=_made(case.folder), prefix="sample-") as scratch:
            try:
                job = self._job(case, digest, key)
            except _Concluded as found:
                return {"verdict": found.verdict, "reason": found.reason}
            texts = {name: str(path) for name, path in job.items()}
            return self._run({**texts, "sample": count, "seed": seed}, list(job.values()), case, Path(scratch))

    def distance(self, case: Case, digest: str, other: str) -> int | None:
        """How far a model is from another, see `protocol.copies`; None if either is none of the specification, or
        comparing them takes more than an evaluation may. ArtifactError if one cannot be fetched.
        """
        folders = {"model": self._fetch_model(case, digest), "other": self._fetch_model(case, other)}
        job = {"spec": case.spec_folder, **folders}
        with tempfile.TemporaryDirectory(dir=_made(case.folder), prefix="compare-") as scratch:
            texts = {name: str(path) for name, path in job.items()}
            found = self._run(texts, list(job.values()), case, Path(scratch))
        if found["verdict"] != "compared":
            logger.warning("Could not compare %s with %s: %s", digest, other, found["reason"])
            return None
        return int(found["distance"])

    # --- steps

    def _check(self, case: Case, job: dict[str, Path]) -> None:
        """SpecInvalid if the specification, or the base model beside it, cannot be followed."""
        with tempfile.TemporaryDirectory(dir=_made(case.folder), prefix="check-") as scratch:
            texts = {name: str(path) for name, path in job.items()}
            result = self._run(texts, list(job.values()), case, Path(scratch))
        if result["verdict"] != "supported":
            raise SpecInvalid(str(result["reason"]))

    def _fetch_base(self, case: Case) -> Path | None:
        return fetch_base(self._store, case.spec, case.folder.parent, self._max_download_bytes)

    def _evaluate(self, case: Case, digest: str, key: str, scratch: Path) -> Path:
        """The folder of the report, inside `scratch`."""
        try:
            job = self._job(case, digest, key)
        except _Concluded as found:
            return _write_verdict(case, digest, found.verdict, found.reason, scratch)
        return self._score(case, digest, job, scratch)

    def _job(self, case: Case, digest: str, key: str) -> dict[str, Path]:
        """The folders that an evaluation reads, fetched and opened; _Concluded if there is a verdict without it."""
        try:
            self._open(case, key)
        except TaskFailed as error:
            raise _Concluded("unopenable", error.reason) from error
        try:
            model = self._fetch_model(case, digest)
        except ArtifactError as error:
            if error.retryable or isinstance(error, DigestMismatch):
                raise
            raise _Concluded("invalid", str(error)) from error
        job = {"spec": case.spec_folder, "held_out": case.opened, "model": model}
        if (base := self._fetch_base(case)) is not None:
            job["base"] = base
        return job

    def _open(self, case: Case, key: str) -> None:
        with self._opening:
            if case.opened.exists():
                return
            self._fetch_held_out(case)
            decrypt(case.sealed, bytes.fromhex(key.removeprefix("0x")), case.opened)
            logger.info("Opened the held-out set in %s", case.opened)

    def _fetch_held_out(self, case: Case) -> None:
        self._store.get(case.held_out_digest, case.sealed, ArtifactLimits(self._max_download_bytes))

    def _fetch_model(self, case: Case, digest: str) -> Path:
        limits = ArtifactLimits(case.spec.limits.max_model_bytes)
        return self._store.get(digest, case.model_folder(digest), limits)

    def _score(self, case: Case, digest: str, job: dict[str, Path], scratch: Path) -> Path:
        texts = {name: str(path) for name, path in job.items()}
        result = self._run(texts | {"digest": digest}, list(job.values()), case, scratch)
        if result["verdict"] != "scored":
            verdict: VerdictName = "unopenable" if result["verdict"] == "unopenable" else "invalid"
            return _write_verdict(case, digest, verdict, str(result["reason"]), scratch)
        report = Path(result["folder"]) / REPORT_FOLDER
        told = read_report(report, own=True)
        if isinstance(told, Verdict) or (told.report.spec, told.report.model) != (case.spec_digest, digest):
            raise SandboxUnavailable(f"The evaluation of {digest} wrote a report of something else.")
        return report

    def _run(self, job: Mapping[str, Any], inputs: list[Path], case: Case, scratch: Path) -> dict[str, Any]:
        """The evaluator's result, with the folder it wrote to."""
        output, fault = self._attempt(job, inputs, case, scratch / "first")
        if fault is None:
            return {**read_result(output), "folder": str(output)}
        logger.warning("An evaluation %s; finding out whether the model is to blame", fault)
        stage = read_stage(output)
        control = {name: value for name, value in job.items() if name != "model"}
        output, other = self._attempt(control, inputs, case, scratch / "control")
        if stage == HELD_OUT and other and read_stage(output) == HELD_OUT:
            return {"verdict": "unopenable", "reason": f"reading the held-out set {fault}"}
        if stage != MODEL or other:
            raise SandboxUnavailable(f"This machine cannot evaluate: it {fault}, a blank model's {other}.")
        return {"verdict": "invalid", "reason": f"its evaluation {fault}"}

    def _attempt(self, job: Mapping[str, Any], inputs: list[Path], case: Case, output: Path) -> tuple[Path, str | None]:
        """Run a job; the folder it wrote to, and what it did wrong."""
        limits = case.spec.limits
        samples = _size(case.opened) if case.opened.exists() else 0
        allowed = Limits(limits.max_seconds, limits.max_memory_bytes, 4 * samples + _REPORT_BYTES)
        output.mkdir()
        ended = self._sandbox.run(job, inputs, output, allowed, _WALL_FACTOR * limits.max_seconds + _WALL_EXTRA)
        return output, ended.fault


def read_finding(folder: Path) -> Finding:
    """A finding from the folder of its report, which was checked when it was put there."""
    told = read_summary(folder)
    score = _CODES[told.verdict] if isinstance(told, Verdict) else told.score
    return Finding(score, folder, manifest_of(folder).digest)


def _write_verdict(case: Case, digest: str, verdict: VerdictName, reason: str, scratch: Path) -> Path:
    folder = scratch / "verdict"
    write_verdict(folder, spec=case.spec_digest, model=digest, verdict=verdict, reason=reason)
    logger.info("Found a model %s (%s) digest=%s", verdict, reason, digest)
    return folder


def _keep(report: Path, place: Path) -> None:
    with local_storage(f"Keeping the report {place}"):
        promote(report, place)


def _made(folder: Path) -> Path:
    with local_storage(f"Making {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
