"""The checks of `doctor` that trainer and validator share; see `node.doctor`."""

import os
import platform
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from node.amounts import format_amount, round_amount
from node.appeals import Standing
from node.doctor import Check, Finding, fault, ok, warning
from node.journal import Journal
from node.keys import address_in, load_keystore, read_password
from node.locks import is_locked
from node.output import ARTIFACT, CHAIN
from node.policy import Policy
from node.settings import ClientSettings
from protocol.artifacts import manifest_cid, manifest_of
from protocol.chain import Chain
from protocol.configuration import expanded, settings_file
from protocol.endpoints import told
from protocol.errors import ChainUnavailable, ConfigInvalid, ProtocolError, StorageFailed
from protocol.rpc import Rpc
from protocol.staging import local_storage, write_file
from protocol.store import Limits, open_store
from protocol.tasks import KINDS, installed

_OLD_SECONDS = 120  # of the newest block: either the node stands still, or one of the two clocks is wrong
_LAG_BLOCKS = 3
_TASK_GAS = 1_500_000  # what a client spends in a task, about; upkeep for others included
_FEW_TASKS = 20
_SPARE_BYTES = 1 << 30
_SLOW_SYNC = 0.5  # seconds for a small file to reach the disk
_PACKAGES = ("skein", "numpy", "torch", "safetensors", "web3")


