"""`skein localnet` as people run it: one command, whole processes, real ports."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from protocol.chain import Chain
from protocol.deployment import Deployment
from skein.localnet import Addresses, treasury
from skein.processes import until

SOMEBODY = "0x1111111111111111111111111111111111111111"


@contextmanager
def localnet(directory: Path) -> Iterator[tuple[subprocess.Popen[str], Addresses]]:
    """A running `skein localnet`; killed at the end if the test has not ended it."""
    command = [sys.executable, "-m", "skein", "localnet", "--dir", str(directory), "--json"]
    process = subprocess.Popen(
        command,
        cwd=directory,  # not from the checkout
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a suite in the background ignores Ctrl-C
    )
    try:
        assert process.stdout
        yield process, Addresses(**json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()


def listens(url: str) -> bool:
    place = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((place.hostname or "", place.port or 0)) == 0


def is_gone(addresses: Addresses) -> bool:
    return not listens(addresses.rpc_url) and not listens(addresses.api_url)


def chain_of(addresses: Addresses) -> Chain:
    return Chain(addresses.rpc_url, Deployment.read(Path(addresses.deployment)), treasury())


def balance_in_api(addresses: Addresses) -> int:
    return int(httpx.get(f"{addresses.api_url}/accounts/{SOMEBODY}").json()["data"]["balance"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with localnet(tmp_path) as (process, addresses):
        assert listens(addresses.rpc_url) and listens(addresses.api_url)
        process.send_signal(number)
        assert process.wait(30) == 0
        assert is_gone(addresses)


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    with localnet(tmp_path) as (process, before):
        receipt = chain_of(before).send("SkeinToken", "transfer", SOMEBODY, 7)
        until(lambda: balance_in_api(before) == 7, 20, "The transfer in the API")
        process.terminate()
        process.wait(30)
    with localnet(tmp_path) as (process, after):
        assert after == before
        chain = chain_of(after)
        assert chain.token_balance(SOMEBODY) == 7 and chain.receipt(receipt.transaction_hash) == receipt
        chain.send("SkeinToken", "transfer", SOMEBODY, 5)
        until(lambda: balance_in_api(after) == 12, 20, "The second transfer in the API")


def test_nothing_outlives_a_killed_network(tmp_path: Path) -> None:
    with localnet(tmp_path) as (process, addresses):
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: is_gone(addresses), 20, "The end of all processes")


def test_parts_that_are_killed_come_back(tmp_path: Path) -> None:
    with localnet(tmp_path) as (_, addresses):
        chain = chain_of(addresses)
        receipt = chain.send("SkeinToken", "transfer", SOMEBODY, 7)
        until(lambda: chain.head().number > receipt.block_number + 12, 60, "A few blocks more")
        for words in ("indexer serve --port", "indexer sync", "anvil --host"):
            kill(tmp_path, words)
        until(lambda: listens(addresses.api_url) and listens(addresses.rpc_url), 60, "The killed parts")
        chain.send("SkeinToken", "transfer", SOMEBODY, 5)
        until(lambda: balance_in_api(addresses) == 12, 30, "The second transfer in the API")


def kill(directory: Path, words: str) -> None:
    """SIGKILL to the network's process whose command has these words; returns when it is dead."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
            if words.encode() in command and str(directory).encode() in command + (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
                until(partial(is_dead, process), 20, "The end of a killed process")


def is_dead(process: Path) -> bool:
    """Gone, or a zombie: then its sockets are closed too."""
    with suppress(OSError):
        return (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    return True
