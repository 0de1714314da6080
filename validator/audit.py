"""Whether validators did the work that they were paid for: what `validator audit` does.

Every report lies in the store with a loss and a value for each sample, under the digest that its validator revealed on
chain. An audit checks that a report is what it says, draws a few samples that nobody could foresee, evaluates the model
on those alone, and compares. Whoever made up a share p of its samples passes with probability (1 - p)^n.
"""

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.history import events_of
from node.output import NotFound
from node.settings import ClientSettings
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS
from protocol.errors import ArtifactError, ArtifactMissing, ConfigInvalid
from protocol.events import Event
from protocol.reports import MAX_REPORT_BYTES, Evaluation, Verdict, read_report
from protocol.store import ArtifactStore, Limits, open_store
from validator.dry_run import case_of, find_task
from validator.evaluation import Case, Evaluations
from validator.sandbox import Sandbox
from validator.settings import ValidatorSettings

MOST_SAMPLES = 400  # of one audit: they must fit into the evaluator's result
_ROUNDING = 1e-9  # between exact evaluations on different machines
_SAMPLE_BYTES = 16


@dataclass(frozen=True)
class Audited:
    """One revealed score, and what the audit says of it; `deviations` names the samples that came out differently."""

    submission: int
    model: str
    validator: str
    score: int
    report: str
    samples: int
    fault: str | None = None
    deviations: list[int] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.fault is None


@dataclass(frozen=True)
class Request:
    """Which reports of a task to look at: all, or those of one submission, of one validator; with how many samples."""

    task: int
    samples: int
    submission: int | None = None
    validator: str | None = None
    seed: int | None = None


def audit(client: ClientSettings, request: Request) -> Iterator[Audited]:
    """Audit the newest attempt of every submission that was asked for.

    NotFound if nothing was revealed, ConfigInvalid for a held-out set that is still sealed, errors of the store.
    """
    if not 1 <= request.samples <= MOST_SAMPLES:
        raise ConfigInvalid(f"The number of samples must lie between 1 and {MOST_SAMPLES}.")
    chain, store, sandbox = client.chain(), open_store(client.store), Sandbox()
    task = find_task(client, request.task)
    if not int(task.key, 16):
        raise ConfigInvalid(f"The held-out set of task {request.task} is still sealed: audit it once its key is known.")
    revealed = _revealed(chain, request)
    try:
        with tempfile.TemporaryDirectory(prefix="skein-audit-") as scratch:
            evaluations = Evaluations(store, sandbox, ValidatorSettings.read().max_download_bytes)
            desk = _Desk(store, evaluations, case_of(store, task, Path(scratch)), task, request)
            for submission, events in revealed.items():
                yield from desk.submission(submission, chain.submission(request.task, submission).digest, events)
    finally:
        sandbox.close()


def _revealed(chain: Chain, request: Request) -> dict[int, list[Event]]:
    """The revealed scores of each submission's newest attempt."""
    wanted: dict[str, Any] = {"task_id": request.task}
    if request.submission is not None:
        wanted["submission_id"] = request.submission
    found: dict[int, list[Event]] = {}
    for event in events_of(chain, "Arena.ScoreRevealed", **wanted):
        found.setdefault(event.args["submission_id"], []).append(event)
    newest = {key: max(event.args["attempt"] for event in events) for key, events in found.items()}
    chosen = {
        key: [event for event in events if event.args["attempt"] == newest[key] and _is_of(event, request.validator)]
        for key, events in found.items()
    }
    chosen = {key: events for key, events in sorted(chosen.items()) if events}
    if not chosen:
        raise NotFound(f"No score of task {request.task} was revealed that this asks for.")
    return chosen


def _is_of(event: Event, validator: str | None) -> bool:
    return validator is None or event.args["validator"] == validator


@dataclass(frozen=True)
class _Desk:
    """What the audits of one task share."""

    store: ArtifactStore
    evaluations: Evaluations
    case: Case
    task: Record
    request: Request

    def submission(self, number: int, digest: str, events: list[Event]) -> Iterator[Audited]:
        """The reports on one submission: one evaluation of the samples for all of them."""
        seed = secrets.randbits(64) if self.request.seed is None else self.request.seed
        try:
            ours = self.evaluations.sample(self.case, digest, self.task.key, self.request.samples, seed)
        except ArtifactMissing as error:
            ours = {"verdict": "unavailable", "reason": str(error)}
        for event in events:
            audited = Audited(
                number,
                digest,
                event.args["validator"],
                event.args["score"],
                event.args["report_digest"],
                len(ours.get("rows", ())),
            )
            yield self._judge(audited, ours)

    def _judge(self, audited: Audited, ours: dict[str, Any]) -> Audited:
        try:
            report = self._fetch(audited.report, ours.get("total", 0))
        except ArtifactError as error:
            return _failed(audited, f"its report does not hold: {error}")
        if (fault := self._mismatch(report, audited)) is not None:
            return _failed(audited, fault)
        if isinstance(report, Verdict):
            return self._judge_verdict(report, audited, ours)
        if ours["verdict"] != "sampled":
            return _failed(audited, f"it gave a score, but the model is {ours['verdict']}: {ours['reason']}")
        if report.report.samples != ours["total"]:
            told = f"it tells of {report.report.samples} samples, the held-out set has {ours['total']}"
            return _failed(audited, told)
        deviations = _deviations(report, ours["rows"], _allowed(ours["spread"], self.case.spec.tolerance))
        if not deviations:
            return audited
        told = f"{len(deviations)} of {len(ours['rows'])} samples come out differently"
        return _failed(audited, told, deviations)

    def _fetch(self, digest: str, samples: int) -> Evaluation | Verdict:
        most = 2 * MAX_REPORT_BYTES + _SAMPLE_BYTES * samples
        return read_report(self.store.get(digest, self.case.folder / "reports" / digest, Limits(most, 2)))

    def _mismatch(self, report: Evaluation | Verdict, audited: Audited) -> str | None:
        told = report if isinstance(report, Verdict) else report.report
        if (told.spec, told.model) != (self.case.spec_digest, audited.model):
            return "its report is about another specification or model"
        said = VERDICTS.get(audited.score, audited.score)
        meant = report.verdict if isinstance(report, Verdict) else report.report.score
        return None if said == meant else f"it revealed {said}, and its report says {meant}"

    def _judge_verdict(self, report: Verdict, audited: Audited, ours: dict[str, Any]) -> Audited:
        """A verdict is checked by a whole evaluation, where a few samples did not come to the same."""
        if report.verdict == "unavailable":  # what cannot be had at one time may be had at another
            return audited
        found = ours["verdict"]
        if found == "sampled":
            finding = self.evaluations.assess(self.case, audited.model, self.task.key)
            found = VERDICTS.get(finding.score, f"scored {finding.score / 10**9:g}")
        return audited if found == report.verdict else _failed(audited, f"it says {report.verdict}, but it is {found}")


def _failed(audited: Audited, fault: str, deviations: list[int] | None = None) -> Audited:
    return Audited(**{**vars(audited), "fault": fault, "deviations": deviations or []})


def _allowed(spread: int, tolerance: int) -> float:
    """By how much a sample may differ: not at all where evaluation is exact, else by the task's tolerance."""
    return tolerance / 10**9 if spread else _ROUNDING


def _deviations(report: Evaluation, rows: list[tuple[int, float, float]], allowed: float) -> list[int]:
    found = []
    for index, loss, value in rows:
        pairs = ((report.losses[index], loss), (report.values[index], value))
        if any(abs(theirs - ours) > allowed * max(1.0, abs(ours)) for theirs, ours in pairs):
            found.append(index)
    return found
