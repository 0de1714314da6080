"""The validator in the arena: registers, keeps the held-out set, scores what it is drawn for, commits, reveals, claims.

What it commits to. A model that no store has in time is *unavailable*. A model that was fetched but that this machine
could not evaluate in time, or while no store could be asked, is left out: that costs this validator the slash for
silence, where a verdict would cost the trainer its stake for our trouble.
"""

import logging
from collections.abc import Sequence
from functools import partial
from itertools import groupby

from node.amounts import UNIT, format_amount
from node.metrics import EVALUATIONS, REWARDS
from node.participant import Means, Participant, TaskRefused
from node.policy import Policy
from protocol.calls import Record
from protocol.encoding import VERDICTS, ScoreEntry, batch_of, score_value, scores_commitment
from protocol.errors import ArtifactError, ArtifactMissing, DigestMismatch, ProtocolError, SpecInvalid, StoreUnreachable
from protocol.phases import Phase
from protocol.specs import TaskSpec
from validator.appeals import Dissent
from validator.copies import Copies
from validator.duties import Duties, Duty
from validator.evaluation import Case, Evaluations, Finding
from validator.publishing import Reports
from validator.sandbox import Sandbox

logger = logging.getLogger(__name__)


class ArenaValidator(Participant):
    """A validator of all tasks that its policy lets it join."""

    def __init__(self, means: Means, policy: Policy, sandbox: Sandbox) -> None:
        super().__init__(means, policy)
        self.sandbox = sandbox
        self.evaluations = Evaluations(means.store, sandbox, policy.max_download_bytes)
        self.copies = Copies(means.chain, self.evaluations, self.jobs)
        self.dissent = Dissent(means.chain, self.evaluations, self.copies, self.jobs, sure=self.appeals.allowed)
        self._prepared: set[int] = set()
        self.reports = Reports(means.store, self.jobs)
        self.duties = Duties(means.chain, self.upkeep)
        self._findings: dict[tuple[int, str], Finding] = {}
        self._trouble: dict[tuple[int, str], ProtocolError] = {}

    def close(self) -> None:
        super().close()
        self.sandbox.close()

    def forget(self, task_id: int) -> None:
        super().forget(task_id)
        self._prepared.discard(task_id)
        self._findings = {key: finding for key, finding in self._findings.items() if key[0] != task_id}
        self._trouble = {key: error for key, error in self._trouble.items() if key[0] != task_id}
        self.duties.forget(task_id)
        self.dissent.forget(task_id)
        self.copies.forget(task_id, self.folder(task_id))

    # --- joining

    def is_mine(self, task_id: int) -> bool:
        return bool(self.chain.validator(task_id, self.chain.address).index)

    def join(self, task_id: int, task: Record) -> None:
        if (reason := self.policy.refusal(task_id, task)) is not None:
            raise TaskRefused(reason)
        if self.chain.call("Arena", "submissionOf", task_id, self.chain.address):
            raise TaskRefused("this account trains for it.")
        spec = self.spec(task_id, task)
        if spec is None or not self._is_prepared(task_id, task, spec):
            return
        stake = self.stake_for(task_id, task.parameters.min_validator_stake)
        self.sender.send(f"task:{task_id}:register", "Arena", "registerValidator", task_id, stake)
        logger.info("Registered task=%s stake=%s", task_id, format_amount(stake))

    def _is_prepared(self, task_id: int, task: Record, spec: TaskSpec) -> bool:
        """Whether the task can be evaluated here and its held-out set is on this disk; finds out beside the loop."""
        if task_id in self._prepared:
            return True
        self._check_effort(spec, task)
        case = self.case(task_id, task, spec)
        try:
            done = self.jobs.result(("prepare", task_id), partial(self._prepare, case))
        except (SpecInvalid, ArtifactError) as error:
            if error.retryable:
                raise
            raise TaskRefused(str(error)) from error
        if done:
            self._prepared.add(task_id)
        return bool(done)

    def _prepare(self, case: Case) -> bool:
        self.evaluations.prepare(case)
        return True

    def _check_effort(self, spec: TaskSpec, task: Record) -> None:
        if self.policy.kinds and spec.kind not in self.policy.kinds:
            raise TaskRefused(f"its kind {spec.kind} is ruled out by the settings.")
        if spec.limits.max_seconds > task.parameters.score_commit_window:
            raise TaskRefused("one evaluation may take longer than the time for all.")

    def case(self, task_id: int, task: Record, spec: TaskSpec) -> Case:
        """What the evaluations of a task share."""
        return Case(self.folder(task_id), spec, task.parameters.spec_digest, task.parameters.held_out_digest)

    # --- working

    def work_on(self, task_id: int, task: Record, phase: Phase) -> None:
        if phase == Phase.SCORE_COMMIT:
            self._score(task_id, task)
        elif phase == Phase.SCORE_REVEAL:
            self._reveal_all(task_id, task)
        elif phase == Phase.CHALLENGE:
            self._challenge(task_id, task)
        elif phase == Phase.FINALIZED:
            self._claim(task_id)
        else:
            self.upkeep.bring_on(task_id, task, phase)

    def is_over(self, task_id: int, task: Record) -> bool:
        return bool(self.chain.validator(task_id, self.chain.address).claimed)

    def _claim(self, task_id: int) -> None:
        receipt = self.sender.send(f"task:{task_id}:claim", "Arena", "claimValidator", task_id, self.chain.address)
        reward = receipt.event("Arena.RewardClaimed").args["reward"]
        REWARDS.inc(reward / UNIT)
        logger.info("Claimed task=%s reward=%s", task_id, format_amount(reward))

    # --- scoring

    def _score(self, task_id: int, task: Record) -> None:
        duties, spec = self.duties.of(task_id, task), self.spec(task_id, task)
        if duties is None or spec is None:
            return
        case = self.case(task_id, task, spec)
        for batch, group in groupby(duties, key=lambda duty: batch_of(duty.submission_id)):
            if self._commitment(task_id, task, batch) is None:
                self._commit(task_id, task, case, batch, list(group))

    def _commitment(self, task_id: int, task: Record, batch: int) -> str | None:
        """What this validator committed to on chain in this attempt."""
        word = self.chain.call("Arena", "scoresCommitmentOf", task_id, task.attempt, self.chain.address, batch)
        return str(word) if int(word, 16) else None

    def _commit(self, task_id: int, task: Record, case: Case, batch: int, duties: Sequence[Duty]) -> None:
        findings = [self.find(task_id, task, case, duty) for duty in duties]
        late = self.chain.now() >= task.score_commit_ends - self.policy.margin(task.parameters.score_commit_window)
        originals = [self.copies.original_of(task_id, case, *pair) for pair in zip(duties, findings, strict=True)]
        entries = _entries(duties, findings, originals)
        if not entries or ((len(entries) < len(duties) or None in originals) and not late):
            return
        for duty, finding in zip(duties, findings, strict=True):
            if finding is None:
                logger.error("Left out task=%s submission=%s: no evaluation in time", task_id, duty.submission_id)
        entries = self._settled_entries(task_id, task, batch, entries)
        commitment = self._hash(task_id, task, batch, entries)
        self.sender.send(_intent(task_id, task, batch), "Arena", "commitScores", task_id, batch, commitment)
        logger.info("Committed %d scores task=%s attempt=%s", len(entries), task_id, task.attempt)

    def _settled_entries(
        self, task_id: int, task: Record, batch: int, entries: Sequence[ScoreEntry]
    ) -> list[ScoreEntry]:
        """The entries to commit to, kept in the journal: those of a transaction that is signed already, else these."""
        fact, intent = f"task:{task_id}:scores:{task.attempt}:{batch}", _intent(task_id, task, batch)
        known = self.journal.recall(fact)
        if known is not None and known["intent"] != intent:
            self.sender.abandon(known["intent"])  # a reorganisation has changed the seed, and with it the panels
        elif known is not None and self.journal.newest(intent) is not None:
            return [ScoreEntry(*entry) for entry in known["entries"]]
        self.note(fact, {"intent": intent, "entries": [list(entry) for entry in entries]})
        return list(entries)

    def find(self, task_id: int, task: Record, case: Case, duty: Duty) -> Finding | None:
        """What to say of a submission; None while it is evaluated, or cannot be."""
        known = (task_id, duty.digest)
        if known not in self._findings:
            finding = self._assess(known, task, case, duty)
            if finding is None:
                return None
            self._findings[known] = finding
            EVALUATIONS.labels(VERDICTS.get(finding.score, "scored")).inc()
            logger.info("Evaluated task=%s submission=%s score=%s", task_id, duty.submission_id, shown(finding.score))
        return self._findings[known]

    def _assess(self, known: tuple[int, str], task: Record, case: Case, duty: Duty) -> Finding | None:
        try:
            work = partial(self.evaluations.assess, case, duty.digest, task.key)
            finding = self.jobs.result(("assess", *known), work)
        except ProtocolError as error:
            self._trouble[known] = error
            self._tell_of(known[0], logging.WARNING, f"Could not evaluate submission={duty.submission_id}", error)
            finding = None
        return finding or self._give_up(known, task, case, duty)

    def _give_up(self, known: tuple[int, str], task: Record, case: Case, duty: Duty) -> Finding | None:
        """The verdict "unavailable", when it is time and the stores are to blame and not this machine."""
        trouble = self._trouble.get(known)
        late = task.score_commit_ends - 2 * self.policy.margin(task.parameters.score_commit_window)
        if self.chain.now() < late or not case.opened.exists() or case.model_folder(duty.digest).exists():
            return None
        if not isinstance(trouble, ArtifactMissing | DigestMismatch) or isinstance(trouble, StoreUnreachable):
            return None  # not tried yet, or our fault: no store has said that it lacks the model
        return self.evaluations.give_up(case, duty.digest, str(trouble))

    # --- revealing

    def _reveal_all(self, task_id: int, task: Record) -> None:
        duties, spec = self.duties.of(task_id, task), self.spec(task_id, task)
        if duties is None or spec is None:
            return
        case = self.case(task_id, task, spec)
        late = self.chain.now() >= task.score_reveal_ends - self.policy.margin(task.parameters.score_reveal_window)
        for batch, group in groupby(duties, key=lambda duty: batch_of(duty.submission_id)):
            entries = self._to_reveal(task_id, task, case, batch, list(group))
            if entries and (self._publish(task_id, case, entries) or late):
                self.reveal(task_id, task, batch, entries)

    def _to_reveal(
        self, task_id: int, task: Record, case: Case, batch: int, duties: Sequence[Duty]
    ) -> list[ScoreEntry]:
        """The entries behind the commitment on chain, unless they are revealed already."""
        commitment = self._commitment(task_id, task, batch)
        if commitment is None:
            return []
        known = self.journal.recall(f"task:{task_id}:scores:{task.attempt}:{batch}")
        if known is not None:
            entries = [ScoreEntry(*entry) for entry in known["entries"]]
        else:  # the journal is lost: what was committed comes out again
            findings = [self.find(task_id, task, case, duty) for duty in duties]
            pairs = zip(duties, findings, strict=True)
            entries = _entries(duties, findings, [self.copies.original_of(task_id, case, *pair) for pair in pairs])
        if self._hash(task_id, task, batch, entries) != commitment:
            if not self.jobs.busy:
                self._tell(
                    task_id, logging.ERROR, f"The scores committed for task={task_id} are lost: cannot reveal them"
                )
            return []
        first = self.chain.call("Arena", "scoreAt", task_id, entries[0].submission_id, entries[0].slot)
        return [] if first.revealed else entries

    def _publish(self, task_id: int, case: Case, entries: Sequence[ScoreEntry]) -> bool:
        """Whether the reports are in the store."""
        try:
            return self.reports.are_published(task_id, case, {entry.report_digest for entry in entries})
        except ProtocolError as error:
            self._tell_of(task_id, logging.WARNING, f"Could not publish the reports of task={task_id}", error)
            return False

    def reveal(self, task_id: int, task: Record, batch: int, entries: Sequence[ScoreEntry]) -> None:
        """Reveal a batch of scores."""
        salt = self.salt("scores", task_id, task.attempt, batch)
        key = f"{_intent(task_id, task, batch)}:reveal"
        self.sender.send(key, "Arena", "revealScores", task_id, batch, list(entries), salt)
        logger.info("Revealed %d scores task=%s attempt=%s", len(entries), task_id, task.attempt)

    def _challenge(self, task_id: int, task: Record) -> None:
        if (spec := self.spec(task_id, task)) is not None:
            case = self.case(task_id, task, spec)
            judge = partial(self.dissent.with_result, task_id, case, partial(self.find, task_id, task, case))
            self.appeals.work(task_id, task, range(1, task.submission_count + 1), judge)

    def _hash(self, task_id: int, task: Record, batch: int, entries: Sequence[ScoreEntry]) -> str:
        deployment = self.chain.deployment
        return scores_commitment(
            deployment.chain_id,
            deployment.address("Arena"),
            task_id,
            task.attempt,
            self.chain.address,
            batch,
            entries,
            self.salt("scores", task_id, task.attempt, batch),
        )


def shown(score: int) -> str:
    """A score or verdict for people."""
    return VERDICTS.get(score) or f"{score_value(score):g}"


def _intent(task_id: int, task: Record, batch: int) -> str:
    """The journal's name of a commitment. The seed is part of it, since the panels follow from the seed."""
    return f"task:{task_id}:scores:{task.attempt}:{batch}:{task.seed[2:18]}"


def _entries(
    duties: Sequence[Duty], findings: Sequence[Finding | None], originals: Sequence[int | None]
) -> list[ScoreEntry]:
    return [
        ScoreEntry(duty.submission_id, duty.slot, finding.score, finding.digest, original or 0)
        for duty, finding, original in zip(duties, findings, originals, strict=True)
        if finding is not None
    ]
