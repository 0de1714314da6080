"""Column types, each with one form in the database and one in JSON.

| type | Python | database | JSON |
|---|---|---|---|
| `Amount` | int | how many digits (as two), then these: exact, and text order is number order | decimal string |
| `Int64` | int | integer of 64 bits | number |
| `Address` | checksummed text | 42 characters | the same |
| `Digest` | 0x hex text | 66 characters | the same |
"""

from typing import Annotated, Any

from pydantic import PlainSerializer, WithJsonSchema
from sqlalchemy import BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from indexer.units import DIGITS, pad

Amount = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+$", "examples": ["1000000000000000000"]}),
]
Address = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"})]
Digest = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{64}$"})]


class Uint256(TypeDecorator[int]):
    """An unsigned number of 256 bits as sortable text; SQLite and PostgreSQL alike."""

    impl = String(DIGITS + 2)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """To sortable text."""
        return None if value is None else pad(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """To the number."""
        return None if value is None else int(value[2:])


# SQLite only takes exactly "INTEGER" as the alias of its row id.
INT64: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
