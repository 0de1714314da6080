"""The database: SQLite by default, PostgreSQL by its URL."""

import logging
from typing import Any

from sqlalchemy import Connection, Engine, Index, Table, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

from indexer.tables import BOOKKEEPING, DERIVED, RAW
from protocol.errors import ConfigInvalid

logger = logging.getLogger(__name__)

# Raised by one whenever tables or projections change what they mean; `rebuild` then derives all tables again.
VERSION = 4
# The newest migration of the tables that are not derived.
SCHEMA = "0002"
VERSION_TABLE = "alembic_version"
_WRITER_LOCK = 0x736B65696E

_PAGE_CACHE_KIB = 16_384
_SORT_KIB = 4_096
# Trees of many rows are filled faster with pages that are larger than usual. They go from the write-ahead log to the
# database every 40 MB: one that changes often goes there once. What is sorted for an index may use a second core.
_WRITER = ["page_size = 8192", "journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 5000", "threads = 1"]
# As there: what a crash of the machine takes is read again.
_POSTGRES_OPTIONS = "-c synchronous_commit=off -c timezone=UTC"
_BUSY_SECONDS = 15


def open_engine(url: str, read_only: bool = False) -> Engine:
    """The database at `url`. A read-only engine refuses to write whatever it is asked."""
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise ConfigInvalid(f"INDEXER_DATABASE_URL {url!r} is not a database URL: {error}.") from error
    kind = parts.get_backend_name()
    if kind == "sqlite":
        if not parts.database:
            raise ConfigInvalid("INDEXER_DATABASE_URL needs a file: a database in memory cannot be served or kept.")
        engine = create_engine(parts, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
        _tune_sqlite(engine, read_only)
        return engine
    if kind not in ("postgresql", "postgres"):
        raise ConfigInvalid(f"INDEXER_DATABASE_URL is of a {kind} database: give one of sqlite or postgresql.")
    _tell_postgres_of_partial_indexes()
    engine = create_engine(parts.set(drivername="postgresql+psycopg"), connect_args={"options": _POSTGRES_OPTIONS})
    if read_only:
        engine = engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return engine


def _tell_postgres_of_partial_indexes() -> None:
    """What the tables say to SQLite. Were it said there, every start would load what speaks to PostgreSQL."""
    for index in _indexes():
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


def _tune_sqlite(engine: Engine, read_only: bool) -> None:
    def connected(connection: Any, _record: Any) -> None:
        # The driver's own idea of when a transaction begins leaves reads and DDL out of it.
        connection.isolation_level = None
        pragmas = [f"cache_size = -{_PAGE_CACHE_KIB}"]
        # A crash of the machine may cost the last transactions, which are read from the chain again; never consistency.
        # What a writer sorts, to make an index, can be larger than memory.
        pragmas += ["query_only = ON", "temp_store = MEMORY"] if read_only else _WRITER
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
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
            found = _schema(connection)
            if found is None and not inspect(connection).has_table("checkpoint"):
                _create(connection)
            elif found != SCHEMA:
                _migrate(connection)
            SQLModel.metadata.create_all(connection, tables(*DERIVED))
    except (OperationalError, ProgrammingError) as error:
        raise unusable(engine, error) from error


def _schema(connection: Connection) -> str | None:
    """The migration at which the tables are, None when none was ever noted."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return found


def _create(connection: Connection) -> None:
    """An empty database gets at once what all migrations would make of it; loading them would take longer."""
    SQLModel.metadata.create_all(connection, tables(*BOOKKEEPING, *RAW))
    connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} VALUES ('{SCHEMA}')")


def _migrate(connection: Connection) -> None:
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


def tables(*models: type[SQLModel]) -> list[Table]:
    """What SQLAlchemy knows of some tables."""
    return [model.__table__ for model in models]  # type: ignore[attr-defined]


def is_prepared(engine: Engine) -> bool:
    """Whether the tables are there."""
    try:
        return inspect(engine).has_table("checkpoint")
    except DBAPIError as error:
        raise unusable(engine, error) from error


def unusable(engine: Engine, error: Exception) -> ConfigInvalid:
    """What is wrong with the database, in a sentence, without the password of its URL."""
    url = engine.url.render_as_string(hide_password=True)
    reason = " ".join(str(getattr(error, "orig", error)).split())
    return ConfigInvalid(f"The database {url} cannot be used ({reason}): check INDEXER_DATABASE_URL.")


# Rows that come by the hundred thousand are written faster, and then sorted at once, than each to its place in every
# index. None of these indexes is what keeps keys apart.


def drop_indexes(connection: Connection) -> None:
    """No index but those of the keys, until `create_indexes`: for tables that are about to be filled."""
    for index in _indexes():
        index.drop(connection, checkfirst=True)


def create_indexes(connection: Connection) -> None:
    """Every index that is missing."""
    local = connection.dialect.name == "sqlite"
    if local:
        # As much is sorted at once, twice over: its bulk waits in a file.
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_SORT_KIB}")
    for index in _indexes():
        connection.execute(CreateIndex(index, if_not_exists=True))
    if local:
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")


def lacks_indexes(connection: Connection) -> bool:
    """Whether a process that was filling the tables ended before it was done."""
    names = {index["name"] for table in _filled() for index in inspect(connection).get_indexes(table.name)}
    return not {index.name for index in _indexes()} <= names


def _indexes() -> list[Index]:
    return indexes(*_filled())


def indexes(*of: Table) -> list[Index]:
    """All indexes of some tables, but those of the keys."""
    return [index for table in of for index in sorted(table.indexes, key=lambda index: str(index.name))]


def _filled() -> list[Table]:
    return tables(*RAW, *DERIVED)
