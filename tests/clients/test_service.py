"""A client as a service: ready, watched, measured, and stopped by a signal."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import play
import pytest
from network import Network
from operators import operator_shell
from prometheus_client.parser import text_string_to_metric_families

from node.metrics import endpoint
from protocol.errors import ConfigInvalid
from skein.processes import until


@contextmanager
def running(log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A trainer in a process of its own, with its log in a file."""
    command = [sys.executable, "-m", "skein", "trainer", "run"]
    with log.open("wb") as out, subprocess.Popen(command, stderr=out, env={**os.environ, **environment}) as process:
        try:
            yield process
        finally:
            process.kill()


def measured(log: Path) -> dict[tuple[str, str], float]:
    """What the client's metrics say, by name and label."""
    found = re.search(r"Metrics are at (\S+)", log.read_text())
    if found is None:
        return {}
    text = httpx.get(found[1]).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in samples}


def test_a_service_tells_how_it_does(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operator_shell(network, tmp_path, monkeypatch, 2)
    play.stake(network, 2)
    log, told = tmp_path / "log", []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        with running(log, SKEIN_METRICS_PORT="0", NOTIFY_SOCKET=str(tmp_path / "notify")) as client:
            until(lambda: ("skein_stake", "own") in measured(log), 120, "a look at the chain")
            found = measured(log)
            client.send_signal(signal.SIGTERM)
            assert client.wait(60) == 0
        while len(told) < 10_000:
            try:
                told.append(systemd.recv(4096).decode())
            except BlockingIOError:
                break
    assert told[0].startswith("READY=1\nWATCHDOG=1\nSTATUS=")
    assert told[-1] == "STOPPING=1"
    assert found["skein_stake", "own"] == 1000
    assert found["skein_gas_money", ""] > 9000
    assert found["skein_chain_head", ""] == network.chain().head().number
    assert found["skein_tasks", ""] == found["skein_pending_transactions", ""] == 0
    assert found["skein_log_messages_total", "info"] >= 1
    assert "Stopped the trainer" in log.read_text()


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigInvalid, match="set SKEIN_METRICS_PORT"), endpoint("127.0.0.1", port):
            pytest.fail("it was served")
