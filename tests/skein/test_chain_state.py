"""The chain's state outlives whoever kills the node while it writes."""

import os
import sys
from pathlib import Path

import httpx
import pytest

from skein import chain_state
from skein.processes import Supervisor, free_ports, until
from skein.toolchain import find_anvil

WHOLE, NEWER = '{"blocks": 1}', '{"blocks": 2}'


def blocks(url: str) -> int:
    """How many blocks there are; 0 while nobody answers."""
    question = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
    try:
        return int(httpx.post(url, json=question, timeout=5).json()["result"], 16)
    except httpx.HTTPError:
        return 0


def test_a_node_killed_while_it_writes_goes_on(tmp_path: Path) -> None:
    state, (port,) = tmp_path / "chain.json", free_ports(1)
    command = [sys.executable, "-I", "-S", chain_state.__file__, str(state), find_anvil(), "--port", str(port)]
    command += ["--state", str(state), "--state-interval", "1", "--block-time", "1", "--quiet"]
    url = f"http://127.0.0.1:{port}"
    with Supervisor(tmp_path / "logs") as supervisor:
        supervisor.start("chain", command, {"HOME": str(tmp_path)})
        newest = chain_state.copies(state)[0]
        until(newest.exists, 30, "A copy of the state", supervisor.check)
        before = until(lambda: blocks(url), 30, "A block")
        until(lambda: blocks(url) > before + 2, 30, "A block that is in a copy")
        supervisor.kill("chain")
        state.write_text("")  # what is left when it has just begun to write
        supervisor.restart("chain")
        assert until(lambda: blocks(url), 30, "The chain", supervisor.check) >= before


@pytest.mark.parametrize("left", ["", '{"blocks": ', "[]"])
def test_the_newest_whole_state_is_taken(tmp_path: Path, left: str) -> None:
    state = tmp_path / "chain.json"
    newest, oldest = chain_state.copies(state)
    state.write_text(left)
    oldest.write_text(WHOLE)
    newest.write_text(NEWER)
    assert chain_state.repair(state) and state.read_text() == NEWER
    state.write_text(left)
    newest.write_text(left)
    assert chain_state.repair(state) and state.read_text() == WHOLE


def test_a_whole_state_stays(tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    state.write_text(NEWER)
    chain_state.copies(state)[0].write_text(WHOLE)
    assert chain_state.repair(state) and state.read_text() == NEWER


def test_without_a_whole_state_nothing_is_left(tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    for path in (state, *chain_state.copies(state)):
        path.write_text("{")
    assert not chain_state.repair(state)
    assert not list(tmp_path.iterdir())


def test_copies_end_with_the_node(tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    state.write_text(WHOLE)
    chain_state.keep(state, parent=os.getppid() + 1)
    assert list(tmp_path.iterdir()) == [state]
