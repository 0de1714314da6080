"""A federation with real members on a test network, in process; the test moves time."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import play
from network import SKEIN, Network
from sklearn.datasets import load_breast_cancer

from node.journal import Journal
from node.participant import Means
from node.sender import Sender
from protocol.federated.first import initial
from protocol.federated.fixed import encode_model
from protocol.federated.phases import Phase, phase
from protocol.federated.spec import Column, FederationSpec, write_federation
from protocol.federated.wire import write_model
from protocol.store import DirectoryStore
from trainer.federated.local import Local, open_local
from trainer.federated.member import FederationMember
from trainer.federated.program import settle_down
from trainer.federated.settings import MemberSettings

WINDOW = 10_000
FEATURES = 5


def spec(**changes: Any) -> FederationSpec:
    """Logistic regression on the first columns of the breast cancer set."""
    x = load_breast_cancer().data[:, :FEATURES]
    columns = tuple(
        Column(name=f"f{at}", mean=round(1e6 * mean), scale=round(1e6 / deviation))
        for at, (mean, deviation) in enumerate(zip(x.mean(axis=0), x.std(axis=0), strict=True))
    )
    values: dict[str, Any] = {"title": "Breast masses", "columns": columns, "label": "malignant", "classes": 2}
    return FederationSpec(**values | {"exponent": 3} | changes)


def write_rows(path: Path, part: int, parts: int) -> Path:
    """One member's rows as a CSV file."""
    data = load_breast_cancer()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"f{at}" for at in range(FEATURES)), "malignant"])
        for row, label in list(zip(data.data, data.target, strict=True))[part::parts]:
            writer.writerow([*row[:FEATURES], label])
    return path


@dataclass
class Federated:
    """One federation; members by the index of their account."""

    network: Network
    root: Path
    spec: FederationSpec = field(default_factory=spec)
    members: dict[int, FederationMember] = field(default_factory=dict)
    id: int = 0
    first: Any = None

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore(self.root / "store")

    def found(self, **changes: Any) -> None:
        """Account 1 founds it."""
        first = initial(self.spec.shapes, 0) if self.first is None else self.first
        write_model(self.root / "first", encode_model(first, self.spec.exponent))
        parameters: dict[str, Any] = {
            "spec_digest": self.store.put(write_federation(self.spec, self.root / "spec")),
            "model_digest": self.store.put(self.root / "first"),
            "bounty": 100 * SKEIN,
            "min_stake": 10 * SKEIN,
            "floor_stake": 5 * SKEIN,
            "rounds": 2,
            "proposers": 2,
            "committee": 25,
            "quorum": 2,
            "min_members": 4,
            "silent_slash": SKEIN // 50,
            "rest_window": 30 * WINDOW,
            "commit_window": WINDOW,
            "reveal_window": WINDOW,
            "vote_window": WINDOW,
            "ballot_window": WINDOW,
            "attest_window": WINDOW,
            "invited": False,
        }
        chain = self.network.chain(1)
        chain.send("SkeinToken", "approve", self.network.deployment.address("Alliance"), 10**30)
        chain.send("Alliance", "createFederation", tuple((parameters | changes).values()))
        self.id = int(chain.call("Alliance", "federationCount"))

    def join(
        self,
        account: int,
        parts: int = 6,
        kind: type[FederationMember] = FederationMember,
        wrap: Callable[[Local], Local] = lambda local: local,
        **settings: Any,
    ) -> FederationMember:
        """A new client with its part of the rows."""
        play.stake(self.network, account)
        source = settings.pop("data", None) or str(
            write_rows(self.root / f"rows-{account}.csv", account % parts, parts)
        )
        return self.start(
            account,
            kind,
            lambda spec: wrap(open_local(source, spec, chosen.effort())),
            chosen := MemberSettings(data=source, spread_seconds=0, retry_seconds=60, **settings),
        )

    def start(
        self,
        account: int,
        kind: type[FederationMember],
        open_data: Callable[[FederationSpec], Local],
        chosen: MemberSettings,
    ) -> FederationMember:
        """A client, anew from what is on its disk and on the chain."""
        chain = self.network.chain(account)
        journal = Journal.open(self.root / "home", chain)
        means = Means(chain, Sender(chain, journal, 2), journal, self.store, journal.folder, 2)
        member = self.members[account] = kind(means, self.id, chosen, open_data)
        return member

    def work(self) -> None:
        """Let everybody do what is due now, until nothing is."""
        for _ in range(3):
            for member in self.members.values():
                settle_down(member)

    @property
    def phase(self) -> Phase:
        """As the contract has it; the clients' own reckoning must agree."""
        chain, record = self.network.chain(), self.record()
        said = Phase(chain.call("Alliance", "phase", self.id, block="pending"))
        assert phase(record, self.round() if record.round else None, chain.now()) == said
        return said

    def run(self, until: Sequence[Phase] = (Phase.ENDED,), steps: int = 14) -> None:
        """Let time pass, phase by phase, until one of these, or the only round is over."""
        for _ in range(steps):
            self.network.mine(2)
            self.work()
            record = self.record()
            if self.phase in until or (record.round and not record.open):
                return
            rest = {Phase.RESTING: 30 * WINDOW, Phase.DRAW: 1}
            self.network.sleep(rest.get(self.phase, WINDOW))
        raise AssertionError(f"the round stands still in {self.phase.name}")

    def until_drawn(self) -> None:
        """Let the round start and be drawn, but nobody propose yet."""
        chain = self.network.chain(1)
        self.work_on_joining()
        self.network.sleep(30 * WINDOW)
        chain.send("Alliance", "startRound", self.id)
        self.network.mine(2)
        self.network.prove(self.round().seed_ticket)
        chain.send("Alliance", "drawRound", self.id)

    def work_on_joining(self) -> None:
        """Everybody joins; nobody starts a round."""
        for member in self.members.values():
            while not self.network.chain().call("Alliance", "member", self.id, member.chain.address).seat:
                member.tick()
                member.jobs.wait()

    def record(self) -> Any:
        return self.network.chain().call("Alliance", "federation", self.id)

    def member(self, account: int) -> Any:
        return self.network.chain().call("Alliance", "member", self.id, self.network.accounts[account].address)

    def round(self) -> Any:
        return self.network.chain().call("Alliance", "round", self.id, self.record().round)

    def proposers(self) -> list[int]:
        """The accounts that were drawn to propose."""
        drawn = self.network.chain().call("Alliance", "roles", self.id, self.record().round)
        by_address = {self.network.accounts[account].address: account for account in self.members}
        return [by_address[address] for address in drawn[: self.round().proposer_count]]

    def adds_up(self) -> bool:
        """The alliance holds what it owes, and locks what its records say."""
        chain, record = self.network.chain(), self.record()
        alliance = self.network.deployment.address("Alliance")
        locked = {
            account: chain.call("Staking", "lockedBy", self.network.accounts[account].address, alliance)
            for account in self.members
        }
        stakes = {account: self.member(account).stake for account in self.members}
        return bool(chain.token_balance(alliance) == record.pool + record.owed and locked == stakes)

    def close(self) -> None:
        for member in self.members.values():
            member.close()
            member.means.journal.close()


def any_words(parameters: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """An update of no sense."""
    return np.arange(1, parameters + 1, dtype=np.int32) * 100_000


def any_data() -> tuple[int, str, str]:
    """A commitment to data that nobody has."""
    return 100, "0x" + "11" * 32, "0x" + "22" * 32
