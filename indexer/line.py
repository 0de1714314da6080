"""Connections that stay, with answers that come when they are ready, and news that nobody asked for."""

import itertools
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Protocol

import orjson
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from indexer.transport import Failed, Overdue, Request, json_value

logger = logging.getLogger(__name__)

_OPEN_SECONDS = 5.0
_READ_BYTES = 1 << 18
# A node that writes one answer after the other may hold each back until the one before is acknowledged, which this
# machine would put off by 40 ms. What is set is kept for a few answers only. (Where there is no such option: 0.)
_ACKNOWLEDGE = getattr(socket, "TCP_QUICKACK", 0)


class _End(Protocol):
    """Our end of a connection over which messages go both ways."""

    def send(self, message: bytes) -> None: ...

    def receive(self) -> list[Any]:
        """The next messages; raises OSError or EOFError when there will be none."""

    def close(self) -> None: ...


class Line:
    """A connection that stays, with a thread that hands each answer to whoever waits for it."""

    def __init__(self, connect: Callable[[], _End], timeout: float) -> None:
        self.tells = False
        self._connect = connect
        self._timeout = timeout
        self._lock = threading.Lock()
        self._end: _End | None = None
        self._waiting: dict[Any, Future[Any]] = {}
        self._news: Callable[[], None] | None = None
        self._subscription = itertools.count(1)

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """See `Transport`."""
        futures = {request["id"]: Future[Any]() for request in requests}
        deadline = time.monotonic() + self._timeout
        try:
            with self._lock:
                end = self._open()
                self._waiting |= futures
                for request in requests:
                    end.send(orjson.dumps(request))
            return [future.result(max(0.0, deadline - time.monotonic())) for future in futures.values()]
        except TimeoutError as error:
            raise Overdue("no answer in time") from error
        except (OSError, EOFError) as error:
            raise Failed(str(error) or type(error).__name__) from error
        finally:
            for id_ in futures:
                self._waiting.pop(id_, None)

    def listen(self, news: Callable[[], None]) -> None:
        """See `Transport`. Without an answer to the request, `tells` stays false."""
        with self._lock:
            if self._news is None and self._end is not None:
                self._subscribe(self._end, news)
            self._news = news

    def _open(self) -> _End:
        if self._end is None:
            self._end = self._connect()
            threading.Thread(target=self._receive, args=(self._end,), daemon=True, name="rpc").start()
            if self._news is not None:
                self._subscribe(self._end, self._news)
        return self._end

    def _subscribe(self, end: _End, news: Callable[[], None]) -> None:
        id_ = f"heads{next(self._subscription)}"
        asked = self._waiting[id_] = Future[Any]()
        asked.add_done_callback(lambda done: self._subscribed(done, news))
        request = {"jsonrpc": "2.0", "id": id_, "method": "eth_subscribe", "params": ["newHeads"]}
        end.send(orjson.dumps(request))

    def _subscribed(self, done: "Future[Any]", news: Callable[[], None]) -> None:
        self.tells = done.exception() is None and isinstance(done.result().get("result"), str)
        news()  # what came before is looked up once

    def _receive(self, end: _End) -> None:
        broken: Exception = EOFError("the connection was closed")
        try:
            while True:
                for message in end.receive():
                    self._hand_over(message)
        except (OSError, EOFError, Failed) as error:
            broken = error
        with self._lock:
            if self._end is end:
                self._end, self.tells = None, False
        end.close()
        for id_ in list(self._waiting):
            if (future := self._waiting.pop(id_, None)) and not future.done():
                future.set_exception(broken if isinstance(broken, Failed) else Failed(str(broken) or "line broken"))
        if self._news is not None:
            self._news()

    def _hand_over(self, message: Any) -> None:
        if isinstance(message, dict) and message.get("method") == "eth_subscription":
            if self._news is not None:
                self._news()
            return
        id_ = message.get("id") if isinstance(message, dict) else None
        future = self._waiting.pop(id_, None) if isinstance(id_, (int, str)) else None
        if future is None:
            # An answer to nobody: to a request that was given up, or nonsense, whose sender waits in vain.
            logger.debug("The RPC endpoint answered what nobody asked")
        elif not future.done():
            future.set_result(message)

    def close(self) -> None:
        """See `Transport`."""
        self._news = None
        if self._end is not None:
            self._end.close()


class Websocket:
    """A websocket, one message a frame."""

    def __init__(self, url: str) -> None:
        try:
            self._socket = connect(url, max_size=None, open_timeout=_OPEN_SECONDS, close_timeout=1, compression=None)
        except (WebSocketException, TimeoutError) as error:
            raise Failed(str(error) or "no websocket in time") from error

    def _acknowledge(self) -> None:
        if _ACKNOWLEDGE:
            with suppress(OSError):
                self._socket.socket.setsockopt(socket.IPPROTO_TCP, _ACKNOWLEDGE, 1)

    def send(self, message: bytes) -> None:
        try:
            self._socket.send(message.decode())
        except WebSocketException as error:
            raise Failed(str(error)) from error

    def receive(self) -> list[Any]:
        try:
            self._acknowledge()
            message = self._socket.recv()
            self._acknowledge()
            return [json_value(message)]
        except WebSocketException as error:
            raise EOFError(str(error)) from error

    def close(self) -> None:
        with suppress(OSError, WebSocketException):
            self._socket.close()


class Socket:
    """A node's own socket: a stream of JSON values, each with its line's end behind it, as nodes write them."""

    def __init__(self, path: str) -> None:
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_OPEN_SECONDS)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(None)

    def send(self, message: bytes) -> None:
        self._socket.sendall(message + b"\n")

    def receive(self) -> list[Any]:
        parts = [self._rest]
        while True:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise EOFError("the node closed its socket")
            parts.append(data)
            if b"\n" in data:
                *lines, self._rest = b"".join(parts).split(b"\n")
                return [json_value(line) for line in lines if line]

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
