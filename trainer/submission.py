"""Submitting a model that was made elsewhere: what `trainer submit` does."""

import logging
import shutil
import threading
from functools import partial
from pathlib import Path
from typing import Any

from node.amounts import format_amount
from node.output import NotFound, Output
from node.participant import Means, Participant
from node.program import means_of, serve
from node.settings import ClientSettings
from protocol import phases
from protocol.artifacts import manifest_of
from protocol.calls import Record
from protocol.errors import ConfigInvalid
from protocol.phases import Phase
from protocol.specs import MAX_SPEC_BYTES, check_parameters, read_spec
from protocol.staging import local_storage, promote, staged_directory
from protocol.store import Limits
from protocol.tasks.runs import MODEL_FILE
from trainer import process
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings

logger = logging.getLogger(__name__)

_CHECK_SECONDS = 3600.0


def submit(
    client: ClientSettings,
    settings: TrainerSettings,
    task_id: int,
    model: Path,
    queue: bool,
    output: Output,
    dry_run: bool = False,
) -> None:
    """Check a model, put it where the trainer finds it and, unless `queue`, be that trainer until the task is over.

    With `dry_run` only check it, and what it would be committed with.

    NotFound, ConfigInvalid when the task takes no submission of this account, TaskFailed for a model that breaks its
    specification.
    """
    means = means_of(client, client.account(), dry_run)
    trainer = ArenaTrainer(means, settings.model_copy(update={"tasks": frozenset({task_id})}))
    try:
        task = _open_task(means, task_id)
        digest, score = _place(trainer, means, task_id, task, model, keep=not dry_run)
    finally:
        means.journal.close()
    told: dict[str, Any] = {"task": task_id, "digest": digest, "score_on_training_data": score}
    if dry_run:
        told["stake"] = str(max(task.parameters.min_trainer_stake, settings.stake))
    output.record(told if output.json or not dry_run else told | {"stake": format_amount(int(told["stake"]))})
    if not queue and not dry_run:
        make = partial(ArenaTrainer, settings=trainer.policy)
        serve(client, make, "trainer", until=partial(_is_over, task_id))


def _is_over(task_id: int, participant: Participant) -> bool:
    if task_id in participant.refused:
        raise participant.refused[task_id]
    return participant.has_ended(task_id)


def _open_task(means: Means, task_id: int) -> Record:
    count = int(means.chain.call("Arena", "taskCount"))
    if task_id > count:
        raise NotFound(f"Task {task_id} does not exist; there are {count}.")
    task = means.chain.task(task_id)
    if phases.phase(task, means.chain.now()) != Phase.COMMIT:
        raise ConfigInvalid(f"Task {task_id} takes no more submissions.")
    if means.chain.call("Arena", "submissionOf", task_id, means.chain.address):
        raise ConfigInvalid(f"{means.chain.address} has already submitted to task {task_id}; one each is allowed.")
    return task


def _place(
    trainer: ArenaTrainer, means: Means, task_id: int, task: Record, source: Path, keep: bool
) -> tuple[str, float]:
    """Copy the model to its folder, once it has passed the gate; its digest, and its score on the training data."""
    folder, target = trainer.folder(task_id), trainer.model_folder(task_id)
    spec = read_spec(means.store.get(task.parameters.spec_digest, folder / "spec", Limits(MAX_SPEC_BYTES, 1)))
    check_parameters(spec, task.parameters)
    data = means.store.get(spec.training_digest, folder / "data", Limits(trainer.policy.max_download_bytes))
    with local_storage(f"Copying {source} to {target}"), staged_directory(target) as stage:
        _copy(source, stage)
        job = {"spec": str(folder / "spec"), "data": str(data), "model": str(stage), **trainer.base_of(spec)}
        score = float(process.run(job, folder, _CHECK_SECONDS, threading.Event())["score"])
        digest = manifest_of(stage).digest
        if target.exists() and manifest_of(target).digest != digest:
            raise ConfigInvalid(f"There is another model for task {task_id} in {target}: remove it first.")
        if keep and not target.exists():
            promote(stage, target)
    return digest, score


def _copy(source: Path, stage: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, stage / MODEL_FILE)
        return
    for file in manifest_of(source).files:
        (stage / file.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file.path, stage / file.path)
