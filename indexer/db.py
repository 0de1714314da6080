"""The database: SQLite by default, any that SQLAlchemy knows by URL."""

import logging
from typing import Any

from sqlalchemy import Connection, Engine, Index, Table, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

from indexer.tables import BOOKKEEPING, DERIVED, RAW
from protocol.errors import ConfigInvalid

logger = logging.getLogger(__name__)

# Raised by one whenever tables or projections change what they mean; `rebuild` then derives all tables again.
VERSION = 3

_PAGE_CACHE_KIB = 16_384
# Pages go from the write-ahead log to the database every 40 MB: one that changes often goes there once.
_WRITER = ["journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 10000"]
_BUSY_SECONDS = 15


def open_engine(url: str, read_only: bool = False) -> Engine:
    """The database at `url`. A read-only engine refuses to write whatever it is asked."""
    try:
        parts = make_url(url)
        if parts.drivername.startswith("sqlite") and not parts.database:
            raise ConfigInvalid("INDEXER_DATABASE_URL needs a file: a database in memory cannot be served or kept.")
        engine = create_engine(parts, **_options(url))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigInvalid(f"INDEXER_DATABASE_URL {url!r} is not a database URL: {error}.") from error
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine, read_only)
    elif read_only:
        engine = engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return engine


def _options(url: str) -> dict[str, Any]:
    if not url.startswith("sqlite"):
        return {}
    return {"connect_args": {"timeout": _BUSY_SECONDS, "check_same_thread": False}}


def _tune_sqlite(engine: Engine, read_only: bool) -> None:
    def connected(connection: Any, _record: Any) -> None:
        # The driver's own idea of when a transaction begins leaves reads and DDL out of it.
        connection.isolation_level = None
        pragmas = [f"cache_size = -{_PAGE_CACHE_KIB}", "temp_store = MEMORY"]
        # A crash of the machine may cost the last transactions, which are read from the chain again; never consistency.
        pragmas += ["query_only = ON"] if read_only else _WRITER
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def prepare(engine: Engine) -> None:
    """Create the tables that are missing. Raises `ConfigInvalid` when the database cannot be used."""
    tables = [table.__table__ for table in (*BOOKKEEPING, *RAW, *DERIVED)]  # type: ignore[attr-defined]
    try:
        with engine.begin() as connection:
            SQLModel.metadata.create_all(connection, tables)
    except (OperationalError, ProgrammingError) as error:
        raise unusable(engine, error) from error


def is_prepared(engine: Engine) -> bool:
    """Whether the tables are there."""
    try:
        return inspect(engine).has_table("checkpoint")
    except DBAPIError as error:
        raise unusable(engine, error) from error


def unusable(engine: Engine, error: Exception) -> ConfigInvalid:
    """What is wrong with the database, in a sentence, without the password of its URL."""
    url = engine.url.render_as_string(hide_password=True)
    reason = getattr(error, "orig", error)
    return ConfigInvalid(f"The database {url} cannot be used ({reason}): check INDEXER_DATABASE_URL.")


def recreate_derived(connection: Connection) -> None:
    """Empty derived tables of the present version, whatever version was there."""
    tables = [table.__table__ for table in DERIVED]  # type: ignore[attr-defined]
    SQLModel.metadata.drop_all(connection, tables)
    SQLModel.metadata.create_all(connection, tables)


# Rows that come by the hundred thousand are written faster, and then sorted at once, than each to its place in every
# index. None of these indexes is what keeps keys apart.


def drop_indexes(connection: Connection) -> None:
    """No index but those of the keys, until `create_indexes`: for tables that are about to be filled."""
    for index in _indexes():
        index.drop(connection, checkfirst=True)


def create_indexes(connection: Connection) -> None:
    """Every index that is missing."""
    for index in _indexes():
        connection.execute(CreateIndex(index, if_not_exists=True))


def lacks_indexes(connection: Connection) -> bool:
    """Whether a process that was filling the tables ended before it was done."""
    names = {index["name"] for table in _filled() for index in inspect(connection).get_indexes(table.name)}
    return not {index.name for index in _indexes()} <= names


def _indexes() -> list[Index]:
    return [index for table in _filled() for index in sorted(table.indexes, key=lambda index: str(index.name))]


def _filled() -> list[Table]:
    return [table.__table__ for table in (*RAW, *DERIVED)]  # type: ignore[attr-defined]
