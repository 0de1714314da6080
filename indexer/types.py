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

# 2^256 has so many decimal digits; in front of them stands how many there are.
_DIGITS = 78
_LONGEST = [f"{digits:02d}" for digits in range(_DIGITS + 1)]
_TOO_LARGE = 1 << 256
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
    """The database form of an amount: 7 is "017", 10^18 is "191000000000000000000".

    Raises OverflowError for a value that does not fit 256 bits.
    """
    if not 0 <= value < _TOO_LARGE:
        raise OverflowError(f"{value} is not an unsigned number of 256 bits")
    digits = str(value)
    return _LONGEST[len(digits)] + digits


def shown(text: str) -> str:
    """The decimal digits of an amount in its database form."""
    return text[2:]


class Uint256(TypeDecorator[int]):
    """An unsigned number of 256 bits as sortable text; SQLite and PostgreSQL alike."""

    impl = String(_DIGITS + 2)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        """To sortable text."""
        return None if value is None else pad(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """To the number."""
        return None if value is None else int(value[2:])


# SQLite only takes exactly "INTEGER" as the alias of its row id.
INT64: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
