"""The real process, killed without warning at any moment, again and again; and stopped politely."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from indexing import Indexed
from life import Life, settled, stake
from network import Network

from protocol.errors import ContractReverted
from skein.processes import free_ports, until

Tables = Callable[[Network], dict[str, list[tuple[object, ...]]]]


def environment(network: Network, database: Path | str, **more: str) -> dict[str, str]:
    own = {
        "INDEXER_RPC_URL": network.rpc_url,
        "INDEXER_DEPLOYMENT": str(network.deployment_path),
        "INDEXER_DATABASE_URL": database if isinstance(database, str) else f"sqlite:///{database}",
        "INDEXER_POLL_SECONDS": "0.02",
    }
    return {**os.environ, **own, **more}


def start(command: str, environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "indexer.cli", command], env=environment, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_killed_at_any_moment(life: Life, database: str, fresh: Tables) -> None:
    """The chain moves on, is reorganised, and the indexer is killed while it follows."""
    moments = random.Random(7)
    stake(life)
    life.network.mine(20)
    for round_ in range(4):
        process = start("sync", environment(life.network, database))
        assert process.stderr is not None
        assert "blocks" in process.stderr.readline()  # it has come to life, and has something to do from here on
        if round_ % 2:
            with suppress(ContractReverted):  # a reorg took somebody's stake
                settled(life)
        life.network.reorg(moments.randint(1, 20))
        time.sleep(moments.random() / 10)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        life.network.mine()
    with Indexed(life.network, database) as indexed:
        indexed.sync()
        assert indexed.tables() == fresh(life.network)
        assert indexed.differences() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told(network: Network, tmp_path: Path, number: int) -> None:
    process = start("sync", environment(network, tmp_path / "index.db"))
    assert process.stderr is not None
    assert "Indexed blocks" in process.stderr.readline()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert process.communicate()[1] == ""


def test_both_programs_in_one_command(network: Network, tmp_path: Path) -> None:
    """`run` syncs and serves; when it is killed, the API ends too."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/status"
    process = start("run", environment(network, tmp_path / "index.db", INDEXER_PORT=str(port)))
    head = int(network.rpc("eth_blockNumber"), 16)

    def block() -> int | None:
        try:
            return int(httpx.get(url).json().get("block", -1))
        except httpx.TransportError:
            return None

    until(lambda: block() == head, 60, "the head in the API")
    network.mine(3)
    until(lambda: block() == head + 3, 20, "the new head in the API")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: block() is None, 10, "the end of the API")


def test_run_stops_in_good_order(network: Network, tmp_path: Path) -> None:
    process = start("run", environment(network, tmp_path / "index.db", INDEXER_PORT="0"))
    assert process.stderr is not None
    lines: list[str] = []
    until(lambda: (lines.append(process.stderr.readline()), "Serving the API at" in lines[-1])[1], 60, "the API")
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert "Traceback" not in "".join(lines) + process.communicate()[1]


def test_run_ends_when_the_api_cannot_be_served(network: Network, tmp_path: Path) -> None:
    process = start("run", environment(network, tmp_path / "index.db", INDEXER_HOST="192.0.2.1"))
    _, told = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "The API cannot be served at 192.0.2.1:8300" in told and "Traceback" not in told
