"""How requests reach an endpoint and its answers come back: by HTTP, by websocket, or by a node's own socket (IPC)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import orjson
import urllib3

from protocol.endpoints import check_url, told
from protocol.errors import ConfigInvalid, ProtocolError

Request = Mapping[str, Any]


class Refused(ProtocolError):
    """The node understood the request and said no, or could not finish it in time: asking for less may help."""


# So long an endpoint is believed that it wants to be left alone, in seconds.
LONGEST_REST = 300.0
_TOO_OFTEN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Failed(Exception):
    """This endpoint gave no usable answer; another one, or a later try, may. `rest`: seconds that it asks for peace."""

    def __init__(self, reason: str, rest: float = 0.0) -> None:
        super().__init__(reason)
        self.rest = min(max(rest, 0.0), LONGEST_REST)


class Overdue(Failed):
    """This endpoint did not finish in time."""


class Transport(Protocol):
    """The way to one endpoint; may be used from several threads at once."""

    # Whether the endpoint tells of new blocks by itself.
    tells: bool

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """What came back for some JSON-RPC requests, in any order. Raises `Failed`, `Overdue` or `Refused`."""

    def listen(self, news: Callable[[], None]) -> None:
        """Have `news` called at every new block, and when the line breaks; where the endpoint can tell."""

    def close(self) -> None:
        """Close all connections."""


def name_of(url: str) -> str:
    """The endpoint as it may be told: without its path and password, which often hold an access key."""
    return url if url.startswith(("/", "ipc:")) else told(url)


def transport(url: str, timeout: float) -> Transport:
    """The way to an endpoint: `http(s)://…`, `ws(s)://…`, or the path of a node's socket. `timeout`: seconds."""
    path = urlsplit(url).path if url.startswith("ipc:") else url
    if not path.startswith(("/", "ws://", "wss://")):
        check_url(url)
        return Http(url, timeout)
    from indexer.line import Line, Socket, Websocket

    if path.startswith("/"):
        return Line(lambda: Socket(path), timeout)
    check_url("http" + url.removeprefix("ws"))
    return Line(lambda: Websocket(url), timeout)


class Http:
    """One POST for all requests."""

    tells = False

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self._url = url
        self._headers = {"content-type": "application/json", "accept-encoding": "gzip"}
        if parts.username is not None:
            self._url = url.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)
            secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= urllib3.make_headers(basic_auth=secret)
        # httpx leaves every answer in a cycle of objects: megabytes that stay until somebody looks for cycles.
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout)

    def exchange(self, requests: Sequence[Request]) -> list[Any]:
        """See `Transport`."""
        answer = self._post(orjson.dumps(requests if len(requests) > 1 else requests[0]))
        answers = answer if isinstance(answer, list) else [answer]
        if len(requests) > 1 and len(answers) == 1 and isinstance(answers[0], dict) and answers[0].get("id") is None:
            return [{**answers[0], "id": request["id"]} for request in requests]  # one error for all of them
        return answers

    def _post(self, body: bytes) -> Any:
        try:
            response = self._pool.request("POST", self._url, body=body, headers=self._headers)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Overdue("no answer in time") from error
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Failed(str(error).rpartition(": ")[2] or type(error).__name__) from error
        if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise Refused(f"{told(self._url)} finds the request too large.")
        if response.status in _TOO_OFTEN:
            raise Failed(f"HTTP status {response.status}", rest_of(response.headers.get("retry-after")))
        if response.status != HTTPStatus.OK:
            raise Failed(f"HTTP status {response.status}")
        return json_value(response.data)

    def listen(self, news: Callable[[], None]) -> None:
        """Over HTTP, nobody tells anything."""

    def close(self) -> None:
        """See `Transport`."""
        self._pool.clear()


def rest_of(told: str | None) -> float:
    """The seconds that a Retry-After header asks for: a number, or a date (RFC 9110, 10.2.3); 0 for anything else."""
    if told is None:
        return 0.0
    if told.strip().isdecimal():
        return float(told.strip()[:9])
    try:
        return (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def json_value(text: bytes | str) -> Any:
    """What a JSON text says. Raises `Failed` when it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Failed("not a JSON answer") from error


def check(url: str) -> None:
    """Raise ConfigInvalid unless `url` is an endpoint of a kind that there is."""
    try:
        transport(url, 1).close()
    except ConfigInvalid as error:
        raise ConfigInvalid(
            f"{url!r} is not an RPC endpoint: give a URL like http://127.0.0.1:8545 or ws://127.0.0.1:8546, or the "
            "path of a node's socket."
        ) from error
