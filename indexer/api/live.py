"""News as server-sent events: each block when it is indexed, its events, and what a reorg took back.

A client that was away says with `Last-Event-ID` which block it saw last, and gets what it missed. When that block is no
longer the chain's, or too much was missed, it is told to ask for everything anew: `reset`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DBAPIError
from starlette.concurrency import run_in_threadpool

from indexer.api.errors import ApiError
from indexer.api.snapshot import Reading, Snapshot
from indexer.tables import Block, RecentBlock

# Between looks at the database while somebody listens.
POLL_SECONDS = 0.1
# Without news, a comment is sent this often, so that nobody between us and the client closes the connection.
IDLE_SECONDS = 15.0
# Connections at once; each costs a question for every block.
MAX_CONNECTIONS = 500
MAX_PER_CLIENT = 20
# Events that are sent after one another; who missed more asks for pages.
MAX_MISSED = 1_000
# Blocks that a client may have heard of and that can still be taken back.
_TOLD_BLOCKS = 256

_recent: Any = RecentBlock.__table__.c  # type: ignore[attr-defined]
_RECENT = select(_recent.number, _recent.hash)
_block: Any = Block.__table__.c  # type: ignore[attr-defined]
# Blocks with events are known by their hash for ever.
_OLD = select(_block.hash).where(_block.number == bindparam("number"))

# Finds the events from a block on, at most so many and one more.
Find = Callable[[Snapshot, int, int], list[bytes]]


class Follower:
    """What one client knows, and what it is told next."""

    def __init__(self, find: Find | None, last_seen: str | None) -> None:
        """`find`: which events are wanted, if any. `last_seen`: the id of the last message that the client got."""
        self._find = find
        self._told: deque[tuple[int, str]] = deque(maxlen=_TOLD_BLOCKS)
        if last_seen is not None:
            number, _, hash_ = last_seen.partition("-")
            if number.isdecimal() and len(number) < 16:
                self._told.append((int(number), hash_))
            else:
                self._told.append((-1, ""))

    def news(self, at: Snapshot) -> list[bytes]:
        """The messages that bring the client to the block of the snapshot; none when it is there."""
        here = at.checkpoint.number, at.checkpoint.hash
        if self._told and self._told[-1] == here:
            return []
        return [*self._catching_up(at), self._block(at, here)]

    def _catching_up(self, at: Snapshot) -> Iterator[bytes]:
        if not self._told:
            return
        last = self._told[-1]
        kept = self._common(at)
        if kept is None:
            yield _message("reset", {"reason": "what was told before cannot be told from what is: ask for all anew"})
            self._told.clear()
            return
        if kept != last:
            yield _message("reorg", {"kept_block": kept[0], "kept_hash": kept[1]})
        if self._find is not None:
            found = self._find(at, kept[0] + 1, MAX_MISSED)
            if len(found) > MAX_MISSED:
                yield _message("reset", {"reason": f"more than {MAX_MISSED} events were missed: ask for pages"})
            else:
                yield from (_message("event", event) for event in found)

    def _common(self, at: Snapshot) -> tuple[int, str] | None:
        """The newest block that the client heard of and that is still the chain's; None when nobody can say."""
        recent = dict(tuple(row) for row in at.all(_RECENT))
        recent[at.checkpoint.number] = at.checkpoint.hash
        while self._told:
            number, hash_ = self._told[-1]
            if (recent.get(number) or at.connection.execute(_OLD, {"number": number}).scalar()) == hash_:
                return number, hash_
            self._told.pop()
        return None

    def _block(self, at: Snapshot, here: tuple[int, str]) -> bytes:
        self._told.append(here)
        data = {
            "block": here[0],
            "block_hash": here[1],
            "timestamp": at.now,
            "final_block": at.checkpoint.final,
        }
        return _message("block", data, f"{here[0]}-{here[1]}")


class Hub:
    """Lets everybody know when there is something new; looks at the database only while somebody listens."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._clients: dict[str, int] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._closed = False
        # Whether the server is about to stop; looked at while somebody listens.
        self.ending: Callable[[], bool] = lambda: False

    def close(self) -> None:
        """End all connections soon."""
        self._closed = True

    def enter(self, client: str) -> None:
        """One more connection of a client. Raises `ApiError` when there are too many."""
        if sum(self._clients.values()) >= MAX_CONNECTIONS or self._clients.get(client, 0) >= MAX_PER_CLIENT:
            raise ApiError(429, "too_many_requests", "Too many live connections are open: close some.")
        self._clients[client] = self._clients.get(client, 0) + 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    def leave(self, client: str) -> None:
        """One connection less."""
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]
        if not self._clients and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def messages(self, follower: Follower) -> AsyncIterator[bytes]:
        """What the client is sent, for as long as it listens."""
        yield b"retry: 2000\n\n"
        while not self._closed:
            news = self._news
            with contextlib.suppress(ApiError, DBAPIError):  # not ready, or away: it may come back
                for message in await run_in_threadpool(self._ask, follower):
                    yield message
            try:
                await asyncio.wait_for(news.wait(), IDLE_SECONDS)
            except TimeoutError:
                yield b": nothing new\n\n"

    def _ask(self, follower: Follower) -> list[bytes]:
        with self._reading.snapshot() as at:
            return follower.news(at)

    async def _look(self) -> None:
        seen = b""
        while True:
            self._closed = self._closed or self.ending()
            with contextlib.suppress(DBAPIError):
                version = self._reading.version()
                if version != seen or self._closed:
                    seen = version
                    self._news.set()
                    self._news = asyncio.Event()
            await asyncio.sleep(POLL_SECONDS)


def _message(kind: str, data: Any, id_: str | None = None) -> bytes:
    body = data if isinstance(data, bytes) else orjson.dumps(data)
    named = f"id: {id_}\n".encode() if id_ is not None else b""
    return named + f"event: {kind}\ndata: ".encode() + body + b"\n\n"
