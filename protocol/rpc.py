"""JSON-RPC over HTTP: several endpoints, retries on network failures, and one sentence when none answers."""

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from requests import ConnectionError as RequestsConnectionError
from requests import RequestException, Timeout

from protocol.endpoints import check_url, told
from protocol.errors import ChainUnavailable, ConfigInvalid, ProtocolError

if TYPE_CHECKING:
    from web3.providers import HTTPProvider
    from web3.types import RPCEndpoint

logger = logging.getLogger(__name__)

# Methods that have an answer for everything: nothing at all is a failure of the node.
_SUBSTANTIAL = {"eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas", "eth_gasPrice", "eth_getBalance"}
_SUBSTANTIAL |= {"eth_getCode", "eth_getLogs", "eth_getTransactionCount", "eth_maxPriorityFeePerGas"}
_SUBSTANTIAL |= {"eth_sendRawTransaction"}
# Errors by which providers say "not now": limits and overload.
_BUSY = {-32005, 429}


class RequestRefused(ProtocolError):
    """The node understood the request and said no: `code`, `data` and message are the node's own.

    To be retried: most often it has lost its newest block, lacks an old state, or is broken inside.
    """

    retryable = True

    def __init__(self, method: str, error: Any) -> None:
        error = error if isinstance(error, dict) else {"message": str(error)}
        self.code = error.get("code")
        self.data = error.get("data")
        self.reason = str(error.get("message", ""))
        super().__init__(f"The chain's node refused {method}: {self.reason}.")


class _Failed(Exception):
    """This endpoint did not answer; another one, or a later try, may."""


class Rpc:
    """Endpoints of one chain. Requests go to the one that answered last; when it fails, to the others in turn.

    Every request may be sent twice, so only requests that can be repeated harmlessly may be made through it; that holds
    for all reads and for signed transactions.
    """

    def __init__(
        self, urls: str | Sequence[str], chain_id: int | None = None, timeout: float = 10.0, patience: float = 5.0
    ) -> None:
        """`timeout`: seconds for one answer; `patience`: seconds for which an unanswered request is repeated."""
        self.urls = [urls] if isinstance(urls, str) else list(urls)
        if not self.urls:
            raise ConfigInvalid("No RPC endpoint is given: set SKEIN_RPC_URL.")
        for url in self.urls:
            check_url(url)
        self.chain_id = chain_id
        self.patience = patience
        self._timeout = timeout
        self._providers: dict[int, HTTPProvider] = {}
        self._known: set[int] = set()  # endpoints whose chain id has been checked since they last failed
        self._proven: set[int] = set()  # endpoints that have served the right chain before
        self._favourite = 0

    def request(self, method: str, *params: Any) -> Any:
        """The result of one JSON-RPC call, as the node gave it.

        Raises `RequestRefused` when the node says no, `ChainUnavailable` when no endpoint answers within `patience`,
        `ConfigInvalid` when an endpoint serves another chain.
        """
        give_up, pause = time.monotonic() + self.patience, 0.1
        while True:
            failures = []
            for at in self._in_turn():
                try:
                    return self._ask(at, method, params)
                except _Failed as failure:
                    failures.append(f"{told(self.urls[at])} ({failure})")
            if time.monotonic() + pause > give_up:
                raise ChainUnavailable(
                    f"No RPC endpoint answers: {', '.join(failures)}. Start the node, or set SKEIN_RPC_URL to another."
                )
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    def prefer_newest(self, ahead: int = 3) -> None:
        """Go on with the endpoint whose chain is longest, if it is more than `ahead` blocks longer than the present
        one's. Those that do not answer are left out.
        """
        if len(self.urls) < 2:
            return
        heads = {at: head for at in range(len(self.urls)) if (head := self._head(at)) is not None}
        best = max(heads, key=lambda at: heads[at], default=self._favourite)
        if heads and heads[best] > heads.get(self._favourite, -1) + ahead:
            logger.warning("Switched to the RPC endpoint %s, which is at block %d", told(self.urls[best]), heads[best])
            self._favourite = best

    def _head(self, at: int) -> int | None:
        try:
            if at not in self._known:
                self._check_chain(at)
            return int(self._exchange(at, "eth_blockNumber", ()), 16)
        except (_Failed, ProtocolError, ValueError, TypeError):
            self._known.discard(at)
            return None

    def _in_turn(self) -> Iterator[int]:
        count, first = len(self.urls), self._favourite
        return ((first + step) % count for step in range(count))

    def _ask(self, at: int, method: str, params: Sequence[Any]) -> Any:
        if at not in self._known:
            self._check_chain(at)
        try:
            result = self._exchange(at, method, params)
        except _Failed:
            self._known.discard(at)
            raise
        if at != self._favourite:
            logger.warning("Switched to the RPC endpoint %s", told(self.urls[at]))
            self._favourite = at
        return result

    def _check_chain(self, at: int) -> None:
        if self.chain_id is not None:
            actual = int(self._exchange(at, "eth_chainId", ()), 16)
            if actual != self.chain_id and at in self._proven:
                raise _Failed(f"it serves chain {actual} now")
            if actual != self.chain_id:
                raise ConfigInvalid(
                    f"{told(self.urls[at])} serves chain {actual}, but the deployment is on chain {self.chain_id}: "
                    "set SKEIN_RPC_URL or SKEIN_DEPLOYMENT."
                )
            self._proven.add(at)
        self._known.add(at)

    def _provider(self, at: int) -> "HTTPProvider":
        if at not in self._providers:
            from web3.providers import HTTPProvider  # here, since it takes long and many commands ask no chain

            options = {"timeout": self._timeout}
            self._providers[at] = HTTPProvider(self.urls[at], options, exception_retry_configuration=None)
        return self._providers[at]

    def _exchange(self, at: int, method: str, params: Sequence[Any]) -> Any:
        provider = self._provider(at)
        from web3.exceptions import Web3Exception

        try:
            answer: Any = provider.make_request(cast("RPCEndpoint", method), list(params))
        except Timeout as error:
            raise _Failed(f"no answer in {self._timeout:g} s") from error
        except RequestsConnectionError as error:
            raise _Failed(_connection_reason(error)) from error
        except (RequestException, Web3Exception, ValueError) as error:
            raise _Failed(_http_reason(error)) from error
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise _Failed("not a JSON-RPC answer")
        if "error" in answer:
            refused = RequestRefused(method, answer["error"])
            if refused.code in _BUSY:
                raise _Failed(refused.reason)
            raise refused
        if answer["result"] is None and method in _SUBSTANTIAL:
            raise _Failed(f"nothing in answer to {method}")
        return answer["result"]


def _connection_reason(error: BaseException) -> str:
    text = str(error).lower()
    for reason in ("connection refused", "name or service not known", "connection reset", "closed connection"):
        if reason in text:
            return reason
    return "no connection"


def _http_reason(error: BaseException) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP status {status}" if status else "not a JSON-RPC answer"
