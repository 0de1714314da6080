"""Live news: see `indexer.api.live`."""

from typing import Annotated, Any

import orjson
from fastapi import Header, Query, Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from indexer.api.gate import client_of
from indexer.api.live import Find, Follower, Hub
from indexer.api.parameters import AddressQuery, IdQuery
from indexer.api.routes.events import ContractQuery, NameQuery, Search
from indexer.api.routing import area
from indexer.api.snapshot import Snapshot

router = area("live")

_EXAMPLE = (
    'id: 120-0x6b…\nevent: block\ndata: {"block":120,"block_hash":"0x6b…","timestamp":1767225600,"final_block":56}\n\n'
)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}}
}


@router.get("/live", response_class=StreamingResponse, responses=_STREAM)
async def live(
    request: Request,
    events: Annotated[bool, Query(description="Send the events of each block too")] = False,
    name: NameQuery = None,
    contract: ContractQuery = None,
    task_id: IdQuery = None,
    account: AddressQuery = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """News as server-sent events: `block` for each step of the index, `event` before it for each event asked for,
    `reorg` with the last block that was kept, and `reset` when all must be asked for anew. Filters add up."""
    wanted = events or any(each is not None for each in (name, contract, task_id, account))
    follower = Follower(_find(Search(name, contract, task_id, account)) if wanted else None, last_event_id)
    hub: Hub = request.app.state.hub
    client = client_of(request.scope)
    hub.enter(client)
    return _Stream(hub, client, follower)


class _Stream(StreamingResponse):
    """The messages, for as long as the client listens."""

    def __init__(self, hub: Hub, client: str, follower: Follower) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(hub.messages(follower), media_type="text/event-stream", headers=headers)
        self._hub, self._client = hub, client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and make room for another client in the end."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave(self._client)


def _find(search: Search) -> Find:
    def find(at: Snapshot, first: int, most: int) -> list[bytes]:
        return [orjson.dumps(event) for event in search.events(at, first, most + 1)]

    return find
