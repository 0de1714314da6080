"""What an operator's machines read: figures for Prometheus, and whether the index follows its chain."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from indexing import Indexed, serving
from life import Life, stake
from network import Network
from prometheus_client.parser import text_string_to_metric_families

from indexer.pulse import Pulse
from indexer.reader import Reader
from indexer.sync import Sync


def figures(client: httpx.Client) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture
def pulsing(network: Network, tmp_path: Path) -> Iterator[Indexed]:
    """An index whose sync says how it does."""
    with Indexed(network, tmp_path / "index.db", ["http://127.0.0.1:1", network.rpc_url]) as indexed:
        pulse = Pulse(indexed.engine, indexed.endpoints)
        indexed.follower = Sync(Reader(indexed.endpoints, network.deployment), indexed.index, pulse)
        yield indexed


def test_the_figures_are_those_of_index_and_sync(pulsing: Indexed) -> None:
    life = Life(pulsing.network)
    stake(life)
    pulsing.sync()
    life.network.rpc("anvil_reorg", 2, [])
    life.network.mine(3)
    pulsing.sync()
    with serving(pulsing.url) as client:
        status = client.get("/status").json()
        shown = figures(client)
    assert shown["skein_indexer_up"] == 1
    assert shown["skein_indexer_block"] == shown["skein_indexer_head_block"] == status["block"]
    assert shown["skein_indexer_lag_blocks"] == 0
    assert shown["skein_indexer_events_total"] == status["data"]["events"] > 0
    assert shown["skein_indexer_block_timestamp_seconds"] == status["data"]["timestamp"]
    assert (shown["skein_indexer_reorgs_total"], shown["skein_indexer_replaced_blocks_total"]) == (1, 2)
    assert (shown["skein_indexer_rpc_errors_total,1"], shown["skein_indexer_rpc_errors_total,2"]) == (1, 0)


def test_answers_are_counted_by_route_and_status(lived: Indexed) -> None:
    with serving(lived.url) as client:
        for path in ("/tasks/1", "/tasks/1", "/tasks/2", "/tasks/99", "/nothing/at/all"):
            client.get(path)
        shown = figures(client)
    assert shown["skein_api_answers_total,/tasks/{task_id},200"] == 3
    assert shown["skein_api_answers_total,/tasks/{task_id},404"] == 1
    assert shown["skein_api_answers_total,none,404"] == 1
    assert shown["skein_api_cached_answers_total"] == 1
    assert shown["skein_api_answer_seconds_count"] == 5


def test_without_an_index_the_figures_say_so(network: Network, tmp_path: Path) -> None:
    with Indexed(network, tmp_path / "index.db") as indexed, serving(indexed.url) as client:
        shown = figures(client)
        assert shown["skein_indexer_up"] == 0
        assert "skein_indexer_block" not in shown


def test_ready_is_who_follows_the_chain(pulsing: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(pulsing.network)
    stake(life)
    with serving(pulsing.url) as client:
        assert client.get("/readyz").json()["error"]["message"].startswith("Nothing is indexed yet")
        pulsing.sync()
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["data"]["lag_blocks"]) == (200, 0)
        life.network.mine(30)
        pulsing.follower._pulse.looked(answer.json()["block"] + 30)
        pulsing.follower._pulse.beat(at_once=True)
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert answer.json()["error"]["message"] == "The index is 30 blocks behind the chain, and catching up."
        pulsing.sync()
        assert client.get("/readyz").status_code == 200
        later = time.time() + 100
        monkeypatch.setattr("indexer.api.routes.network.time.time", lambda: later)
        assert "No `indexer sync` is at work" in client.get("/readyz").json()["error"]["message"]


def test_an_index_without_a_sync_is_not_ready(lived: Indexed) -> None:
    with serving(lived.url) as client:
        assert "No `indexer sync` is at work" in client.get("/readyz").json()["error"]["message"]
        assert client.get("/healthz").status_code == 200
