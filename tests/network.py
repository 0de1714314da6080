"""A real chain for tests: anvil with the contracts deployed by `scripts/deploy.py`, a fresh one per test.

    def test_something(network: Network) -> None:
        network.chain(1).send("Staking", "deposit", ...)

The first use deploys once and keeps the chain's state in pytest's cache, by the hash of the contracts' code; every test
then starts its own anvil from that state, in a tenth of a second.
"""

import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemons import MNEMONIC, Anvil, anvil
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3

from protocol.chain import Chain
from protocol.deployment import Deployment
from protocol.seeds import seed_proof

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "contracts"
ACCOUNTS = 20
SKEIN = 10**18
FUNDS = 1_000_000 * SKEIN  # what each account but the first has
COOLDOWN = 3600


@functools.cache
def accounts() -> list[LocalAccount]:
    """Anvil's own accounts, each with 10,000 of the chain's money. The first deployed the contracts and owns them."""
    seed = seed_from_mnemonic(MNEMONIC, "")
    return [Account.from_key(key_from_seed(seed, f"m/44'/60'/0'/0/{index}")) for index in range(ACCOUNTS)]


@dataclass
class Network:
    """A running chain with our contracts."""

    anvil: Anvil
    deployment: Deployment
    deployment_path: Path

    @property
    def rpc_url(self) -> str:
        return self.anvil.url

    @property
    def accounts(self) -> list[LocalAccount]:
        return accounts()

    def chain(self, account: int | LocalAccount | None = None, **options: Any) -> Chain:
        """The chain as one account sees it: its index or itself, or nobody's."""
        chosen = accounts()[account] if isinstance(account, int) else account
        return Chain(self.rpc_url, self.deployment, chosen, **options)

    def rpc(self, method: str, *params: Any) -> Any:
        return self.anvil.request(method, *params)

    def mine(self, blocks: int = 1) -> None:
        self.anvil.mine(blocks)

    def now(self) -> int:
        """The time that the next transaction will see."""
        return self.chain().now()

    def sleep(self, seconds: int) -> None:
        """Let the chain's time pass, and make a block."""
        self.anvil.sleep(seconds)

    def set_time(self, timestamp: int) -> None:
        """Make a block at that time."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)
        self.mine()

    def decide(self, task: int) -> None:
        """Let the block pass that decides the seed of a task's attempt, and prove it."""
        self.mine(2)
        self.prove(self.chain().task(task).seed_ticket)

    def prove(self, ticket: int) -> None:
        """Prove the seed of a ticket that is decided."""
        proof = seed_proof(self.chain(), ticket)
        assert proof is not None
        self.chain(0).send("Randomness", "prove", ticket, proof)

    def reorg(self, depth: int, transactions: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the newest `depth` blocks by others, empty but for (raw transaction, offset of its block)."""
        self.rpc("anvil_reorg", depth, [list(pair) for pair in transactions])

    def snapshot(self) -> str:
        return str(self.rpc("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        assert self.rpc("evm_revert", snapshot)

    def keystore(self, account: int, directory: Path, password: str = "skein") -> Path:
        """The account's key file."""
        path = directory / f"account-{account}.json"
        key = Account.encrypt(accounts()[account].key, password, kdf="pbkdf2", iterations=1000)
        path.write_text(json.dumps(key))
        path.chmod(0o600)
        return path

    def artifact(self, name: str, *args: Any) -> Any:
        """Deploy any compiled contract, such as a test harness."""
        build = json.loads((BUILD / f"{name}.json").read_text())
        web3 = Web3(HTTPProvider(self.rpc_url))
        factory = web3.eth.contract(abi=build["abi"], bytecode=build["bytecode"])
        sent = factory.constructor(*args).transact({"from": web3.eth.accounts[0]})
        return web3.eth.contract(web3.eth.wait_for_transaction_receipt(sent)["contractAddress"], abi=build["abi"])


# --- the state that every test starts from


def _state_key() -> str:
    """What the state depends on: the code of the contracts, the script that deploys them, and this file."""
    digest = hashlib.sha256()
    libraries = ("Appeals", "Evaluation", "Settlement", "Payout", "Committees", "Verdicts")
    governing = ("Emissions", "SkeinTimelock", "SkeinGovernor")
    beside = ("DelegationVaults", "Sponsorships")
    for name in ("SkeinToken", "Staking", "PrevrandaoRandomness", *libraries, "Arena", "Alliance", *governing, *beside):
        digest.update(json.loads((BUILD / f"{name}.json").read_text())["bytecode"].encode())
    for path in (ROOT / "scripts" / "deploy.py", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_state(directory: Path) -> None:
    """Deploy, give every account its SKEIN, and keep the chain's state."""
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    path = partial / "deployment.json"
    with anvil(
        "--accounts", str(ACCOUNTS), "--preserve-historical-states", "--dump-state", str(partial / "state.json")
    ) as running:
        deploy(running.url, path)
        owner = Network(running, Deployment.read(path), path).chain(0)
        for account in accounts()[1:]:
            owner.send("SkeinToken", "transfer", account.address, FUNDS)
    partial.rename(directory)


def deploy(rpc_url: str, deployment_path: Path, **settings: str) -> None:
    """Run the deploy script as an operator would; `settings` are its environment's."""
    environment = {"SKEIN_COOLDOWN": str(COOLDOWN), "SKEIN_RANDOMNESS_DELAY": "1"}
    environment |= {"SKEIN_OWNER": accounts()[0].address}  # tests enable modules without a vote
    environment |= {"SKEIN_VOTING_DELAY": "60", "SKEIN_VOTING_PERIOD": "100", "SKEIN_TIMELOCK_DELAY": "60"}
    environment |= {"SKEIN_PROPOSAL_VOTES": "1000", "SKEIN_LEAST_QUORUM": "2000"}
    environment |= {"SKEIN_EMISSION_DELAY": str(8 * 3600), **settings}  # sums of tests are of what they pay
    environment |= {"SKEIN_RPC_URL": rpc_url, "SKEIN_DEPLOYMENT": str(deployment_path)}
    python = ROOT / ".venv-contracts" / "bin" / "python"
    subprocess.run(
        [str(python), "scripts/deploy.py"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=300,
    )


@pytest.fixture(scope="session")
def network_state(request: pytest.FixtureRequest) -> Path:
    """The directory with state.json and deployment.json of a chain with our contracts and funded accounts."""
    cache = request.config.cache
    assert cache is not None
    directory = cache.mkdir("skein") / _state_key()
    with _locked(directory.with_suffix(".lock")):
        if not directory.exists():
            _make_state(directory)
    return directory


@pytest.fixture
def network(network_state: Path) -> Iterator[Network]:
    """A chain of this test's own."""
    with running_network(network_state) as running:
        yield running


@pytest.fixture(scope="module")
def module_network(network_state: Path) -> Iterator[Network]:
    """A chain that the tests of one module share; for tests that only read, or bring their own accounts and tasks."""
    with running_network(network_state) as running:
        yield running


@contextmanager
def running_network(state: Path, *options: str) -> Iterator[Network]:
    """A chain from the state that `network_state` gives; `options` are anvil's."""
    path = state / "deployment.json"
    with anvil("--accounts", str(ACCOUNTS), "--load-state", str(state / "state.json"), *options) as running:
        yield Network(running, Deployment.read(path), path)
