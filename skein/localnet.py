"""A whole network on this machine: a chain, the contracts, an indexer with its API, a store in a directory.

Everything lies in one directory. Started again with the same directory, the network goes on where it was.
"""

import functools
import json
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount

from protocol.chain import Chain
from protocol.configuration import expanded
from protocol.deployment import Deployment
from protocol.errors import ChainUnavailable, ConfigInvalid
from protocol.rpc import Rpc
from skein import chain_state
from skein.processes import Supervisor, free_ports, until
from skein.toolchain import checkout, find_anvil

CHAIN_ID = 31337
# The published test mnemonic of every local chain: its accounts are everybody's, which is why this chain is nobody's.
MNEMONIC = "test test test test test test test test test test test junk"
# 600 SKEIN an hour, from soon after the deployment: enough to see it flow.
EMISSION = {"SKEIN_EMISSION_DELAY": "30", "SKEIN_EPOCH": "3600", "SKEIN_EMISSION": "600"}
START_SECONDS = 90.0
DEPLOY_SECONDS = 300.0  # a changed contract is compiled first


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a running network are; what `--json` prints."""

    rpc_url: str
    api_url: str
    deployment: str
    store: str
    directory: str

    @property
    def environment(self) -> dict[str, str]:
        """What a program of the network needs to know."""
        return {"SKEIN_RPC_URL": self.rpc_url, "SKEIN_DEPLOYMENT": self.deployment, "SKEIN_STORE": self.store}


class Localnet:
    """A context manager: the network runs inside it. `say` is told what is being done."""

    def __init__(
        self,
        directory: Path,
        block_seconds: int = 1,
        cooldown_seconds: int = 600,
        say: Callable[[str], None] = lambda text: None,
        starts_clock: bool = True,
    ) -> None:
        """Without `starts_clock` a fresh chain makes a block per transaction until `start_clock` is called."""
        self.directory = expanded(directory).resolve()
        self.block_seconds = block_seconds
        self.cooldown_seconds = cooldown_seconds
        self._say = say
        self._starts_clock = starts_clock
        self.addresses = self._place()
        self.supervisor = Supervisor(self.directory / "logs")

    def _place(self) -> Addresses:
        """The ports of last time if they are free, so that what knows them goes on working."""
        self.directory.mkdir(parents=True, exist_ok=True)
        rpc, api = _ports(self._state("localnet.json"))
        return Addresses(
            f"http://127.0.0.1:{rpc}",
            f"http://127.0.0.1:{api}",
            str(self.directory / "deployment.json"),
            f"dir:{self.directory / 'store'}",
            str(self.directory),
        )

    def _state(self, name: str) -> Path:
        return self.directory / name

    # --- starting

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.supervisor.close()
            raise
        return self

    def _start(self) -> None:
        fresh = not (chain_state.repair(self._state("chain.json")) and Path(self.addresses.deployment).exists())
        self._say("starting the chain")
        if fresh:
            for left in (*self.directory.glob("chain.json*"), *self.directory.glob("indexer.db*")):
                left.unlink(missing_ok=True)
        self._start_chain(fresh)
        if fresh:
            self._say("deploying the contracts")
            self._deploy()
        if fresh and self._starts_clock:
            self.start_clock()
        self._say("starting the indexer")
        self._start_indexer()
        self._state("localnet.json").write_text(json.dumps(asdict(self.addresses), indent=2) + "\n")

    def _start_chain(self, fresh: bool) -> None:
        """Run anvil. A fresh chain makes a block per transaction until its clock is started."""
        port = self.addresses.rpc_url.rpartition(":")[2]
        state = self._state("chain.json")
        command = [sys.executable, "-I", "-S", chain_state.__file__, str(state), find_anvil(), "--host", "127.0.0.1"]
        command += ["--port", port, "--chain-id", str(CHAIN_ID), "--quiet"]
        command += ["--mnemonic", MNEMONIC, "--prune-history", "300", "--hardfork", "prague", "--gas-limit", "30000000"]
        command += ["--state", str(state), "--state-interval", "1"]
        ticking = [*command, "--block-time", str(self.block_seconds)]
        home = {"HOME": str(self.directory)}  # where it leaves files when it is killed
        process = self.supervisor.start("chain", command if fresh else ticking, home, again=ticking)
        until(self._chain_answers, START_SECONDS, f"The chain, whose log is {process.log},", self.supervisor.check)

    def start_clock(self) -> None:
        """From now on a block every `block_seconds`, with or without transactions."""
        self.rpc("evm_setIntervalMining", self.block_seconds)

    def _chain_answers(self) -> bool:
        try:
            return bool(Rpc(self.addresses.rpc_url, CHAIN_ID, patience=0.0).request("eth_chainId"))
        except ChainUnavailable:
            return False

    def _deploy(self) -> None:
        """Through Brownie, in its own environment; it is a process like all others, so a Ctrl-C ends it too."""
        python = checkout() / ".venv-contracts" / "bin" / "python"
        if not python.exists():
            raise ConfigInvalid("Brownie is not set up: run scripts/setup first.")
        settings = {"SKEIN_COOLDOWN": str(self.cooldown_seconds), "SKEIN_RANDOMNESS_DELAY": "1", **EMISSION}
        environment = {**self.addresses.environment, **settings}
        command = [str(python), str(checkout() / "scripts" / "deploy.py")]
        process = self.supervisor.start("deploy", command, environment)
        until(lambda: not process.running, DEPLOY_SECONDS, f"The deployment, whose log is {process.log},")
        if process.popen.returncode:
            raise ConfigInvalid(f"The contracts could not be deployed; {process.log} ends:\n{process.tail()}")
        self.supervisor.stop("deploy")

    def _start_indexer(self) -> None:
        port = self.addresses.api_url.rpartition(":")[2]
        environment = self.indexer_environment
        self.start_program("indexer", ["skein", "indexer", "sync"], environment)
        self.start_program("api", ["skein", "indexer", "serve", "--port", port], environment)
        until(self._api_answers, START_SECONDS, "The API", self.supervisor.check)

    @property
    def indexer_environment(self) -> dict[str, str]:
        """What the indexer's programs are told."""
        database = {"INDEXER_DATABASE_URL": f"sqlite:///{self._state('indexer.db')}", "INDEXER_POLL_SECONDS": "0.2"}
        return {**self.addresses.environment, **database}

    def start_program(self, name: str, module: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a Python module with its arguments as a process of its own."""
        self.supervisor.start(name, [sys.executable, "-m", *module], environment)

    def _api_answers(self) -> bool:
        try:
            return httpx.get(f"{self.addresses.api_url}/healthz", timeout=2).is_success
        except httpx.HTTPError:
            return False

    # --- using

    def rpc(self, method: str, *params: Any) -> Any:
        """One request to the chain's node."""
        return Rpc(self.addresses.rpc_url, CHAIN_ID).request(method, *params)

    def chain(self, account: LocalAccount | None = None) -> Chain:
        """The contracts, for an account or for reading."""
        return Chain(self.addresses.rpc_url, Deployment.read(Path(self.addresses.deployment)), account)

    def name_of(self, address: str) -> str:
        """What lives at an address that is no participant's."""
        if address == treasury().address:
            return "treasury"
        return Deployment.read(Path(self.addresses.deployment)).name_of(address) or address

    def describe(self) -> list[str]:
        """What a person at a terminal needs to go on."""
        exports = [f"  export {name}={value}" for name, value in self.addresses.environment.items()]
        return [
            f"API        {self.addresses.api_url}",
            f"chain      {self.addresses.rpc_url} (chain id {CHAIN_ID})",
            f"files      {self.addresses.directory}",
            "For other terminals:",
            *exports,
            f"All SKEIN belong to {treasury().address}, whose key is public: 0x{treasury().key.hex()}",
        ]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.supervisor.close()


@functools.cache
def treasury() -> LocalAccount:
    """The account that deploys on every local network, and holds all SKEIN at first."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC)
    return account


def _ports(state: Path) -> tuple[int, int]:
    try:
        before = json.loads(state.read_text())
        ports = tuple(int(before[key].rpartition(":")[2]) for key in ("rpc_url", "api_url"))
    except (OSError, ValueError, KeyError):
        ports = ()
    if len(ports) == 2 and all(map(_is_free, ports)):
        return ports[0], ports[1]
    first, second = free_ports(2)
    return first, second


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
