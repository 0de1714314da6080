"""A network with a store and real clients, in process; the test moves time."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import play
from network import SKEIN, Network
from samples import CANCER

from node.journal import Journal
from node.participant import Means, Participant
from node.program import settle_down
from node.sender import Sender
from protocol.chain import Chain
from protocol.encoding import key_hash
from protocol.heldout import encrypt
from protocol.phases import SubmissionState
from protocol.specs import TaskSpec, spec_digest, write_spec
from protocol.store import DirectoryStore
from protocol.tasks.data import breast_cancer, split, write_data
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings
from validator.arena import ArenaValidator
from validator.sandbox import Sandbox
from validator.settings import ValidatorSettings

KEY = b"k" * 32
C = TypeVar("C", bound=Participant)
QUICK: dict[str, Any] = {"spread_seconds": 0, "retry_seconds": 60}


@cache
def _sets(root: Path) -> tuple[Path, Path]:
    source = breast_cancer()
    training, held_out = split(source.table, 0.3, b"seed")
    return write_data(root / "training", training, source.card), write_data(root / "held-out", held_out, source.card)


@dataclass
class World:
    """Accounts by index: 1 creates the tasks."""

    network: Network
    root: Path
    sandbox: Sandbox
    clients: list[Participant] = field(default_factory=list)

    @property
    def store(self) -> DirectoryStore:
        return DirectoryStore(self.root / "store")

    @property
    def chain(self) -> Chain:
        return self.network.chain()

    # --- tasks

    def spec(self, key: bytes = KEY, **changes: Any) -> TaskSpec:
        """A specification whose data are in the store."""
        training, held_out = _sets(self.root)
        sealed = self.root / f"sealed-{key[:4].hex()}"
        if not sealed.exists():
            encrypt(held_out, key, sealed)
        digests = {"training_digest": self.store.put(training), "held_out_digest": self.store.put(sealed)}
        return CANCER.model_copy(update=digests | changes)

    def task(self, spec: TaskSpec | None = None, **changes: Any) -> int:
        spec = spec or self.spec()
        names = {
            "spec_digest": self.store.put(write_spec(spec, self.root / spec_digest(spec))),
            "held_out_digest": spec.held_out_digest,
            "key_hash": key_hash(KEY),
        }
        scoring = {name: getattr(spec, name) for name in ("scale", "tolerance", "slash_tolerance", "grid", "maximise")}
        return play.create_task(self.network, 1, **names | scoring | changes)

    def release(self, task: int, key: bytes = KEY) -> None:
        self.network.chain(1).send("Arena", "releaseKey", task, key)
        self.network.mine(2)

    # --- clients

    def means(self, account: int) -> Means:
        chain = self.network.chain(account)
        journal = Journal.open(self.root / "home", chain)
        return Means(chain, Sender(chain, journal, 2), journal, self.store, journal.folder, 2)

    def trainer(self, account: int, kind: type[ArenaTrainer] = ArenaTrainer, **settings: Any) -> ArenaTrainer:
        play.stake(self.network, account)
        chosen = TrainerSettings(**QUICK | {"epochs": 15, "learning_rate": 0.01} | settings)
        return self._join(kind(self.means(account), chosen))

    def validator(self, account: int, kind: type[ArenaValidator] = ArenaValidator, **settings: Any) -> ArenaValidator:
        play.stake(self.network, account)
        return self._join(kind(self.means(account), ValidatorSettings(**QUICK | settings), self.sandbox))

    def _join(self, client: C) -> C:
        self.clients.append(client)
        return client

    def forget(self, client: Participant) -> None:
        """Delete a client's disk."""
        client.journal.close()
        shutil.rmtree(client.work)

    # --- time

    def work(self) -> None:
        """Let every client do what it can do now."""
        for client in self.clients:
            settle_down(client)

    def pass_to(self, task: int, deadline: str) -> None:
        """Let time pass to a deadline of the task ("commit_ends"), and the clients work there."""
        self.network.set_time(max(self.chain.task(task)[deadline], self.network.now() + 1))
        self.work()

    def live(self, task: int) -> None:
        """The whole life of a task, from its commit phase to the claims."""
        self.work()
        self.pass_to(task, "commit_ends")
        self.pass_to(task, "reveal_ends")
        self.release(task)
        self.score(task)
        for _ in range(3):
            self.work()

    def score(self, task: int) -> None:
        """From the seed to the settled submissions of one attempt."""
        self.work()
        self.pass_to(task, "score_commit_ends")
        self.pass_to(task, "score_reveal_ends")

    # --- what came out

    def states(self, task: int) -> list[SubmissionState]:
        count = self.chain.task(task).submission_count
        return [SubmissionState(self.chain.submission(task, number).state) for number in range(1, count + 1)]

    def locked(self, account: int) -> int:
        return int(self.chain.pool(self.network.accounts[account].address).locked)

    def own(self, account: int) -> float:
        """The account's own stake in its pool, SKEIN."""
        return float(self.chain.pool(self.network.accounts[account].address).own.assets / SKEIN)


@contextmanager
def open_world(network: Network, root: Path) -> Iterator[World]:
    world = World(network, root, Sandbox())
    yield world
    for client in world.clients:
        client.close()
        client.journal.close()
    world.sandbox.close()
