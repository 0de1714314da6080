"""What every request passes first: limits for each client, and the count of what was answered."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexer.api.errors import answer
from indexer.api.metrics import Meter

MAX_ADDRESS = 8_192
# What a client may save up while it asks nothing, in seconds of its rate.
BURST_SECONDS = 5.0
# Clients that are remembered. One that is forgotten begins with a full purse, so this only has to exceed those at work.
MAX_CLIENTS = 50_000
# How much more than others a file, or many questions in one, costs its client.
_DEAR = 10.0


class Purse:
    """A rate for each client, with bursts: the time until which a client has used up what it may (GCRA)."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate`: requests per second and client; 0: no limit."""
        self._interval = 1 / rate if rate else 0.0
        self._clock = clock
        self._used_until: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str, cost: float = 1.0) -> float:
        """Seconds that the client has to wait before it may ask this; 0: it may now, and it is charged."""
        if not self._interval:
            return 0.0
        now = self._clock()
        used = max(self._used_until.get(client, now), now) + cost * self._interval
        if used - now > max(BURST_SECONDS, cost * self._interval):
            return used - now - BURST_SECONDS
        self._used_until[client] = used
        self._used_until.move_to_end(client)
        if len(self._used_until) > MAX_CLIENTS:
            self._used_until.popitem(last=False)
        return 0.0


def client_of(scope: Scope) -> str:
    """Whom the rate is for: an address, or the network of an IPv6 address, of which everybody has plenty."""
    host = (scope.get("client") or ("unknown", 0))[0]
    if ":" not in host:
        return str(host)
    try:
        return str(ipaddress.ip_network((host, 64), strict=False))
    except ValueError:
        return str(host)


class Gate:
    """ASGI middleware in front of everything."""

    def __init__(self, app: ASGIApp, purse: Purse, meter: Meter) -> None:
        self._app = app
        self._purse = purse
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is too much, count the rest."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begin = time.perf_counter()
        status = 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await (self._refusal(scope) or self._app)(scope, receive, counted)
        except Exception:
            # The error is in the log and its answer is sent; the server would only log it once more and hang up.
            if not status:
                raise
        finally:
            self._meter.answered(scope, status or 500, time.perf_counter() - begin)
        return None

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        query = scope["query_string"]
        if len(scope["path"]) + len(query) > MAX_ADDRESS:
            return answer(414, "address_too_long", f"An address may have {MAX_ADDRESS:,} characters.")
        dear = b"format=csv" in query or scope["path"] == "/graphql"
        wait = self._purse.wait(client_of(scope), _DEAR if dear else 1.0)
        if wait:
            seconds = str(int(wait) + 1)
            return answer(429, "too_many_requests", f"Ask again in {seconds} s.", {"retry-after": seconds})
        return None
