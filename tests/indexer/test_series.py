"""Time series: each point is what was true at its time, whatever interval is asked for."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from indexing import Indexed
from life import VALIDATORS, Life

from indexer.api.routes import history
from indexer.tables import NetworkPast, PoolPast
from indexer.units import NETWORK_STEP


def series(client: httpx.Client, path: str, **parameters: int) -> Any:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown(row: Any, names: Any) -> dict[str, Any]:
    return {name: value if name in COUNTS else str(value) for name in names for value in [getattr(row, name)]}


COUNTS = {"events", "accounts", "operators", "tasks", "submissions", "scores"}
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=20, suppress_health_check=QUIET)
@given(begin=st.integers(-500, 30_000), length=st.integers(0, 40_000), minutes=st.integers(2, 600))
def test_points_are_the_network_as_it_was(
    api: httpx.Client, lived: Indexed, begin: int, length: int, minutes: int
) -> None:
    rows = lived.rows(NetworkPast)
    start, now = rows[0].timestamp + begin, series(api, "/status")["data"]["timestamp"]
    interval = max(minutes, length // 60 // 400 + 1) * NETWORK_STEP
    answer = series(api, "/history", **{"from": start, "to": start + length, "interval": interval})
    points, end = answer["data"], min(start + length, now)
    assert answer["interval"] == interval
    for point in points:
        at = point["timestamp"]
        before = [row for row in rows if row.timestamp < (at if at % interval == 0 and at != end else end + 1)]
        expected = shown(before[-1], NetworkPast.model_fields.keys() - {"timestamp"})
        assert point == expected | {"timestamp": at}
    times = [point["timestamp"] for point in points]
    regular = range((max(start, rows[0].timestamp) // interval + 1) * interval, end, interval)
    assert times == ([*regular, end] if end >= rows[0].timestamp else [])


def test_a_series_goes_from_the_beginning_to_now(api: httpx.Client, lived: Indexed) -> None:
    answer = series(api, "/history")
    assert 50 < len(answer["data"]) <= 201
    last, sums = answer["data"][-1], series(api, "/stats")["data"]
    assert {name: sums[name] for name in last if name != "timestamp"} == {
        name: value for name, value in last.items() if name != "timestamp"
    }
    assert last["timestamp"] == series(api, "/status")["data"]["timestamp"]


def test_the_stake_of_an_operator_over_time(api: httpx.Client, lived: Indexed) -> None:
    operator = Life(lived.network).address(VALIDATORS[0])
    rows = lived.rows(PoolPast, operator=operator)
    answer = series(api, f"/operators/{operator}/history", interval=NETWORK_STEP * 5)
    assert len(answer["data"]) > 10
    for point in answer["data"][:-1]:
        row = [row for row in rows if row.timestamp < point["timestamp"]][-1]
        assert point == shown(row, ("own_assets", "delegated_assets")) | {"timestamp": point["timestamp"]}
    pool, last = series(api, f"/operators/{operator}")["data"], answer["data"][-1]
    assert (pool["own_assets"], pool["delegated_assets"]) == (last["own_assets"], last["delegated_assets"])
    assert series(api, f"/operators/{operator}/history", to=1)["data"] == []


def test_scores_of_a_validator_are_beside_the_consensus(api: httpx.Client, lived: Indexed) -> None:
    life = Life(lived.network)
    given_ = series(api, f"/accounts/{life.address(VALIDATORS[0])}/scores")["data"]
    assert given_ and given_ == sorted(given_, key=lambda row: (-row["block_number"], -row["log_index"]))
    for row in given_:
        entry = api.get(f"/tasks/{row['task_id']}/submissions").json()["data"][row["submission_id"] - 1]
        assert (row["consensus"], row["state"]) == (entry["score"], entry["state"])
    assert series(api, f"/accounts/0x{20 * '42'}/scores")["data"] == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("interval=59", "interval cannot be '59'"),
        ("from=-1", "from cannot be '-1'"),
        (f"from=0&to={2**41}", "to cannot be"),
        ("start=1", "'start' is not a parameter"),
    ],
)
def test_a_series_has_a_bound(api: httpx.Client, query: str, words: str) -> None:
    answer = api.get(f"/history?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameter")
    assert words in answer.json()["error"]["message"]


def test_a_series_has_few_points(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_POINTS", 30)
    answer = api.get("/history?interval=120")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameter")
    assert "more than 30 points" in answer.json()["error"]["message"]


def test_an_interval_is_made_of_minutes(api: httpx.Client) -> None:
    assert series(api, "/history", interval=3601)["interval"] == 3660
