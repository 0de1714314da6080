"""The real servers that tests talk to: each on a free loopback port, in a folder of its own, gone when the test is.

with anvil("--block-time", "1") as chain:
    chain.request("evm_mine")
with ipfs() as multiaddr:
    store = IpfsStore(multiaddr)
"""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from skein.processes import Process, Supervisor, until

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".toolchain" / "bin"
MNEMONIC = "test test test test test test test test test test test junk"  # anvil's own: ten accounts with 10,000 ether


@cache
def http() -> httpx.Client:
    """For all requests: what takes long is to make one. It keeps no connection to a server that a test has ended."""
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=60)


@cache
def account(index: int) -> LocalAccount:
    """One of anvil's funded accounts."""
    Account.enable_unaudited_hdwallet_features()
    signer: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return signer


class RpcError(Exception):
    """The chain's own refusal of a request."""


@dataclass(frozen=True)
class Anvil:
    """A running chain; its processes are in reach so that a test may kill and restart it."""

    url: str
    supervisor: Supervisor

    def request(self, method: str, *params: Any) -> Any:
        answer = http().post(self.url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).json()
        if "error" in answer:
            raise RpcError(answer["error"]["message"])
        return answer["result"]

    def mine(self, blocks: int = 1, seconds: int = 1) -> None:
        """Blocks that are `seconds` apart."""
        self.request("anvil_mine", hex(blocks), hex(seconds))

    def sleep(self, seconds: int) -> None:
        """Move the chain's clock, and mine a block that shows it."""
        self.request("evm_increaseTime", seconds)
        self.mine()


@contextmanager
def anvil(*options: str) -> Iterator[Anvil]:
    """A chain that mines a block for every transaction, unless its options say otherwise."""
    # --prune-history: states past the newest would be written to disk and left there
    command = [str(BIN / "anvil"), "--port", "0", "--prune-history", "500", "--mnemonic", MNEMONIC, *options]
    with _running("anvil", command, lambda log: re.search(r"Listening on (\S+)", log)) as (found, supervisor):
        yield Anvil(f"http://{found[1]}", supervisor)


@contextmanager
def ipfs() -> Iterator[str]:
    """An IPFS node without neighbours; yields the multiaddress of its RPC API."""
    folder = ROOT / "tools" / "ipfs"
    if not (folder / "node_modules").exists():
        raise RuntimeError("the IPFS daemon is not installed: run scripts/setup --with-ipfs")
    with tempfile.TemporaryDirectory(prefix="skein-repo-") as repository:
        command = [str(BIN / "node"), str(folder / "daemon.js"), repository]
        with _running("ipfs", command, lambda log: re.search(r'^\{"api".*\}$', log, re.MULTILINE)) as (found, _):
            yield json.loads(found[0])["api"]


@contextmanager
def _running(
    name: str, command: list[str], ready: Callable[[str], re.Match[str] | None]
) -> Iterator[tuple[re.Match[str], Supervisor]]:
    with tempfile.TemporaryDirectory(prefix=f"skein-{name}-") as folder, Supervisor(Path(folder)) as supervisor:
        process = supervisor.start(name, command, {"HOME": folder})
        yield until(lambda: ready(_output(process)), 60, f"{name} on its port", supervisor.check), supervisor


def _output(process: Process) -> str:
    return process.log.read_text(errors="replace")
