"""Nodes that show the past: lagging, standing still, taking turns; and clocks that jump."""

import logging
import time

import pytest
from misbehaving import behind, provider
from network import Network

from node.freshness import Freshness
from protocol.chain import Chain
from protocol.errors import ChainUnavailable


@pytest.fixture(autouse=True)
def timeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain of the tests may be as old as they are."""
    monkeypatch.setattr("node.freshness._OLD", 4 * 3600)


def looks(network: Network, *urls: str) -> tuple[Freshness, Chain]:
    chain = Chain(urls, network.deployment)
    chain.rpc.patience = 0.05
    return Freshness(chain, 5), chain


def test_of_several_nodes_the_one_that_is_furthest_is_asked(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    network.mine(60)
    with provider(network.rpc_url, behind(network.rpc_url, 50)) as lagging, provider(network.rpc_url) as good:
        found, chain = looks(network, good.url, lagging.url)
        found.look()
        good.bend = lambda request, answer: 503
        assert chain.head().number == network.chain().head().number - 50  # what stands in for it
        good.bend = lambda request, answer: answer
        with caplog.at_level(logging.WARNING):
            found.look()
            found.look()
        assert chain.head().number == network.chain().head().number
    assert sum("which is at block" in line for line in caplog.messages) == 1


def test_a_node_that_falls_back_is_waited_for(network: Network) -> None:
    network.mine(60)
    with provider(network.rpc_url) as node:
        found, chain = looks(network, node.url)
        found.look()
        head = chain.head().number
        node.bend = behind(network.rpc_url, 50)
        told = f"The chain's node has fallen back from block {head} to {head - 50}: it lags, or stands for several"
        for _ in range(2):
            with pytest.raises(ChainUnavailable, match=told):
                found.look()
        node.bend = lambda request, answer: answer
        found.look()


def test_nodes_that_take_turns_are_no_trouble(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    network.mine(10)
    with provider(network.rpc_url) as node:
        found, _ = looks(network, node.url)
        late = behind(network.rpc_url, 3)
        for turn in range(6):
            node.bend = late if turn % 2 else lambda request, answer: answer
            found.look()
    assert caplog.messages == []


def test_a_chain_that_stops_is_told_once(
    network: Network, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.freshness._STILL", 0.0)
    found, chain = looks(network, network.rpc_url)
    with caplog.at_level(logging.INFO, "node.freshness"):
        for _ in range(4):
            found.look()
        monkeypatch.setattr("node.freshness._STILL", 60.0)
        network.mine()
        for _ in range(2):
            found.look()
    head = chain.head().number
    assert caplog.messages == [f"There is no block after {head - 1} since 0s", f"The chain goes on at block {head}"]


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_is_told_where_it_matters(
    network: Network, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    found, _ = looks(network, network.rpc_url)
    network.mine()
    now = network.now()
    monkeypatch.setattr("node.freshness.time", _Clock(now + 3600 * hours + 60))
    for _ in range(3):
        found.look()
    assert ["is 5h 1m old: the node lags" in line for line in caplog.messages] == ([True] if hours > 0 else [])


class _Clock:
    """Stands still at a moment."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, seconds: float) -> None:
        self.time = lambda: seconds
