import os
import signal
import tempfile
import time

import httpx
import ipfshttpclient
import pytest
from daemons import RpcError, account, anvil, ipfs


def test_anvil_answers_mines_and_is_gone_afterwards():
    with anvil() as chain:
        assert int(chain.request("eth_getBalance", account(0).address, "latest"), 16) == 10_000 * 10**18
        before = int(chain.request("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        chain.sleep(1000)
        chain.mine(3, seconds=10)
        block = chain.request("eth_getBlockByNumber", "latest", False)
        assert int(block["number"], 16) == 4
        assert int(block["timestamp"], 16) - before >= 1020
    with pytest.raises(httpx.ConnectError):
        chain.request("eth_blockNumber")


def test_two_chains_at_once_have_ports_of_their_own():
    with anvil() as one, anvil("--chain-id", "7") as two:
        assert int(one.request("eth_chainId"), 16) == 31337
        assert int(two.request("eth_chainId"), 16) == 7


def test_a_refusal_carries_the_chains_words():
    with anvil() as chain, pytest.raises(RpcError, match="Method not found"):
        chain.request("eth_nonsense")


def test_a_daemon_that_ignores_sigterm_is_killed(monkeypatch):
    monkeypatch.setattr("skein.processes.STOP_SECONDS", 0.2)
    with anvil() as chain:
        process = chain.supervisor.processes["anvil"].popen
        os.kill(process.pid, signal.SIGSTOP)  # a stopped process leaves SIGTERM pending
        started = time.monotonic()
    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 5


@pytest.mark.filterwarnings("ignore:The 'strict' parameter:FutureWarning")
def test_ipfs_keeps_what_it_is_given_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ipfs() as multiaddr:
        client = ipfshttpclient.Client(multiaddr)
        assert client.cat(client.add_bytes(b"hello")) == b"hello"
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
