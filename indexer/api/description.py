"""The OpenAPI description, complete with an example of every parameter and every answer."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

DESCRIPTION = """
What happened on a Skein network. Every answer is true at one block, and names it: `block`, `block_hash`.

Amounts are token wei as decimal strings, times are seconds, scores are value * 1e9. Lists come in pages: pass `next` as
`cursor` for the page after; pages stay true while blocks arrive. With `format=csv` a list is a file for spreadsheets.

An answer's ETag changes with the block: `If-None-Match` saves sending the same again, `If-Match` refuses an answer of
another block than the one you began with. `/live` tells of new blocks as they are
indexed, `/metrics` is for Prometheus.
"""

_METRICS = {
    "get": {
        "tags": ["network"],
        "summary": "Metrics",
        "description": "Figures for Prometheus: lag, reorgs, events, failed RPC requests, answers.",
        "operationId": "metrics",
        "responses": {
            "200": {
                "description": "Prometheus' text format",
                "content": {"text/plain": {"schema": {"type": "string"}, "example": "skein_indexer_lag_blocks 0.0\n"}},
            }
        },
    }
}
# What a field is called says what it looks like.
_BY_NAME: dict[str, Any] = {
    "timestamp": 1767225600, "block": 120, "block_number": 120, "log_index": 3, "name": "Arena.TaskCreated",
    "args": {"task_id": "7"}, "data": "0x", "topics": ["0x" + "3c" * 32], "next": "WyItaWQiLDEyXQ",
    "topic0": "0x" + "3c" * 32,
    "code": "not_found", "message": "There is no task 7 at block 120.", "score": 973684211, "consensus": 973684211,
}  # fmt: skip
_BY_PATTERN = {
    "^0x[0-9a-fA-F]{40}$": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "^0x[0-9a-f]{64}$": "0x6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
    "^[0-9]+$": "1000000000000000000",
}


def describe(app: FastAPI) -> None:
    """Let the app describe itself in full."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def _complete(app: FastAPI) -> dict[str, Any]:
    spec = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    schemas = spec["components"]["schemas"]
    for operations in spec["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                _exemplify(parameter, schemas)
            for response in operation["responses"].values():
                for kind, content in response.get("content", {}).items():
                    content.setdefault("example", _EXAMPLES.get(kind) or _example("", content["schema"], schemas))
    spec["paths"]["/metrics"] = _METRICS
    return spec


_EXAMPLES = {"text/csv": "id,creator,bounty\n7,0x70997970C51812dc3A010C7d01b50e0d17dc79C8,1000000000000000000000\n"}


def _exemplify(parameter: dict[str, Any], schemas: dict[str, Any]) -> None:
    schema = parameter["schema"]
    given = schema.pop("examples", None) or parameter.pop("examples", None)
    parameter["example"] = given[0] if given else _example(parameter["name"], schema, schemas)


def _example(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value that the schema allows and that looks like what is meant."""
    if "$ref" in schema:
        return _example(name, schemas[schema["$ref"].rsplit("/", 1)[1]], schemas)
    if name in ("args", "topics") or (name in _BY_NAME and schema.get("type") not in ("object", "array")):
        return _BY_NAME[name]
    for choice in ("default", "const"):
        if schema.get(choice) is not None:
            return schema[choice]
    if schema.get("enum"):
        return schema["enum"][0]
    if "anyOf" in schema:
        return _example(name, schema["anyOf"][0], schemas)
    if schema.get("pattern") in _BY_PATTERN:
        return _BY_PATTERN[schema["pattern"]]
    kind = schema.get("type")
    if kind == "object":
        return {key: _example(key, part, schemas) for key, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_example("", schema["items"], schemas)]
    return {"integer": max(1, schema.get("minimum", 1)), "boolean": True, "number": 1.0}.get(str(kind), name)
