"""Connections of whoever writes: SQLAlchemy's, or for SQLite the driver's own behind the few calls that are needed.

To load SQLAlchemy takes longer than to index two thousand events.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any, Protocol, Self

PAGE_CACHE_KIB = 16_384
# Trees of many rows are filled faster with pages that are larger than usual. They go from the write-ahead log to the
# database every 40 MB: one that changes often goes there once. What is sorted for an index may use a second core.
# A crash of the machine may cost the last transactions, which are read from the chain again; never consistency.
_WRITER = ("page_size = 8192", "journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 5000", "threads = 1")
# What a writer sorts, to make an index, can be larger than memory.
_READER = ("query_only = ON", "temp_store = MEMORY")
BUSY_SECONDS = 15


class Connection(Protocol):
    """What is used of a SQLAlchemy Connection."""

    @property
    def dialect(self) -> Any: ...
    @property
    def connection(self) -> Any: ...
    def exec_driver_sql(self, statement: str, parameters: Any = ..., /) -> Any: ...
    def begin(self) -> AbstractContextManager[Any]: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """What is used of a SQLAlchemy Engine."""

    @property
    def dialect(self) -> Any: ...
    @property
    def url(self) -> Any: ...
    def connect(self) -> Any: ...
    def begin(self) -> AbstractContextManager[Any]: ...
    def dispose(self) -> None: ...


def tune(connection: sqlite3.Connection, read_only: bool = False) -> None:
    """Set up a new connection to SQLite."""
    # The driver's own idea of when a transaction begins leaves reads and DDL out of it.
    connection.isolation_level = None
    for pragma in (f"cache_size = -{PAGE_CACHE_KIB}", *(_READER if read_only else _WRITER)):
        connection.execute(f"PRAGMA {pragma}")


class SqliteEngine:
    """An SQLite file, for one process that writes."""

    dialect = SimpleNamespace(name="sqlite", loaded_dbapi=sqlite3)

    def __init__(self, path: str) -> None:
        self.url = f"sqlite:///{path}"
        self._path = path
        # Kept from one `begin` to the next.
        self._own: SqliteConnection | None = None

    def connect(self) -> "SqliteConnection":
        """A connection. Raises the driver's errors."""
        driver = sqlite3.connect(self._path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            tune(driver)
        except sqlite3.Error:
            driver.close()
            raise
        return SqliteConnection(driver)

    @contextmanager
    def begin(self) -> Iterator["SqliteConnection"]:
        """A transaction, not within another one of this method."""
        connection = self._own = self._own or self.connect()
        with connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close what `begin` left open."""
        if self._own is not None:
            self._own.close()
            self._own = None


class SqliteConnection:
    """One connection to an SQLite file."""

    dialect = SqliteEngine.dialect

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        self.connection = SimpleNamespace(driver_connection=driver, cursor=driver.cursor)

    def exec_driver_sql(self, statement: str, parameters: Sequence[Any] = ()) -> "_Found":
        """Run a statement. Raises the driver's errors."""
        return _Found(self._driver.execute(statement, parameters))

    @contextmanager
    def begin(self) -> Iterator[None]:
        """A transaction, which waits for another writer's first."""
        self._driver.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._driver.execute("COMMIT")
        except BaseException:
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """The end of it."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Found:
    """What a statement found."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    def all(self) -> list[Any]:
        return self._cursor.fetchall()

    def scalar(self) -> Any:
        row = self._cursor.fetchone()
        return row[0] if row else None

    def scalars(self) -> Iterator[Any]:
        return (row[0] for row in self._cursor)
