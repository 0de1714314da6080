"""Tasks: their records, and everything that happened in them."""

from typing import Annotated, Literal

from fastapi import Query, Response
from sqlalchemy import bindparam, select

from indexer.api.errors import not_found
from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery, DigestQuery, IdPath, IdQuery
from indexer.api.routing import Read, area
from indexer.api.snapshot import Snapshot
from indexer.api.views import (
    FUNDING,
    PANEL_MEMBER,
    PAYOUT,
    SCORE,
    SCORE_COMMITMENT,
    SLASH,
    SUBMISSION,
    TASK,
    VALIDATOR,
    PhaseName,
    columns,
    many,
    one,
)
from indexer.phase import OPEN, PHASE
from indexer.tables import Funding, PanelMember, Payout, Score, ScoreCommitment, Slash, Submission, Task, Validator

router = area("tasks")

_task, _submission, _validator = columns(Task), columns(Submission), columns(Validator)
_score, _panel, _commitment = columns(Score), columns(PanelMember), columns(ScoreCommitment)
_payout, _slash, _funding = columns(Payout), columns(Slash), columns(Funding)
_GOES_ON = ~_task.finalized & ~_task.cancelled
_ONE = select(*TASK.columns).select_from(TASK.source).where(_task.id == bindparam("task_id"))
_KNOWN = select(_task.id).where(_task.id == bindparam("task_id"))
_BEST = (
    select(*SUBMISSION.columns)
    .select_from(SUBMISSION.source)
    .where(_submission.task_id == bindparam("task_id"), _submission.rank_key.is_not(None))
    .order_by(_submission.rank_key, _submission.id)
    .limit(bindparam("limit"))
)

TASKS = Listing(
    TASK,
    {"id": [_task.id], "bounty": [_task.bounty, _task.id], "commit_ends": [_task.commit_ends, _task.id]},
    {
        "creator": _task.creator == bindparam("creator"),
        "spec_digest": _task.spec_digest == bindparam("spec_digest"),
        "outcome": _task.outcome == bindparam("outcome"),
        "phase": bindparam("phase") == PHASE,
        "open": _GOES_ON,
    },
)
SUBMISSIONS = Listing(
    SUBMISSION,
    {"id": [_submission.id]},
    {
        "task_id": _submission.task_id == bindparam("task_id"),
        "trainer": _submission.trainer == bindparam("trainer"),
        "state": _submission.state == bindparam("state"),
    },
)
VALIDATORS = Listing(VALIDATOR, {"index": [_validator.index]}, {"task_id": _validator.task_id == bindparam("task_id")})
SCORES = Listing(
    SCORE,
    {"submission": [_score.submission_id, _score.attempt, _score.validator]},
    {
        "task_id": _score.task_id == bindparam("task_id"),
        "submission_id": _score.submission_id == bindparam("submission_id"),
        "validator": _score.validator == bindparam("validator"),
        "attempt": _score.attempt == bindparam("attempt"),
    },
)
PANELS = Listing(
    PANEL_MEMBER,
    {"slot": [_panel.submission_id, _panel.attempt, _panel.slot]},
    {
        "task_id": _panel.task_id == bindparam("task_id"),
        "submission_id": _panel.submission_id == bindparam("submission_id"),
        "attempt": _panel.attempt == bindparam("attempt"),
    },
)
COMMITMENTS = Listing(
    SCORE_COMMITMENT, {"position": [_commitment.position]}, {"task_id": _commitment.task_id == bindparam("task_id")}
)
PAYOUTS = Listing(
    PAYOUT,
    {"position": [_payout.position]},
    {
        "task_id": _payout.task_id == bindparam("task_id"),
        "federation_id": _payout.federation_id == bindparam("federation_id"),
        "account": _payout.account == bindparam("account"),
        "role": _payout.role == bindparam("role"),
    },
)
SLASHES = Listing(
    SLASH,
    {"position": [_slash.position]},
    {
        "task_id": _slash.task_id == bindparam("task_id"),
        "federation_id": _slash.federation_id == bindparam("federation_id"),
        "operator": _slash.operator == bindparam("operator"),
        "reason": _slash.reason == bindparam("reason"),
    },
)
FUNDINGS = Listing(FUNDING, {"position": [_funding.position]}, {"task_id": _funding.task_id == bindparam("task_id")})

TaskOrder = Literal["id", "-id", "bounty", "-bounty", "commit_ends", "-commit_ends"]
TimeOrder = Literal["position", "-position"]
Outcome = Literal["settled", "failed", "void", "abandoned"]
State = Literal[
    "committed", "revealed", "duplicate", "unrevealed", "scored", "invalid", "unavailable", "unscored", "unopenable",
    "copied", "canary",
]  # fmt: skip
Role = Literal["trainer", "validator", "member", "creator", "settler", "appellant"]
Reason = Literal[
    "unrevealed", "duplicate", "invalid", "unavailable", "silent", "deviating", "harmful", "contrary", "forged"
]


def _known(at: Snapshot, task_id: int) -> None:
    if at.first(_KNOWN, {"task_id": task_id}) is None:
        raise not_found(f"There is no task {task_id} at block {at.checkpoint.number}.")


