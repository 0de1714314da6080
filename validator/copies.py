"""Which earlier submission a model nearly equals, by the distance that its task's specification states."""

import logging
import time
from functools import partial
from pathlib import Path

from node.jobs import Jobs
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS
from protocol.errors import ArtifactError, ProtocolError
from protocol.phases import SubmissionState
from validator.duties import Duty
from validator.evaluation import Case, Evaluations, Finding

logger = logging.getLogger(__name__)

_ABSENT_SECONDS = 60.0


class Copies:
    """Compares the models that a validator scores with those committed before; beside the loop."""

    def __init__(self, chain: Chain, evaluations: Evaluations, jobs: Jobs) -> None:
        self._chain = chain
        self._evaluations = evaluations
        self._jobs = jobs
        self._known: dict[tuple[int, str], int] = {}
        self._absent: dict[tuple[Path, str], float] = {}

    def original_of(self, task_id: int, case: Case, duty: Duty, finding: Finding | None) -> int | None:
        """The earliest submission that this one is a copy of, 0 if there is none; None while it is found out."""
        if finding is None or finding.score in VERDICTS or case.spec.copy_distance is None:
            return 0
        known = (task_id, duty.digest)
        if known not in self._known:
            try:
                found = self._jobs.result(("compare", *known), partial(self._compare, task_id, case, duty))
            except ProtocolError as error:
                logger.warning("Could not compare task=%s submission=%s: %s", task_id, duty.submission_id, error)
                found = None
            if found is None:
                return None
            self._known[known] = found
        return self._known[known]

    def forget(self, task_id: int, folder: Path) -> None:
        """Drop what is in memory of a task that is over, whose files were in `folder`."""
        self._known = {key: found for key, found in self._known.items() if key[0] != task_id}
        self._absent = {key: until for key, until in self._absent.items() if key[0] != folder}

    def _compare(self, task_id: int, case: Case, duty: Duty) -> int:
        for number in range(1, duty.submission_id):
            other = self._chain.submission(task_id, number)
            if _counts(other) and self._is_near(case, duty.digest, other.digest):
                logger.info("Found a copy task=%s submission=%s original=%s", task_id, duty.submission_id, number)
                return number
        return 0

    def _is_near(self, case: Case, digest: str, other: str) -> bool:
        """A model at a time, each confined by itself: whoever hands in many, or strange ones, hides no copy of another.

        One that no store has is not asked for again at once, since asking may take a while.
        """
        if time.monotonic() < self._absent.get((case.folder, other), 0.0):
            return False
        try:
            distance = self._evaluations.distance(case, digest, other)
        except ArtifactError:
            self._absent[case.folder, other] = time.monotonic() + _ABSENT_SECONDS
            return False
        assert case.spec.copy_distance is not None
        return distance is not None and distance <= case.spec.copy_distance


def _counts(submission: Record) -> bool:
    """Whether there is a model of its own to compare with."""
    state = submission.state
    return int(submission.digest, 16) != 0 and state != SubmissionState.DUPLICATE
