"""JSON-RPC for bulk reading: batches, and several endpoints of which one that fails, lags or lies is left for another.

`protocol.rpc` is for programs that call contracts. Here megabytes of logs go through, from several threads at once.
"""

import itertools
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from indexer.transport import LONGEST_REST, Failed, Overdue, Refused, check, name_of, transport
from protocol.errors import ChainUnavailable, ConfigInvalid

logger = logging.getLogger(__name__)

Call = tuple[str, list[Any]]
T = TypeVar("T")

MAX_BATCH = 100
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# Errors by which providers say "not now" rather than "not this"; some say with them also that it is too much.
_BUSY = {-32005, 429}
_TOO_MUCH = re.compile("results|range|response size", re.IGNORECASE)


class Endpoints:
    """The RPC endpoints of one chain. The one that answered last is asked first; when it fails, the others in turn."""

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int | None,
        timeout: float = 20.0,
        patience: float = 5.0,
        stop: threading.Event | None = None,
    ) -> None:
        """`chain_id`: None for any. `timeout`: seconds for one answer; `patience`: seconds for which one asks
        again, not counting those for which all endpoints asked to be left alone. When `stop` is set, nobody waits.
        """
        if not urls:
            raise ConfigInvalid("No RPC endpoint is given: set INDEXER_RPC_URL.")
        for url in urls:
            check(url)
        self.urls = list(urls)
        self.chain_id = chain_id
        self.patience = patience
        self._transports = {url: transport(url, timeout) for url in urls}
        self._ids = itertools.count(1)
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._last = threading.local()
        self._stop = stop or threading.Event()
        # Until when an endpoint asked to be left alone.
        self._rests_until: dict[str, float] = {}
        # Requests that an endpoint failed to answer, in the order in which the endpoints were given.
        self.failures = dict.fromkeys(urls, 0)

    def close(self) -> None:
        """Close all connections."""
        for each in self._transports.values():
            each.close()

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises `Refused`, `ChainUnavailable` or `ConfigInvalid` (another chain)."""
        return self.batch([(method, list(params))])[0]

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several calls, in their order; all of them come from one endpoint."""
        return self.read(calls, lambda results: results)

    def read(self, calls: Sequence[Call], parse: Callable[[list[Any]], T]) -> T:
        """What `parse` makes of the results. An endpoint whose results it cannot make sense of is left for another."""
        return self._persist(lambda url: _parsed(parse, self._ask_all(url, calls)))

    def _persist(self, ask: Callable[[str], T]) -> T:
        give_up, pause = time.monotonic() + self.patience, _FIRST_PAUSE
        latest = give_up + LONGEST_REST
        while True:
            failures: list[tuple[str, Failed]] = []
            for url in list(self.urls):
                if (rest := self._rests_until.get(url, 0.0) - time.monotonic()) > 0:
                    failures.append((url, Failed(f"it asks to be left alone for {rest:.1f} s", rest)))
                    continue
                try:
                    found = self._checked(url, ask)
                    self._last.url = url
                    return found
                except Failed as failure:
                    failures.append((url, failure))
                    self._demote(url, failure)
            if all(isinstance(failure, Overdue) for _, failure in failures):
                raise Refused("No RPC endpoint finishes the request in time.")
            rest = min(failure.rest for _, failure in failures)
            give_up = min(give_up + rest, latest)
            wait = rest or pause
            if time.monotonic() + wait > give_up or self._stop.wait(wait):
                break
            pause = min(2 * pause, _LONGEST_PAUSE)
        reasons = ", ".join(f"{name_of(url)} ({failure})" for url, failure in failures)
        raise ChainUnavailable(
            f"No RPC endpoint answers: {reasons}. Start the node, or set INDEXER_RPC_URL to another."
        )

    def _checked(self, url: str, ask: Callable[[str], T]) -> T:
        if url not in self._known and self.chain_id is not None:
            (answer,) = self._ask_all(url, [("eth_chainId", [])])
            if _quantity(answer) != self.chain_id:
                raise ConfigInvalid(
                    f"{name_of(url)} serves chain {_quantity(answer)}, but the deployment is on chain {self.chain_id}: "
                    "set INDEXER_RPC_URL or INDEXER_DEPLOYMENT."
                )
            self._known.add(url)
        return ask(url)

    def _demote(self, url: str, failure: Failed) -> None:
        """Ask the endpoint last from now on; it may be another node's address when it comes back."""
        self._known.discard(url)
        with self._lock:
            self.failures[url] = self.failures.get(url, 0) + 1
            if failure.rest:
                self._rests_until[url] = time.monotonic() + failure.rest
                logger.warning("The RPC endpoint %s asks to be left alone for %.1f s", name_of(url), failure.rest)
            if len(self.urls) > 1 and self.urls[0] == url:
                self.urls.append(self.urls.pop(0))
                logger.warning("Left the RPC endpoint %s (%s)", name_of(url), failure)

    def leave(self, reason: str, url: str | None = None) -> bool:
        """Ask an endpoint (None: that which is asked first) last from now on. False when there is no other."""
        self._demote(url or self.urls[0], Failed(reason))
        return len(self.urls) > 1

    @property
    def answered(self) -> str | None:
        """The endpoint that gave this thread its last answer."""
        return getattr(self._last, "url", None)

    def listen(self, news: Callable[[], None]) -> None:
        """Have `news` called at every new block of an endpoint that can tell, and when a line breaks."""
        for each in self._transports.values():
            each.listen(news)

    @property
    def tells(self) -> bool:
        """Whether the endpoint that is asked first tells of new blocks by itself."""
        return self._transports[self.urls[0]].tells

    def seek_newer(self, head: int) -> None:
        """Ask all other endpoints for their newest block; one that has more than `head` is asked first from now on."""
        heads = {}
        for url in self.urls[1:]:
            if self._rests_until.get(url, 0.0) > time.monotonic():
                continue
            try:
                (answer,) = self._checked(url, lambda url: self._ask_all(url, [("eth_blockNumber", [])]))
                heads[url] = _quantity(answer)
            except (Failed, Refused):
                continue
        best = max(heads, key=lambda url: heads[url], default=None)
        if best is not None and heads[best] > head:
            with self._lock:
                stale = self.urls[0]
                self.urls.sort(key=lambda url: url != best)
            logger.warning(
                "Left the RPC endpoint %s: it stays at block %d, %s is at block %d",
                *(name_of(stale), head, name_of(best), heads[best]),
            )

    def _ask_all(self, url: str, calls: Sequence[Call]) -> list[Any]:
        parts = (calls[at : at + MAX_BATCH] for at in range(0, len(calls), MAX_BATCH))
        return [result for part in parts for result in self._exchange(url, part)]

    def _exchange(self, url: str, calls: Sequence[Call]) -> Iterator[Any]:
        ids = [next(self._ids) for _ in calls]
        requests = [
            {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
            for id_, (method, params) in zip(ids, calls, strict=True)
        ]
        answers = self._transports[url].exchange(requests)
        found = {each.get("id"): each for each in answers if isinstance(each, dict)}
        return (_result(method, found.get(id_)) for id_, (method, _) in zip(ids, calls, strict=True))


def _parsed(parse: Callable[[list[Any]], T], results: list[Any]) -> T:
    try:
        return parse(results)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Failed(f"its answer makes no sense: {error!r}") from error


def _result(method: str, answer: Any) -> Any:
    if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
        raise Failed("not a JSON-RPC answer")
    if "error" not in answer:
        return answer["result"]
    error = answer["error"] if isinstance(answer["error"], dict) else {"message": str(answer["error"])}
    if error.get("code") in _BUSY and not _TOO_MUCH.search(str(error.get("message"))):
        raise Failed(str(error.get("message")), _rest(error.get("data")))
    raise Refused(f"The chain's node refused {method}: {error.get('message')}.")


def _rest(data: Any) -> float:
    """The seconds that a provider asks to wait beside a JSON-RPC error, as Infura does; 0 where there are none."""
    rate = data.get("rate") if isinstance(data, dict) else None
    told = rate.get("backoff_seconds") if isinstance(rate, dict) else None
    return float(told) if isinstance(told, (int, float)) else 0.0


def _quantity(answer: Any) -> int:
    try:
        return int(answer, 16)
    except (TypeError, ValueError) as error:
        raise Failed(f"{answer!r} is not a quantity") from error
