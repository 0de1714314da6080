"""Many rows at once, in and out, by the fastest way that the database has."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Protocol

import orjson

from indexer.connections import Connection
from indexer.layout import Key, Values
from indexer.shape import Shape


class Bulk(Protocol):
    """What a fold needs of a database, within the open transaction of one connection. No rows: nothing happens."""

    # How a statement marks a parameter by its place.
    mark: str

    def insert(self, shape: Shape, rows: Sequence[Values]) -> None:
        """New rows, in the columns' order. Raises the driver's IntegrityError for a key that is there already."""

    def upsert(self, shape: Shape, rows: Sequence[Values]) -> None:
        """Rows, each with a key of its own, that take the place of those with the same keys."""

    def delete(self, shape: Shape, keys: Sequence[Key]) -> None:
        """The rows with these keys are no more."""

    def fetch_one(self, shape: Shape, key: Key) -> Values | None:
        """The row, None if there is none."""

    def fetch(self, shape: Shape, keys: Sequence[Key]) -> Iterable[Values]:
        """Those of the rows that there are, in any order."""


def bulk(connection: Connection) -> Bulk:
    """The way of this connection's database."""
    return SqliteBulk(connection) if connection.dialect.name == "sqlite" else PostgresBulk(connection)


class SqliteBulk:
    """Prepared statements, which the driver keeps."""

    mark = "?"
    _KEYS_AT_ONCE = 500

    def __init__(self, connection: Connection) -> None:
        self._cursor = connection.connection.cursor()

    def insert(self, shape: Shape, rows: Sequence[Values]) -> None:
        """See `Bulk`."""
        self._cursor.executemany(shape.insert, rows)

    def upsert(self, shape: Shape, rows: Sequence[Values]) -> None:
        """See `Bulk`."""
        self._cursor.executemany(shape.upsert, rows)

    def delete(self, shape: Shape, keys: Sequence[Key]) -> None:
        """See `Bulk`."""
        self._cursor.executemany(shape.delete, keys)

    def fetch_one(self, shape: Shape, key: Key) -> Values | None:
        """See `Bulk`."""
        found: Values | None = self._cursor.execute(shape.select, key).fetchone()
        return found

    def fetch(self, shape: Shape, keys: Sequence[Key]) -> Iterator[Values]:
        """See `Bulk`."""
        for part in _parts(keys, self._KEYS_AT_ONCE):
            yield from self._cursor.execute(fetching(shape, len(part)), list(chain.from_iterable(part))).fetchall()


@lru_cache(maxsize=256)
def fetching(shape: Shape, keys: int) -> str:
    """SQLite's statement for so many rows by their keys: a search for each of these.

    `WHERE (a, b) IN (VALUES ...)` would read the whole table as soon as the key has two columns.
    """
    names = ", ".join(f'old."{name}"' for name in shape.columns)
    given = ", ".join(f'"{name}"' for name in shape.keys)
    marks = ", ".join([f"({', '.join('?' * len(shape.keys))})"] * keys)
    where = " AND ".join(f'old."{name}" = given."{name}"' for name in shape.keys)
    wanted = f"WITH given ({given}) AS (VALUES {marks})"
    return f'{wanted} SELECT {names} FROM given CROSS JOIN "{shape.name}" AS old ON {where}'


class PostgresBulk:
    """New rows by COPY; others as one JSON document, which the server takes apart: one journey for all of them."""

    mark = "%s"

    def __init__(self, connection: Connection) -> None:
        self._cursor: Any = connection.connection.cursor()

    def insert(self, shape: Shape, rows: Sequence[Values]) -> None:
        """See `Bulk`."""
        if rows:
            with self._cursor.copy(f'COPY "{shape.name}" ({shape.names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)

    def upsert(self, shape: Shape, rows: Sequence[Values]) -> None:
        """See `Bulk`."""
        if rows:
            into = f'INSERT INTO "{shape.name}" ({shape.names}) SELECT {shape.names} FROM {_json_rows(shape)} AS given'
            self._cursor.execute(f"{into} {shape.on_conflict}", (_json(shape.columns, rows),))

    def delete(self, shape: Shape, keys: Sequence[Key]) -> None:
        """See `Bulk`."""
        if keys:
            where = " AND ".join(f'old."{name}" = given."{name}"' for name in shape.keys)
            sql = f'DELETE FROM "{shape.name}" AS old USING {_json_rows(shape)} AS given WHERE {where}'
            self._cursor.execute(sql, (_json(shape.keys, keys),))

    def fetch_one(self, shape: Shape, key: Key) -> Values | None:
        """See `Bulk`."""
        found: Values | None = self._cursor.execute(shape.select, key).fetchone()
        return found

    def fetch(self, shape: Shape, keys: Sequence[Key]) -> Iterable[Values]:
        """See `Bulk`."""
        if not keys:
            return ()
        names = ", ".join(f'old."{name}"' for name in shape.columns)
        where = " AND ".join(f'old."{name}" = given."{name}"' for name in shape.keys)
        sql = f'SELECT {names} FROM {_json_rows(shape)} AS given JOIN "{shape.name}" AS old ON {where}'
        found: Iterable[Values] = self._cursor.execute(sql, (_json(shape.keys, keys),)).fetchall()
        return found


def _json_rows(shape: Shape) -> str:
    return f'json_populate_recordset(NULL::"{shape.name}", %s::json)'


def _json(names: Sequence[str], rows: Iterable[Values]) -> str:
    return orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()


def _parts(keys: Sequence[Key], size: int) -> Iterator[list[Key]]:
    left = iter(keys)
    while part := list(islice(left, size)):
        yield part
