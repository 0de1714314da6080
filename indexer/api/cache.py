"""Answers that were given for the present block, given again without asking the database.

An answer depends on its URL and on the block alone, so between two blocks the same question has the same answer, byte
for byte. Each request first looks which block is the newest; a client that has that block's answer is told so (304).
"""

from collections import OrderedDict
from typing import Any

from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.api.errors import answer
from indexer.api.snapshot import Reading, etag

Stored = tuple[list[tuple[bytes, bytes]], bytes]
Key = tuple[str, bytes]

MAX_BYTES = 32 * 1024 * 1024
# Questions about the index, in contrast to the API's own pages, that have no ETag.
_ETAG = b"etag"


class BlockCache:
    """ASGI middleware in front of the app."""

    def __init__(self, app: ASGIApp, reading: Reading, max_bytes: int = MAX_BYTES) -> None:
        self._app = app
        self._reading = reading
        self._max_bytes = max_bytes
        self._version = b""
        self._answers: OrderedDict[Key, Stored] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory when the block is still the same, else ask the app."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return await self._app(scope, receive, send)
        try:
            self._look()
        except DBAPIError:
            broken = answer(503, "not_ready", "The indexer's database does not answer.")
            return await broken(scope, receive, send)
        key = scope["path"], scope["query_string"]
        stored = self._answers.get(key)
        if stored is None:
            return await self._ask(key, scope, receive, send)
        headers, body = stored
        known = _header(scope["headers"], b"if-none-match")
        if known and self._version in known:
            kept = [header for header in headers if header[0] != b"content-length"]
            return await _send(send, 304, kept, b"")
        return await _send(send, 200, headers, body)

    def _look(self) -> None:
        checkpoint = self._reading.checkpoint()
        version = etag(checkpoint).encode() if checkpoint else b""
        if version != self._version:
            self._version, self._bytes = version, 0
            self._answers.clear()

    async def _ask(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the app's answer on; keep it when it is for the block that we saw."""
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                start["headers"] = [*message["headers"], (b"cache-control", b"no-cache")]
            else:
                parts.append(message.get("body", b""))

        try:
            await self._app(scope, receive, collect)
        except Exception:
            # The error is in the log and its answer in our hands; the server would only log it once more.
            if not start:
                raise
        body = b"".join(parts)
        tag = _header(start["headers"], _ETAG)
        if start["status"] == 200 and tag and tag == self._version:
            self._keep(key, (start["headers"], body))
            if tag in _header(scope["headers"], b"if-none-match"):
                kept = [header for header in start["headers"] if header[0] != b"content-length"]
                return await _send(send, 304, kept, b"")
        return await _send(send, start["status"], start["headers"], body)

    def _keep(self, key: Key, stored: Stored) -> None:
        self._answers[key] = stored
        self._bytes += len(stored[1])
        while self._bytes > self._max_bytes:
            _, (_, oldest) = self._answers.popitem(last=False)
            self._bytes -= len(oldest)


def _header(headers: Any, name: bytes) -> bytes:
    return next((value for key, value in headers if key == name), b"")


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
