"""Answers that were given for the present block, given again without asking the database.

An answer depends on its URL and on the block alone, so between two blocks the same question has the same answer, byte
for byte. Each request first looks which block is the newest; a client that has that block's answer is told so (304),
one that wants another block's is told that it is gone (412). A question that several ask at once is answered once.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.api.errors import answer
from indexer.api.snapshot import Reading

Headers = list[tuple[bytes, bytes]]
Key = tuple[bytes, str, bytes]

MAX_BYTES = 32 * 1024 * 1024
# Questions that are being answered at once, and that may wait for it.
AT_ONCE = 8
MAX_WAITING = 256
_NO_CACHE = (b"cache-control", b"no-cache")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the app said."""

    status: int
    headers: Headers
    body: bytes
    # The route that said it, for statistics.
    route: str


class BlockCache:
    """ASGI middleware in front of the app."""

    def __init__(self, app: ASGIApp, reading: Reading, max_bytes: int = MAX_BYTES) -> None:
        self._app = app
        self._reading = reading
        self._max_bytes = max_bytes
        self._version = b""
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0
        self._pending: dict[Key, asyncio.Future[Answer]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory when the block is still the same, else ask the app."""
        if scope["method"] != "GET":
            return await self._app(scope, receive, send)
        try:
            self._look()
        except DBAPIError:
            broken = answer(503, "not_ready", "The indexer's database does not answer.")
            return await broken(scope, receive, send)
        key = self._version, scope["path"], scope["query_string"]
        stored = self._answers.get(key)
        scope["cached"] = stored is not None
        if stored is None:
            if len(self._pending) >= MAX_WAITING and key not in self._pending:
                busy = answer(503, "busy", "Too many questions at once: ask again later.", {"retry-after": "1"})
                return await busy(scope, receive, send)
            stored = await self._asked(key, scope)
        scope["route_path"] = stored.route
        return await _give(stored, scope, receive, send)

    def _look(self) -> None:
        version = self._reading.version()
        if version != self._version:
            self._version, self._bytes = version, 0
            self._answers.clear()

    async def _asked(self, key: Key, scope: Scope) -> Answer:
        """The app's answer; whoever asks the same meanwhile gets the same one."""
        if (asked := self._pending.get(key)) is not None:
            return await asyncio.shield(asked)  # for the others, when this client leaves
        # Asked without a task of its own, which would take as long as many an answer: the server ends none early.
        coming = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            found = await self._ask(key, scope)
            coming.set_result(found)
            return found
        except BaseException as error:
            coming.set_exception(error if isinstance(error, Exception) else ConnectionAbortedError())
            coming.exception()  # somebody, or nobody, waits for it
            raise
        finally:
            del self._pending[key]

    async def _ask(self, key: Key, scope: Scope) -> Answer:
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        async with self._slots:
            try:
                await self._app(scope, _nothing, collect)
            except Exception:
                # The error is in the log and its answer in our hands; the server would only log it once more.
                if not start:
                    raise
        headers = [header for header in start["headers"] if header[0] != b"cache-control"]
        headers.append(_NO_CACHE if start["status"] == 200 else (b"cache-control", b"no-store"))
        found = Answer(start["status"], headers, b"".join(parts), _route(scope))
        if found.status == 200 and _header(headers, b"etag") == self._version == key[0] != b"":
            self._keep(key, found)
        return found

    def _keep(self, key: Key, stored: Answer) -> None:
        self._answers[key] = stored
        self._bytes += len(stored.body)
        while self._bytes > self._max_bytes:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= len(oldest.body)


async def _give(stored: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer, or that the client has it already, or that it is of another block than the client wants."""
    status, headers, body = stored.status, stored.headers, stored.body
    tag = _header(headers, b"etag") if status == 200 else b""
    if tag:
        wanted, known = _header(scope["headers"], b"if-match"), _header(scope["headers"], b"if-none-match")
        if wanted and wanted != b"*" and tag not in wanted:
            moved = answer(412, "block_moved", "The index is at another block by now: ask for all parts again.")
            await moved(scope, receive, send)
            return
        if known and tag in known:
            status, body = 304, b""
            headers = [header for header in headers if header[0] != b"content-length"]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _nothing() -> Message:
    """The body of a GET."""
    return {"type": "http.request", "body": b"", "more_body": False}


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "none")


def _header(headers: Any, name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")
