"""Providers that leave logs out, add some, lag, stand still, or follow another chain: found out, told and left."""

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from indexing import Indexed
from life import Life
from misbehaving import Bend, Provider, provider
from network import Network, running_network

from indexer import reader, sync
from indexer.bloom import bloom_of, says_nothing
from indexer.reader import Checked
from indexer.tables import Log
from protocol.errors import ChainUnavailable, DeepReorg

Request = dict[str, Any]


@pytest.fixture
def bent(lived: Indexed) -> Iterator[Provider]:
    """A provider in front of a chain on which everything happened."""
    with provider(lived.network.rpc_url) as running:
        yield running


def is_range(request: Request) -> bool:
    return request["method"] == "eth_getLogs" and "fromBlock" in request["params"][0]


def leaves_out(every: int, ranges: bool) -> Bend:
    """Of so many logs one is missing, in answers to questions for ranges or for blocks."""

    def bend(request: Request, answer: Request) -> Request:
        if request["method"] == "eth_getLogs" and is_range(request) == ranges:
            answer["result"] = [log for at, log in enumerate(answer["result"]) if at % every != every - 1]
        return answer

    return bend


@pytest.fixture
def busy(network: Network) -> Network:
    """A chain of which all that happened can still change."""
    life = Life(network)
    for _ in range(3):
        life.send(2, "SkeinToken", "transfer", life.address(3), 1)
    return network


def test_blooms_are_those_of_the_node(lived: Indexed) -> None:
    rpc = lived.network.rpc
    for number in range(0, int(rpc("eth_blockNumber"), 16), 7):
        header = rpc("eth_getBlockByNumber", hex(number), False)
        logs = rpc("eth_getLogs", {"blockHash": header["hash"]})
        items = [bytes.fromhex(item[2:]) for log in logs for item in (log["address"], *log["topics"])]
        assert bloom_of(items) == int(header["logsBloom"], 16)
    assert says_nothing((1 << 2048) - 1) and not says_nothing(0)


def test_a_log_left_out_of_a_new_block_is_noticed(busy: Network, tmp_path: Path) -> None:
    """By the block's bloom; another endpoint is asked, and alone, nothing is indexed."""
    with provider(busy.rpc_url, leaves_out(1, ranges=False)) as bent:
        with (
            Indexed(busy, tmp_path / "a.db", [bent.url], confirmations=50) as alone,
            pytest.raises(ChainUnavailable, match=r"the logs of block \d+ are not those of its bloom"),
        ):
            alone.sync()
        with Indexed(busy, tmp_path / "b.db", [bent.url, busy.rpc_url], confirmations=50) as indexed:
            indexed.sync()
            assert indexed.differences() == []
            assert indexed.endpoints.urls[0] == busy.rpc_url


def test_a_log_added_to_a_new_block_is_noticed(busy: Network, tmp_path: Path) -> None:
    def adds(request: Request, answer: Request) -> Request:
        if request["method"] == "eth_getLogs" and not is_range(request) and answer["result"]:
            first = answer["result"][0]
            answer["result"].append({**first, "logIndex": "0x99", "topics": [*first["topics"][:-1], "0x" + "07" * 32]})
        return answer

    with (
        provider(busy.rpc_url, adds) as bent,
        Indexed(busy, tmp_path / "a.db", [bent.url], confirmations=50) as indexed,
        pytest.raises(ChainUnavailable, match="not those of its bloom"),
    ):
        indexed.sync()


