"""How the rows of a table travel between Python and the database: code that is written for each table.

An ORM object costs a hundred times what a change of an integer should. So the tables are SQLModel classes, and rows in
work are light twins of them (`Shape.twin`): same attributes, same types for the type checker, no machinery.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Boolean
from sqlmodel import SQLModel

from indexer.types import Uint256, pad

Key = tuple[Any, ...]
Values = Sequence[Any]


class Shape:
    """One table: its columns, the twin of its rows, and its SQL."""

    def __init__(self, table: type[SQLModel], placeholder: str = "?") -> None:
        columns = list(table.__table__.columns)  # type: ignore[attr-defined]
        self.table = table
        self.name = str(table.__tablename__)
        self.columns = [column.name for column in columns]
        self.keys = [column.name for column in table.__table__.primary_key]  # type: ignore[attr-defined]
        # Rows that are named by their place in history are never needed again once they are written.
        self.history = "position" in self.keys
        # Rows in the order of history go with their blocks, all at once: how they were is in no journal.
        self.placed = self.keys[0] == "position"
        self.amounts = {column.name for column in columns if isinstance(column.type, Uint256)}
        self._flags = {column.name for column in columns if isinstance(column.type, Boolean)}
        self._write_code()
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

    def _write_code(self) -> None:
        """The twin and what is done with it, as Python: loops over columns would take twice as long."""
        scope: dict[str, Any] = {"pad": pad, "new": object.__new__}
        defaults = {}
        for name in self.columns:
            field = self.table.model_fields[name]
            if not field.is_required():
                defaults[name] = field.get_default()
        scope["defaults"] = defaults
        takes = ", ".join(f"{name}=defaults[{name!r}]" if name in defaults else name for name in self.columns)
        lines = [
            "class twin:",
            f"    __slots__ = {tuple(self.columns)!r}",
            f"    def __init__(self, *, {takes}):",
            *(f"        self.{name} = {name}" for name in self.columns),
            "def load(values):",
            "    row = new(twin)",
            f"    {''.join(f'row.{name}, ' for name in self.columns)} = values",
            *(f"    row.{name} = int(row.{name}[2:])" for name in self.columns if name in self.amounts),
            *(f"    row.{name} = bool(row.{name})" for name in self.columns if name in self._flags),
            "    return row",
            "def dump(row):",
            f"    return ({''.join(f'{self._dumped(name)}, ' for name in self.columns)})",
            "def key_of(row):",
            f"    return ({''.join(f'row.{name}, ' for name in self.keys)})",
            "def key_in(values):",
            f"    return ({''.join(f'values[{self.columns.index(name)}], ' for name in self.keys)})",
        ]
        exec(compile("\n".join(lines), f"<shape of {self.name}>", "exec"), scope)
        self.twin: type[Any] = scope["twin"]
        # The twin of a database row; the database's form of a twin; the key of either.
        self.load: Callable[[Values], Any] = scope["load"]
        self.dump: Callable[[Any], tuple[Any, ...]] = scope["dump"]
        self.key_of: Callable[[Any], Key] = scope["key_of"]
        self.key_in: Callable[[Values], Key] = scope["key_in"]
        self.twin.__name__ = self.table.__name__

    def _dumped(self, name: str) -> str:
        return f"pad(row.{name})" if name in self.amounts else f"row.{name}"


@cache
def shape_of(table: type[SQLModel], placeholder: str) -> Shape:
    """The shape of a table, whose code is written once: a reorg does not wait for it."""
    return Shape(table, placeholder)
