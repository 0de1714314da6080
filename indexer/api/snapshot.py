"""Reading at one block: everything in an answer comes from one snapshot of the database, and the answer names it."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Response
from sqlalchemy import Connection, Engine, Executable, select
from sqlalchemy.exc import DBAPIError

from indexer.api.errors import ApiError
from indexer.api.export import Table
from indexer.db import VERSION
from indexer.tables import Checkpoint
from protocol.deployment import Deployed, Deployment

# What an answer may take of the database's time; no question of an ordinary page takes a hundredth of it.
DEADLINE_SECONDS = 2.0
# Steps of SQLite's machine between two looks at the clock; about a millisecond.
_STEPS = 100_000
_CANCELLED = "57014"  # PostgreSQL's code for a statement that took too long
_CHECKPOINT = select(*Checkpoint.__table__.c)  # type: ignore[attr-defined]


@dataclass(slots=True)
class Snapshot:
    """The index at its checkpoint."""

    connection: Connection
    checkpoint: Any
    # How the answer is to be written; none: as JSON.
    table: Table | None = None
    # By when the last of its questions must be asked, by the clock that only goes on; and how long that is.
    until: float = math.inf
    seconds: float = DEADLINE_SECONDS

    @property
    def now(self) -> int:
        """The time of the block: what decides phases, maturities and commissions."""
        return int(self.checkpoint.timestamp)

    @property
    def deployment(self) -> Deployment:
        """The deployment that is indexed."""
        return parse_deployment(self.checkpoint.deployment)

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """The rows of a statement."""
        self._hurry()
        return self.connection.execute(statement, {"now": self.now, **(values or {})}).all()

    def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """The first row, None if there is none."""
        self._hurry()
        return self.connection.execute(statement, {"now": self.now, **(values or {})}).first()

    def _hurry(self) -> None:
        """PostgreSQL ends one statement that takes too long, not many that do together."""
        if time.monotonic() > self.until:
            raise _too_slow(self.seconds)

    def answer(self, data: Any, **more: Any) -> Response:
        """An answer with the block that it holds for."""
        tag = {"etag": etag(self.checkpoint)}
        if self.table is not None:
            return self.table.response(data, more.get("next"), self.checkpoint, tag)
        body = {"block": self.checkpoint.number, "block_hash": self.checkpoint.hash, "data": data, **more}
        return Response(orjson.dumps(body), headers=tag, media_type="application/json")


def etag(checkpoint: Any) -> str:
    """Names an answer's version: answers change with the block, and with the version of the tables."""
    return f'"{VERSION}-{checkpoint.hash}"'


@lru_cache(maxsize=4)
def parse_deployment(text: str) -> Deployment:
    """The deployment in a checkpoint."""
    form = orjson.loads(text)
    contracts = {name: Deployed(entry["address"], entry["first_block"]) for name, entry in form["contracts"].items()}
    return Deployment(form["chain_id"], contracts)


class Reading:
    """Opens snapshots of one database."""

    def __init__(self, engine: Engine, deadline: float = DEADLINE_SECONDS) -> None:
        """`deadline`: seconds that the statements of one answer may take together."""
        self._engine = engine
        self._deadline = deadline
        self._probe: Connection | None = None
        self._change: Any = None
        self._version = b""

    def checkpoint(self) -> Any:
        """The newest checkpoint, None before the first. Raises the driver's error when the database is gone."""
        with self._engine.connect() as connection:
            return connection.execute(_CHECKPOINT).first()

    def version(self) -> bytes:
        """The ETag of answers that are given now, empty before the first block. Raises the driver's error."""
        change = self._changed()
        if change is None or change != self._change:
            checkpoint = self.checkpoint()
            self._version = etag(checkpoint).encode() if checkpoint else b""
            self._change = change
        return self._version

    def _changed(self) -> Any:
        """A number that differs after every change to the database; None where there is no cheap one."""
        if self._engine.dialect.name != "sqlite":
            return None
        if self._probe is None:
            self._probe = self._engine.connect()
        driver: Any = self._probe.connection.driver_connection
        return driver.execute("PRAGMA data_version").fetchone()[0]

    @contextmanager
    def snapshot(self, table: Table | None = None) -> Iterator[Snapshot]:
        """The index as it is now, whatever is written meanwhile. Raises `ApiError` when reading takes too long."""
        with self._engine.connect() as connection, _limited(connection, self._deadline):
            checkpoint = connection.execute(_CHECKPOINT).first()
            if checkpoint is None:
                raise ApiError(503, "not_ready", "Nothing is indexed yet: `indexer sync` is at work, or should be.")
            if checkpoint.version != VERSION:
                raise ApiError(503, "not_ready", "The index was made by another version: run `indexer rebuild`.")
            yield Snapshot(connection, checkpoint, table, time.monotonic() + self._deadline, self._deadline)


def _too_slow(seconds: float) -> ApiError:
    return ApiError(503, "too_slow", f"Looking that up took more than {seconds:g} s: ask for less, with more filters.")


@contextmanager
def _limited(connection: Connection, seconds: float) -> Iterator[None]:
    """Nobody's question may hold the database: what takes longer is broken off."""
    driver: Any = connection.connection.driver_connection
    local = connection.dialect.name == "sqlite"
    if local:
        end = time.monotonic() + seconds
        driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(1000 * seconds)}")
    try:
        yield
    except DBAPIError as error:
        if str(error.orig) == "interrupted" or getattr(error.orig, "sqlstate", None) == _CANCELLED:
            raise _too_slow(seconds) from error
        raise
    finally:
        if local:
            driver.set_progress_handler(None, 0)
