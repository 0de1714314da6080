"""The whole index against a new one: no row of any table is altered, missing or too many.

The chain's logs are read again, each block's held against its bloom, and folded into a database of their own. What the
contracts tell of the last block (`verify`) finds a projection that is wrong; this finds everything else, also in the
middle of histories, and in payments that no contract remembers.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from sqlalchemy import Connection

from indexer import db
from indexer.index import Index
from indexer.layout import Key, layouts
from indexer.reader import HEADERS_AT_ONCE, Reader
from indexer.shape import Shape, shape_of
from indexer.twins import Journal, RecentBlock
from indexer.units import POSITION_BITS, shown
from protocol.deployment import Deployment

# Of each table so many rows that differ are told; how many more there are, is said.
TOLD = 20
_ROWS_AT_ONCE = 2_000
_PLACED = {shape.name for shape in (shape_of(layout.twin, "?") for layout in layouts("derived")) if shape.placed}

Told = Callable[[str, int], None]
_Row = Sequence[Any]


class Anew:
    """A new index of the chain, in a folder for temporary files that is gone with the block."""

    def __init__(self, reader: Reader, deployment: Deployment, checkpoint: Any) -> None:
        """`checkpoint`: the row of the index that is to be compared."""
        self._reader = reader
        self._deployment = deployment
        self._checkpoint = checkpoint
        # Rows that were compared.
        self.rows = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skein-verify-"))
            self._engine = db.open_engine(f"sqlite:///{Path(folder) / 'anew.db'}")
            stack.callback(self._engine.dispose)
            self._fill()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def _fill(self) -> None:
        index = Index(self._engine, self._deployment)
        try:
            for batch in self._reader.final(self._deployment.first_block, self._checkpoint.number):
                index.fill(batch, self._checkpoint.final)
        finally:
            index.close()

    def differences(self, connection: Connection, told: Told = lambda name, rows: None) -> Iterator[str]:
        """All that differs from the index of `connection`, each one line; `told` of tables and their sizes."""
        with self._engine.begin() as fresh:
            for layout in layouts("raw", "derived"):
                shape = shape_of(layout.twin, "?")
                yield from self._counted(
                    shape.name, told, _merged(shape, _rows(shape, connection), _rows(shape, fresh))
                )
            yield from self._counted("journal", told, self._journal(connection, fresh))
            yield from self._counted("recent_block", told, self._recent(connection))

    def _counted(self, name: str, told: Told, found: Iterator[str | None]) -> Iterator[str]:
        """The lines; None stands for a row that is right."""
        rows = wrong = 0
        for line in found:
            rows += 1
            wrong += line is not None
            if line is not None and wrong <= TOLD:
                yield line
        if wrong > TOLD:
            yield f"{name}: {wrong - TOLD} more rows differ"
        self.rows += rows
        told(name, rows)

    def _journal(self, connection: Connection, fresh: Connection) -> Iterator[str | None]:
        """What would undo the last blocks: to each block the same images, in any order."""
        shape = shape_of(Journal, "?")
        floor = self._checkpoint.journal_floor
        theirs = [(number, _images(changes)) for number, changes in _rows(shape, fresh) if number > floor]
        mine = [(number, _images(changes)) for number, changes in _rows(shape, connection)]
        return _merged(shape, iter(mine), iter(theirs))

    def _recent(self, connection: Connection) -> Iterator[str | None]:
        """The hashes by which a reorg is found, against the headers."""
        first = max(self._checkpoint.final, self._deployment.first_block - 1)
        numbers = range(first, self._checkpoint.number + 1)
        parts = (numbers[at : at + HEADERS_AT_ONCE] for at in range(0, len(numbers), HEADERS_AT_ONCE))
        headers = (header for part in parts for header in self._reader.headers(part) if header is not None)
        shape = shape_of(RecentBlock, "?")
        return _merged(shape, _rows(shape, connection), ((header.number, header.hash) for header in headers))


def _rows(shape: Shape, connection: Connection) -> Iterator[_Row]:
    """All rows as the database has them, by their keys; text goes by its bytes, as in SQLite."""
    binary = ' COLLATE "C"' if connection.dialect.name == "postgresql" else ""
    order = ", ".join(f'"{name}"{binary if shape.kinds[name] in ("text", "amount") else ""}' for name in shape.keys)
    sql = f'SELECT {shape.names} FROM "{shape.name}" ORDER BY {order}'
    return iter(connection.exec_driver_sql(sql, execution_options={"yield_per": _ROWS_AT_ONCE}))


def _merged(shape: Shape, mine: Iterator[_Row], theirs: Iterator[_Row]) -> Iterator[str | None]:
    """Two sequences in the order of their keys side by side: a line for each row that differs, None for the others."""
    ours, chains = next(mine, None), next(theirs, None)
    while ours is not None or chains is not None:
        key = None if ours is None else shape.key_in(ours)
        other = None if chains is None else shape.key_in(chains)
        if ours is not None and chains is not None and key == other:
            yield None if tuple(ours) == tuple(chains) else _altered(shape, ours, chains)
            ours, chains = next(mine, None), next(theirs, None)
        elif chains is None or (key is not None and other is not None and key < other):
            yield f"{_name(shape, key)}: the index has it, the chain's events do not make it"
            ours = next(mine, None)
        else:
            yield f"{_name(shape, other)}: the index has no such row, the chain's events make it"
            chains = next(theirs, None)


def _altered(shape: Shape, mine: _Row, theirs: _Row) -> str:
    cells = zip(shape.columns, mine, theirs, strict=True)
    wrong = [(name, name in shape.amounts, ours, other) for name, ours, other in cells if ours != other]
    ours, theirs = (", ".join(f"{cell[0]} {_short(cell[at], cell[1])}" for cell in wrong) for at in (2, 3))
    return f"{_name(shape, shape.key_in(mine))}: the index has {ours}; the chain's events make {theirs}"


def _name(shape: Shape, key: Key | None) -> str:
    """A row by its table and key; a position as block and index of the log."""
    parts = zip(shape.keys, key or (), strict=True)
    return " ".join([shape.name, *(_place(part) if name == "position" else str(part) for name, part in parts)])


def _place(position: int) -> str:
    return f"{position >> POSITION_BITS}-{position & ((1 << POSITION_BITS) - 1)}"


def _short(value: Any, is_amount: bool) -> str:
    text = "0x" + value.hex() if isinstance(value, bytes) else shown(value) if is_amount and value else str(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _images(changes: bytes) -> Mapping[tuple[str, Key], Any]:
    """Without those of rows that go with their blocks, which indexers kept once."""
    return {(name, tuple(key)): image for name, key, image in orjson.loads(changes) if name not in _PLACED}
