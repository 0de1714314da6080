"""Arena, from a task's creation to the release of its key: who joined, who committed, who revealed what."""

from typing import Any

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.rows import Rows
from indexer.twins import Funding, Submission, Task, Validator
from protocol.hashes import keccak


@on("Arena.TaskCreated")
def task_created(
    rows: Rows,
    at: At,
    *,
    task_id: int,
    creator: str,
    spec_digest: str,
    parameters: dict[str, Any],
    commit_ends: int,
    reveal_ends: int,
    key_ends: int,
) -> None:
    """`parameters` has the specification's digest too; the event repeats it so that it can be searched for."""
    rows.add(
        Task,
        id=task_id,
        creator=creator,
        created_at=at.timestamp,
        commit_ends=commit_ends,
        reveal_ends=reveal_ends,
        key_ends=key_ends,
        **parameters,
    )
    account(rows, creator).tasks_created += 1
    sums = totals(rows)
    sums.tasks += 1
    sums.bounties += parameters["bounty"]


@on("Arena.TaskFunded")
def task_funded(rows: Rows, at: At, *, task_id: int, funder: str, assets: int) -> None:
    """Anyone adds to a bounty."""
    rows.edit(Task, task_id).bounty += assets
    rows.add(Funding, position=at.position, task_id=task_id, funder=funder, assets=assets)
    account(rows, funder)
    totals(rows).bounties += assets


@on("Arena.TaskCancelled")
def task_cancelled(rows: Rows, at: At, *, task_id: int, creator: str) -> None:
    """Nobody had joined: all that was paid in is the creator's again."""
    task = rows.edit(Task, task_id)
    task.cancelled = True
    task.creator_pot = task.bounty + task.bond
    totals(rows).tasks_cancelled += 1


@on("Arena.ValidatorRegistered")
def validator_registered(rows: Rows, at: At, *, task_id: int, validator: str, validator_index: int, stake: int) -> None:
    """A validator joins the set from which panels are drawn."""
    task = rows.edit(Task, task_id)
    task.validator_count += 1
    task.validator_stake += stake
    rows.add(
        Validator,
        task_id=task_id,
        operator=validator,
        index=validator_index,
        stake=stake,
        registered_at=at.timestamp,
    )
    account(rows, validator).validations += 1
    totals(rows).validators += 1


@on("Arena.SubmissionCommitted")
def submission_committed(
    rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, stake: int, commitment: str
) -> None:
    """Until it is revealed, a submission waits to be settled as unrevealed: it is pending."""
    task = rows.edit(Task, task_id)
    task.submission_count += 1
    task.pending += 1
    task.trainer_stake += stake
    rows.add(
        Submission,
        task_id=task_id,
        id=submission_id,
        trainer=trainer,
        stake=stake,
        commitment=commitment,
        committed_at=at.timestamp,
    )
    account(rows, trainer).submissions += 1
    totals(rows).submissions += 1


@on("Arena.SubmissionRevealed")
def submission_revealed(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, digest: str) -> None:
    """Counted as a model of its own; `submission_duplicated` takes that back when it is not."""
    submission = rows.edit(Submission, task_id, submission_id)
    submission.state = "revealed"
    submission.digest = digest
    submission.revealed_at = at.timestamp
    task = rows.edit(Task, task_id)
    task.revealed_count += 1
    task.revealed_stake += submission.stake
    task.pending -= 1
    words = bytes.fromhex(task.reveals_hash[2:]) + submission_id.to_bytes(32) + bytes.fromhex(digest[2:])
    task.reveals_hash = "0x" + keccak(words).hex()


@on("Arena.SubmissionDuplicated")
def submission_duplicated(rows: Rows, at: At, *, task_id: int, submission_id: int, original_id: int) -> None:
    """The later commit of a digest is the duplicate, whoever revealed first; it waits to be settled as one."""
    submission = rows.edit(Submission, task_id, submission_id)
    submission.state = "duplicate"
    submission.original_id = original_id
    task = rows.edit(Task, task_id)
    task.revealed_count -= 1
    task.revealed_stake -= submission.stake
    task.pending += 1


@on("Arena.KeyReleased")
def key_released(
    rows: Rows,
    at: At,
    *,
    task_id: int,
    sender: str,
    key: str,
    seed_ticket: int,
    score_commit_ends: int,
    score_reveal_ends: int,
    challenge_ends: int,
) -> None:
    """The first attempt to evaluate opens; every revealed model is to be scored and settled."""
    task = rows.edit(Task, task_id)
    task.key = key
    task.attempt = 1
    task.pending += task.revealed_count
    task.seed_ticket = seed_ticket
    task.score_commit_ends = score_commit_ends
    task.score_reveal_ends = score_reveal_ends
    task.challenge_ends = challenge_ends
