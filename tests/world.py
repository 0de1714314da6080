"""A network with a store and real clients, in process; the test moves time."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import play
from network import SKEIN, Network
from samples import CANCER, LIMITS, write_files

from node.history import events_of
from node.journal import Journal
from node.participant import Means, Participant
from node.program import settle_down
from node.sender import Sender
from protocol.chain import Chain
from protocol.encoding import key_hash
from protocol.heldout import encrypt
from protocol.models import write_tensors
from protocol.phases import SubmissionState
from protocol.reports import Verdict, read_report
from protocol.specs import TaskSpec, spec_digest, write_spec
from protocol.store import DirectoryStore
from protocol.tasks import Budget, Weights, load
from protocol.tasks.data import breast_cancer, write_data
from protocol.tasks.runs import MODEL_FILE
from protocol.tasks.sets import split
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
    training, held_out = split(source.data, 0.3, b"seed")
    return write_data(root / "training", training, source.card), write_data(root / "held-out", held_out, source.card)


@cache
def _weights() -> Weights:
    """A model that was trained for a moment."""
    task = load(CANCER)
    with tempfile.TemporaryDirectory() as root:
        return task.train(task.load(_sets(Path(root))[0]), Budget(epochs=3, learning_rate=0.01), seed=1).weights


def write_model(folder: Path, number: int) -> Path:
    """The folder of a good model, a different one for each number."""
    weights = dict(_weights())
    weights["layers.1.bias"] = weights["layers.1.bias"] + np.float32(number / 100)
    write_tensors(folder / MODEL_FILE, weights)
    return folder


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

    def entrant(
        self, account: int, task: int, files: Mapping[str, bytes] | None = None, **settings: Any
    ) -> ArenaTrainer:
        """A trainer with a model that is ready: a good one, or these files."""
        trainer = self.trainer(account, **settings)
        folder = trainer.model_folder(task)
        if files is None:
            write_model(folder, account)
        else:
            write_files(folder, dict(files))
        return trainer

    def _join(self, client: C) -> C:
        self.clients.append(client)
        return client

    def replace_all(self) -> None:
        """Every client loses its disk and starts anew."""
        clients, self.clients = self.clients, []
        for client in clients:
            client.jobs.close()
            client.journal.close()
            shutil.rmtree(client.work)
            means, kind = self.means(self._account(client)), type(client)
            options = {"sandbox": self.sandbox} if isinstance(client, ArenaValidator) else {}
            self._join(kind(means, client.policy, **options))

    def _account(self, client: Participant) -> int:
        return [account.address for account in self.network.accounts].index(client.chain.address)

    # --- time

    def work(self) -> None:
        """Let every client do what it can do now."""
        for client in self.clients:
            settle_down(client)

    def pass_to(self, task: int, deadline: str) -> None:
        """Let time pass to a deadline of the task ("commit_ends"), and the clients work there."""
        self.network.set_time(max(self.chain.task(task)[deadline], self.network.now() + 1))
        self.work()

    def unseal(self, task: int, key: bytes = KEY) -> None:
        """From the commit phase to the seed: models are revealed, then the key."""
        self.work()
        self.pass_to(task, "commit_ends")
        self.pass_to(task, "reveal_ends")
        self.release(task, key)

    def contest(self, kind: type[ArenaValidator] = ArenaValidator) -> int:
        """A task with a trainer (2) and three validators, whose panel can be drawn."""
        task = self.task()
        self.entrant(2, task)
        for account in (3, 4, 5):
            self.validator(account, kind)
        self.unseal(task)
        return task

    def live(self, task: int, key: bytes = KEY) -> None:
        """The whole life of a task, from its commit phase to the claims."""
        self.unseal(task, key)
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

    def outcome(self, task: int) -> str:
        """How the task ended, as bytes32."""
        return str(events_of(self.chain, "Arena.TaskFinalized", task_id=task)[-1].args["outcome"])

    def reasons(self, task: int) -> dict[int, str]:
        """Why submissions have no score, as the validators' published reports say."""
        found = {}
        for event in events_of(self.chain, "Arena.ScoreRevealed", task_id=task):
            folder = self.root / "reports" / event.args["report_digest"]
            report = read_report(self.store.get(event.args["report_digest"], folder, LIMITS))
            if isinstance(report, Verdict):
                found[event.args["submission_id"]] = report.reason
        return found

    def has_committed(self, task: int, account: int, attempt: int = 1) -> bool:
        address = self.network.accounts[account].address
        return bool(int(self.chain.call("Arena", "scoresCommitmentOf", task, attempt, address, 0), 16))

    def locked(self, account: int) -> int:
        return int(self.chain.pool(self.network.accounts[account].address).locked)

    def own(self, account: int) -> float:
        """The account's own stake in its pool, SKEIN."""
        return float(self.chain.pool(self.network.accounts[account].address).own.assets / SKEIN)


@contextmanager
def open_world(network: Network, root: Path, sandbox: Sandbox) -> Iterator[World]:
    world = World(network, root, sandbox)
    yield world
    for client in world.clients:
        client.jobs.close()  # not client.close(): the sandbox is everybody's
        client.journal.close()
