"""The audit: every figure of the index against the contracts' own views, and every row against the chain's events.

Both at the block of the checkpoint.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, func, select
from sqlmodel import SQLModel

from indexer.db import VERSION
from indexer.phase import PHASE
from indexer.proposals import proposal_state
from indexer.reader import Reader
from indexer.stake_math import withdrawal_value
from indexer.tables import (
    Account,
    Appeal,
    Checkpoint,
    Escrow,
    Lock,
    Module,
    PanelMember,
    Pool,
    Position,
    Score,
    ScoreCommitment,
    Submission,
    Task,
    Totals,
    Validator,
    Withdrawal,
)
from indexer.verify_anew import Anew
from indexer.verify_federations import differences as federations
from indexer.verify_history import differences as histories
from indexer.verify_history import sponsors
from indexer.verify_money import differences as money
from protocol.chain import Chain
from protocol.encoding import VERDICTS
from protocol.errors import ConfigInvalid
from protocol.phases import Phase, SubmissionState

_NUMBER_OF = {name: number for number, name in VERDICTS.items()}
_TRANCHE = ("assets", "shares", "exiting_assets", "exit_index", "exit_generation")


class Audit:
    """One pass over the index. Iterating gives the differences, each one line."""

    def __init__(
        self,
        engine: Engine,
        chain: Chain,
        reader: Reader | None = None,
        progress: Callable[[str, int], None] = lambda name, n: None,
    ) -> None:
        """`reader`: what reads the chain's logs; None: the contracts' views alone are compared.

        `progress` is told the name of what is being compared and how many of it there are.
        """
        self._engine = engine
        self._chain = chain
        self._reader = reader
        self._progress = progress
        # Answers of the contracts and rows that were compared.
        self.compared = self.rows = 0
        self.block = 0

    def __iter__(self) -> Iterator[str]:
        with self._engine.begin() as self._connection:
            checkpoint = self._connection.execute(select(*_columns(Checkpoint))).first()
            if checkpoint is None:
                raise ConfigInvalid("Nothing is indexed yet: run `skein indexer sync` first.")
            if checkpoint.version != VERSION:
                raise ConfigInvalid("The database was made by another version of the indexer: run `indexer rebuild`.")
            self.block, self._now = checkpoint.number, checkpoint.timestamp
            yield from self._block_is(checkpoint)
            for check in (self._accounts, self._pools, self._stakes, self._withdrawals, self._tasks, self._people):
                yield from check()
            yield from self._panels()
            yield from federations(self._rows, self._call, self._compare)
            yield from self._appeals()
            yield from money(
                self._rows, self._call, self._differ, set(self._chain.deployment.contracts), self._state_of
            )
            yield from sponsors(self._rows, self._call, self._differ)
            yield from self._sums()
            yield from histories(self._rows, self._differ, self._connection)
            if self._reader is not None:
                with Anew(self._reader, self._chain.deployment, checkpoint) as anew:
                    yield from anew.differences(self._connection, self._progress)
                    self.rows = anew.rows
            yield from self._block_is(checkpoint)

    # --- the parts

    def _block_is(self, checkpoint: Any) -> Iterator[str]:
        """Whether the chain has that block, when the comparison begins and still when it ends."""
        block = self._chain.block(checkpoint.number)
        told = block.hash, block.timestamp
        yield from self._differ(f"block {checkpoint.number}", (checkpoint.hash, checkpoint.timestamp), told)

    def _accounts(self) -> Iterator[str]:
        for row in self._rows(Account):
            yield from self._same(f"balance of {row.address}", row.balance, "SkeinToken", "balanceOf", row.address)

    def _pools(self) -> Iterator[str]:
        for row in self._rows(Pool):
            pool = self._call("Staking", "pool", row.operator)
            told = {f"{side}_{name}": pool[side][name] for side in ("own", "delegated") for name in _TRANCHE}
            told |= {name: value for name, value in pool.items() if name not in ("own", "delegated")}
            yield from self._compare(f"pool of {row.operator}", row, told)
            yield from self._same(f"stake of {row.operator}", row.stake, "Staking", "stakeOf", row.operator)

    def _stakes(self) -> Iterator[str]:
        for row in self._rows(Position):
            what = f"shares of {row.funder} in {row.operator}"
            yield from self._same(what, row.shares, "Staking", "sharesOf", row.operator, row.funder)
        for row in self._rows(Escrow):
            told = self._call("Staking", "escrowOf", row.operator)
            yield from self._compare(f"escrow of {row.operator}", row, told)
        for row in self._rows(Lock):
            what = f"lock of {row.operator} by {row.module}"
            yield from self._same(what, row.assets, "Staking", "lockedBy", row.operator, row.module)
        for row in self._rows(Module):
            yield from self._same(f"module {row.address}", row.enabled, "Staking", "isModule", row.address)

    def _withdrawals(self) -> Iterator[str]:
        pools = {row.operator: row for row in self._rows(Pool)}
        for row in self._rows(Withdrawal):
            what, pool = f"withdrawal {row.id}", pools.get(row.operator)
            if row.withdrawn_at is None:
                told = dict(self._call("Staking", "withdrawal", row.id))
                told["held_by"] = told["funder"] if told["is_held"] else None
                if told["is_held"]:
                    del told["funder"]  # the ledger knows nobody but the holder
                yield from self._compare(what, row, told)
            value = 0 if row.withdrawn_at is not None or pool is None else value_of(row, pool)
            yield from self._same(f"value of {what}", value, "Staking", "withdrawable", row.id)

    def _tasks(self) -> Iterator[str]:
        for row in self._rows(Task, PHASE.label("phase")):
            task = self._call("Arena", "task", row.id)
            told = {**task["parameters"], **{name: value for name, value in task.items() if name != "parameters"}}
            yield from self._compare(f"task {row.id}", row, told)
            yield from self._same(f"phase of task {row.id}", Phase[row.phase.upper()], "Arena", "phase", row.id)
            yield from self._same(f"ranking of task {row.id}", self._ranking(row), "Arena", "ranking", row.id)

    def _ranking(self, task: Any) -> list[int]:
        columns = Submission.__table__.c  # type: ignore[attr-defined]
        scored = select(columns.id).where(columns.task_id == task.id, columns.state == "scored")
        best = scored.order_by(columns.rank_key, columns.id).limit(task.paid_ranks)
        return list(self._connection.execute(best).scalars())

    def _people(self) -> Iterator[str]:
        for row in self._rows(Submission):
            told = dict(self._call("Arena", "submission", row.task_id, row.id))
            told["state"] = SubmissionState(told["state"]).name.lower()
            if row.score is None and told["score"] in (0, _NUMBER_OF.get(row.state)):
                told["score"] = None
            canary = self._call("Arena", "canaryOf", row.task_id, row.id)
            told["canary_score"] = canary.score if canary.known else None
            yield from self._compare(f"submission {row.id} of task {row.task_id}", row, told)
        for row in self._rows(Validator):
            told = self._call("Arena", "validator", row.task_id, row.operator)
            yield from self._compare(f"validator {row.operator} of task {row.task_id}", row, told)
        for row in self._rows(ScoreCommitment):
            what = f"commitment of {row.validator} in task {row.task_id}"
            key = row.task_id, row.attempt, row.validator, row.batch
            yield from self._same(what, row.commitment, "Arena", "scoresCommitmentOf", *key)

    def _panels(self) -> Iterator[str]:
        scores = {(r.task_id, r.submission_id, r.attempt, r.validator): r for r in self._rows(Score)}
        panels: dict[tuple[int, int], dict[int, list[str]]] = {}
        for row in self._rows(PanelMember):
            panels.setdefault((row.task_id, row.submission_id), {}).setdefault(row.attempt, []).append(row.validator)
        for (task, submission), attempts in panels.items():
            attempt = max(attempts)
            what = f"panel of submission {submission} of task {task}"
            panel = self._call("Arena", "panel", task, submission)
            if not panel:  # a draw is due again
                continue
            yield from self._differ(what, attempts[attempt], panel)
            for slot, validator in enumerate(panel):
                score = scores.get((task, submission, attempt, validator))
                told = self._call("Arena", "scoreAt", task, submission, slot)
                mine = score and (score.score if score.verdict is None else _NUMBER_OF[score.verdict])
                yield from self._differ(f"score of {validator}, {what}", mine, told.score if told.revealed else None)
                flagged = bool(score and score.copy_of)
                yield from self._differ(f"copy by {validator}, {what}", flagged, told.copied)

    def _appeals(self) -> Iterator[str]:
        for row in self._rows(Appeal):
            what = f"appeal of submission {row.submission_id} of task {row.task_id}"
            told = self._call("Arena", "appealOf", row.task_id, row.submission_id)
            yield from self._compare(what, row, told)

    def _sums(self) -> Iterator[str]:
        totals = next(iter(self._rows(Totals)), None)
        if totals is None:
            return
        yield from self._same("supply", totals.token_supply, "SkeinToken", "totalSupply")
        yield from self._same("staked and exiting", totals.staked + totals.exiting, "Staking", "totalAssets")
        yield from self._same("number of tasks", totals.tasks, "Arena", "taskCount")
        withdrawals = self._connection.execute(select(func.count()).select_from(Withdrawal)).scalar_one()
        yield from self._same("number of withdrawals", withdrawals, "Staking", "withdrawalCount")

    def _state_of(self, proposal: Any) -> str:
        return proposal_state(proposal._mapping, self._now)

    # --- comparing

    def _rows(self, table: type[SQLModel], *more: Any) -> Iterator[Any]:
        statement = select(*_columns(table), *more).order_by(*table.__table__.primary_key)  # type: ignore[attr-defined]
        found = self._connection.execute(statement, {"now": self._now} if more else {}).all()
        self._progress(str(table.__tablename__), len(found))
        yield from found

    def _call(self, contract: str, function: str, *args: Any) -> Any:
        self.compared += 1
        return self._chain.call(contract, function, *args, block=self.block)

    def _same(self, what: str, mine: Any, contract: str, function: str, *args: Any) -> Iterator[str]:
        return self._differ(what, mine, self._call(contract, function, *args))

    def _compare(self, what: str, row: Any, told: Mapping[str, Any]) -> Iterator[str]:
        """Each field of the chain's record that the row has."""
        for name, theirs in told.items():
            if name in row._fields:
                yield from self._differ(f"{name} of {what}", getattr(row, name), theirs)

    def _differ(self, what: str, mine: Any, theirs: Any) -> Iterator[str]:
        if mine != theirs:
            yield f"{what}: the index has {mine}, the chain {theirs}"


def value_of(withdrawal: Any, pool: Any) -> int:
    """What a withdrawal that waits is worth, token wei."""
    side = "own" if withdrawal.is_own else "delegated"
    now = getattr(pool, f"{side}_exit_index"), getattr(pool, f"{side}_exit_generation")
    return withdrawal_value(withdrawal.assets, withdrawal.exit_index, withdrawal.exit_generation, *now)


def _columns(table: type[SQLModel]) -> list[Any]:
    return list(table.__table__.columns)  # type: ignore[attr-defined]
