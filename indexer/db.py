"""The database: SQLite by default, PostgreSQL by its URL."""

import logging
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from indexer.connections import BUSY_SECONDS, PAGE_CACHE_KIB, Connection, Engine, SqliteEngine, tune
from indexer.layout import Layout, layouts
from protocol.errors import ConfigInvalid

if TYPE_CHECKING:  # SQLAlchemy is loaded by those who use it
    import sqlalchemy

logger = logging.getLogger(__name__)

# Raised by one whenever tables or projections change what they mean; `rebuild` then derives all tables again.
VERSION = 4
# The newest migration of the tables that are not derived.
SCHEMA = "0002"
VERSION_TABLE = "alembic_version"
_WRITER_LOCK = 0x736B65696E

_SORT_KIB = 4_096
# As in SQLite: what a crash of the machine takes is read again.
_POSTGRES_OPTIONS = "-c synchronous_commit=off -c timezone=UTC"
_FILE_URL = "sqlite:///"
_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('table', 'index')",
    "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace",
}


def open_writer(url: str) -> Engine:
    """The database at `url`, for who writes rows. Raises `ConfigInvalid`."""
    path = url.removeprefix(_FILE_URL)
    # What else an URL may say, SQLAlchemy reads: both must mean the same file.
    if url.startswith(_FILE_URL) and path and path != ":memory:" and not set(path) & set("?%"):
        return SqliteEngine(path)
    return open_engine(url)


def open_engine(url: str, read_only: bool = False) -> "sqlalchemy.Engine":
    """The database at `url`, by SQLAlchemy. A read-only engine refuses to write whatever it is asked."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise ConfigInvalid(f"INDEXER_DATABASE_URL {url!r} is not a database URL: {error}.") from error
    kind = parts.get_backend_name()
    if kind == "sqlite":
        if not parts.database or parts.database == ":memory:":
            raise ConfigInvalid("INDEXER_DATABASE_URL needs a file: a database in memory cannot be served or kept.")
        engine = create_engine(parts, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
        _tune_sqlite(engine, read_only)
        return engine
    if kind not in ("postgresql", "postgres"):
        raise ConfigInvalid(f"INDEXER_DATABASE_URL is of a {kind} database: give one of sqlite or postgresql.")
    engine = create_engine(parts.set(drivername="postgresql+psycopg"), connect_args={"options": _POSTGRES_OPTIONS})
    if read_only:
        engine = engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return engine


def _tune_sqlite(engine: "sqlalchemy.Engine", read_only: bool) -> None:
    from sqlalchemy import event

    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        tune(connection, read_only)

    def begun(connection: Connection) -> None:
        if not connection.connection.driver_connection.in_transaction:  # as a snapshot's is, which begins by itself
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def prepare(engine: Engine) -> None:
    """Create the tables, or bring them up to date. Raises `ConfigInvalid` when the database cannot be used.

    Migrations (`indexer.migrations`) are for what only the chain can give again, and for the book-keeping. Derived
    tables are not migrated: `rebuild` makes them anew.
    """
    try:
        with engine.begin() as connection:
            lock(connection)
            if not (is_old := _make_missing(connection)):
                return
        # Alembic needs SQLAlchemy's own.
        whole: Any = open_engine(engine.url) if isinstance(engine, SqliteEngine) else engine
        with whole.begin() as connection:
            lock(connection)
            _migrate(connection)
            _make_missing(connection)
    except Exception as error:
        if is_unusable(engine, error):
            raise unusable(engine, error) from error
        raise
    if is_old and whole is not engine:
        whole.dispose()


def _make_missing(connection: Connection) -> bool:
    """All tables that are not there, unless they are of an older schema; whether they are.

    An empty database gets at once what all migrations would make of it; loading them would take longer.
    """
    there = _there(connection)
    found = _schema(connection) if VERSION_TABLE in there else None
    if found is None and "checkpoint" not in there:
        make(connection, layouts("bookkeeping", "raw"))
        connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} VALUES ('{SCHEMA}')")
    elif found != SCHEMA:
        return True
    make(connection, [layout for layout in layouts("derived") if layout.name not in there])
    return False


def _schema(connection: Connection) -> str | None:
    """The migration at which the tables are."""
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return found


def _there(connection: Connection) -> set[str]:
    """The names of all tables and indexes."""
    return set(connection.exec_driver_sql(_THERE[connection.dialect.name]).scalars())


def _migrate(connection: "sqlalchemy.Connection") -> None:
    from alembic import command
    from alembic.util import CommandError

    from indexer.migrations import configuration

    try:
        command.upgrade(configuration(connection), "head")
    except CommandError as error:
        raise ConfigInvalid(
            f"The database was made by a newer version of the indexer ({error}): update it, or give another "
            "INDEXER_DATABASE_URL."
        ) from error


def lock(connection: Connection) -> None:
    """Whoever writes waits until another writer's transaction has ended. SQLite's transactions begin so."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")


def is_prepared(engine: "sqlalchemy.Engine") -> bool:
    """Whether the tables are there."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import DBAPIError

    try:
        return inspect(engine).has_table("checkpoint")
    except DBAPIError as error:
        raise unusable(engine, error) from error


def is_unusable(engine: Engine, error: BaseException) -> bool:
    """Whether the database's driver says by this that it cannot go on, and not that rows are wrong."""
    driver, cause = engine.dialect.loaded_dbapi, getattr(error, "orig", error)
    kinds = (driver.OperationalError, driver.ProgrammingError, driver.InterfaceError)
    return isinstance(cause, kinds) or type(cause) is driver.DatabaseError


def unusable(engine: Engine, error: BaseException) -> ConfigInvalid:
    """What is wrong with the database, in a sentence, without the password of its URL."""
    reason = " ".join(str(getattr(error, "orig", error)).split())
    return ConfigInvalid(f"The database {engine.url} cannot be used ({reason}): check INDEXER_DATABASE_URL.")


def make(connection: Connection, wanted: Iterable[Layout], with_indexes: bool = True) -> None:
    """Make some tables."""
    for layout in wanted:
        connection.exec_driver_sql(layout.create[connection.dialect.name])
        if with_indexes:
            make_indexes(connection, [layout])


# Rows that come by the hundred thousand are written faster, and then sorted at once, than each to its place in every
# index. None of these indexes is what keeps keys apart.


def drop_indexes(connection: Connection) -> None:
    """No index but those of the keys, until `create_indexes`: for tables that are about to be filled."""
    for layout in layouts("raw", "derived"):
        for name in layout.indexes:
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def create_indexes(connection: Connection) -> None:
    """Every index that is missing."""
    local = connection.dialect.name == "sqlite"
    if local:
        # As much is sorted at once, twice over: its bulk waits in a file.
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_SORT_KIB}")
    make_indexes(connection, layouts("raw", "derived"))
    if local:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")


def make_indexes(connection: Connection, of: Iterable[Layout]) -> None:
    """Those indexes of some tables that are not there."""
    for layout in of:
        for sql in layout.indexes.values():
            connection.exec_driver_sql(sql[connection.dialect.name])


def lacks_indexes(connection: Connection) -> bool:
    """Whether a process that was filling the tables ended before it was done."""
    return not {name for layout in layouts("raw", "derived") for name in layout.indexes} <= _there(connection)
