"""JSON from strangers. Apart from `documents`, which stands on pydantic: that takes long to load."""

import json
from typing import Any

from pydantic_core import SchemaValidator, ValidationError, core_schema

_ANYTHING = SchemaValidator(core_schema.any_schema())


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


def explain(error: ValidationError) -> str:
    """The first thing wrong, as "field.inner: reason"."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:200]
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
