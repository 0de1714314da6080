"""Strict JSON documents that are named by the hash of their bytes.

A value has exactly one spelling: UTF-8, keys sorted, no white space, no floats (scaled integers instead). Anything else
is refused on reading, so two documents are equal if and only if their bytes are.
"""

import json
from typing import Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

_ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def canonical_json(value: Any) -> bytes:
    """The only spelling of a JSON value. ValueError for what has none: floats, lone surrogates."""
    data = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    _parse(data)
    return data


def parse_json(data: bytes, **hooks: Any) -> Any:
    """`json.loads` for bytes from strangers: ValueError with a reason for all that is not JSON, however deep.

    Python's decoder recurses on the C stack: where a library has raised the recursion limit, deep nesting ends the
    process. The other decoder has a limit of its own, so it looks first.
    """
    try:
        _ANYTHING.validate_json(data)
    except ValidationError as error:
        raise ValueError(explain(error)) from None
    return json.loads(data.decode(), **hooks)


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


def explain(error: ValidationError) -> str:
    """The first thing wrong, as "field.inner: reason"."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:200]
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
