"""A task's life, led on the chain and in the reference model at the same time.

Every verb goes through `Life.do`: the model judges it first, then the chain must refuse it with the same error, or
carry it out with the same events. `check` compares all records. The helpers below `do` lead a task from phase to phase.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy

from brownie import chain, web3
from brownie.test.managers.runner import RevertContextManager as reverts
from brownie_compat import error
from eth_utils import keccak
from invariants import pool_of
from reference import Ledger, Refused
from reference_arena import Arena
from reference_rewards import scores_commitment, submission_commitment
from reference_task import Parameters, Phase, State, Submission, Task

KEY = b"\x53" * 32


def plain(value: object) -> object:
    """Brownie's values as Python's: addresses as text, bytes as bytes, structs and arrays as tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    if isinstance(value, bytes):
        return bytes(value)
    return value.address if hasattr(value, "address") else value


@contextmanager
def undone() -> Iterator[None]:
    """Takes back what was done inside."""
    outer = chain._snapshot_id  # Brownie remembers one: the test's
    chain.snapshot()
    yield
    chain.revert()
    chain._snapshot_id = outer


def digest_of(label: str) -> bytes:
    return keccak(text=label)


class Life:
    """`now` is the time of the next transaction; every transaction has its own second."""

    def __init__(self, arena, staking, token, cooldown):
        self.arena, self.staking, self.token = arena, staking, token
        self.model = Arena(Ledger(cooldown), arena.address, web3.eth.chain_id, lambda n: web3.eth.get_block(n).hash)
        self.model.ledger.modules.add(arena.address)
        self.now = web3.eth.get_block("latest").timestamp
        self.number = 0
        self.people: dict[str, object] = {}
        self.stranger = None
        self.refusal = ""
        self.salt = b"\x5a" * 32

    def fork(self) -> Life:
        """The same life, for one test: the chain goes back after it, this object does not.

        Whatever fixtures have sent meanwhile had the time of the clock, so on a busy machine the chain may be ahead.
        """
        other = copy(self)
        other.now = max(self.now, web3.eth.get_block("latest").timestamp)
        other.model, other.people = deepcopy(self.model), dict(self.people)
        return other

    # one transaction

    def do(self, verb: str, *args, sender):
        """Returns (what the model says, the transaction); (None, None) when both refuse."""
        self.tick()
        self.people[sender.address] = sender
        self.model.block = web3.eth.block_number + 1
        self.model.events = []
        judge = getattr(self.model, re.sub("([A-Z])", r"_\1", verb).lower())
        try:
            expected = judge(*map(plain, args), sender=sender.address)
        except Refused as refusal:
            self.refusal = refusal.error
            with reverts(error(refusal.error, *refusal.values)):
                getattr(self.arena, verb)(*args, {"from": sender})
            return None, None
        tx = getattr(self.arena, verb)(*args, {"from": sender})
        assert self.events(tx) == [(name, plain(tuple(facts.values()))) for name, facts in self.named(tx)]
        return expected, tx

    def tick(self) -> None:
        self.now += 1
        self.model.now = self.now
        web3.provider.make_request("evm_setNextBlockTimestamp", [self.now])

    def events(self, tx) -> list:
        own = [event for event in tx.events if event.address == self.arena.address]
        return [(event.name, plain(tuple(event.values()))) for event in own]

    def named(self, tx) -> list[tuple[str, dict]]:
        """The model's events with their facts in the order of the ABI."""
        inputs = {one["name"]: [i["name"] for i in one["inputs"]] for one in self.arena.abi if one["type"] == "event"}
        return [(name, {key: facts[key] for key in inputs[name]}) for name, facts in self.model.events]

    def refused(self, error_name: str, verb: str, *args, sender) -> None:
        """Both refuse, with this error."""
        assert self.do(verb, *args, sender=sender) == (None, None), f"{verb} was carried out"
        assert self.refusal == error_name

    # the records

    @property
    def task(self) -> Task:
        return self.model.tasks[self.number - 1]

    def check(self) -> None:
        """All records of all tasks, the money of the arena, and the pools of all participants."""
        assert self.token.balanceOf(self.arena) == self.model.balance
        for task in self.model.tasks:
            self.check_task(task)
        for operator, pool in self.model.ledger.pools.items():
            own, delegated, locked, *_ = pool_of(self.staking, operator)
            assert own == tuple(vars(pool.own).values()) and delegated == tuple(vars(pool.delegated).values())
            assert locked == pool.locked == self.locks_of(operator)

    def locks_of(self, operator: str) -> int:
        """What the unclaimed records still hold of an operator's stake."""
        records = [one for task in self.model.tasks for one in [*task.submissions, *task.validators]]
        return sum(one.stake - one.slashed for one in records if one.account == operator and not one.claimed)

    def check_task(self, task: Task) -> None:
        number = task.number
        assert plain(self.arena.task(number)) == task_record(task)
        assert self.arena.ranking(number) == task.ranking
        for index, v in enumerate(task.validators, 1):
            assert plain(self.arena.validator(number, v.account)) == (index, v.claimed, v.stake, v.slashed, v.weight)
            assert self.arena.claimable(number, 0, v.account) == (0 if v.claimed else task.validator_pot.value(index))
        for submission, s in enumerate(task.submissions, 1):
            appeal = task.appeals.get(submission, ("0x" + 40 * "0", 0))
            assert plain(self.arena.appealOf(number, submission)) == appeal
            canary = (submission in task.canaries, task.canaries.get(submission, 0))
            assert plain(self.arena.canaryOf(number, submission)) == canary
            assert plain(self.arena.submission(number, submission)) == submission_record(s)
            claimable = 0 if s.claimed else task.trainer_pot.value(submission)
            assert self.arena.claimable(number, submission, s.account) == claimable
            self.check_panel(task, submission, s)

    def check_panel(self, task: Task, submission: int, s: Submission) -> None:
        attempt = task.attempt if task.is_scorable(s) else s.settled_attempt
        panel = task.panels.get((submission, attempt))
        members = panel.members if panel else []
        assert plain(self.arena.panel(task.number, submission)) == tuple(members)
        for slot, member in enumerate(members):
            expected = (member in panel.scores, panel.scores.get(member, 0), member in panel.copies)
            assert plain(self.arena.scoreAt(task.number, submission, slot)) == expected

    # from phase to phase

    def stake(self, operator, assets, funder=None) -> None:
        funder = funder or operator
        self.tick()
        self.staking.deposit(operator, assets, funder, {"from": funder})
        self.model.ledger.deposit(operator.address, assets, funder.address)

    def create(self, creator, **changes) -> int:
        parameters = Parameters(**changes).astuple()
        self.number, _ = self.do("createTask", parameters, sender=creator)
        return self.number

    def register(self, stakes: dict) -> None:
        """Validators with what they lock."""
        for account, stake in stakes.items():
            self.do("registerValidator", self.number, stake, sender=account)

    def commit(self, trainer, label: str, stake: int) -> int:
        """Commits to a model that is as good as its label."""
        fields = (self.model.chain_id, self.arena.address, self.number, trainer.address, digest_of(label), self.salt)
        submission, _ = self.do("commitSubmission", self.number, stake, submission_commitment(*fields), sender=trainer)
        return submission

    def reveal(self, labels: dict[int, str]) -> None:
        """Submissions with their labels, in this order."""
        for submission, label in labels.items():
            trainer = self.people[self.task.submissions[submission - 1].account]
            self.do("revealSubmission", self.number, submission, digest_of(label), self.salt, sender=trainer)

    def until(self, phase: Phase) -> None:
        """Lets time pass until the first second of a phase."""
        ends = {
            Phase.REVEAL: self.task.commit_ends,
            Phase.ABANDONED: self.task.commit_ends,
            Phase.KEY: self.task.reveal_ends,
            Phase.VOID: self.task.key_ends,
            Phase.SCORE_REVEAL: self.task.score_commit_ends,
            Phase.CHALLENGE: self.task.score_reveal_ends,
            Phase.SETTLE: self.task.challenge_ends if self.task.attempt else self.task.reveal_ends,
        }
        self.now = max(self.now, ends[phase] - 1)
        assert self.task.phase(self.now + 1) == phase

    def after(self, timestamp: int) -> None:
        """The next transaction is at this time."""
        self.now = timestamp - 1

    def release(self, sender, key: bytes = KEY) -> None:
        """Opens the held-out set and waits for the block that decides the seed."""
        self.do("releaseKey", self.number, key, sender=sender)
        self.mine(2)

    def unseal(self, labels: dict[int, str], creator) -> None:
        """Opens these submissions, then the held-out set: from the commit phase to the seed."""
        self.until(Phase.REVEAL)
        self.reveal(labels)
        self.until(Phase.KEY)
        self.release(creator)

    def mine(self, blocks: int) -> None:
        """Blocks of one second."""
        web3.provider.make_request("anvil_mine", [hex(blocks), "0x1"])
        self.now = max(self.now + blocks, web3.eth.get_block("latest").timestamp)

    def draw(self, submissions: list[int], sender) -> None:
        for submission in submissions:
            self.do("drawPanel", self.number, submission, sender=sender)

    def entries(self, account, scores: dict[int, int], copies: dict[int, int] | None = None) -> list[tuple]:
        """What a validator says about those submissions that it was drawn for; `copies` are of earlier ones."""
        entries = []
        for submission, score in scores.items():
            members = self.task.panels[submission, self.task.attempt].members
            if account.address in members:
                slot = members.index(account.address)
                report = digest_of(f"report {submission} {account.address}")
                entries.append((submission, slot, score, report, (copies or {}).get(submission, 0)))
        return entries

    def commitment(self, account, entries: list[tuple], batch: int = 0) -> bytes:
        fields = (self.model.chain_id, self.arena.address, self.number, self.task.attempt, account.address, batch)
        return scores_commitment(*fields, entries, self.salt)

    def score(self, said: dict, copies: dict | None = None, until: Phase = Phase.SETTLE) -> None:
        """{validator: {submission: score}} committed and revealed; ends in the settle phase, or before appeals.
        {validator: {submission: original}} of those who call a submission a copy."""
        entries = {account: self.entries(account, said[account], (copies or {}).get(account)) for account in said}
        entries = {account: some for account, some in entries.items() if some}
        for account, some in entries.items():
            self.do("commitScores", self.number, 0, self.commitment(account, some), sender=account)
        self.until(Phase.SCORE_REVEAL)
        for account, some in entries.items():
            self.do("revealScores", self.number, 0, some, self.salt, sender=account)
        self.until(until)

    def settle(self, sender, submissions: list[int] | None = None) -> None:
        """All that is pending, unless others are named."""
        pending = [i for i, s in enumerate(self.task.submissions, 1) if self.task.is_pending(s)]
        for submission in pending if submissions is None else submissions:
            self.do("settle", self.number, submission, sender=sender)

    def claim(self, sender) -> None:
        """Everybody's claims, by a stranger."""
        for submission in range(1, len(self.task.submissions) + 1):
            self.do("claimSubmission", self.number, submission, sender=sender)
        for v in self.task.validators:
            self.do("claimValidator", self.number, v.account, sender=sender)
        self.do("claimCreator", self.number, sender=sender)

    def state(self, submission: int) -> State:
        return self.task.submissions[submission - 1].state


