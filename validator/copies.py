"""Which earlier submission a model nearly equals, by the distance that its task's specification states."""

import logging
from functools import partial

from node.jobs import Jobs
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS
from protocol.errors import ProtocolError
from protocol.phases import SubmissionState
from validator.duties import Duty
from validator.evaluation import Case, Evaluations, Finding

logger = logging.getLogger(__name__)


class Copies:
    """Compares the models that a validator scores with those committed before; beside the loop."""

    def __init__(self, chain: Chain, evaluations: Evaluations, jobs: Jobs) -> None:
        self._chain = chain
        self._evaluations = evaluations
        self._jobs = jobs
        self._known: dict[tuple[int, str], int] = {}

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

    def _compare(self, task_id: int, case: Case, duty: Duty) -> int:
        earlier = [(number, self._chain.submission(task_id, number)) for number in range(1, duty.submission_id)]
        models = {number: record.digest for number, record in earlier if _counts(record)}
        distances = self._evaluations.distances(case, duty.digest, list(models.values()))
        assert case.spec.copy_distance is not None
        near = [
            number
            for number, distance in zip(models, distances, strict=True)
            if distance is not None and distance <= case.spec.copy_distance
        ]
        if near:
            logger.info("Found a copy task=%s submission=%s original=%s", task_id, duty.submission_id, near[0])
        return near[0] if near else 0


def _counts(submission: Record) -> bool:
    """Whether there is a model of its own to compare with."""
    state = submission.state
    return int(submission.digest, 16) != 0 and state != SubmissionState.DUPLICATE
