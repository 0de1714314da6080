"""What trainers and validators have in common: the walk over all tasks, their specifications, and the stake for them.

A tick reads the chain and does what is due; it holds no state that a restart would miss. One task's trouble never stops
the others.
"""

import logging
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from node import leaving
from node.amounts import format_amount
from node.appeals import Appeals
from node.jobs import Jobs
from node.journal import Journal
from node.policy import Policy
from node.rehearsal import Rehearsed, RehearsingSender
from node.retention import Retention
from node.sender import Sender
from node.upkeep import Upkeep
from protocol import phases
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import salt
from protocol.errors import (
    ArtifactError,
    ChainUnavailable,
    ConfigInvalid,
    NotNow,
    ProtocolError,
    SpecInvalid,
    StorageFailed,
)
from protocol.phases import Phase
from protocol.specs import MAX_SPEC_BYTES, TaskSpec, check_parameters, read_spec
from protocol.store import ArtifactStore, Limits

logger = logging.getLogger(__name__)


class TaskRefused(ConfigInvalid):
    """This client keeps away from a task; the message says why."""


@dataclass(frozen=True)
class Means:
    """What a client works with: the chain for its account, its journal, its stores, a folder for its files.

    `confirmations`: blocks after which no reorganisation is expected.
    """

    chain: Chain
    sender: Sender
    journal: Journal
    store: ArtifactStore
    work: Path
    confirmations: int


