"""Which results of its panels a validator knows to be wrong, because it has evaluated the model itself."""

import logging
from collections.abc import Callable
from functools import partial

from node.appeals import contradiction, originals_in, scores_said
from node.jobs import Jobs
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import UNAVAILABLE
from protocol.errors import ArtifactError, ProtocolError
from protocol.results import Result
from validator.copies import Copies
from validator.duties import Duty
from validator.evaluation import Case, Evaluations, Finding

logger = logging.getLogger(__name__)


class Dissent:
    """Compares what a panel came to with what this validator found, and makes sure before a bond is at stake."""

    def __init__(self, chain: Chain, evaluations: Evaluations, copies: Copies, jobs: Jobs, *, sure: bool) -> None:
        """`sure`: whether to find out once more what speaks against a result, since a bond hangs on it."""
        self._chain = chain
        self._evaluations = evaluations
        self._copies = copies
        self._jobs = jobs
        self._sure = sure
        self._confirmed: dict[tuple[int, str], bool] = {}

    def with_result(
        self,
        task_id: int,
        case: Case,
        find: Callable[[Duty], Finding | None],
        submission_id: int,
        task: Record,
        found: Result,
    ) -> str | None:
        """What is wrong with the result of a submission: a clause, "" if nothing is known to be; None while it is found
        out. `find`: what this validator has found itself.
        """
        panel: list[str] = self._chain.call("Arena", "panel", task_id, submission_id)
        if self._chain.address not in panel:
            return ""
        digest = self._chain.submission(task_id, submission_id).digest
        duty = Duty(submission_id, panel.index(self._chain.address), digest)
        if (finding := find(duty)) is None:
            return None
        if finding.score == UNAVAILABLE:
            return ""  # that this client could not have it says nothing about others
        original = self._copies.original_of(task_id, case, duty, finding)
        if original is None:
            return None
        wrong = contradiction(found, task, finding.score, original > 0)
        if not wrong or not self._sure:
            return wrong
        is_so = self._is_confirmed(task_id, task, case, duty, finding, found)
        return None if is_so is None else wrong if is_so else ""

    def forget(self, task_id: int) -> None:
        """Drop what is in memory of a task that is over."""
        self._confirmed = {key: found for key, found in self._confirmed.items() if key[0] != task_id}

    def _is_confirmed(
        self, task_id: int, task: Record, case: Case, duty: Duty, finding: Finding, found: Result
    ) -> bool | None:
        known = (task_id, duty.digest)
        if known not in self._confirmed:
            work = partial(self._confirm, task_id, task, case, duty, finding, found)
            try:
                done = self._jobs.result(("confirm", *known), work)
            except ProtocolError as error:
                logger.warning("Could not make sure of task=%s submission=%s: %s", task_id, duty.submission_id, error)
                return None
            if done is None:
                return None
            self._confirmed[known] = done
        return self._confirmed[known]

    def _confirm(self, task_id: int, task: Record, case: Case, duty: Duty, finding: Finding, found: Result) -> bool:
        """Whether a second evaluation says the same, and the panel's originals are none."""
        if self._evaluations.score_again(case, duty.digest, task.key) != finding.score:
            logger.error(
                "Two evaluations of task=%s submission=%s differ: see to this machine", task_id, duty.submission_id
            )
            return False
        if not found.copied:
            return True
        said = scores_said(self._chain, task_id, task, duty.submission_id)
        return not any(self._is_copy_of(task_id, case, duty, number) for number in originals_in(said))

    def _is_copy_of(self, task_id: int, case: Case, duty: Duty, number: int) -> bool:
        """What cannot be compared counts as one: nobody could be convinced of the opposite."""
        if case.spec.copy_distance is None:
            return False
        try:
            distance = self._evaluations.distance(case, duty.digest, self._chain.submission(task_id, number).digest)
        except ArtifactError:
            return True
        return distance is not None and distance <= case.spec.copy_distance
