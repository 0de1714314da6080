"""Write down what the process that syncs must know of the tables: indexer/tables/*.py -> indexer/layout.json.

    python scripts/export_tables.py            # after a change of a table
    python scripts/export_tables.py --check    # change nothing, fail if the file is stale

The tables are SQLModel classes. To load these, and what they are made with, takes longer than to index ten thousand
events; so whoever only writes rows reads names, kinds, defaults and SQL from the file instead.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "indexer" / "layout.json"
sys.path.insert(0, str(ROOT))

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table, create_mock_engine  # noqa: E402
from sqlalchemy.schema import CreateIndex, CreateTable  # noqa: E402
from sqlmodel import SQLModel  # noqa: E402

from indexer.tables import BOOKKEEPING, DERIVED, RAW  # noqa: E402
from indexer.types import Uint256  # noqa: E402

GROUPS = {"bookkeeping": BOOKKEEPING, "raw": RAW, "derived": DERIVED}
DIALECTS = {
    "sqlite": create_mock_engine("sqlite://", None).dialect,  # type: ignore[arg-type]
    "postgresql": create_mock_engine("postgresql+psycopg://", None).dialect,  # type: ignore[arg-type]
}
KINDS = {Uint256: "amount", Boolean: "flag", LargeBinary: "bytes", BigInteger: "int", Integer: "int"}


def layout_of(model: type[SQLModel], group: str) -> dict[str, Any]:
    table: Table = model.__table__  # type: ignore[attr-defined]
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    for index in indexes:
        # What the tables say to SQLite. Were it said there, every reader would load what speaks to PostgreSQL.
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    return {
        "class": model.__name__,
        "name": table.name,
        "group": group,
        "columns": [column_of(model, column) for column in table.columns],
        "keys": [column.name for column in table.primary_key],
        "create": sql_of(CreateTable(table)),
        "indexes": {str(index.name): sql_of(CreateIndex(index, if_not_exists=True)) for index in indexes},
    }


def column_of(model: type[SQLModel], column: "Column[Any]") -> list[Any]:
    """Name, kind, and the default where there is one."""
    field = model.model_fields[column.name]
    default = [] if field.is_required() else [field.get_default()]
    return [column.name, KINDS.get(type(column.type), "text"), *default]


def sql_of(statement: CreateTable | CreateIndex) -> dict[str, str]:
    return {name: " ".join(str(statement.compile(dialect=found)).split()) for name, found in DIALECTS.items()}


def text() -> str:
    tables = [layout_of(model, group) for group, models in GROUPS.items() for model in models]
    return "[\n" + ",\n".join(json.dumps(table, separators=(",", ":")) for table in tables) + "\n]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write down the tables' layout for the process that syncs.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if the file is stale")
    fresh, check = text(), parser.parse_args().check
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == fresh:
        print("The tables' layout is up to date")
    elif check:
        sys.exit("Stale layout: run `python scripts/export_tables.py` and commit indexer/layout.json.")
    else:
        TARGET.write_text(fresh, encoding="utf-8")
        print("indexer/layout.json rewritten")


if __name__ == "__main__":
    main()
