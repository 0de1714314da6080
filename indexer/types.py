"""Column types, each with one form in the database and one in JSON.

| type | Python | database | JSON |
|---|---|---|---|
| `Amount` | int | 78 decimal digits, zero-padded: exact to 256 bits, and text order is number order | decimal string |
| `Int64` | int | integer of 64 bits | number |
| `Address` | checksummed text | 42 characters | the same |
| `Digest` | 0x hex text | 66 characters | the same |
"""

from typing import Annotated, Any

from pydantic import PlainSerializer, WithJsonSchema
from sqlalchemy import BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

AMOUNT_DIGITS = 78
_ZERO = AMOUNT_DIGITS * "0"
ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"
ZERO_DIGEST = "0x" + 64 * "0"

Amount = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+$", "examples": ["1000000000000000000"]}),
]
Address = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"})]
Digest = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{64}$"})]


def pad(value: int) -> str:
    """The database form of an amount.

    Raises OverflowError for a value that does not fit 256 bits.
    """
    if not value:
        return _ZERO
    text = str(value).zfill(AMOUNT_DIGITS)
    if value < 0 or len(text) > AMOUNT_DIGITS:
        raise OverflowError(f"{value} is not an unsigned number of 256 bits")
    return text


class Uint256(TypeDecorator[int]):
    """An unsigned number of 256 bits as sortable text; SQLite and PostgreSQL alike."""

    impl = String(AMOUNT_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """Pad."""
        return None if value is None else pad(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """Parse."""
        return None if value is None else int(value)


# SQLite only takes exactly "INTEGER" as the alias of its row id.
INT64: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