@pytest.mark.parametrize("check", ["all", "sample"])
def test_logs_left_out_of_ranges_are_noticed(
    check: Checked,
    lived: Indexed,
    bent: Provider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`all` finds any log, and at once; a sample finds who does it often: here, in each of many ranges."""
    monkeypatch.setattr(reader, "LONGEST_SPAN", 4)
    monkeypatch.setattr(reader, "FIRST_SPAN", 4)
    bent.bend = leaves_out(3 if check == "all" else 1, ranges=True)
    urls = [bent.url, lived.network.rpc_url]
    with Indexed(lived.network, tmp_path / "a.db", urls, check=check) as indexed:
        with caplog.at_level(logging.WARNING), pytest.raises(ChainUnavailable, match="other logs for a range"):
            indexed.sync()
        assert f"Left the RPC endpoint {bent.url} (it left out logs of blocks" in caplog.text
        assert indexed.endpoints.urls[0] == lived.network.rpc_url
        if check == "all":
            indexed.sync()
            assert indexed.tables() == lived.tables()


def test_a_chain_without_blooms_can_be_indexed(lived: Indexed, bent: Provider, tmp_path: Path) -> None:
    """Some set every bit, some none: the first is understood, the second has to be said."""

    def blooms(value: str) -> Bend:
        def bend(request: Request, answer: Request) -> Request:
            if isinstance(answer["result"], dict) and "logsBloom" in answer["result"]:
                answer["result"]["logsBloom"] = value
            return answer

        return bend

    for value, check in (("0x" + "ff" * 256, "all"), ("0x" + "00" * 256, "none")):
        bent.bend = blooms(value)
        with Indexed(lived.network, tmp_path / f"{check}.db", [bent.url], check=check) as indexed:  # type: ignore[arg-type]
            indexed.sync()
            assert indexed.rows(Log) == lived.rows(Log)


def test_blocks_that_do_not_hold_our_logs_are_not_asked_for(network: Network, tmp_path: Path) -> None:
    network.mine(20)
    with provider(network.rpc_url) as watched:
        with Indexed(network, tmp_path / "a.db", [watched.url], confirmations=1000) as indexed:
            indexed.sync()
            asked = watched.count("eth_getLogs")
            network.mine(20)
            indexed.sync()
        assert watched.count("eth_getLogs") == asked


def test_an_endpoint_that_is_behind_is_left(lived: Indexed, bent: Provider, tmp_path: Path) -> None:
    rpc = lived.network.rpc
    head = int(rpc("eth_blockNumber"), 16) - 10

    def lags(request: Request, answer: Request) -> Request:
        if request["method"] == "eth_getBlockByNumber":
            asked = request["params"][0]
            at = head if asked == "latest" else int(asked, 16) if asked.startswith("0x") else 0
            answer["result"] = rpc("eth_getBlockByNumber", hex(at), False) if at <= head else None
        return answer

    with Indexed(lived.network, tmp_path / "a.db", [bent.url, lived.network.rpc_url]) as indexed:
        indexed.endpoints.urls.reverse()
        indexed.sync()
        before = indexed.tables()
        bent.bend = lags
        indexed.endpoints.urls.reverse()
        indexed.sync()
        assert indexed.endpoints.urls[0] == lived.network.rpc_url
        assert indexed.tables() == before


def test_an_endpoint_that_stands_still_is_left(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sync, "STALE_SECONDS", -1)
    still = network.rpc("eth_getBlockByNumber", "latest", False)

    def stands(request: Request, answer: Request) -> Request:
        latest = request["params"][:1] == ["latest"]
        return {**answer, "result": still} if latest else answer

    with (
        provider(network.rpc_url, stands) as bent,
        Indexed(network, tmp_path / "a.db", [bent.url, "http://127.0.0.1:1", network.rpc_url]) as indexed,
        caplog.at_level(logging.WARNING),
    ):
        indexed.sync()
        network.mine(3)
        assert not indexed.follower.step()
        indexed.sync()
        assert indexed.index.state is not None
        assert indexed.index.state.number == int(still["number"], 16) + 3
        assert f"Left the RPC endpoint {bent.url}: it stays at block" in caplog.text


def test_an_endpoint_of_another_history_is_left(network: Network, network_state: Path, tmp_path: Path) -> None:
    """As long as one of them knows the index's history; when none does, it stops."""
    with running_network(network_state) as other:
        other.reorg(5)
        for each in (network, other):
            each.mine(100)
        with Indexed(network, tmp_path / "a.db", [network.rpc_url, other.rpc_url]) as indexed:
            indexed.sync()
            before = indexed.tables()
            indexed.endpoints.urls.reverse()
            other.mine(5)
            indexed.sync()
            assert indexed.endpoints.urls[0] == network.rpc_url
            assert indexed.tables() == before
            indexed.endpoints.urls.remove(network.rpc_url)
            with pytest.raises(DeepReorg, match="which was final"):
                indexed.sync()
            assert indexed.tables() == before


def test_blocks_that_never_follow_one_another_are_left(
    busy: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once or twice the chain may have moved meanwhile."""
    monkeypatch.setattr(sync, "_LONGEST_PAUSE", 0.01)

    def breaks(request: Request, answer: Request) -> Request:
        if request["method"] == "eth_getBlockByNumber" and request["params"][0].startswith("0x") and answer["result"]:
            answer["result"]["parentHash"] = "0x" + "99" * 32
        return answer

    stop = Event()
    with (
        provider(busy.rpc_url, breaks) as bent,
        Indexed(busy, tmp_path / "a.db", [bent.url, busy.rpc_url], confirmations=1000) as indexed,
    ):
        index = indexed.index
        extend = index.extend
        monkeypatch.setattr(index, "extend", lambda batch, final: (extend(batch, final), stop.set()))
        indexed.follower.run(stop, 0.01)
        assert indexed.endpoints.urls[0] == busy.rpc_url
        assert bent.count("eth_getBlockByNumber") < 400
