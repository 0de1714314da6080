"""Requests over HTTP, websockets and a node's own socket; and news of blocks, by subscription or by looking."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from indexing import Indexed
from life import Life, stake
from misbehaving import line, provider
from network import Network, running_network

from indexer.tables import Checkpoint
from indexer.transport import Failed, Refused, name_of, transport
from protocol.errors import ConfigInvalid
from skein.processes import until


def websocket(network: Network) -> str:
    return network.rpc_url.replace("http", "ws")


def block(indexed: Indexed) -> int:
    rows = indexed.rows(Checkpoint)
    return int(rows[0].number) if rows else 0


@contextmanager
def following(indexed: Indexed, poll_seconds: float) -> Iterator[None]:
    """The loop, until the block ends; and the head that was there is indexed."""
    stop = threading.Event()
    loop = threading.Thread(target=indexed.follower.run, args=(stop, poll_seconds))
    loop.start()
    head = int(indexed.network.rpc("eth_blockNumber"), 16)
    try:
        until(lambda: block(indexed) >= head, 30, "the head in the index")
        yield
    finally:
        stop.set()
        loop.join(5)
        assert not loop.is_alive()


def next_block(indexed: Indexed, seconds: float = 15) -> None:
    """A new block, and its rows."""
    indexed.network.mine()
    head = int(indexed.network.rpc("eth_blockNumber"), 16)
    until(lambda: block(indexed) >= head, seconds, "the new block in the index")


def test_every_way_leads_to_the_same_index(lived: Indexed, tmp_path: Path, network_state: Path) -> None:
    expected = lived.tables()
    with Indexed(lived.network, tmp_path / "ws.db", [websocket(lived.network)]) as indexed:
        indexed.sync()
        assert indexed.tables() == expected
    ipc = tmp_path / "node.ipc"
    with running_network(network_state, "--ipc", str(ipc)) as network:
        stake(Life(network))
        with Indexed(network, tmp_path / "a.db", [str(ipc)]) as one, Indexed(network, tmp_path / "b.db") as other:
            one.sync()
            other.sync()
            assert one.tables() == other.tables()
            assert one.differences() == []


@pytest.mark.parametrize("way", ["websocket", "socket"])
def test_an_endpoint_tells_of_new_blocks(way: str, network_state: Path, tmp_path: Path) -> None:
    """Somebody who only looks would see the block in two minutes."""
    ipc = tmp_path / "node.ipc"
    with running_network(network_state, "--ipc", str(ipc)) as network:
        url = websocket(network) if way == "websocket" else f"ipc://{ipc}"
        with Indexed(network, tmp_path / "index.db", [url]) as indexed, following(indexed, poll_seconds=120):
            until(lambda: indexed.endpoints.tells, 10, "the subscription")
            for _ in range(2):
                next_block(indexed)


def test_without_subscriptions_one_looks(network: Network, tmp_path: Path) -> None:
    def refuses(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_subscribe":
            return answer
        return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32601, "message": "no such method"}}

    with line(websocket(network), refuses) as bent:
        indexed = Indexed(network, tmp_path / "index.db", [bent.url])
        with indexed, following(indexed, poll_seconds=0.05):
            next_block(indexed)
            assert bent.count("eth_subscribe") == 1 and not indexed.endpoints.tells


def test_a_line_that_breaks_is_taken_up_again(network: Network, tmp_path: Path) -> None:
    """With its subscription."""
    breaking: list[int] = []

    def breaks(request: dict[str, Any], answer: dict[str, Any]) -> Any:
        return breaking.pop() if breaking else answer

    with line(websocket(network), breaks) as bent:
        indexed = Indexed(network, tmp_path / "index.db", [bent.url])
        with indexed, following(indexed, poll_seconds=120):
            until(lambda: indexed.endpoints.tells, 10, "the subscription")
            breaking.append(503)
            next_block(indexed)
            until(lambda: bent.count("eth_subscribe") == 2 and indexed.endpoints.tells, 10, "the new subscription")
            next_block(indexed)


def test_nonsense_on_a_line_is_left_for_another(network: Network, tmp_path: Path) -> None:
    def nonsense(request: dict[str, Any], answer: dict[str, Any]) -> Any:
        return answer if request["method"] == "eth_chainId" else "this is no JSON"

    with (
        line(websocket(network), nonsense) as bent,
        Indexed(network, tmp_path / "index.db", [bent.url, network.rpc_url]) as indexed,
    ):
        indexed.sync()
        assert block(indexed) == int(network.rpc("eth_blockNumber"), 16)
        assert indexed.endpoints.urls[0] == network.rpc_url and indexed.endpoints.failures[bent.url] > 0


def test_a_name_and_a_password_are_sent_and_not_told(network: Network) -> None:
    with provider(network.rpc_url) as seen:
        way = transport(seen.url.replace("://", "://me:s%40crt@"), 5)
        (answer,) = way.exchange([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}])
        way.close()
    assert answer["result"] == "0x7a69"
    assert seen.headers[-1]["authorization"] == "Basic bWU6c0BjcnQ="
    assert name_of("wss://me:secret@host:1/key") == "wss://host:1"
    assert name_of("/some/where.ipc") == "/some/where.ipc"


@pytest.mark.parametrize("url", ["/no/such.ipc", "ipc:///no/such.ipc", "ws://127.0.0.1:1", "http://127.0.0.1:1"])
def test_nobody_at_the_other_end(url: str) -> None:
    way = transport(url, 2)
    with pytest.raises(Failed):
        way.exchange([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}])
    way.close()


@pytest.mark.parametrize("url", ["ftp://host", "ws://", "wss://host:0", "host", ""])
def test_other_endpoints_there_are_none(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="is not an RPC endpoint"):
        transport(url, 1)


def test_an_answer_that_never_comes_is_given_up(network: Network, tmp_path: Path) -> None:
    """It counts as too much asked for, as over HTTP."""
    with line(websocket(network), lambda request, answer: {**answer, "id": "somebody else's"}) as bent:
        indexed = Indexed(network, tmp_path / "index.db", [bent.url])
        with indexed, pytest.raises(Refused, match="finishes the request in time"):
            indexed.endpoints.call("eth_chainId")