class Participant(ABC):
    """A client of the arena: `tick` on every turn of its loop."""

    def __init__(self, means: Means, policy: Policy) -> None:
        self.chain, self.sender, self.journal = means.chain, means.sender, means.journal
        self.store, self.work, self.confirmations = means.store, means.work, means.confirmations
        self.policy = policy
        self.jobs = Jobs(policy.workers, first_pause=policy.retry_seconds)
        self.upkeep = Upkeep(means.chain, means.sender, policy.spread_seconds)
        self.appeals = Appeals(means.chain, means.sender, means.journal, policy, self.upkeep)
        self._specs: dict[int, TaskSpec | TaskRefused] = {}
        self.refused: dict[int, TaskRefused] = {}  # why this client keeps away from tasks, by their ids
        self.engaged: set[int] = set()  # the tasks that were joined and are not over
        self.has_left = False
        self.hindrance: StorageFailed | None = None  # the last trouble with this machine's disk
        self._deadlines: dict[int, int] = {}
        self._told: dict[int, str] = {}
        self._ended: dict[int, int] = {}
        self._let_go: set[int] = set()
        self.retention = Retention(means.journal, means.work, policy)
        self._leaving = False
        self._below = int((self.journal.recall("finished") or {}).get("below", 1))

    # --- what the two programs fill in

    @abstractmethod
    def is_mine(self, task_id: int) -> bool:
        """Whether this client has joined the task."""

    @abstractmethod
    def join(self, task_id: int, task: Record) -> None:
        """Join a task in its commit phase, or get on with what that takes. TaskRefused to keep away from it."""

    @abstractmethod
    def work_on(self, task_id: int, task: Record, phase: Phase) -> None:
        """Do what is due in a task that was joined, up to the claim."""

    @abstractmethod
    def is_over(self, task_id: int, task: Record) -> bool:
        """Whether nothing is left to do in a task that was joined and is finalized."""

    # --- the walk

    @property
    def busy(self) -> bool:
        """Whether work runs beside the loop."""
        return self.jobs.busy

    def tick(self) -> None:
        """Do all that is due now."""
        self.sender.resume()
        self._leaving = leaving.is_leaving(self.journal)
        height = self.chain.head().number
        for task_id in range(self._below, self.chain.call("Arena", "taskCount") + 1):
            if not self._is_finished(task_id, height):
                self._visit(task_id)
        self._forget_finished(height)
        if self._leaving and not self.engaged:
            self._leave()

    @property
    def is_leaving(self) -> bool:
        """Whether it joins nothing any more."""
        return self._leaving

    def next_deadline(self) -> int | None:
        """Chain time of the next deadline of a task that was joined."""
        return min((self._deadlines[task] for task in self.engaged if self._deadlines[task]), default=None)

    def _leave(self) -> None:
        try:
            self.has_left = leaving.step(self.chain, self.sender, self.journal)
        except Rehearsed as told:
            logger.info("%s", told)
            self.has_left = True
        except ChainUnavailable:
            raise
        except ProtocolError as error:
            self._tell(0, logging.ERROR, f"Could not take the stake out: {error}")

    def has_ended(self, task_id: int) -> bool:
        """Whether nothing is left to do in a task."""
        return task_id < self._below or task_id in self._ended

    def close(self) -> None:
        """Stop what runs beside the loop."""
        self.jobs.close()

    def _visit(self, task_id: int) -> None:
        try:
            if self._advance(task_id):
                self._ended.setdefault(task_id, self.chain.head().number)
            else:
                self._ended.pop(task_id, None)
        except NotNow as error:
            self._tell(task_id, logging.WARNING, f"Could not go on with task={task_id}: {error}")
        except ChainUnavailable:
            raise
        except TaskRefused as refused:
            self.refused[task_id] = refused
            self._tell(task_id, logging.INFO, f"Kept away from task={task_id}: {refused}")
        except Rehearsed as told:
            self._tell(task_id, logging.INFO, f"{told} task={task_id}")
        except ProtocolError as error:
            level = logging.WARNING if error.retryable else logging.ERROR
            self._tell_of(task_id, level, f"Could not go on with task={task_id}", error)

    def _advance(self, task_id: int) -> bool:
        """Do what is due in one task; True once nothing is left to do."""
        task = self.chain.task(task_id)
        now = self.chain.now()
        phase = phases.phase(task, now)
        if not self.is_mine(task_id):
            if phase == Phase.COMMIT and not self._leaving:
                self.policy.require_space(self.work)
                self.join(task_id, task)
            return phase != Phase.COMMIT
        if phase == Phase.FINALIZED and self.is_over(task_id, task):
            self.engaged.discard(task_id)
            return True
        self.engaged.add(task_id)
        self._deadlines[task_id] = phases.deadline(task, now) or 0
        self.work_on(task_id, task, phase)
        return False

    def _is_finished(self, task_id: int, height: int) -> bool:
        """Over for so long, at this height of the chain, that no reorganisation brings it back."""
        since = self._ended.get(task_id)
        return since is not None and height - since >= self.confirmations

    def _forget_finished(self, height: int) -> None:
        now = self.chain.now()
        for task_id in self._ended.keys() - self._let_go:
            if self._is_finished(task_id, height):
                self.forget(task_id)
                self.retention.over(task_id, now, self.clear)
                self._let_go.add(task_id)
        below = self._below
        while below in self._let_go:
            self._let_go.remove(below)
            del self._ended[below]
            below += 1
        if below > self._below:
            self._below = below
            self.journal.remember("finished", {"below": below})
        if not isinstance(self.sender, RehearsingSender):
            self.retention.tidy(now, self.clear)

    def forget(self, task_id: int) -> None:
        """Drop what is in memory of a task that is over: a client runs for months."""
        for table in (self._specs, self.refused, self._deadlines, self._told):
            table.pop(task_id, None)
        self.upkeep.forget(task_id)
        self.appeals.forget(task_id)

    def clear(self, task_id: int) -> None:
        """Remove the files of a task that is over."""
        shutil.rmtree(self.folder(task_id), ignore_errors=True)

    def _tell(self, task_id: int, level: int, line: str) -> None:
        """Log it, unless it is what was said last about the task."""
        if self._told.get(task_id) != line:
            self._told[task_id] = line
            logger.log(level, line)

    def _tell_of(self, task_id: int, level: int, doing: str, error: ProtocolError) -> None:
        """Log what an error has kept it from."""
        if isinstance(error, StorageFailed):
            self.hindrance = error
        self._tell(task_id, level, f"{doing}: {error}")

    # --- tools

    def folder(self, task_id: int) -> Path:
        """Where the task's files are."""
        return self.work / f"task-{task_id}"

    def spec(self, task_id: int, task: Record) -> TaskSpec | None:
        """The task's specification, checked against the chain; None while it is fetched. TaskRefused if it is bad."""
        known = self._specs.get(task_id)
        if known is None:
            known = self.jobs.result(("spec", task_id), partial(self._fetch_spec, task_id, task))
            if known is None:
                return None
            self._specs[task_id] = known
        if isinstance(known, TaskRefused):
            raise known
        return known

    def _fetch_spec(self, task_id: int, task: Record) -> TaskSpec | TaskRefused:
        try:
            folder = self.folder(task_id) / "spec"
            spec = read_spec(self.store.get(task.parameters.spec_digest, folder, Limits(MAX_SPEC_BYTES, 1)))
            check_parameters(spec, task.parameters)
        except (SpecInvalid, ArtifactError) as error:
            if error.retryable:
                raise
            return TaskRefused(str(error))
        return spec

    def stake_for(self, task_id: int, minimum: int) -> int:
        """What to stake on a task that asks for `minimum`, token wei; it is in the pool. TaskRefused if it is not."""
        wanted = max(minimum, self.policy.stake)
        if wanted > self.policy.max_stake:
            least, most = format_amount(minimum), format_amount(self.policy.max_stake)
            raise TaskRefused(f"it asks for {least} SKEIN of stake, the limit is {most} (--max-stake).")
        free = int(self.chain.call("Staking", "lockable", self.chain.address))
        if free < wanted:
            self._top_up(task_id, wanted - free)
        return wanted

    def _top_up(self, task_id: int, missing: int) -> None:
        own, most = int(self.chain.pool(self.chain.address).own.assets), self.policy.auto_stake
        if own + missing > most:
            allow = f"more than --auto-stake {format_amount(most)}" if most else "deposits with --auto-stake"
            raise TaskRefused(
                f"its stake needs {format_amount(missing)} SKEIN more than the pool has free: "
                f"`skein stake deposit {format_amount(missing)}`, or allow {allow}."
            )
        if self.chain.token_balance(self.chain.address) < missing:
            raise TaskRefused(f"its stake needs {format_amount(missing)} SKEIN more than {self.chain.address} has.")
        staking, account = self.chain.deployment.address("Staking"), self.chain.address
        self.sender.send(f"task:{task_id}:approve:{own}", "SkeinToken", "approve", staking, missing)
        self.sender.send(f"task:{task_id}:deposit:{own}", "Staking", "deposit", account, missing, account)
        logger.info("Deposited %s SKEIN of stake for task=%s", format_amount(missing), task_id)

    def note(self, key: str, fact: dict[str, Any]) -> None:
        """Keep a fact in the journal; a disk's sync is only paid for news."""
        if self.journal.recall(key) != fact:
            self.journal.remember(key, fact)

    def salt(self, purpose: str, task_id: int, attempt: int = 1, batch: int = 0) -> bytes:
        """The salt of a commitment of this client; see `protocol.encoding.salt`."""
        account, deployment = self.chain.account, self.chain.deployment
        assert account is not None
        key, arena = bytes(account.key), deployment.address("Arena")
        return salt(key, purpose, deployment.chain_id, arena, task_id, attempt, batch)