@router.get("/tasks", response_model=many(TASK.model))
def tasks(
    read: Read,
    creator: AddressQuery = None,
    phase: PhaseName | None = None,
    outcome: Outcome | None = None,
    spec_digest: DigestQuery = None,
    order: TaskOrder = "-id",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Tasks, the newest first unless another order is asked for. Phases are those at the time of the block."""
    values = {"creator": creator, "phase": phase, "outcome": outcome, "spec_digest": spec_digest}
    if phase in OPEN:
        values["open"] = "yes"
    with read.snapshot() as at:
        return TASKS.page(at, values, order, cursor, limit)


@router.get("/tasks/{task_id}", response_model=one(TASK.model))
def task(read: Read, task_id: IdPath) -> Response:
    """One task."""
    with read.snapshot() as at:
        row = at.first(_ONE, {"task_id": task_id})
        if row is None:
            raise not_found(f"There is no task {task_id} at block {at.checkpoint.number}.")
        return at.answer(TASK.item(row, at.now))


@router.get("/tasks/{task_id}/submissions", response_model=many(SUBMISSION.model))
def task_submissions(
    read: Read,
    task_id: IdPath,
    state: State | None = None,
    trainer: AddressQuery = None,
    order: Literal["id", "-id"] = "id",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The submissions of a task, in the order of their commits."""
    with read.snapshot() as at:
        _known(at, task_id)
        return SUBMISSIONS.page(at, {"task_id": task_id, "state": state, "trainer": trainer}, order, cursor, limit)


@router.get("/tasks/{task_id}/leaderboard", response_model=many(SUBMISSION.model))
def leaderboard(read: Read, task_id: IdPath, limit: Limit = 64) -> Response:
    """The scored submissions, best first; `rank` is set for those that are paid, once the task is finalized."""
    with read.snapshot() as at:
        _known(at, task_id)
        rows = at.all(_BEST, {"task_id": task_id, "limit": limit})
        return at.answer([SUBMISSION.item(row, at.now) for row in rows], next=None)


@router.get("/tasks/{task_id}/validators", response_model=many(VALIDATOR.model))
def task_validators(read: Read, task_id: IdPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The validators of a task, in the order of registration."""
    with read.snapshot() as at:
        _known(at, task_id)
        return VALIDATORS.page(at, {"task_id": task_id}, "index", cursor, limit)


@router.get("/tasks/{task_id}/panels", response_model=many(PANEL_MEMBER.model))
def panels(
    read: Read,
    task_id: IdPath,
    submission_id: IdQuery = None,
    attempt: IdQuery = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Who was drawn to score what."""
    values = {"task_id": task_id, "submission_id": submission_id, "attempt": attempt}
    with read.snapshot() as at:
        _known(at, task_id)
        return PANELS.page(at, values, "slot", cursor, limit)


@router.get("/tasks/{task_id}/commitments", response_model=many(SCORE_COMMITMENT.model))
def commitments(read: Read, task_id: IdPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The validators' commitments to scores."""
    with read.snapshot() as at:
        _known(at, task_id)
        return COMMITMENTS.page(at, {"task_id": task_id}, "position", cursor, limit)


@router.get("/tasks/{task_id}/scores", response_model=many(SCORE.model))
def scores(
    read: Read,
    task_id: IdPath,
    submission_id: IdQuery = None,
    validator: AddressQuery = None,
    attempt: IdQuery = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The revealed scores, by submission."""
    values = {"task_id": task_id, "submission_id": submission_id, "validator": validator, "attempt": attempt}
    with read.snapshot() as at:
        _known(at, task_id)
        return SCORES.page(at, values, "submission", cursor, limit)


@router.get("/tasks/{task_id}/payouts", response_model=many(PAYOUT.model))
def task_payouts(
    read: Read, task_id: IdPath, role: Role | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """What a task paid, in the order of the claims."""
    with read.snapshot() as at:
        _known(at, task_id)
        return PAYOUTS.page(at, {"task_id": task_id, "role": role}, "position", cursor, limit)


@router.get("/tasks/{task_id}/slashes", response_model=many(SLASH.model))
def task_slashes(
    read: Read, task_id: IdPath, reason: Reason | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Who lost stake in a task, and why."""
    with read.snapshot() as at:
        _known(at, task_id)
        return SLASHES.page(at, {"task_id": task_id, "reason": reason}, "position", cursor, limit)


@router.get("/tasks/{task_id}/fundings", response_model=many(FUNDING.model))
def fundings(read: Read, task_id: IdPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Gifts to the bounty of a task."""
    with read.snapshot() as at:
        _known(at, task_id)
        return FUNDINGS.page(at, {"task_id": task_id}, "position", cursor, limit)


@router.get("/slashes", response_model=many(SLASH.model))
def slashes(
    read: Read,
    operator: AddressQuery = None,
    task_id: IdQuery = None,
    federation_id: IdQuery = None,
    reason: Reason | None = None,
    order: TimeOrder = "-position",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """All slashes, the newest first."""
    values = {"operator": operator, "task_id": task_id, "federation_id": federation_id, "reason": reason}
    with read.snapshot() as at:
        return SLASHES.page(at, values, order, cursor, limit)


@router.get("/payouts", response_model=many(PAYOUT.model))
def payouts(
    read: Read,
    account: AddressQuery = None,
    task_id: IdQuery = None,
    federation_id: IdQuery = None,
    role: Annotated[Role | None, Query()] = None,
    order: TimeOrder = "-position",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """All payouts of tasks and federations, the newest first."""
    values = {"account": account, "task_id": task_id, "federation_id": federation_id, "role": role}
    with read.snapshot() as at:
        return PAYOUTS.page(at, values, order, cursor, limit)
