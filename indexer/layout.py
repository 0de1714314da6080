"""The tables as whoever writes rows must know them: names, kinds, defaults and SQL, from `layout.json`.

That file is made of the SQLModel classes in `tables/` by `scripts/export_tables.py`, and held against them by the
checks. To load the classes themselves takes longer than to index ten thousand events.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from indexer.units import pad

Key = tuple[Any, ...]
Values = Sequence[Any]


class Layout:
    """One table: its columns, and the light twin of its rows (`twin`): same attributes, same types, no machinery."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.title: str = told["class"]
        self.name: str = told["name"]
        self.group: str = told["group"]
        self.columns: list[str] = [column[0] for column in told["columns"]]
        self.kinds: dict[str, str] = {column[0]: column[1] for column in told["columns"]}
        self.defaults: dict[str, Any] = {column[0]: column[2] for column in told["columns"] if len(column) > 2}
        self.keys: list[str] = told["keys"]
        # By the database's kind; the indexes' SQL also by their names.
        self.create: dict[str, str] = told["create"]
        self.indexes: dict[str, dict[str, str]] = told["indexes"]

    @cached_property
    def twin(self) -> type[Any]:
        """The class of rows in work."""
        takes = ", ".join(f"{name}=defaults[{name!r}]" if name in self.defaults else name for name in self.columns)
        lines = [
            "class twin:",
            f"    __slots__ = {tuple(self.columns)!r}",
            f"    def __init__(self, *, {takes}):",
            *(f"        self.{name} = {name}" for name in self.columns),
        ]
        found: type[Any] = self._run(lines, {"defaults": self.defaults})["twin"]
        found.__name__ = self.title
        found.__tablename__ = self.name
        return found

    @cached_property
    def _code(self) -> dict[str, Any]:
        """What is done with rows, as Python: loops over columns would take twice as long."""
        amounts, flags = ([name for name, is_ in self.kinds.items() if is_ == kind] for kind in ("amount", "flag"))
        dumped = (f"pad(row.{name}), " if name in amounts else f"row.{name}, " for name in self.columns)
        lines = [
            "def load(values):",
            "    row = new(twin)",
            f"    {''.join(f'row.{name}, ' for name in self.columns)} = values",
            *(f"    row.{name} = int(row.{name}[2:])" for name in amounts),
            *(f"    row.{name} = bool(row.{name})" for name in flags),
            "    return row",
            "def dump(row):",
            f"    return ({''.join(dumped)})",
            "def key_of(row):",
            f"    return ({''.join(f'row.{name}, ' for name in self.keys)})",
            "def key_in(values):",
            f"    return ({''.join(f'values[{self.columns.index(name)}], ' for name in self.keys)})",
        ]
        return self._run(lines, {"pad": pad, "new": object.__new__, "twin": self.twin})

    def _run(self, lines: list[str], scope: dict[str, Any]) -> dict[str, Any]:
        exec(compile("\n".join(lines), f"<layout of {self.name}>", "exec"), scope)
        return scope

    @cached_property
    def load(self) -> Callable[[Values], Any]:
        """The twin of a database row."""
        found: Callable[[Values], Any] = self._code["load"]
        return found

    @cached_property
    def dump(self) -> Callable[[Any], tuple[Any, ...]]:
        """The database's form of a twin."""
        found: Callable[[Any], tuple[Any, ...]] = self._code["dump"]
        return found

    @cached_property
    def key_of(self) -> Callable[[Any], Key]:
        """The key of a twin."""
        found: Callable[[Any], Key] = self._code["key_of"]
        return found

    @cached_property
    def key_in(self) -> Callable[[Values], Key]:
        """The key of a database row."""
        found: Callable[[Values], Key] = self._code["key_in"]
        return found


_FILE = Path(__file__).with_name("layout.json")
# By the tables' names, in the order of `tables`.
LAYOUTS = {layout.name: layout for layout in map(Layout, orjson.loads(_FILE.read_bytes()))}


def layouts(*groups: str) -> list[Layout]:
    """Those of some groups: bookkeeping, raw, derived."""
    return [layout for layout in LAYOUTS.values() if layout.group in groups]


def layout_of(table: Any) -> Layout:
    """That of a table's class, or of the twin of its rows."""
    return LAYOUTS[str(table.__tablename__)]
