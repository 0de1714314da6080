"""The OpenAPI description: every parameter and answer has an example, and the examples are allowed by it."""

from typing import Any

import jsonschema_rs
import pytest
from indexing import Indexed

from indexer import db
from indexer.api.app import create_app


@pytest.fixture(scope="module")
def spec(lived: Indexed) -> Any:
    return create_app(db.open_engine(lived.url, read_only=True))._app.openapi()


def allows(spec: Any, schema: Any, value: Any) -> None:
    jsonschema_rs.Draft202012Validator({**schema, "components": spec["components"]}).validate(value)


def test_every_parameter_has_an_example_that_is_allowed(spec: Any) -> None:
    seen = set()
    for path, operations in spec["paths"].items():
        for parameter in operations["get"].get("parameters", []):
            seen.add(parameter["name"])
            assert "example" in parameter, (path, parameter)
            allows(spec, parameter["schema"], parameter["example"])
    assert {"address", "task_id", "place", "cursor", "limit", "format", "phase", "from", "last-event-id"} <= seen


def test_every_answer_has_an_example_that_is_allowed(spec: Any) -> None:
    for path, operations in spec["paths"].items():
        for status, response in operations["get"]["responses"].items():
            assert response["content"], (path, status)
            for kind, content in response["content"].items():
                assert content["example"], (path, status, kind)
                allows(spec, content["schema"], content["example"])


def test_examples_look_like_what_they_are_of(spec: Any) -> None:
    found = spec["paths"]["/tasks/{task_id}"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert found["data"]["creator"].startswith("0x70") and found["data"]["bounty"] == "1000000000000000000"
    problem = spec["paths"]["/tasks"]["get"]["responses"]["404"]["content"]["application/json"]["example"]
    assert problem == {"error": {"code": "not_found", "message": "There is no task 7 at block 120."}}


def test_every_operation_is_named_and_filed(spec: Any) -> None:
    operations = [operation["get"] for operation in spec["paths"].values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["tags"] and operation["description"] for operation in operations)
