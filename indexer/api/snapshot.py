"""Reading at one block: everything in an answer comes from one snapshot of the database, and the answer names it."""

import math
import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Response
from sqlalchemy import Connection, Dialect, Engine, Executable
from sqlalchemy.exc import DBAPIError

from indexer.api.errors import ApiError
from indexer.api.export import Table
from indexer.db import VERSION
from indexer.tables import Checkpoint
from protocol.deployment import Deployed, Deployment

# What an answer may take of the database's time; no question of an ordinary page takes a hundredth of it.
DEADLINE_SECONDS = 2.0
# What is sure to be quick may take so long without a thread of its own, in which it would only wait for the others.
QUICK_SECONDS = 0.02
# Steps of SQLite's machine between two looks at the clock, about a millisecond; and where nobody must wait for a disk.
_STEPS, _QUICK_STEPS = 100_000, 500
_CANCELLED = "57014"  # PostgreSQL's code for a statement that took too long
_CHECKPOINT: Any = Checkpoint.__table__  # type: ignore[attr-defined]
_Checkpoint: Any = namedtuple("_Checkpoint", _CHECKPOINT.c.keys())  # type: ignore[misc]
_CHECKPOINT_SQL = f"SELECT {', '.join(_CHECKPOINT.c.keys())} FROM checkpoint"


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

    def tuples(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a statement that is kept and asked often, as the driver gives them: nothing in them has a name.

        The way through SQLAlchemy costs more than such a search does.
        """
        self._hurry()
        sql, names, bind = _compiled(statement, self.connection.dialect)
        given = bind({"now": self.now, **values})
        driver = self.connection.connection.driver_connection
        assert driver is not None
        try:
            found: Sequence[Any] = driver.execute(sql, [given[name] for name in names] if names else given).fetchall()
        except self.connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(sql, given, error, self.connection.dialect.loaded_dbapi.Error) from error
        return found

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


@lru_cache(maxsize=1_024)
def _compiled(
    statement: Any, dialect: Dialect
) -> tuple[str, Sequence[str] | None, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
    """The statement's SQL; the names of its parameters in their order, None where they go by name; their values."""
    compiled = statement.compile(dialect=dialect)
    fixed = compiled.construct_params(_check=False)

    def bind(values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {name: values.get(name, value) for name, value in fixed.items()}

    return str(compiled), compiled.positiontup, bind


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
        # Connections to a file that nobody uses just now.
        self._idle: list[Connection] = []
        self._change: Any = None
        self._version = b""

    @property
    def is_local(self) -> bool:
        """Whether the database is a file, and asking it no journey."""
        return self._engine.dialect.name == "sqlite"

    def checkpoint(self) -> Any:
        """The newest checkpoint, None before the first. Raises the driver's error when the database is gone."""
        with self._engine.connect() as connection:
            return _checkpoint(connection)

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
    def snapshot(self, table: Table | None = None, quick: bool = False) -> Iterator[Snapshot]:
        """The index as it is now, whatever is written meanwhile. Raises `ApiError` when reading takes too long."""
        seconds = min(QUICK_SECONDS, self._deadline) if quick else self._deadline
        with self._connected() as connection, _limited(connection, seconds, _QUICK_STEPS if quick else _STEPS):
            checkpoint = _checkpoint(connection)
            if checkpoint is None:
                raise ApiError(503, "not_ready", "Nothing is indexed yet: `indexer sync` is at work, or should be.")
            if checkpoint.version != VERSION:
                raise ApiError(503, "not_ready", "The index was made by another version: run `indexer rebuild`.")
            yield Snapshot(connection, checkpoint, table, time.monotonic() + seconds, seconds)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection in a transaction of its own. To take one from SQLAlchemy, and begin there, costs more than most
        searches of a file do."""
        if not self.is_local:
            with self._engine.connect() as connection:
                yield connection
            return
        connection = self._idle.pop() if self._idle else self._engine.connect()
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute("BEGIN")
            yield connection
        finally:
            if connection.in_transaction():
                connection.rollback()
            driver.rollback()
            self._idle.append(connection)


def _checkpoint(connection: Connection) -> Any:
    """The row, None before the first block. Raises the driver's error behind SQLAlchemy's."""
    cursor = connection.connection.cursor()
    error_of = connection.dialect.loaded_dbapi.Error
    try:
        cursor.execute(_CHECKPOINT_SQL)
        row = cursor.fetchone()
    except error_of as error:
        raise DBAPIError.instance(_CHECKPOINT_SQL, (), error, error_of) from error
    finally:
        cursor.close()
    return None if row is None else _Checkpoint._make(row)


def _too_slow(seconds: float) -> ApiError:
    return ApiError(503, "too_slow", f"Looking that up took more than {seconds:g} s: ask for less, with more filters.")


@contextmanager
def _limited(connection: Connection, seconds: float, steps: int = _STEPS) -> Iterator[None]:
    """Nobody's question may hold the database: what takes longer is broken off."""
    driver: Any = connection.connection.driver_connection
    local = connection.dialect.name == "sqlite"
    if local:
        end = time.monotonic() + seconds
        driver.set_progress_handler(lambda: time.monotonic() > end, steps)
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
