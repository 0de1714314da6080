"""Appeals against what panels found, and models that were found to be copies."""

from typing import Literal

from fastapi import Response
from sqlalchemy import bindparam, text

from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery, IdQuery
from indexer.api.routing import Read, area
from indexer.api.views import APPEAL, SUBMISSION, columns, many
from indexer.tables import COPIED, Appeal, Submission

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
_submission = columns(Submission)
# In the words of the index, so that the index serves it.
COPIES = Listing(
    SUBMISSION,
    {"submission": [_submission.task_id, _submission.id]},
    {"copied": text(COPIED), "trainer": _submission.trainer == bindparam("trainer")},  # type: ignore[dict-item]
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


@router.get("/copies", response_model=many(SUBMISSION.model))
def copies(read: Read, trainer: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Submissions with the digest of an earlier one, or that the panel found nearly equal to one; the newest first."""
    with read.snapshot() as at:
        return COPIES.page(at, {"copied": True, "trainer": trainer}, "-submission", cursor, limit)
