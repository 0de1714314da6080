"""Whether a trainer's own submission was scored wrongly: found out with the held-out set, once it is open.

Only what is worse than the truth is worth a bond. That a model cannot be had nobody can disprove alone, unless a member
of the panel could have it.
"""

import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from node.appeals import contradiction, originals_in, scores_said
from node.bases import fetch_base
from node.jobs import Jobs
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import UNAVAILABLE, VERDICTS, quality
from protocol.errors import ArtifactError, ProtocolError, TaskFailed
from protocol.events import Event
from protocol.heldout import decrypt
from protocol.results import Result
from protocol.specs import TaskSpec
from protocol.store import ArtifactStore, Limits
from trainer import process

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Own:
    """A submission of this trainer: the task's folder and specification, the model's folder."""

    folder: Path
    spec: TaskSpec
    model: Path


@dataclass(frozen=True)
class Measured:
    """What a model comes to on the held-out set, value times 1e9; None if the set cannot be opened or read.

    `distances`: from the models that it is said to be a copy of, billionths; None for one that is not to be had.
    """

    score: int | None
    distances: list[int | None] = field(default_factory=list)


class Objection:
    """Measures own submissions against what their panels said."""

    def __init__(self, chain: Chain, store: ArtifactStore, jobs: Jobs, max_download_bytes: int) -> None:
        self._chain = chain
        self._store = store
        self._jobs = jobs
        self._max_download_bytes = max_download_bytes
        self._measured: dict[int, Measured] = {}

    def to_result(self, task_id: int, own: Own, submission_id: int, task: Record, found: Result) -> str | None:
        """What is wrong with the result of a submission: a clause, "" if nothing is known to be; None while it is found
        out.
        """
        said = scores_said(self._chain, task_id, task, submission_id)
        if found.agreed and found.score == UNAVAILABLE and all(e.args["score"] in VERDICTS for e in said):
            return ""
        measured = self._measure(task_id, own, task, said if found.copied else [])
        if measured is None:
            return None
        if measured.score is None:
            return ""
        is_copy = None if found.told or not found.copied else _is_copy(own.spec, measured)
        wrong = contradiction(found, task, measured.score, is_copy)
        return wrong if wrong and _is_worth_it(found, measured.score, task) else ""

    def forget(self, task_id: int) -> None:
        """Drop what is in memory of a task that is over."""
        self._measured.pop(task_id, None)

    def _measure(self, task_id: int, own: Own, task: Record, said: list[Event]) -> Measured | None:
        if task_id not in self._measured:
            originals = [self._chain.submission(task_id, number).digest for number in originals_in(said)]
            work = partial(self._find_out, own, task, originals)
            try:
                done = self._jobs.result(("measure", task_id), work)
            except ProtocolError as error:
                logger.warning("Could not measure the model of task=%s on its held-out set: %s", task_id, error)
                return None
            if done is None:
                return None
            self._measured[task_id] = done
        return self._measured[task_id]

    def _find_out(self, own: Own, task: Record, originals: list[str]) -> Measured:
        """What is fetched stays with the task's files: a client that is killed goes on from there."""
        sealed, opened = own.folder / "held-out", own.folder / "held-out-opened"
        self._store.get(own.spec.held_out_digest, sealed, Limits(self._max_download_bytes))
        job = {"spec": str(own.folder / "spec"), "model": str(own.model), "data": str(opened)}
        if (base := fetch_base(self._store, own.spec, own.folder.parent, self._max_download_bytes)) is not None:
            job["base"] = str(base)
        try:
            if not opened.exists():
                decrypt(sealed, bytes.fromhex(task.key.removeprefix("0x")), opened)
            score = int(self._ask(job, own)["value"])
        except TaskFailed:
            return Measured(None)
        return Measured(score, [self._distance(job, own, digest) for digest in originals])

    def _distance(self, job: dict[str, str], own: Own, digest: str) -> int | None:
        try:
            limits = Limits(own.spec.limits.max_model_bytes)
            other = self._store.get(digest, own.folder / "models" / digest, limits)
            return int(self._ask({**job, "other": str(other)}, own)["distance"])
        except (ArtifactError, TaskFailed):
            return None

    def _ask(self, job: dict[str, str], own: Own) -> process.Step:
        seconds = 4 * own.spec.limits.max_seconds + 60
        return process.run(job, own.folder, seconds, self._jobs.stopping)


def _is_copy(spec: TaskSpec, measured: Measured) -> bool:
    """What cannot be compared counts as a copy: nobody could be convinced of the opposite."""
    if spec.copy_distance is None or not measured.distances:
        return False
    return any(each is None or each <= spec.copy_distance for each in measured.distances)


def _is_worth_it(found: Result, score: int, task: Record) -> bool:
    maximise = task.parameters.maximise
    return not found.agreed or found.copied or quality(score, maximise) > quality(found.score, maximise)
