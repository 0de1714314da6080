"""Specifications of tasks: see `indexer.api.specs`."""

from fastapi import Request, Response
from sqlalchemy import bindparam, select

from indexer.api.errors import not_found
from indexer.api.parameters import DigestPath
from indexer.api.routing import Read, area
from indexer.api.specs import SpecAnswer, Specs
from indexer.api.views import columns, one
from indexer.tables import Task

router = area("tasks")

_task = columns(Task)
_NAMED = select(_task.id).where(_task.spec_digest == bindparam("digest")).limit(1)


@router.get("/specs/{digest}", response_model=one(SpecAnswer))
def spec(request: Request, read: Read, digest: DigestPath) -> Response:
    """The specification of the tasks that name this digest, from the artifact store: title, metric, limits.

    It is what a stranger wrote, checked against the digest and the form of a specification, and no more.
    """
    with read.snapshot() as at:
        if at.first(_NAMED, {"digest": digest}) is None:
            raise not_found(f"No task has the specification {digest} at block {at.checkpoint.number}.")
        answer = at.answer
    specs: Specs = request.app.state.specs
    found = answer(specs.get(digest))
    del found.headers["etag"]  # it may be found, or lost, without a new block
    return found
