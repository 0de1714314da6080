"""Appeals against what panels found."""

from typing import Literal

from fastapi import Response
from sqlalchemy import bindparam

from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery, IdQuery
from indexer.api.routing import Read, area
from indexer.api.views import APPEAL, columns, many
from indexer.tables import Appeal

router = area("appeals")

_appeal = columns(Appeal)
APPEALS = Listing(
    APPEAL,
    {"submission": [_appeal.task_id, _appeal.submission_id]},
    {
        "task_id": _appeal.task_id == bindparam("task_id"),
        "appellant": _appeal.appellant == bindparam("appellant"),
        "outcome": _appeal.outcome == bindparam("outcome"),
    },
)


@router.get("/appeals", response_model=many(APPEAL.model))
def appeals(
    read: Read,
    task_id: IdQuery = None,
    appellant: AddressQuery = None,
    outcome: Literal["upheld", "rejected", "returned"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """All appeals, by task and submission."""
    with read.snapshot() as at:
        values = {"task_id": task_id, "appellant": appellant, "outcome": outcome}
        return APPEALS.page(at, values, "submission", cursor, limit)
