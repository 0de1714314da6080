"""Lists as CSV, for spreadsheets: the same rows as in JSON, many at once."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Response

# Rows of one export; the `link` header has the address of the following ones.
MAX_ROWS = 5_000
# A cell that begins like this is a formula to a spreadsheet, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """A list that was asked for as CSV."""

    name: str
    columns: Sequence[str]
    # Path and query without the cursor, for the address of the following rows.
    address: str
    # How many rows, when the question says so.
    limit: int | None

    def response(
        self, data: Sequence[Any], following: str | None, checkpoint: Any, headers: dict[str, str]
    ) -> Response:
        """The rows as a file; the block that they hold for is in the headers."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        for row in data:
            item = orjson.loads(orjson.dumps(row)) if isinstance(row, orjson.Fragment) else row
            writer.writerow([_cell(item[name]) for name in self.columns])
        headers |= {
            "x-block": str(checkpoint.number),
            "x-block-hash": checkpoint.hash,
            "content-disposition": f'attachment; filename="{self.name}-{checkpoint.number}.csv"',
        }
        if following is not None:
            headers["link"] = f'<{self.address}&cursor={following}>; rel="next"'
        return Response(text.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
