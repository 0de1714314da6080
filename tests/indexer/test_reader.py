"""Reading from providers as they are: limits, outages, lags, nonsense, and a chain that moves meanwhile."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from indexing import Indexed
from life import Life, stake
from misbehaving import Provider, provider
from network import Network

from indexer import reader
from indexer.rpc import Endpoints
from indexer.transport import Refused
from protocol.errors import ChainUnavailable, ConfigInvalid


@pytest.fixture
def lively(lived: Indexed) -> Network:
    """A chain on which much happened, most of it in its final part."""
    return lived.network


@pytest.fixture
def bent(lively: Network) -> Iterator[Provider]:
    """A provider in front of it; tests set how it bends answers."""
    with provider(lively.rpc_url) as running:
        yield running


def error(request: dict[str, Any], code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}}


def blocks_asked(request: dict[str, Any]) -> int:
    query = request["params"][0]
    return int(query["toBlock"], 16) - int(query["fromBlock"], 16) + 1 if "toBlock" in query else 1


def tables(network: Network, path: Path, *urls: str) -> dict[str, list[tuple[object, ...]]]:
    with Indexed(network, path, list(urls) or None) as indexed:
        indexed.sync()
        return indexed.tables()


def test_ranges_fit_the_providers_limit(lively: Network, bent: Provider, tmp_path: Path) -> None:
    """A limit on blocks, and one on logs: both are met by asking for less, and nothing is lost."""

    def limits(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_getLogs":
            return answer
        if blocks_asked(request) > 7:
            return error(request, -32602, "block range is too wide")
        return error(request, -32000, "query returned too many results") if len(answer["result"]) > 40 else answer

    bent.bend = limits
    assert tables(lively, tmp_path / "one.db", bent.url) == tables(lively, tmp_path / "two.db")


def test_a_provider_that_gives_nothing_at_all_is_told(lively: Network, bent: Provider, tmp_path: Path) -> None:
    bent.bend = lambda request, answer: (
        error(request, -32000, "not today") if request["method"] == "eth_getLogs" else answer
    )
    with Indexed(lively, tmp_path / "one.db", [bent.url]) as indexed, pytest.raises(Refused, match="not today"):
        indexed.sync()


def test_ranges_grow_to_the_target(network: Network, tmp_path: Path) -> None:
    for _ in range(10):
        network.mine(100)
    with provider(network.rpc_url) as watched:
        tables(network, tmp_path / "one.db", watched.url)
    ranges = [request for request in watched.asked if "toBlock" in str(request)]
    assert blocks_asked(ranges[0]) == reader.FIRST_SPAN
    assert max(map(blocks_asked, ranges)) > 300
    assert len(ranges) < 20


def test_logs_without_timestamps_get_them_from_headers(lively: Network, bent: Provider, tmp_path: Path) -> None:
    def older(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs":
            for log in answer["result"]:
                del log["blockTimestamp"]
        return answer

    bent.bend = older
    assert tables(lively, tmp_path / "one.db", bent.url) == tables(lively, tmp_path / "two.db")


def test_a_node_that_does_not_know_what_is_final(lively: Network, bent: Provider, tmp_path: Path) -> None:
    bent.bend = lambda request, answer: (
        error(request, -32602, "invalid block tag") if "finalized" in request["params"] else answer
    )
    assert tables(lively, tmp_path / "one.db", bent.url) == tables(lively, tmp_path / "two.db")


@pytest.mark.parametrize(
    "broken",
    [503, 429, {}, {"result": "0x"}, {"result": [{"address": "0x12"}]}, {"result": {"number": "0x", "hash": 5}}],
)
def test_a_broken_provider_is_left_for_another(
    broken: Any, lively: Network, bent: Provider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(request: dict[str, Any], answer: dict[str, Any]) -> Any:
        # It answers well at first, so it is believed to be the right chain.
        return answer if request["method"] == "eth_chainId" else broken if isinstance(broken, int) else {
            "id": request["id"], **broken
        }  # fmt: skip

    bent.bend = breaks
    with caplog.at_level(logging.WARNING):
        assert tables(lively, tmp_path / "one.db", bent.url, lively.rpc_url) == tables(lively, tmp_path / "two.db")
    assert f"Left the RPC endpoint {bent.url}" in caplog.text


def test_logs_that_were_not_asked_for_are_refused(lively: Network, bent: Provider, tmp_path: Path) -> None:
    def adds(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs" and answer["result"]:
            answer["result"].append({**answer["result"][0], "address": "0x" + "99" * 20})
        return answer

    bent.bend = adds
    with (
        Indexed(lively, tmp_path / "one.db", [bent.url]) as indexed,
        pytest.raises(ChainUnavailable, match="logs that were not asked for"),
    ):
        indexed.sync()


@pytest.mark.parametrize("change", [{}, {"blockHash": "0x" + "99" * 32, "logIndex": "0x999"}], ids=["twice", "block"])
def test_logs_that_contradict_one_another_are_refused(
    change: dict[str, str], lively: Network, bent: Provider, tmp_path: Path
) -> None:
    """The same log a second time; a log of another block of the same number, apart from the others of its number."""

    def adds(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs" and len({log["blockNumber"] for log in answer["result"]}) > 1:
            answer["result"].append({**answer["result"][0], **change})
        return answer

    bent.bend = adds
    with (
        Indexed(lively, tmp_path / "one.db", [bent.url]) as indexed,
        pytest.raises(ChainUnavailable, match="two blocks of one number, or a log twice"),
    ):
        indexed.sync()


def test_logs_of_another_history_are_not_taken(life: Life, tmp_path: Path) -> None:
    """The headers are read, then the chain changes, then the logs are read."""
    stake(life)
    head = life.network.rpc("eth_getBlockByNumber", "latest", False)
    with provider(life.network.rpc_url) as bent:

        def moves(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            for log in answer["result"] if "blockHash" in str(request["params"]) else []:
                log["blockHash"] = head["hash"]
            return answer

        bent.bend = moves
        with Indexed(life.network, tmp_path / "one.db", [bent.url], check="none") as indexed:
            with pytest.raises(ChainUnavailable, match="logs of another block"):
                indexed.sync()
            assert indexed.index.state is not None and indexed.index.state.number == indexed.index.state.final
            bent.bend = lambda request, answer: answer
            indexed.sync()
            assert indexed.differences() == []


def test_headers_must_follow_one_another(life: Life, tmp_path: Path) -> None:
    def breaks(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["params"][:1] == ["0x9"]:
            answer["result"]["hash"] = "0x" + "99" * 32
        return answer

    life.network.mine(10)
    with provider(life.network.rpc_url, breaks) as bent, Indexed(life.network, tmp_path / "one.db", [bent.url]) as one:
        with pytest.raises(reader.ChainMoved, match="Block 10 does not follow"):
            one.sync()
        assert one.index.state is None or one.index.state.number < 9


def test_an_endpoint_that_lags_is_waited_for(lively: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with provider(lively.rpc_url) as bent, Indexed(lively, tmp_path / "one.db", [bent.url]) as indexed:
        indexed.sync()
        head, before = indexed.index.state, indexed.tables()
        assert head is not None

        def lags(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            if request["method"] == "eth_getBlockByNumber":
                asked = request["params"][0]
                at = head.number - 10 if asked == "latest" else int(asked, 16) if asked.startswith("0x") else 0
                answer["result"] = lively.rpc("eth_getBlockByNumber", hex(at), False) if at < head.number - 9 else None
            return answer

        bent.bend = lags
        assert not indexed.follower.step()
        assert indexed.tables() == before
        assert "it is behind, or on another chain" in caplog.text


def test_no_endpoint_answers(network: Network, tmp_path: Path) -> None:
    urls = ["http://127.0.0.1:1", "http://someone:secret@127.0.0.1:2/key"]
    with Indexed(network, tmp_path / "one.db", urls) as indexed, pytest.raises(ChainUnavailable) as caught:
        indexed.follower.step()
    assert "http://127.0.0.1:1 (" in str(caught.value) and "http://127.0.0.1:2 (" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_another_chain_is_refused(network: Network) -> None:
    endpoints = Endpoints([network.rpc_url], 1)
    with pytest.raises(ConfigInvalid, match="serves chain 31337, but the deployment is on chain 1"):
        endpoints.call("eth_blockNumber")
    endpoints.close()


@pytest.mark.parametrize("url", ["localhost:8545", "ftp://x", "http://", "http://x:0", "http://x:99999"])
def test_an_endpoint_must_be_a_url(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="is not an RPC endpoint"):
        Endpoints([url], 1)


def test_many_calls_come_back_in_order(network: Network) -> None:
    """More than one request holds."""
    network.mine(250)
    endpoints = Endpoints([network.rpc_url], network.deployment.chain_id)
    blocks = endpoints.batch([("eth_getBlockByNumber", [hex(number), False]) for number in range(250)])
    assert [int(block["number"], 16) for block in blocks] == list(range(250))
    endpoints.close()
