"""Lists: filters, an order, and cursors that stay true while blocks arrive.

A cursor holds the values of the order's columns in the last row that was shown, and the next page begins after them.
Rows that come or go elsewhere move nothing. No text of a request ever becomes SQL: filters and orders are chosen from
those of the list, and all values are bound.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

import orjson
from fastapi import Query, Response
from sqlalchemy import ColumnElement, Select, bindparam, select, tuple_

from indexer.api.errors import invalid
from indexer.api.export import MAX_ROWS
from indexer.api.snapshot import Snapshot
from indexer.api.views import Item, View, plain
from indexer.types import Uint256

MAX_LIMIT = 200
_MAX_CURSOR = 400

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many at most")]
Cursor = Annotated[
    str | None, Query(max_length=_MAX_CURSOR, description="`next` of the page before", examples=["WzEyXQ"])
]


@dataclass(frozen=True, eq=False)
class Listing:
    """One list: what it shows, by what it can be filtered, and how it can be sorted.

    An order's columns together must name one row, else rows could be skipped between pages.
    """

    view: View
    orders: Mapping[str, Sequence[ColumnElement[Any]]]
    filters: Mapping[str, ColumnElement[bool]] = field(default_factory=dict)

    def page(
        self, snapshot: Snapshot, values: Mapping[str, Any], order: str, cursor: str | None, limit: int
    ) -> Response:
        """The page after `cursor`; filters whose value is None are left out. "-name" sorts from the highest down."""
        items, following = self.items(snapshot, values, order, cursor, limit)
        return snapshot.answer(items, next=following)

    def items(
        self, snapshot: Snapshot, values: Mapping[str, Any], order: str, cursor: str | None, limit: int
    ) -> tuple[list[Item], str | None]:
        """The same as rows and the next cursor."""
        limit = export_limit(snapshot, limit)
        used = {name: value for name, value in values.items() if value is not None}
        after = read_cursor(cursor, order, self.orders[order.lstrip("-")]) if cursor is not None else []
        if not used.keys() <= self.filters.keys():
            raise TypeError(f"this list has no filter {', '.join(used.keys() - self.filters.keys())}")
        statement = _statement(self, tuple(sorted(used)), order, bool(after))
        bound = used | {f"after_{at}": value for at, value in enumerate(after)} | {"limit": limit + 1}
        rows = snapshot.tuples(statement, bound)
        shown = rows[:limit]
        keys = len(self.orders[order.lstrip("-")])
        following = write_cursor(order, shown[-1][-keys:]) if len(rows) > limit else None
        return [self.view.item(row, snapshot.now) for row in shown], following


def export_limit(snapshot: Snapshot, limit: int) -> int:
    """How many rows: a file has many, unless the question says how many."""
    table = snapshot.table
    return limit if table is None or table.limit is not None else MAX_ROWS


@cache
def _statement(listing: Listing, filters: tuple[str, ...], order: str, after: bool) -> Select[Any]:
    """The SQL of a list, made once for each combination of filters and order that is asked for."""
    keys = [plain(column) for column in listing.orders[order.lstrip("-")]]
    down = order.startswith("-")
    statement = select(*listing.view.columns, *keys).select_from(listing.view.source)
    for name in filters:
        statement = statement.where(listing.filters[name])
    if after:
        bound = tuple_(*(bindparam(f"after_{at}", type_=key.type) for at, key in enumerate(keys)))
        statement = statement.where(tuple_(*keys) < bound if down else tuple_(*keys) > bound)
    return statement.order_by(*(key.desc() if down else key.asc() for key in keys)).limit(bindparam("limit"))


def write_cursor(order: str, values: Sequence[Any]) -> str:
    """The place after a row, as text for the next request."""
    return base64.urlsafe_b64encode(orjson.dumps([order, *values])).rstrip(b"=").decode()


def read_cursor(text: str, order: str, keys: Sequence[ColumnElement[Any]]) -> list[Any]:
    """The values in a cursor. Raises `ApiError` for one that this list, in this order, did not give."""
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        found = None
    fits = isinstance(found, list) and len(found) == len(keys) + 1 and found[0] == order
    if not fits or not all(map(_fits, found[1:], keys)):
        raise invalid("cursor is not one that this list gave in this order: leave it out to begin at the beginning.")
    values: list[Any] = found[1:]
    return values


def _fits(value: object, key: ColumnElement[Any]) -> bool:
    if key.type.python_type is int and not isinstance(key.type, Uint256):
        return type(value) is int and abs(value) < 2**63
    return isinstance(value, str) and "\0" not in value