class Common:
    """The checks, for settings that have been read."""

    def __init__(self, client: ClientSettings, policy: Policy) -> None:
        self.client = client
        self.policy = policy
        self._is_dead = False  # no endpoint answered: what needs one need not wait for it

    def checks(self) -> dict[str, Check]:
        """By name, in the order in which one depends on the other."""
        return {
            "settings": self.settings,
            "versions": self.versions,
            "endpoints": self.endpoints,
            "clock": self.clock,
            "contracts": self.contracts,
            "key": self.key,
            "withdrawal": self.withdrawal,
            "gas money": self.gas_money,
            "stake": self.stake,
            "appeals": self.appeals,
            "disk": self.disk,
            "journal": self.journal,
            "store": self.stores,
        }

    def _chain(self) -> Chain:
        if self._is_dead:
            raise ChainUnavailable("not examined, since no endpoint answers")
        return self.client.chain()

    def _address(self) -> str:
        return address_in(self.client.key_file())

    # --- this machine

    def settings(self) -> Iterator[Finding]:
        path = settings_file()
        yield ok("settings", f"{path}, below options and environment" if path else "options, environment and defaults")
        there = {*KINDS, *installed()}
        for name in sorted(self.policy.kinds - there):
            known = ", ".join(sorted(there))
            yield warning("settings", f"no kind is called {name}", f"--kinds takes {known}, and those of packages")

    def versions(self) -> Iterator[Finding]:
        found = [f"Python {platform.python_version()}"]
        for name in _PACKAGES:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                yield fault("versions", f"{name} is not installed", "install skein[node]")
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        yield ok("versions", f"{', '.join(found)}; {sys.platform}, {os.cpu_count()} processors, {memory:.1f} GiB")

    def disk(self) -> Iterator[Finding]:
        home = expanded(self.client.home)
        with local_storage(f"Writing to {home}"):
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            started = time.monotonic()
            with tempfile.TemporaryDirectory(dir=home, prefix=".doctor-") as scratch:
                write_file(Path(scratch) / "probe", b"x")
            took = time.monotonic() - started
        free = shutil.disk_usage(home).free
        text = f"{free / 2**30:.1f} GiB free in {home}, a file is safe after {took * 1000:.0f} ms"
        if free < max(_SPARE_BYTES, self.policy.min_free_bytes):
            yield fault("disk", text, "free at least a GiB: the journal, models and data sets need it")
        elif free < self.policy.max_download_bytes:
            advice = "a data set may be larger: free some, or lower --max-download-bytes"
            yield warning("disk", text, advice)
        elif took > _SLOW_SYNC:
            yield warning("disk", text, "that is slow; every transaction waits for it several times")
        else:
            yield ok("disk", text)

    # --- the chain

    def endpoints(self) -> Iterator[Finding]:
        """Each by itself: one that fails now is no help when the other one does."""
        heads = {}
        for url in self.client.rpc_urls:
            try:
                rpc = Rpc(url, patience=0.0)
                heads[url] = int(rpc.request("eth_blockNumber"), 16)
                yield ok("endpoints", f"{told(url)}: {_node_version(rpc)}, block {heads[url]:,}")
            except ProtocolError as error:
                yield warning("endpoints", str(error), "mend it, or take it out of SKEIN_RPC_URL")
        self._is_dead = not heads
        if self._is_dead:
            yield fault("endpoints", "none answers", "set SKEIN_RPC_URL to a node of the chain", CHAIN)
        for url, head in heads.items():
            if max(heads.values()) - head > _LAG_BLOCKS:
                yield warning(
                    "endpoints", f"{told(url)} is {max(heads.values()) - head} blocks behind", "let it catch up"
                )

    def clock(self) -> Iterator[Finding]:
        age = time.time() - self._chain().head().timestamp
        if age > _OLD_SECONDS:
            text = f"the newest block is {age:,.0f} s old"
            yield warning(
                "clock", text, "see whether the node follows its chain, and whether this machine's clock is right"
            )
        elif age < -_OLD_SECONDS:
            yield warning("clock", f"the newest block is {-age:,.0f} s in the future", "set this machine's clock")
        else:
            yield ok("clock", f"the newest block is {max(age, 0):.0f} s old; deadlines go by the chain's clock alone")

    def contracts(self) -> Iterator[Finding]:
        chain = self._chain()
        for name, contract in chain.deployment.contracts.items():
            if chain.rpc.request("eth_getCode", contract.address, "latest") == "0x":
                yield fault(
                    "contracts", f"there is no {name} at {contract.address}", "set SKEIN_DEPLOYMENT to this network's"
                )
                return
        count = chain.call("Arena", "taskCount")
        yield ok(
            "contracts", f"chain {chain.deployment.chain_id}, arena {chain.deployment.address('Arena')}, {count} tasks"
        )

    # --- the account

    def key(self) -> Iterator[Finding]:
        path, address = self.client.key_file(), self._address()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield warning("key", f"others may read {path}", f"chmod 600 {path}")
        if not self.client.password_file and not os.environ.get("SKEIN_PASSWORD"):
            advice = "set SKEIN_PASSWORD or --password-file where it runs unattended"
            yield warning("key", f"{address} in {path}; its password would be asked for", advice)
        else:
            found = load_keystore(path, read_password(self.client.password_file)).address
            if found != address:
                raise ConfigInvalid(f"{path} says that it is {address}, and holds the key of {found}.")
            yield ok("key", f"{address} in {path}, and the password opens it")
        with suppress(ChainUnavailable, StorageFailed):  # which other checks tell
            if is_locked(self._chain(), address, self.client.home):
                yield ok("key", "a client is running with it")

    def withdrawal(self) -> Iterator[Finding]:
        pool = self._chain().pool(self._address())
        own, delegated = int(pool.own.assets), int(pool.delegated.assets)
        text = f"this key could withdraw {format_amount(own)} of {format_amount(own + delegated)} SKEIN in its pool"
        if self.client.withdrawal in (None, self._address()):
            advice = "keep a second key elsewhere: delegate from it, and set SKEIN_WITHDRAWAL to its address"
            yield warning("withdrawal", f"{text}, and `exit` leaves them with it", advice)
        else:
            yield ok("withdrawal", f"{text}; `exit` sends them to {self.client.withdrawal}")

    def gas_money(self) -> Iterator[Finding]:
        chain, address = self._chain(), self._address()
        price = max(chain.fees(chain.base_fee())["maxFeePerGas"], 1)
        balance = chain.balance(address)
        tasks = balance // (price * _TASK_GAS)
        text = (
            f"{balance / 10**18:.6f} of the chain's own money, about {min(tasks, 10**6):,} tasks at the present price"
        )
        if not tasks:
            yield fault("gas money", text, f"send some to {address}")
        elif tasks < _FEW_TASKS:
            yield warning("gas money", text, f"send some to {address}")
        else:
            yield ok("gas money", text)

    def stake(self) -> Iterator[Finding]:
        chain, address = self._chain(), self._address()
        free, balance = int(chain.call("Staking", "lockable", address)), chain.token_balance(address)
        text = f"{round_amount(free)} SKEIN free for new tasks, {round_amount(balance)} in the wallet"
        usable = free + min(balance, self.policy.auto_stake)
        if usable < max(self.policy.stake, 1):
            yield fault("stake", text, "`skein stake deposit 100`, or allow deposits with --auto-stake")
        else:
            yield ok("stake", text)

    def appeals(self) -> Iterator[Finding]:
        budget = self.policy.appeal_budget
        if not budget:
            yield ok("appeals", "none by itself; what it finds wrong it says (--appeal-budget allows bonds)")
            return
        chain, address = self._chain(), self._address()
        made, balance = Standing(chain, address), chain.token_balance(address)
        left = max(budget - made.out - sum(made.lost.values()), 0)
        text = f"{round_amount(left)} of {round_amount(budget)} SKEIN are left for bonds"
        if balance < left:
            advice = f"send it to {address}: bonds come from the wallet and not from the stake"
            yield warning("appeals", f"{text}, and {round_amount(balance)} in the wallet", advice)
        elif not left:
            yield warning("appeals", text, "raise --appeal-budget, if what was lost was lost to liars")
        else:
            yield ok("appeals", text)

    # --- what it keeps

    def journal(self) -> Iterator[Finding]:
        chain = self._chain()
        with Journal.open_for(self.client.home, chain, self._address()) as journal:
            journal.check()
            waiting = [intent.key for intent in journal.open_intents()]
        text = f"{journal.path} is whole, {len(waiting)} transactions are looked after"
        yield ok("journal", text + (f": {', '.join(waiting[:5])}" if waiting else ""))

    def stores(self) -> Iterator[Finding]:
        """The first must take what it is given; one of them must have what the newest task is about."""
        chain, chained = self._chain(), open_store(self.client.store)
        first = chained.stores[0]
        home = expanded(self.client.home)
        with local_storage(f"Writing to {home}"), tempfile.TemporaryDirectory(dir=home, prefix=".doctor-") as scratch:
            probe = Path(scratch) / "probe"
            write_file(probe / "probe.txt", b"skein doctor\n")
            try:
                first.put(probe)
                first.get(manifest_of(probe).digest, Path(scratch) / "back", Limits(1000))
                yield ok("store", f"{first.name} takes and gives")
            except ProtocolError as error:
                yield fault("store", str(error), "mend it, or name another store first in SKEIN_STORE", ARTIFACT)
        count = int(chain.call("Arena", "taskCount"))
        if not count:
            return
        cid = manifest_cid(chain.task(count).parameters.spec_digest)
        for store in chained.stores:
            try:
                store.block(cid)
                yield ok("store", f"{store.name} has the specification of task {count}")
            except ProtocolError as error:
                yield warning("store", str(error), "add a store that has it, such as a gateway, to SKEIN_STORE")


def _node_version(rpc: Rpc) -> str:
    try:
        return str(rpc.request("web3_clientVersion"))[:40]
    except ProtocolError:
        return "a node"
