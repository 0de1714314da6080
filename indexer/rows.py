"""The rows that a fold works on: read once, changed in memory, written in bulk.

An ORM object costs a hundred times what a change of an integer should. So the tables are SQLModel classes, and rows in
work are light twins of them (`Shape.twin`): same attributes, same types for the type checker, no machinery.
"""

import dataclasses
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import Boolean, Connection
from sqlmodel import SQLModel

from indexer.tables import DERIVED, Journal
from indexer.types import Uint256, pad
from protocol.errors import ProtocolError

T = TypeVar("T", bound=SQLModel)
Key = tuple[Any, ...]
Values = Sequence[Any]

# Cells that stay in memory between batches; about 60 bytes each.
CACHED_CELLS = 500_000


class Contradiction(ProtocolError):
    """The events contradict one another: the log is not complete. Nothing of it was written."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The events contradict one another ({what}): the RPC endpoint left logs out, or the deployment's first "
            "block is too late. Mend that and start with an empty database."
        )


class Shape:
    """How the rows of one table travel between Python and the database."""

    def __init__(self, table: type[SQLModel], placeholder: str) -> None:
        columns = list(table.__table__.columns)  # type: ignore[attr-defined]
        self.table = table
        self.name = str(table.__tablename__)
        self.columns = [column.name for column in columns]
        self.keys = [column.name for column in columns if column.primary_key]
        # Rows that are named by their place in history are never needed again once they are written.
        self.history = "position" in self.keys
        self.twin = _twin(table, self.columns)
        self.key_of = _tuple_of(self.keys)
        self._values_of = _tuple_of(self.columns)
        self._amounts = [at for at, column in enumerate(columns) if isinstance(column.type, Uint256)]
        self._flags = [at for at, column in enumerate(columns) if isinstance(column.type, Boolean)]
        self._write_sql(placeholder)

    def _write_sql(self, mark: str) -> None:
        names = ", ".join(f'"{name}"' for name in self.columns)
        where = " AND ".join(f'"{name}" = {mark}' for name in self.keys)
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in self.columns if name not in self.keys)
        self.select = f'SELECT {names} FROM "{self.name}" WHERE {where}'
        self.insert = f'INSERT INTO "{self.name}" ({names}) VALUES ({", ".join([mark] * len(self.columns))})'
        self.upsert = f"{self.insert} ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {sets}"
        self.delete = f'DELETE FROM "{self.name}" WHERE {where}'

    def dump(self, row: Any) -> tuple[Any, ...]:
        """The row as the database wants it."""
        values = list(self._values_of(row))
        for at in self._amounts:
            values[at] = pad(values[at])
        return tuple(values)

    def load(self, values: Iterable[Any]) -> Any:
        """The twin of a database row."""
        cells = list(values)
        for at in self._amounts:
            cells[at] = int(cells[at])
        for at in self._flags:
            cells[at] = bool(cells[at])
        return self.twin(**dict(zip(self.columns, cells, strict=True)))


def _twin(table: type[SQLModel], columns: list[str]) -> type[Any]:
    fields = []
    for name in columns:
        info = table.model_fields[name]
        default = dataclasses.MISSING if info.is_required() else info.get_default()
        fields.append((name, Any, dataclasses.field(default=default)))
    return dataclasses.make_dataclass(table.__name__, fields, slots=True, kw_only=True)


def _tuple_of(names: list[str]) -> Callable[[Any], Key]:
    getter = operator.attrgetter(*names)
    return getter if len(names) > 1 else lambda row: (getter(row),)


class _Store:
    """The rows of one table that are in memory."""

    __slots__ = ("added", "dirty", "rows", "seen", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.rows: dict[Key, Any] = {}
        self.dirty: dict[Key, Any] = {}
        # Keys whose image before this block is already in the journal.
        self.seen: set[Key] = set()
        # Rows of history that are only ever written.
        self.added: list[Values] = []


class Rows:
    """The unit of work of one fold, for one connection and its open transaction.

    `get`, `edit`, `ensure` and `add` are all that a projection may use. Nothing is written before `flush`.
    """

    def __init__(self, connection: Connection, tables: Sequence[type[SQLModel]] = DERIVED) -> None:
        self._connection = connection
        self._cursor = connection.connection.cursor()
        mark = placeholder(connection)
        self._stores = {table: _Store(Shape(table, mark)) for table in tables}
        self._journal_sql = Shape(Journal, mark).insert
        self._changes: list[tuple[str, Key, Values | None]] = []
        self._journals: list[tuple[int, bytes]] = []
        self._journaling = False

    # --- for projections

    def get(self, table: type[T], *key: Any) -> T | None:
        """The row, to be read only; None when there is none."""
        store = self._stores[table]
        row: T | None = store.rows.get(key) or self._load(store, key)
        return row

    def edit(self, table: type[T], *key: Any) -> T:
        """The row, to be changed. Raises `Contradiction` when there is none."""
        store = self._stores[table]
        row: T | None = store.rows.get(key) or self._load(store, key)
        if row is None:
            raise Contradiction(f"one changes {store.shape.name} {', '.join(map(str, key))}, which none made")
        return self._changed(store, key, row)

    def ensure(self, table: type[T], *key: Any) -> T:
        """The row, to be changed; made with the table's defaults when there is none."""
        store = self._stores[table]
        row: T | None = store.rows.get(key) or self._load(store, key)
        if row is None:
            return self.add(table, **dict(zip(store.shape.keys, key, strict=True)))
        return self._changed(store, key, row)

    def _changed(self, store: _Store, key: Key, row: T) -> T:
        if self._journaling and key not in store.seen:
            store.seen.add(key)
            self._changes.append((store.shape.name, key, store.shape.dump(row)))
        store.dirty[key] = row
        return row

    def add(self, table: type[T], **values: Any) -> T:
        """A new row."""
        store = self._stores[table]
        row: T = store.shape.twin(**values)
        key = store.shape.key_of(row)
        if self._journaling:
            store.seen.add(key)
            self._changes.append((store.shape.name, key, None))
        store.rows[key] = store.dirty[key] = row
        return row

    def record(self, table: type[SQLModel], key: Key, values: Values) -> None:
        """A new row of history that nobody will change, in the database's form and the columns' order; cheap."""
        store = self._stores[table]
        if self._journaling:
            self._changes.append((store.shape.name, key, None))
        store.added.append(values)

    # --- for the fold

    def start_block(self, journaling: bool) -> None:
        """Changes from here on belong to the next block; with `journaling`, their old images are kept."""
        self._journaling = journaling

    def end_block(self, number: int) -> None:
        """Close the journal of a block."""
        if self._changes:
            self._journals.append((number, orjson.dumps(self._changes)))
            self._changes = []
        for store in self._stores.values():
            store.seen.clear()

    def flush(self) -> None:
        """Write all that changed. Raises OverflowError for amounts below 0, IntegrityError for rows made twice."""
        for store in self._stores.values():
            shape = store.shape
            if store.added:
                self._write(shape.insert, store.added)
                store.added = []
            if store.dirty:
                sql = shape.insert if shape.history else shape.upsert
                self._write(sql, list(map(shape.dump, store.dirty.values())))
        if self._journals:
            self._write(self._journal_sql, self._journals)
            self._journals = []
        self._trim()

    def _write(self, sql: str, rows: list[Any]) -> None:
        self._connection.exec_driver_sql(sql, rows)

    def forget(self) -> None:
        """Drop all that is in memory: the database changed underneath, or the transaction failed."""
        for store in self._stores.values():
            store.rows, store.dirty, store.added = {}, {}, []
            store.seen.clear()
        self._changes, self._journals = [], []

    def _load(self, store: _Store, key: Key) -> Any:
        self._cursor.execute(store.shape.select, key)
        found = self._cursor.fetchone()
        if found is None:
            return None
        row = store.rows[key] = store.shape.load(found)
        return row

    def _trim(self) -> None:
        """Keep the rows of the last batch when there are too many: what changed just now changes again soon."""
        cells = sum(len(store.rows) * len(store.shape.columns) for store in self._stores.values())
        for store in self._stores.values():
            if store.shape.history:
                store.rows = {}
            elif cells > CACHED_CELLS:
                store.rows = dict(store.dirty)
            store.dirty = {}


def placeholder(connection: Connection) -> str:
    """How the driver marks a parameter by its place."""
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def undo(connection: Connection, to: int) -> None:
    """Bring back every row as it was after block `to`, from the journal; the journal above it is dropped.

    Of several images of a row the oldest counts. No table has rules of its own.
    """
    mark = placeholder(connection)
    shapes = {shape.name: shape for shape in (Shape(table, mark) for table in DERIVED)}
    images: dict[str, dict[Key, Values | None]] = {}
    where = f'FROM "journal" WHERE "number" > {mark}'
    for (changes,) in connection.exec_driver_sql(f"SELECT changes {where} ORDER BY number DESC", (to,)).all():
        for name, key, image in reversed(orjson.loads(changes)):
            images.setdefault(name, {})[tuple(key)] = image
    for name, found in images.items():
        shape = shapes[name]
        gone = [key for key, image in found.items() if image is None]
        kept = [tuple(image) for image in found.values() if image is not None]
        if gone:
            connection.exec_driver_sql(shape.delete, gone)
        if kept:
            connection.exec_driver_sql(shape.upsert, kept)
    connection.exec_driver_sql(f"DELETE {where}", (to,))
