"""Arena, what was appealed and what canaries were told to score."""

from indexer.projections import At, on
from indexer.projections.accounts import account
from indexer.rows import Rows
from indexer.twins import Appeal, Payout, Submission, Task


@on("Arena.CanaryRevealed")
def canary_revealed(rows: Rows, at: At, *, task_id: int, submission_id: int, score: int) -> None:
    """The creator told the score to which it had committed."""
    rows.edit(Submission, task_id, submission_id).canary_score = score


@on("Arena.SubmissionAppealed")
def submission_appealed(
    rows: Rows, at: At, *, task_id: int, submission_id: int, appellant: str, attempt: int, bond: int
) -> None:
    """It is not settled in this attempt, but drawn again in the next."""
    task = rows.edit(Task, task_id)
    task.pending -= 1
    task.appealed += 1
    rows.add(
        Appeal,
        task_id=task_id,
        submission_id=submission_id,
        appellant=appellant,
        attempt=attempt,
        bond=bond,
        position=at.position,
    )
    account(rows, appellant)


@on("Arena.AppealUpheld")
def appeal_upheld(rows: Rows, at: At, *, task_id: int, submission_id: int, appellant: str, assets: int) -> None:
    """The bond comes back, and with it a reward out of what the wrong side lost."""
    appeal = rows.edit(Appeal, task_id, submission_id)
    appeal.outcome, appeal.paid = "upheld", assets
    rows.edit(Task, task_id).slashed -= assets - appeal.bond
    account(rows, appellant).earned += assets - appeal.bond
    _pay(rows, at, task_id, submission_id, appellant, assets)


@on("Arena.AppealRejected")
def appeal_rejected(rows: Rows, at: At, *, task_id: int, submission_id: int, appellant: str, assets: int) -> None:
    """The bond is the task's."""
    rows.edit(Appeal, task_id, submission_id).outcome = "rejected"
    rows.edit(Task, task_id).slashed += assets


@on("Arena.AppealReturned")
def appeal_returned(rows: Rows, at: At, *, task_id: int, submission_id: int, appellant: str, assets: int) -> None:
    """The larger panel came to no consensus."""
    appeal = rows.edit(Appeal, task_id, submission_id)
    appeal.outcome, appeal.paid = "returned", assets
    _pay(rows, at, task_id, submission_id, appellant, assets)


@on("Arena.CreatorSlashed")
def creator_slashed(rows: Rows, at: At, *, task_id: int, submission_id: int, creator: str, assets: int) -> None:
    """What it had said of a canary was contradicted: its bond is the task's."""
    task = rows.edit(Task, task_id)
    task.bond = 0
    task.slashed += assets


def _pay(rows: Rows, at: At, task_id: int, submission_id: int, appellant: str, assets: int) -> None:
    rows.add(
        Payout,
        position=at.position,
        task_id=task_id,
        submission_id=submission_id,
        account=appellant,
        role="appellant",
        assets=assets,
        unlocked=0,
    )
