"""What the columns of all tables are made of."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Field

from indexer.types import INT64, Uint256
from indexer.units import POSITION_BITS


def block_of(position: ColumnElement[int]) -> ColumnElement[int]:
    """The number of the block at a position, in SQL. (PostgreSQL shifts 64 bits by 32 only.)"""
    return position // (1 << POSITION_BITS)


def int64(**options: Any) -> Any:
    """A column of a 64-bit integer."""
    return Field(sa_type=INT64, **options)


def uint256(**options: Any) -> Any:
    """A column of an exact amount of up to 256 bits; 0 unless set."""
    return Field(default=0, sa_type=Uint256, **options)


def primary(kind: Any = None, **options: Any) -> Any:
    """A column of the primary key."""
    return Field(primary_key=True, **({"sa_type": kind} if kind is not None else {}), **options)


# Rows of composite keys lie in key order, in one tree instead of two. (SQLite only; others ignore it.)
CLUSTERED = {"sqlite_with_rowid": False}
