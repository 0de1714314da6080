"""How the rows of a table travel between Python and a database: its layout, and the SQL of that database."""

from functools import cache
from typing import Any

from indexer.layout import Layout, layout_of


class Shape:
    """One table in one kind of database."""

    def __init__(self, layout: Layout, placeholder: str = "?") -> None:
        self.name = layout.name
        self.columns = layout.columns
        self.kinds = layout.kinds
        self.keys = layout.keys
        # Rows that are named by their place in history are never needed again once they are written.
        self.history = "position" in self.keys
        # Rows in the order of history go with their blocks, all at once: how they were is in no journal.
        self.placed = self.keys[0] == "position"
        self.amounts = {name for name, kind in layout.kinds.items() if kind == "amount"}
        self.twin = layout.twin
        # The twin of a database row; the database's form of a twin; the key of either.
        self.load, self.dump = layout.load, layout.dump
        self.key_of, self.key_in = layout.key_of, layout.key_in
        self._write_sql(placeholder)

    def _write_sql(self, mark: str) -> None:
        names = ", ".join(f'"{name}"' for name in self.columns)
        where = " AND ".join(f'"{name}" = {mark}' for name in self.keys)
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in self.columns if name not in self.keys)
        self.names = names
        self.select = f'SELECT {names} FROM "{self.name}" WHERE {where}'
        self.insert = f'INSERT INTO "{self.name}" ({names}) VALUES ({", ".join([mark] * len(self.columns))})'
        self.on_conflict = f"ON CONFLICT ({', '.join(self.keys)}) " + (
            f"DO UPDATE SET {sets}" if sets else "DO NOTHING"
        )
        self.upsert = f"{self.insert} {self.on_conflict}"
        self.delete = f'DELETE FROM "{self.name}" WHERE {where}'


@cache
def _shape(layout: Layout, placeholder: str) -> Shape:
    return Shape(layout, placeholder)


def shape_of(table: Any, placeholder: str) -> Shape:
    """The shape of a table, given by its class or the twin of its rows; written once: a reorg does not wait for it."""
    return _shape(layout_of(table), placeholder)
