"""RPC endpoints that fail in every way, beside a real one."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from network import Network

from protocol.errors import ChainUnavailable, ConfigInvalid
from protocol.rpc import RequestRefused, Rpc

CHAIN = '{"jsonrpc": "2.0", "id": 1, "result": "0x7a69"}'


class Server(ThreadingHTTPServer):
    """An HTTP server that answers everything in one way; `asked` counts the requests."""

    status, body, delay, asked = 200, CHAIN, 0.0, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(status: int = 200, body: str = CHAIN, delay: float = 0.0) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.status, server.body, server.delay = status, body, delay
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed() -> str:
    """An endpoint where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


BUSY = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "rate limit of 10 exceeded"}})
FAILURES = [
    (503, "", 0.0, "HTTP status 503"),
    (429, "", 0.0, "HTTP status 429"),
    (200, "<html>", 0.0, "not a JSON-RPC answer"),
    (200, "[]", 0.0, "not a JSON-RPC answer"),
    (200, "{}", 0.0, "not a JSON-RPC answer"),
    (200, BUSY, 0.0, "rate limit of 10 exceeded"),
    (200, CHAIN, 0.6, r"no answer in 0\.3 s"),
]
IDS = ["down", "limited", "page", "list", "empty", "busy", "slow"]


@pytest.mark.parametrize(("status", "body", "delay", "reason"), FAILURES, ids=IDS)
def test_a_failing_endpoint_is_unavailable_with_its_reason(status: int, body: str, delay: float, reason: str) -> None:
    with serving(status, body, delay) as server:
        with pytest.raises(
            ChainUnavailable, match=rf"No RPC endpoint answers: {server.url} \({reason}\).*SKEIN_RPC_URL"
        ):
            Rpc(server.url, timeout=0.3, patience=0.15).request("eth_blockNumber")
        assert server.asked >= 1


def test_nobody_there_is_said_without_the_access_key(closed: str) -> None:
    secret = closed.replace("127.0.0.1", "user:pass@127.0.0.1") + "/v3/secret"
    with pytest.raises(ChainUnavailable, match=rf"{closed} \(connection refused\)") as error:
        Rpc(secret, patience=0).request("eth_blockNumber")
    assert "secret" not in str(error.value)
    assert "pass" not in str(error.value)


@pytest.mark.parametrize(("status", "body", "delay", "reason"), FAILURES, ids=IDS)
def test_another_endpoint_stands_in(module_network: Network, status: int, body: str, delay: float, reason: str) -> None:
    with serving(status, body, delay) as server:
        rpc = Rpc([server.url, module_network.rpc_url], chain_id=31337, timeout=0.3, patience=0)
        assert int(rpc.request("eth_blockNumber"), 16) > 0
        asked = server.asked
        rpc.request("eth_blockNumber")
        assert server.asked == asked  # it goes on with the one that answered


def test_requests_are_repeated_until_somebody_answers() -> None:
    with serving(status=503) as server:
        recover = threading.Timer(0.3, lambda: setattr(server, "status", 200))
        recover.start()
        assert Rpc(server.url, patience=5).request("eth_chainId") == "0x7a69"
        recover.join()


def test_an_endpoint_of_another_chain_is_refused(module_network: Network) -> None:
    with pytest.raises(ConfigInvalid, match="serves chain 31337, but the deployment is on chain 5"):
        Rpc(module_network.rpc_url, chain_id=5).request("eth_blockNumber")


def test_an_endpoint_that_failed_must_show_its_chain_again(closed: str) -> None:
    with serving() as server:
        rpc = Rpc([server.url, closed], chain_id=31337, patience=0)
        rpc.request("eth_blockNumber")
        server.status = 500
        with pytest.raises(ChainUnavailable):
            rpc.request("eth_blockNumber")
        server.status, server.body = 200, CHAIN.replace("0x7a69", "0x1")
        with pytest.raises(ChainUnavailable, match="serves chain 1 now"):  # it was right before, and may be again
            rpc.request("eth_blockNumber")


def test_the_nodes_own_refusals_are_not_repeated(module_network: Network) -> None:
    with pytest.raises(RequestRefused, match=r"refused eth_nonsense: .*not found") as refusal:
        Rpc(module_network.rpc_url).request("eth_nonsense")
    assert (refusal.value.code, refusal.value.retryable) == (-32601, True)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8545", "ftp://a", "http://", "http://a:99999999"])
def test_what_is_no_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="is not an RPC endpoint: give a URL like"):
        Rpc(url)
    with pytest.raises(ConfigInvalid, match="set SKEIN_RPC_URL"):
        Rpc([])
