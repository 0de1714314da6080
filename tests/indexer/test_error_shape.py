"""Whatever is asked, the answer is one of two shapes, and no question can break the API or run long."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from indexing import Indexed, serving
from network import Network
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from indexer import db
from indexer.api.errors import ErrorAnswer
from indexer.api.pages import MAX_LIMIT
from indexer.verify import Audit
from protocol.errors import ConfigInvalid

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
MISTYPED = ADDRESS.replace("d17", "D17")
PARTS = ("submissions", "leaderboard", "validators", "panels", "commitments", "scores", "payouts", "slashes")
BAD = [
    ("/nothing", 404, "not_found", "There is no /nothing"),
    ("/tasks/1/nothing", 404, "not_found", "There is no /tasks/1/nothing"),
    ("/tasks/9", 404, "not_found", "There is no task 9 at block"),
    *((f"/tasks/9/{part}", 404, "not_found", "There is no task 9") for part in PARTS),
    (f"/operators/0x{'42' * 20}", 404, "not_found", "has no pool"),
    ("/tasks/x", 422, "invalid_parameter", "task_id cannot be 'x'"),
    ("/tasks/-1", 422, "invalid_parameter", "task_id cannot be '-1'"),
    (f"/tasks/{2**63}", 422, "invalid_parameter", "task_id cannot be"),
    ("/tasks?limit=0", 422, "invalid_parameter", "limit cannot be '0'"),
    (f"/tasks?limit={MAX_LIMIT + 1}", 422, "invalid_parameter", "limit cannot be"),
    ("/tasks?creator=0x12", 422, "invalid_parameter", "creator cannot be '0x12': give an address"),
    (f"/tasks?creator={MISTYPED}", 422, "invalid_parameter", "mistyped"),
    ("/tasks?spec_digest=12", 422, "invalid_parameter", "give a digest"),
    ("/tasks?phase=begun", 422, "invalid_parameter", "phase cannot be 'begun'"),
    ("/tasks?order=creator", 422, "invalid_parameter", "order cannot be 'creator'"),
    ("/tasks?creater=1", 422, "invalid_parameter", "'creater' is not a parameter: this route takes creator"),
    ("/status?x=1", 422, "invalid_parameter", "this route takes none"),
    ("/tasks?limit=1&limit=2", 422, "invalid_parameter", "limit is given more than once"),
    ("/tasks?cursor=", 422, "invalid_parameter", "cursor is not one that this list gave"),
    ("/tasks?cursor=%00", 422, "invalid_parameter", "cursor is not one that this list gave"),
    ("/tasks?cursor=WyJpZCIsMTJd", 422, "invalid_parameter", "in this order"),  # of the order "id"
    ("/events?cursor=WyItcG9zaXRpb24iLCIxMiJd", 422, "invalid_parameter", "cursor"),  # a text for a number
    ("/events?name=Arena.Nothing", 422, "invalid_parameter", "give one like Arena.TaskCreated"),
    ("/events?contract=Nothing", 422, "invalid_parameter", "contract cannot be 'Nothing'"),
    (f"/events?to_block={2**43}", 422, "invalid_parameter", "to_block cannot be"),
    ("/accounts/vitalik.eth", 422, "invalid_parameter", "address cannot be 'vitalik.eth': give an address"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status", "code", "words"), BAD, ids=[path for path, *_ in BAD])
def test_errors_have_one_shape(api: httpx.Client, path: str, status: int, code: str, words: str) -> None:
    answer = api.get(path)
    problem = ErrorAnswer.model_validate_json(answer.content).error
    assert (answer.status_code, problem.code) == (status, code)
    assert words in problem.message
    assert problem.message.endswith(".") and "\n" not in problem.message
    assert answer.headers["content-type"] == "application/json"


def test_other_methods_are_refused_in_the_same_shape(api: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = api.request(method, "/tasks")
        assert answer.status_code == 405
        assert ErrorAnswer.model_validate_json(answer.content).error.code == "method_not_allowed"


def test_an_empty_index_is_not_ready(network: Network, tmp_path: Path) -> None:
    with Indexed(network, tmp_path / "index.db") as indexed, serving(indexed.url) as client:
        for path in ("/status", "/healthz", "/tasks", "/tasks/1"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert ErrorAnswer.model_validate_json(answer.content).error.code == "not_ready"
        indexed.sync()
        assert client.get("/healthz").json()["data"] == {"status": "ok"}


def test_a_broken_database_is_told_without_a_trace(lived: Indexed, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with closing(sqlite3.connect(lived.path)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    engine = db.open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE task")
    with serving(f"sqlite:///{path}") as client:
        answer = client.get("/tasks")
        assert answer.status_code == 500
        assert answer.json() == {
            "error": {"code": "internal", "message": "The indexer failed to answer; its log says why."}
        }
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE checkpoint")
    with serving(f"sqlite:///{path}") as client:
        answer = client.get("/status")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")


def test_an_index_of_another_version_says_what_to_do(lived: Indexed, tmp_path: Path) -> None:
    path = tmp_path / "index.db"
    with closing(sqlite3.connect(lived.path)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        copy.execute("UPDATE checkpoint SET version = version - 1")
        copy.commit()
    with serving(f"sqlite:///{path}") as client:
        answer = client.get("/tasks")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert "run `indexer rebuild`" in answer.json()["error"]["message"]
    engine = db.open_engine(f"sqlite:///{path}", read_only=True)
    with pytest.raises(ConfigInvalid, match="run `indexer rebuild`"):
        list(Audit(engine, lived.network.chain()))
    engine.dispose()


def test_the_api_cannot_write(lived: Indexed) -> None:
    engine = db.open_engine(lived.url, read_only=True)
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM task")


def ask_anything(api: httpx.Client, examples: int) -> None:
    """Whatever comes for every parameter of every route: an answer of the description's shape, never a 500."""
    schema = schemathesis.openapi.from_url(f"{api.base_url}/openapi.json")
    for result in schema.exclude(path="/live").get_all_operations():
        operation = result.ok()

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def one(case: Any) -> None:
            answer = case.call()
            waits = case.path == "/readyz" and answer.status_code == 503  # nothing syncs this index
            assert waits or answer.status_code in (200, 404, 405, 413, 414, 422), (case.formatted_path, answer.text)
            if answer.status_code == 200:
                case.validate_response(answer, checks=(response_schema_conformance, content_type_conformance))
            else:
                ErrorAnswer.model_validate_json(answer.content)

        one()


def test_no_question_breaks_it(api: httpx.Client) -> None:
    ask_anything(api, 8)


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_no_question_of_many_breaks_it(api: httpx.Client) -> None:
    ask_anything(api, 60)
