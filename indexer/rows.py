"""The rows that a fold works on: read once, changed in memory, written in bulk."""

from collections.abc import Iterable
from typing import Any, TypeVar

import orjson

from indexer.bulk import Bulk, bulk
from indexer.connections import Connection
from indexer.foresight import Foresight
from indexer.layout import Key, Values, layouts
from indexer.shape import Shape, shape_of
from indexer.twins import Journal
from indexer.units import position_of
from protocol.errors import ProtocolError

T = TypeVar("T")

# Cells that stay in memory between batches; about 60 bytes each.
CACHED_CELLS = 250_000


class Contradiction(ProtocolError):
    """The events contradict one another: the log is not complete. Nothing of it was written."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The events contradict one another ({what}): the RPC endpoint left logs out, or the deployment's first "
            "block is too late. Mend that and start with an empty database."
        )


class _Store:
    """The rows of one table that are in memory."""

    __slots__ = ("absent", "added", "dirty", "old", "rows", "seen", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.rows: dict[Key, Any] = {}
        # Rows that were not asked for since the cache was last full: they go when it is full again.
        self.old: dict[Key, Any] = {}
        self.dirty: dict[Key, Any] = {}
        # Keys of which the database was found to have no row, in this batch.
        self.absent: set[Key] = set()
        # Keys whose image before this block is already in the journal.
        self.seen: set[Key] = set()
        # Rows of history that are only ever written.
        self.added: list[Values] = []

    def clear(self) -> None:
        """Forget everything."""
        self.rows, self.old, self.dirty, self.added = {}, {}, {}, []
        self.absent, self.seen = set(), set()


class _Stores(dict[Any, _Store]):
    """Those of all derived tables, by the twins of their rows; by the tables' classes as well."""

    def __init__(self, mark: str) -> None:
        twins = (layout.twin for layout in layouts("derived"))
        super().__init__({twin: _Store(shape_of(twin, mark)) for twin in twins})
        self._mark = mark

    def __missing__(self, table: Any) -> _Store:
        return self[shape_of(table, self._mark).twin]


class Rows:
    """The unit of work of one fold, for one connection and its open transaction.

    `get`, `find`, `edit`, `ensure`, `add` and `record` are all that a projection may use. Nothing is written before
    `flush`.
    """

    def __init__(self, connection: Connection) -> None:
        self._bulk: Bulk = bulk(connection)
        self._stores = _Stores(self._bulk.mark)
        self._journal = shape_of(Journal, self._bulk.mark)
        self._changes: list[tuple[str, Key, Values | None]] = []
        self._journals: list[tuple[int, bytes]] = []
        self._journaling = False
        self._foresight = Foresight()
        # The event at work: its name, and its arguments with the contract's address behind them.
        self.event: tuple[str, Values] | None = None

    # --- for projections

    def get(self, table: type[T], *key: Any) -> T | None:
        """The row, to be read only; None when there is none."""
        store = self._stores[table]
        row: T | None = store.rows.get(key) or self._load(store, key)
        return row

    def find(self, table: type[T], *key: Any) -> T | None:
        """The row, to be changed; None when there is none."""
        store = self._stores[table]
        row: T | None = store.rows.get(key) or self._load(store, key)
        return None if row is None else self._changed(store, key, row)

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
            if not store.shape.placed:
                self._changes.append((store.shape.name, key, None))
        store.rows[key] = store.dirty[key] = row
        return row

    def record(self, table: type[Any], key: Key, values: Values) -> None:
        """A new row of history that nobody will change, in the database's form and the columns' order; cheap."""
        store = self._stores[table]
        if self._journaling and not store.shape.placed:
            self._changes.append((store.shape.name, key, None))
        store.added.append(values)

    # --- for the fold

    def foresee(self, name: str, events: Iterable[Values]) -> None:
        """Fetch what these events, all of one kind, will probably need; see `event` for their form."""
        for table, keys in self._foresight.needs(name, events):
            store = self._stores[table]
            missing = [key for key in keys if key not in store.rows and key not in store.absent]
            if store.old:
                missing = [key for key in missing if not self._revive(store, key)]
            if missing:
                load, key_in = store.shape.load, store.shape.key_in
                store.rows |= {key_in(values): load(values) for values in self._bulk.fetch(store.shape, missing)}
                store.absent.update(key for key in missing if key not in store.rows)

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
                self._bulk.insert(shape, store.added)
                store.added = []
            if store.dirty:
                write = self._bulk.insert if shape.history else self._bulk.upsert
                write(shape, list(map(shape.dump, store.dirty.values())))
                store.dirty = {}
            store.absent = set()
        if self._journals:
            self._bulk.insert(self._journal, self._journals)
            self._journals = []
        self._trim()

    def forget(self) -> None:
        """Drop all that is in memory: the database changed underneath, or the transaction failed."""
        for store in self._stores.values():
            store.clear()
        self._changes, self._journals = [], []

    def _load(self, store: _Store, key: Key) -> Any:
        if key in store.absent:
            return None
        if row := self._revive(store, key):
            return row
        if self.event is not None:
            self._foresight.learn(*self.event, store.shape.twin, key)
        found = self._bulk.fetch_one(store.shape, key)
        if found is None:
            return None
        row = store.rows[key] = store.shape.load(found)
        return row

    def _revive(self, store: _Store, key: Key) -> Any:
        row = store.old.pop(key, None)
        if row is not None:
            store.rows[key] = row
        return row

    def _trim(self) -> None:
        """Rows of history go at once; of the others, those that were not used since the cache was last half full."""
        cells = 0
        for store in self._stores.values():
            if store.shape.history:
                store.rows = {}
            cells += len(store.rows) * len(store.shape.columns)
        if cells > CACHED_CELLS // 2:
            for store in self._stores.values():
                store.old, store.rows = store.rows, {}


def undo(connection: Connection, to: int) -> None:
    """Bring back every row as it was after block `to`, from the journal; the journal above it is dropped.

    Of several images of a row the oldest counts. No table has rules of its own.
    """
    own = bulk(connection)
    shapes = {shape.name: shape for shape in (shape_of(layout.twin, own.mark) for layout in layouts("derived"))}
    for shape in shapes.values():
        if shape.placed:
            after = f'DELETE FROM "{shape.name}" WHERE "position" >= {own.mark}'
            connection.exec_driver_sql(after, (position_of(to + 1),))
    images: dict[str, dict[Key, Values | None]] = {name: {} for name in shapes}
    where = f'FROM "journal" WHERE "number" > {own.mark}'
    for (changes,) in connection.exec_driver_sql(f"SELECT changes {where} ORDER BY number DESC", (to,)).all():
        for name, key, image in reversed(orjson.loads(changes)):
            images[name][tuple(key)] = image
    for name, found in images.items():
        shape = shapes[name]
        own.delete(shape, [key for key, image in found.items() if image is None])
        own.upsert(shape, [image for image in found.values() if image is not None])
    connection.exec_driver_sql(f"DELETE {where}", (to,))
