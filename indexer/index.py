"""The index as its one writer sees it. Each method is one transaction: readers see all of it or nothing.

A transaction covers the raw logs, the derived rows, the journal and the checkpoint, so a process that is killed at any
instruction leaves the index at one block, exactly as a fresh one would have it.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from indexer import db
from indexer.anew import anew
from indexer.bulk import bulk
from indexer.connections import Engine
from indexer.fold import Fold
from indexer.layout import layouts
from indexer.reader import Batch
from indexer.rows import Contradiction, Rows, undo
from indexer.shape import shape_of
from indexer.stored import StoredLog
from indexer.twins import Block, Checkpoint, Log, RecentBlock
from indexer.units import position_of
from protocol.deployment import Deployment
from protocol.errors import ConfigInvalid

logger = logging.getLogger(__name__)

# Blocks that the journal can undo, however far finality lags; deeper changes derive all again from the raw logs.
JOURNAL_BLOCKS = 1_024
# Blocks that a rebuild holds in memory at once.
REBUILD_BLOCKS = 100
# Rows that changed since SQLite's write-ahead log was last brought into the database between two blocks.
_REST_CHANGES = 2_000


@dataclass(frozen=True, slots=True)
class State:
    """The checkpoint: how far the index is; see `tables.Checkpoint`."""

    number: int
    hash: str
    timestamp: int
    final: int
    journal_floor: int


class Index:
    """The database of one deployment, open for writing."""

    def __init__(self, engine: Engine, deployment: Deployment) -> None:
        """Raises `ConfigInvalid` when the database is of another deployment, or of another version of the tables."""
        db.prepare(engine)
        self.deployment = deployment
        self._engine = engine
        self._connection = engine.connect()
        self._bulk = bulk(self._connection)
        self._mark = self._bulk.mark
        self._shapes = {table: shape_of(table, self._mark) for table in (Block, Log, RecentBlock, Checkpoint)}
        self._told = deployment_json(deployment)
        with self._reading():
            self.state = self._load()
            # Whether the tables are being filled for the first time, without the indexes that only readers need.
            self._filling = self.state is None or db.lacks_indexes(self._connection)
        self._rested_at = 0
        self._renew()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _renew(self) -> None:
        self._rows = Rows(self._connection)
        self._fold = Fold(self._rows, self.deployment)

    # --- transactions

    def extend(self, batch: Batch, final: int) -> None:
        """Add the blocks that follow the checkpoint. Blocks up to `final` will not change any more."""
        with self._transaction():
            self._append(batch, final)

    def fill(self, batch: Batch, final: int) -> None:
        """`extend`, with many more blocks to come: into an empty database without the indexes, until `complete`."""
        with self._transaction():
            if self.state is None:
                db.drop_indexes(self._connection)
            self._append(batch, final)

    def complete(self) -> None:
        """Make the indexes that were put off. Nothing to do: nothing is done."""
        if self._filling:
            self._rows.forget()  # what is new from here on is not what was old: the memory is for sorting
            with self._transaction():
                db.create_indexes(self._connection)
            self._filling = False

    def replace(self, after: int, batch: Batch, final: int) -> None:
        """Undo all blocks above `after`, and add those that took their place."""
        with self._transaction():
            self._cut(after)
            self._append(batch, final)

    def rest(self) -> None:
        """Between blocks, when nothing is to be done: what SQLite would else do in the middle of one, some time."""
        if self._engine.dialect.name == "sqlite":
            driver: Any = self._connection.connection.driver_connection
            if driver.total_changes - self._rested_at > _REST_CHANGES:
                driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                self._rested_at = driver.total_changes

    def rebuild(self, progress: Callable[[int], None] = lambda number: None) -> None:
        """Derive all tables again from the raw logs, without the chain; also after a change of version."""
        with self._transaction(any_version=True):
            if self.state is None:
                return
            with anew(self._connection):
                self._derive(self.state.number, max(self.state.final, self.state.number - JOURNAL_BLOCKS), progress)
            self._save(self.state)

    @contextmanager
    def _transaction(self, any_version: bool = False) -> Iterator[None]:
        before = self.state
        try:
            with self._connection.begin():
                db.lock(self._connection)
                if self._load(any_version) != before:
                    raise ConfigInvalid("Another process writes to this index: stop one of them.")
                yield
        except BaseException as error:
            self.state = before
            self._rows.forget()
            if db.is_unusable(self._engine, error):
                raise db.unusable(self._engine, error) from error
            driver, cause = self._engine.dialect.loaded_dbapi, getattr(error, "orig", error)
            if isinstance(cause, (driver.IntegrityError, driver.DataError, OverflowError)):
                raise Contradiction(str(cause)) from error
            raise

    def recent(self) -> list[tuple[int, str]]:
        """Number and hash of the blocks that can still change, newest first; the last one is final."""
        with self._reading():
            found = self._all('SELECT number, hash FROM "recent_block" ORDER BY number DESC')
            return [(number, hash_) for number, hash_ in found]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with self._connection.begin():
                yield
        except Exception as error:
            if db.is_unusable(self._engine, error):
                raise db.unusable(self._engine, error) from error
            raise

    # --- steps of a transaction

    def _append(self, batch: Batch, final: int) -> None:
        number, floor = batch.last.number, self.state.journal_floor if self.state else -1
        final = min(max(final, self.state.final if self.state else 0), number)
        floor = max(floor, final, number - JOURNAL_BLOCKS)
        self._insert(Block, batch.blocks)
        self._insert(Log, batch.logs)
        self._fold.run(batch.logs, {number: timestamp for number, _, timestamp in batch.blocks}, floor)
        self._rows.flush()
        self._remember(batch, final, floor)
        self.state = State(number, batch.last.hash, batch.last.timestamp, final, floor)
        self._save(self.state)

    def _remember(self, batch: Batch, final: int, floor: int) -> None:
        """Hashes of the blocks that can still change, and the journal to undo them."""
        recent = batch.recent or [(batch.last.number, batch.last.hash)]
        self._bulk.upsert(self._shapes[RecentBlock], recent)
        self._run('DELETE FROM "recent_block" WHERE "number" <', final)
        self._run('DELETE FROM "journal" WHERE "number" <=', floor)

    def _cut(self, after: int) -> None:
        """Take away all blocks above `after`: by the journal where it reaches, else by deriving again."""
        assert self.state is not None
        self._rows.forget()
        self._run('DELETE FROM "log" WHERE "position" >=', position_of(after + 1))
        self._run('DELETE FROM "block" WHERE "number" >', after)
        self._run('DELETE FROM "recent_block" WHERE "number" >', after)
        if after >= self.state.journal_floor:
            undo(self._connection, after)
            return
        logger.warning("Deriving all tables again: the chain changed below block %d", self.state.journal_floor)
        for layout in layouts("derived"):
            self._run(f'DELETE FROM "{layout.name}"')
        self._derive(after, max(self.state.final, after - JOURNAL_BLOCKS))

    def _derive(self, to: int, floor: int, progress: Callable[[int], None] = lambda number: None) -> None:
        """Fold the raw logs up to block `to` into empty tables."""
        assert self.state is not None
        self._run('DELETE FROM "journal"')
        self._renew()
        reached = -1
        while blocks := self._blocks_after(reached, to):
            self._fold.run(self._logs_of(blocks), {number: stamp for number, _, stamp in blocks}, floor)
            self._rows.flush()
            reached = blocks[-1][0]
            progress(reached)
        state = self.state
        self.state = State(state.number, state.hash, state.timestamp, state.final, floor)

    def _blocks_after(self, number: int, to: int) -> Sequence[Any]:
        sql = f'SELECT number, hash, timestamp FROM "block" WHERE number > {self._mark} AND number <= {self._mark}'
        return self._all(f"{sql} ORDER BY number LIMIT {REBUILD_BLOCKS}", number, to)

    def _logs_of(self, blocks: Sequence[Any]) -> Sequence[StoredLog]:
        sql = f'SELECT {self._shapes[Log].names} FROM "log" WHERE position >= {self._mark} AND position < {self._mark}'
        span = position_of(blocks[0][0]), position_of(blocks[-1][0] + 1)
        return self._all(f"{sql} ORDER BY position", *span)

    # --- the checkpoint

    def _load(self, any_version: bool = True) -> State | None:
        names = "number, hash, timestamp, final, journal_floor, version, deployment"
        rows = self._all(f'SELECT {names} FROM "checkpoint"')
        if not rows:
            return None
        *state, version, deployment = rows[0]
        if deployment != self._told:
            raise ConfigInvalid(
                "The database indexes another deployment: give another INDEXER_DATABASE_URL, or the deployment file "
                "that it was made with."
            )
        if version != db.VERSION and not any_version:
            raise ConfigInvalid("The database was made by another version of the indexer: run `indexer rebuild`.")
        return State(*state)

    def _save(self, state: State) -> None:
        row = Checkpoint(
            version=db.VERSION,
            deployment=self._told,
            number=state.number,
            hash=state.hash,
            timestamp=state.timestamp,
            final=state.final,
            journal_floor=state.journal_floor,
        )
        shape = self._shapes[Checkpoint]
        self._bulk.upsert(shape, [shape.dump(row)])

    # --- the database

    def _insert(self, table: Any, rows: Sequence[tuple[Any, ...]]) -> None:
        self._bulk.insert(self._shapes[table], rows)

    def _run(self, sql: str, *parameter: int) -> None:
        self._connection.exec_driver_sql(f"{sql} {self._mark}" if parameter else sql, parameter)

    def _all(self, sql: str, *parameters: int) -> Sequence[Any]:
        found: Sequence[Any] = self._connection.exec_driver_sql(sql, parameters).all()
        return found


def deployment_json(deployment: Deployment) -> str:
    """The deployment as text, the same text for the same deployment."""
    contracts = {name: {"address": d.address, "first_block": d.first_block} for name, d in deployment.contracts.items()}
    return json.dumps({"chain_id": deployment.chain_id, "contracts": contracts}, sort_keys=True)
