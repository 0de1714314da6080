"""A permalink for every payout and slash, with all that it follows from: who scored what, and the events beside it."""

from typing import Annotated, Any, Optional

from fastapi import Path, Response
from pydantic import Field, create_model
from sqlalchemy import bindparam, select

from indexer.api.errors import invalid, not_found
from indexer.api.pages import Listing
from indexer.api.routes.events import EventItem, rows_at, told
from indexer.api.routes.federations import FEDERATION, ROLE, ROLES, ROUND
from indexer.api.routes.tasks import PANELS, SCORES
from indexer.api.routing import Read, area
from indexer.api.snapshot import Snapshot
from indexer.api.views import (
    PANEL_MEMBER,
    PAYOUT,
    SCORE,
    SLASH,
    STRICT,
    SUBMISSION,
    TASK,
    VALIDATOR,
    Item,
    View,
    columns,
    one,
)
from indexer.tables import Federation, FederationRound, Log, Payout, Slash, Submission, Task, Validator
from indexer.units import MAX_LOG_INDEX, position_of

router = area("evidence")

# Of each list; panels have at most 32 members, and a validator's scores have a route of their own.
SHOWN = 200

_log, _task, _submission, _validator = columns(Log), columns(Task), columns(Submission), columns(Validator)
_federation, _round = columns(Federation), columns(FederationRound)
_BY_ID = {
    TASK: _task.id == bindparam("task_id"),
    SUBMISSION: (_submission.task_id == bindparam("task_id")) & (_submission.id == bindparam("submission_id")),
    VALIDATOR: (_validator.task_id == bindparam("task_id")) & (_validator.operator == bindparam("account")),
    FEDERATION: _federation.id == bindparam("federation_id"),
    ROUND: (_round.federation_id == bindparam("federation_id")) & (_round.number == bindparam("round")),
    PAYOUT: columns(Payout).position == bindparam("position"),
    SLASH: columns(Slash).position == bindparam("position"),
}
_ONE = {view: select(*view.columns).select_from(view.source).where(where) for view, where in _BY_ID.items()}
_BESIDE = rows_at(
    select(_log.position)
    .where(_log.position.between(bindparam("first"), bindparam("last")))
    .where(
        _log.transaction_hash
        == select(_log.transaction_hash).where(_log.position == bindparam("position")).scalar_subquery()
    )
    .order_by(_log.position)
    .limit(SHOWN),
    "position",
)

Place = Annotated[
    str,
    Path(pattern="^[0-9]{1,13}-[0-9]{1,7}$", description="Block number and log index", examples=["120-3"]),
]


def _maybe(model: Any) -> Any:
    return Optional[model]  # noqa: UP045


def _evidence(subject: Any) -> Any:
    fields: dict[str, Any] = {
        subject.__name__.lower(): (subject, ...),
        "task": (_maybe(TASK.model), ...),
        "submission": (_maybe(SUBMISSION.model), ...),
        "validator": (
            _maybe(VALIDATOR.model),
            Field(description="The account's seat, when it is a validator's matter"),
        ),
        "panel": (list[PANEL_MEMBER.model], Field(description="Who was drawn for the submission")),  # type: ignore[name-defined]
        "scores": (list[SCORE.model], Field(description="The submission's scores; without one, the validator's")),  # type: ignore[name-defined]
        "federation": (_maybe(FEDERATION.model), ...),
        "round": (_maybe(ROUND.model), Field(description="The federation's round, when it is a matter of one")),
        "roles": (
            list[ROLE.model],  # type: ignore[name-defined]
            Field(description="All roles of the round; without one, those of the account"),
        ),
        "events": (list[EventItem], Field(description="All events of the transaction")),
    }
    doc = f"A {subject.__name__.lower()} and what it follows from."
    return create_model(f"{subject.__name__}Evidence", __config__=STRICT, __doc__=doc, **fields)


PayoutEvidence = _evidence(PAYOUT.model)
SlashEvidence = _evidence(SLASH.model)


@router.get("/payouts/{place}", response_model=one(PayoutEvidence))
def payout(read: Read, place: Place) -> Response:
    """One payout, by its place on the chain, with what it follows from."""
    with read.snapshot() as at:
        row, position = _found(at, PAYOUT, place, "payout")
        return at.answer({"payout": row, **_context(at, row, row["account"], position)})


@router.get("/slashes/{place}", response_model=one(SlashEvidence))
def slash(read: Read, place: Place) -> Response:
    """One slash, by its place on the chain, with what it follows from."""
    with read.snapshot() as at:
        row, position = _found(at, SLASH, place, "slash")
        return at.answer({"slash": row, **_context(at, row, row["operator"], position)})


def _found(at: Snapshot, view: View, place: str, what: str) -> tuple[Item, int]:
    number, index = map(int, place.split("-"))
    if number >= 2**43 or index > MAX_LOG_INDEX:
        raise invalid(f"place cannot be {place!r}: give a block number and a log index, like 120-3.")
    position = position_of(number, index)
    row = at.first(_ONE[view], {"position": position})
    if row is None:
        raise not_found(f"There is no {what} at {place} by block {at.checkpoint.number}.")
    return view.item(row, at.now), position


def _context(at: Snapshot, subject: Item, who: str, position: int) -> Item:
    """What a payout to, or a slash of, `who` follows from."""
    ids = {name: subject[name] for name in ("task_id", "submission_id", "federation_id", "round")}
    ids["account"] = who if subject["role"] == "validator" else None
    block = position - (position & MAX_LOG_INDEX)
    span = {"first": block, "last": block + MAX_LOG_INDEX, "position": position}
    return {
        "task": _row(at, TASK, ids),
        "submission": _row(at, SUBMISSION, ids),
        "validator": _row(at, VALIDATOR, ids),
        "panel": _rows(at, PANELS, "slot", ids),
        "scores": _rows(at, SCORES, "submission", ids),
        "federation": _row(at, FEDERATION, ids),
        "round": _row(at, ROUND, ids),
        "roles": _roles(at, ids, who),
        "events": told(at, at.tuples(_BESIDE, span)),
    }


def _row(at: Snapshot, view: View, ids: Item) -> Item | None:
    row = at.first(_ONE[view], ids)
    return view.item(row, at.now) if row else None


def _rows(at: Snapshot, listing: Listing, order: str, ids: Item) -> list[Item]:
    """Of a submission all; without one, those of the validator."""
    values: Item = {name: ids[name] for name in ("task_id", "submission_id")}
    if values["task_id"] is None or (values["submission_id"] is None and ids["account"] is None):
        return []
    if values["submission_id"] is None:
        values["validator"] = ids["account"]
        if listing is PANELS:
            return []
    return listing.items(at, values, order, None, SHOWN)[0]


def _roles(at: Snapshot, ids: Item, who: str) -> list[Item]:
    """Of a round all; without one, those in which the account earned what it is paid."""
    if ids["federation_id"] is None:
        return []
    values: Item = {"federation": ids["federation_id"], "round": ids["round"]}
    if ids["round"] is None:
        values["account"] = who
    return ROLES.items(at, values, "round", None, SHOWN)[0]
