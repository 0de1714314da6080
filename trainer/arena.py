"""The trainer in the arena: trains, commits to the model, publishes and reveals it, helps to settle, claims.

The model is published only when it is revealed: nobody can submit what nobody has seen.
"""

import logging
from functools import partial
from pathlib import Path

from eth_utils.crypto import keccak

from node.amounts import UNIT, format_amount
from node.bases import fetch_base
from node.metrics import REWARDS
from node.participant import Means, Participant, TaskRefused
from protocol.artifacts import manifest_of
from protocol.calls import Record
from protocol.encoding import submission_commitment
from protocol.errors import ConfigInvalid, ProtocolError, TaskFailed
from protocol.phases import Phase, SubmissionState
from protocol.specs import TaskSpec
from protocol.store import Limits
from trainer.appeals import Objection, Own
from trainer.backup import Backup
from trainer.making import Making, make
from trainer.settings import TrainerSettings

logger = logging.getLogger(__name__)


class ArenaTrainer(Participant):
    """A trainer in all tasks that its policy lets it join."""

    policy: TrainerSettings

    def __init__(self, means: Means, settings: TrainerSettings) -> None:
        super().__init__(means, settings)
        self._published: set[int] = set()
        self.backup = Backup(settings.backup, means.work)
        self.objection = Objection(means.chain, means.store, self.jobs, settings.max_download_bytes)

    # --- joining

    def is_mine(self, task_id: int) -> bool:
        return bool(self._submission_id(task_id))

    def _submission_id(self, task_id: int) -> int:
        return int(self.chain.call("Arena", "submissionOf", task_id, self.chain.address))

    def join(self, task_id: int, task: Record) -> None:
        if (reason := self.policy.refusal(task_id, task)) is not None:
            raise TaskRefused(reason)
        if self.chain.validator(task_id, self.chain.address).index:
            raise TaskRefused("this account validates it.")
        spec = self.spec(task_id, task)
        if spec is None:
            return
        if self.policy.kinds and spec.kind not in self.policy.kinds:
            raise TaskRefused(f"its kind {spec.kind} is ruled out by the settings.")
        stake = self.stake_for(task_id, task.parameters.min_trainer_stake)
        deadline = task.commit_ends - self.policy.margin(task.parameters.commit_window)
        model = self.make_model(task_id, task, spec, deadline)
        if model is not None:
            self.commit(task_id, stake, model)

    def commit(self, task_id: int, stake: int, model: Path) -> None:
        """Commit to a model, with `stake`."""
        key, digest = f"task:{task_id}:commit", manifest_of(model).digest
        self.backup.keep(task_id, model)
        self.note(key, {"digest": digest, "model": str(model)})
        receipt = self.sender.send(key, "Arena", "commitSubmission", task_id, stake, self._commitment(task_id, digest))
        submission_id = receipt.event("Arena.SubmissionCommitted").args["submission_id"]
        logger.info("Committed task=%s submission=%s stake=%s", task_id, submission_id, format_amount(stake))

    def _commitment(self, task_id: int, digest: str) -> str:
        deployment, salt = self.chain.deployment, self.salt("submission", task_id)
        return submission_commitment(
            deployment.chain_id, deployment.address("Arena"), task_id, self.chain.address, digest, salt
        )

    # --- training

    def model_folder(self, task_id: int) -> Path:
        """Where the model for a task is, once it is made."""
        return self.folder(task_id) / "model"

    def make_model(self, task_id: int, task: Record, spec: TaskSpec, deadline: int) -> Path | None:
        """The folder of the model for a task, made beside the loop until `deadline` (chain time); None meanwhile."""
        model = self.model_folder(task_id)
        if model.exists() or self.backup.restore(task_id, model):
            return model
        seconds = deadline - self.chain.now()
        if seconds <= 0:
            raise TaskRefused("it is too late to train for it.")
        try:
            return self.jobs.result(("train", task_id), partial(self._train, task_id, task, spec, seconds))
        except TaskFailed as error:
            raise TaskRefused(str(error)) from error

    def _train(self, task_id: int, task: Record, spec: TaskSpec, seconds: int) -> Path:
        folder, model = self.folder(task_id), self.model_folder(task_id)
        data = self.store.get(spec.training_digest, folder / "data", Limits(self.policy.max_download_bytes))
        logger.info("Training task=%s (%s) kind=%s", task_id, spec.title, spec.kind)
        base = fetch_base(self.store, spec, self.work, self.policy.max_download_bytes)
        making = Making(f"task-{task_id}", spec, folder, data, base, self.seed(task_id))
        score = make(making, model, seconds, self.policy, self.jobs.stopping)
        logger.info("Trained task=%s score=%.4f", task_id, score)
        return model

    def base_of(self, spec: TaskSpec) -> dict[str, str]:
        """The part of a training's job that names the base model, where the task has one; fetches it."""
        base = fetch_base(self.store, spec, self.work, self.policy.max_download_bytes)
        return {} if base is None else {"base": str(base)}

    def seed(self, task_id: int) -> int:
        """Of the training: the same after a restart, another for every trainer and task."""
        if self.policy.seed is not None:
            return self.policy.seed
        return int.from_bytes(keccak(text=f"{self.chain.address} {task_id}")[:4])

    # --- working

    def work_on(self, task_id: int, task: Record, phase: Phase) -> None:
        submission_id = self._submission_id(task_id)
        submission = self.chain.submission(task_id, submission_id)
        if phase == Phase.COMMIT and not self.model_folder(task_id).exists():
            self._committed_model(task_id, task, submission)  # lost: it may take long to make it again
        elif phase == Phase.REVEAL and submission.state == SubmissionState.COMMITTED:
            self._reveal_when_published(task_id, task, submission_id, submission)
        elif phase in (Phase.REVEAL, Phase.KEY, Phase.SCORE_COMMIT) and submission.state != SubmissionState.COMMITTED:
            self._publish(task_id)
        elif phase == Phase.CHALLENGE and self.appeals.allowed:
            self._challenge(task_id, task, submission_id)
        if phase == Phase.FINALIZED:
            self._claim(task_id, submission_id)
        else:
            self.upkeep.bring_on(task_id, task, phase)

    def _challenge(self, task_id: int, task: Record, submission_id: int) -> None:
        model, spec = self.model_folder(task_id), self.spec(task_id, task)
        if spec is not None and model.exists():
            judge = partial(self.objection.to_result, task_id, Own(self.folder(task_id), spec, model))
            self.appeals.work(task_id, task, [submission_id], judge)

    def is_over(self, task_id: int, task: Record) -> bool:
        return bool(self.chain.submission(task_id, self._submission_id(task_id)).claimed)

    def forget(self, task_id: int) -> None:
        super().forget(task_id)
        self._published.discard(task_id)
        self.objection.forget(task_id)

    def clear(self, task_id: int) -> None:
        super().clear(task_id)
        self.backup.clear(task_id)

    def _reveal_when_published(self, task_id: int, task: Record, submission_id: int, submission: Record) -> None:
        model = self._committed_model(task_id, task, submission)
        if model is None:
            return
        late = self.chain.now() >= task.reveal_ends - self.policy.margin(task.parameters.reveal_window)
        if self._publish(task_id) or late:
            self.reveal(task_id, submission_id, model)

    def _committed_model(self, task_id: int, task: Record, submission: Record) -> Path | None:
        """The model that was committed to. If this disk has lost it, the same training makes the same model again."""
        spec = self.spec(task_id, task)
        if spec is None:
            return None
        deadline = task.reveal_ends - self.policy.margin(task.parameters.reveal_window)
        model = self.make_model(task_id, task, spec, deadline)
        if model is not None and self._commitment(task_id, manifest_of(model).digest) != submission.commitment:
            raise ConfigInvalid(f"the model in {model} is not the one that was committed: put that one there.")
        return model

    def _publish(self, task_id: int) -> bool:
        """Whether the model is in the store; puts it there beside the loop."""
        if task_id in self._published:
            return True
        try:
            digest = self.jobs.result(("publish", task_id), partial(self.store.put, self.model_folder(task_id)))
        except ProtocolError as error:
            self._tell_of(task_id, logging.WARNING, f"Could not publish the model of task={task_id}", error)
            return False
        if digest is None:
            return False
        self._published.add(task_id)
        logger.info("Published task=%s digest=%s", task_id, digest)
        return True

    def reveal(self, task_id: int, submission_id: int, model: Path) -> None:
        """Name the model that was committed to."""
        digest, salt = manifest_of(model).digest, self.salt("submission", task_id)
        self.sender.send(f"task:{task_id}:reveal", "Arena", "revealSubmission", task_id, submission_id, digest, salt)
        logger.info("Revealed task=%s submission=%s digest=%s", task_id, submission_id, digest)

    def _claim(self, task_id: int, submission_id: int) -> None:
        receipt = self.sender.send(f"task:{task_id}:claim", "Arena", "claimSubmission", task_id, submission_id)
        reward = receipt.event("Arena.RewardClaimed").args["reward"]
        REWARDS.inc(reward / UNIT)
        logger.info("Claimed task=%s reward=%s", task_id, format_amount(reward))