def task_record(task: Task) -> tuple:
    """In the order of the struct."""
    done = bool(task.outcome)
    weights = (
        (task.trainer_pot.weight, task.validator_pot.weight) if done else (0, sum(v.weight for v in task.validators))
    )
    return (
        task.parameters.astuple(),
        task.creator,
        *(task.commit_ends, task.reveal_ends, task.key_ends, task.score_commit_ends, task.score_reveal_ends),
        *(task.key, task.reveals_hash, task.seed),
        *(task.stake(task.submissions), task.stake(task.validators), task.stake(task.originals)),
        task.slashed,
        *(task.trainer_pot.assets, task.validator_pot.assets, task.creator_pot, task.settler_paid, task.emission),
        *weights,
        task.ticket,
        *(len(task.submissions), len(task.validators), len(task.unique)),
        *(task.pending, task.unscored, task.count(State.UNOPENABLE), task.appealed),
        *(task.challenge_ends, task.attempt),
        *(done, task.cancelled, task.outcome in ("void", "failed"), task.creator_claimed),
        task.patience_ends,
    )


def submission_record(s: Submission) -> tuple:
    settled = (s.account, int(s.state), s.settled_attempt, s.claimed, s.score)
    return *settled, s.stake, s.slashed, s.commitment, s.digest, s.weight
