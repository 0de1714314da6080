"""Strict JSON documents that are named by the hash of their bytes.

A value has exactly one spelling: UTF-8, keys sorted, no white space, no floats (scaled integers instead). Anything else
is refused on reading, so two documents are equal if and only if their bytes are.
"""

import json
from typing import Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from protocol.strict_json import explain, parse_json

__all__ = ["Document", "canonical_json", "explain", "parse_json"]


def canonical_json(value: Any) -> bytes:
    """The only spelling of a JSON value. ValueError for what has none: floats, lone surrogates."""
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    _parse(data)
    return data


def _parse(data: bytes) -> Any:
    return parse_json(data, parse_float=_refuse_float, parse_constant=_refuse_float)


def _refuse_float(text: str) -> NoReturn:
    raise ValueError(f"it has the float {text[:40]}; write scaled integers")


class Document(BaseModel):
    """A document with a schema. Unknown fields, wrong types and conversions are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def to_bytes(self) -> bytes:
        """Its canonical bytes."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def parse(cls, data: bytes, limit: int) -> Self:
        """Read canonical bytes; ValueError with a reason that names the field."""
        if len(data) > limit:
            raise ValueError(f"it has {len(data)} bytes, the limit is {limit}")
        _parse(data)
        try:
            document = cls.model_validate_json(data)
        except ValidationError as error:
            raise ValueError(explain(error)) from None
        if document.to_bytes() != data:
            raise ValueError(
                "it is not canonical JSON: every field once, keys sorted, no white space or escapes, UTF-8"
            )
        return document
