"""JSON-RPC for bulk reading: batches, several endpoints, and answers parsed by the fastest parser there is.

`protocol.rpc` is for programs that call contracts. Here megabytes of logs go through, from several threads at once.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
import urllib3

from protocol.endpoints import check_url, told
from protocol.errors import ChainUnavailable, ConfigInvalid, ProtocolError

logger = logging.getLogger(__name__)

Call = tuple[str, list[Any]]
T = TypeVar("T")

MAX_BATCH = 100
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_HEADERS = {"content-type": "application/json", "accept-encoding": "gzip"}
# Errors by which providers say "not now" rather than "not this".
_BUSY = {-32005, 429}


class Refused(ProtocolError):
    """The node understood the request and said no, or could not finish it in time: asking for less may help."""


class _Failed(Exception):
    """This endpoint gave no usable answer; another one, or a later try, may."""


class _Overdue(_Failed):
    """This endpoint did not finish in time."""


class Endpoints:
    """The RPC endpoints of one chain. The one that answered last is asked first; when it fails, the others in turn."""

    def __init__(self, urls: Sequence[str], chain_id: int, timeout: float = 20.0, patience: float = 5.0) -> None:
        """`timeout`: seconds for one answer; `patience`: seconds for which an unanswered request is repeated."""
        if not urls:
            raise ConfigInvalid("No RPC endpoint is given: set INDEXER_RPC_URL.")
        for url in urls:
            check_url(url)
        self.urls = list(urls)
        self.chain_id = chain_id
        self.patience = patience
        # httpx leaves every answer in a cycle of objects: megabytes that stay until somebody looks for cycles.
        self._http = urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout)
        self._ids = itertools.count(1)
        self._known: set[str] = set()
        self._lock = threading.Lock()
        # Requests that an endpoint failed to answer, in the order in which the endpoints were given.
        self.failures = dict.fromkeys(urls, 0)

    def close(self) -> None:
        """Close all connections."""
        self._http.clear()

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
        while True:
            failures: list[tuple[str, _Failed]] = []
            for url in list(self.urls):
                try:
                    return self._checked(url, ask)
                except _Failed as failure:
                    failures.append((url, failure))
                    self._demote(url, failure)
            if all(isinstance(failure, _Overdue) for _, failure in failures):
                raise Refused("No RPC endpoint finishes the request in time.")
            if time.monotonic() + pause > give_up:
                reasons = ", ".join(f"{told(url)} ({failure})" for url, failure in failures)
                raise ChainUnavailable(
                    f"No RPC endpoint answers: {reasons}. Start the node, or set INDEXER_RPC_URL to another."
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _checked(self, url: str, ask: Callable[[str], T]) -> T:
        if url not in self._known:
            (answer,) = self._ask_all(url, [("eth_chainId", [])])
            if _quantity(answer) != self.chain_id:
                raise ConfigInvalid(
                    f"{told(url)} serves chain {_quantity(answer)}, but the deployment is on chain {self.chain_id}: "
                    "set INDEXER_RPC_URL or INDEXER_DEPLOYMENT."
                )
            self._known.add(url)
        return ask(url)

    def _demote(self, url: str, failure: _Failed) -> None:
        """Ask the endpoint last from now on; it may be another node's address when it comes back."""
        self._known.discard(url)
        with self._lock:
            self.failures[url] = self.failures.get(url, 0) + 1
            if len(self.urls) > 1 and self.urls[0] == url:
                self.urls.append(self.urls.pop(0))
                logger.warning("Left the RPC endpoint %s (%s)", told(url), failure)

    def _ask_all(self, url: str, calls: Sequence[Call]) -> list[Any]:
        parts = (calls[at : at + MAX_BATCH] for at in range(0, len(calls), MAX_BATCH))
        return [result for part in parts for result in self._exchange(url, part)]

    def _exchange(self, url: str, calls: Sequence[Call]) -> Iterator[Any]:
        ids = [next(self._ids) for _ in calls]
        requests = [
            {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
            for id_, (method, params) in zip(ids, calls, strict=True)
        ]
        answer = self._post(url, orjson.dumps(requests if len(requests) > 1 else requests[0]))
        answers = answer if isinstance(answer, list) else [answer]
        found = {each.get("id"): each for each in answers if isinstance(each, dict)}
        if len(calls) > 1 and len(answers) == 1 and None in found:
            found = dict.fromkeys(ids, found[None])  # one error for the whole batch
        return (_result(method, found.get(id_)) for id_, (method, _) in zip(ids, calls, strict=True))

    def _post(self, url: str, body: bytes) -> Any:
        try:
            response = self._http.request("POST", url, body=body, headers=_HEADERS)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise _Overdue("no answer in time") from error
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise _Failed(_reason(error)) from error
        if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            raise Refused(f"{told(url)} finds the request too large.")
        if response.status != HTTPStatus.OK:
            raise _Failed(f"HTTP status {response.status}")
        try:
            return orjson.loads(response.data)
        except orjson.JSONDecodeError as error:
            raise _Failed("not a JSON answer") from error


def _reason(error: Exception) -> str:
    """What went wrong, without the object that it is told of: "[Errno 111] Connection refused"."""
    return str(error).rpartition(": ")[2] or type(error).__name__


def _parsed(parse: Callable[[list[Any]], T], results: list[Any]) -> T:
    try:
        return parse(results)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _Failed(f"its answer makes no sense: {error!r}") from error


def _result(method: str, answer: Any) -> Any:
    if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
        raise _Failed("not a JSON-RPC answer")
    if "error" not in answer:
        return answer["result"]
    error = answer["error"] if isinstance(answer["error"], dict) else {"message": str(answer["error"])}
    if error.get("code") in _BUSY:
        raise _Failed(str(error.get("message")))
    raise Refused(f"The chain's node refused {method}: {error.get('message')}.")


def _quantity(answer: Any) -> int:
    try:
        return int(answer, 16)
    except (TypeError, ValueError) as error:
        raise _Failed(f"{answer!r} is not a quantity") from error
