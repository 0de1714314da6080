"""GraphQL: the same answers as the routes, of one block, and no query that costs more than it may."""

from typing import Any

import httpx
import pytest
from graphql import build_client_schema, get_introspection_query
from indexing import Indexed
from life import VALIDATORS, Life

from indexer.api.app import areas
from indexer.api.errors import ErrorAnswer
from indexer.api.graph_limits import MAX_DEPTH, MAX_ROUTES, MAX_ROWS, MAX_TOKENS
from indexer.api.routes.graphql import MAX_BODY, schema


def asked(api: httpx.Client, query: str, **variables: Any) -> Any:
    answer = api.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_one_request_gives_what_many_routes_give(api: httpx.Client, lived: Indexed) -> None:
    who = Life(lived.network).address(VALIDATORS[0])
    found = asked(
        api,
        """query ($id: Long!, $who: String!) {
          task(task_id: $id) {
            phase bounty maximise
            leaderboard(limit: 2) { data { id trainer score } }
            scores(validator: $who) { data { submission_id score verdict } next }
          }
          account(address: $who) { balance pool { stake } payouts: history(limit: 3) { data { name args } } }
          history(interval: 3600) { interval data { timestamp staked } }
        }""",
        id=1, who=who,
    )  # fmt: skip

    def rest(path: str) -> Any:
        return api.get(path).json()

    task, board = rest("/tasks/1")["data"], rest("/tasks/1/leaderboard?limit=2")["data"]
    assert {name: found["task"][name] for name in ("phase", "bounty", "maximise")}.items() <= task.items()
    assert found["task"]["leaderboard"]["data"] == [
        {name: row[name] for name in ("id", "trainer", "score")} for row in board
    ]
    said = rest(f"/tasks/1/scores?validator={who}")["data"]
    names = ("submission_id", "score", "verdict")
    assert found["task"]["scores"] == {"data": [{name: row[name] for name in names} for row in said], "next": None}
    account = rest(f"/accounts/{who}")["data"]
    assert (found["account"]["balance"], found["account"]["pool"]["stake"]) == (
        account["balance"],
        account["pool"]["stake"],
    )
    events = rest(f"/accounts/{who}/history?limit=3")["data"]
    assert found["account"]["payouts"]["data"] == [{"name": row["name"], "args": row["args"]} for row in events]
    past = rest("/history?interval=3600")
    assert found["history"]["data"] == [
        {"timestamp": row["timestamp"], "staked": row["staked"]} for row in past["data"]
    ]


def test_every_route_is_a_field(api: httpx.Client) -> None:
    made, questions = schema()
    routes = {question.route.path for question in questions.values()}
    expected = {route.path for router in areas() for route in router.routes}  # type: ignore[attr-defined]
    assert expected - routes == {"/live", "/readyz", "/healthz", "/specs/{digest}", "/graphql"}
    told = asked(api, get_introspection_query())
    assert set(build_client_schema(told).type_map) == set(made.type_map)


def test_pages_go_on_and_what_is_not_there_is_null(api: httpx.Client) -> None:
    query = "query ($after: String) { events(limit: 200, cursor: $after) { data { block_number log_index } next } }"
    found, after = [], None
    while True:
        page = asked(api, query, after=after)["events"]
        found += page["data"]
        after = page["next"]
        if after is None:
            break
    assert len(found) == api.get("/status").json()["data"]["events"]
    assert asked(api, "{ task(task_id: 99) { id } a: task(task_id: 1) { id } }") == {"task": None, "a": {"id": 1}}


def test_an_answer_names_its_block_and_is_kept(api: httpx.Client) -> None:
    status = api.get("/status")
    first = api.get("/graphql", params={"query": "{ status { chain_id } }"})
    here = {name: status.json()[name] for name in ("block", "block_hash")}
    assert first.json()["extensions"] == here
    assert first.headers["etag"] == status.headers["etag"]
    kept = api.get(
        "/graphql", params={"query": "{ status { chain_id } }"}, headers={"if-none-match": first.headers["etag"]}
    )
    assert kept.status_code == 304


FRAGMENTS = "".join(f"fragment f{at} on Task {{ ...f{at + 1} ...f{at + 1} }} " for at in range(14))
BAD = {
    "nothing": ("", "invalid_query", "Syntax Error"),
    "no field": ("{ tasks { data { nothing } } }", "invalid_query", "nothing"),
    "a bad argument": ('{ tasks(creator: "0x12") { next } }', "invalid_parameter", "creator cannot be '0x12'"),
    "too large a page": ("{ tasks(limit: 201) { next } }", "invalid_parameter", "limit cannot be '201'"),
    "a negative page": ("{ tasks(limit: -5) { next } }", "invalid_parameter", "limit cannot be '-5'"),
    "a bad variable": ("query ($id: Long!) { task(task_id: $id) { id } }", "invalid_query", "Long!"),
    "a mutation": ("mutation { tasks { next } }", "invalid_query", "mutation"),
    "two operations": ("query a { status { version } } query b { stats { tasks } }", "invalid_query", "operationName"),
    "too many words": ("{" + MAX_TOKENS * " a" + "}", "invalid_query", "token"),
    "too many questions": (
        "{" + "".join(f" a{at}: status {{ version }}" for at in range(MAX_ROUTES + 1)) + "}",
        "query_too_large", "questions",
    ),
    "too many rows": ("{ tasks(limit: 20) { data { scores(limit: 200) { next } } } }", "query_too_large", "rows"),
    "many fields in few words": (
        "{ task(task_id: 1) { ...f0 } } " + FRAGMENTS + "fragment f14 on Task { id }", "query_too_large", "fields"
    ),
    "a fragment in itself": ("{ task(task_id: 1) { ...a } } fragment a on Task { ...a }", "invalid_query", "a"),
    "the schema, over and over": (
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        "invalid_query", "ntrospection",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told_in_the_one_shape(api: httpx.Client, name: str) -> None:
    query, code, words = BAD[name]
    for answer in (api.post("/graphql", json={"query": query}), api.get("/graphql", params={"query": query})):
        problem = ErrorAnswer.model_validate_json(answer.content).error
        assert (answer.status_code, problem.code) == (422, code), problem
        assert words in problem.message and problem.message.endswith(".") and "\n" not in problem.message


def test_bodies_that_are_no_question_are_refused(api: httpx.Client) -> None:
    for body in (b"", b"[]", b"{}", b'{"query": 7}', b"\xff", b'{"query": "{ a }", "variables": 7}', 9 * b'{"a":'):
        answer = api.post("/graphql", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameter"), body
    large = api.post("/graphql", content=b" " * (MAX_BODY + 1))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
    for variables in ("{", "7", "[]"):
        answer = api.get("/graphql", params={"query": "{ status { version } }", "variables": variables})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameter")


def test_the_bounds_leave_room_for_a_page(api: httpx.Client) -> None:
    found = asked(
        api,
        """{ stats { tasks } tasks(limit: 10) { data { id
             submissions(limit: 100) { data { id trainer } } slashes(limit: 50) { data { reason } } } } }""",
    )
    assert len(found["tasks"]["data"]) == len(api.get("/tasks").json()["data"])
    assert MAX_DEPTH >= 10 and MAX_ROWS >= 3_000
