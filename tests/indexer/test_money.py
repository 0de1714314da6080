"""Emission, vaults, promises and votes in the API; and that the audit would notice if one of them were wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from indexing import Indexed
from life import VALIDATORS, Life
from sqlalchemy import text

from indexer.proposals import proposal_state
from indexer.verify import Audit


def test_emission_adds_up(api: httpx.Client) -> None:
    sums = api.get("/stats").json()["data"]
    epochs, accounts = (api.get(path, params={"limit": 200}).json()["data"] for path in ("/epochs", "/emissions"))
    assert [row["id"] for row in epochs] == list(range(len(epochs)))[::-1] != []
    assert sum(int(row["weight"]) for row in accounts) == int(sums["emission_weight"])
    assert sum(int(row["drawn"]) for row in accounts) == int(sums["emission_drawn"])
    minted = sum(int(row["minted"]) for row in epochs)
    assert int(sums["emission_drawn"]) <= minted <= int(sums["token_supply"]) + int(sums["token_burnt"])
    module = accounts[0]["module"]
    assert api.get("/emissions", params={"module": module}).json()["data"] == [
        row for row in accounts if row["module"] == module
    ]


def test_vaults_and_promises_can_be_found_by_operator(api: httpx.Client, lived: Indexed) -> None:
    operator = Life(lived.network).address(VALIDATORS[0])
    (vault,) = api.get("/vaults", params={"operator": operator}).json()["data"]
    assert vault in api.get("/vaults").json()["data"]
    promises = api.get("/escrows").json()["data"]
    for row in promises:
        assert api.get("/escrows", params={"operator": row["operator"]}).json()["data"] == [row]
    assert api.get("/escrows", params={"operator": "0x" + "11" * 20}).json()["data"] == []


def test_a_proposal_has_its_votes_and_its_state(api: httpx.Client) -> None:
    passed, taken_back = sorted(api.get("/proposals").json()["data"], key=lambda row: row["description"], reverse=True)
    assert (passed["state"], taken_back["state"]) == ("executed", "canceled")
    assert api.get(f"/proposals/{passed['id']}").json()["data"] == passed
    ballots = api.get("/ballots", params={"proposal_id": passed["id"]}).json()["data"]
    assert sum(int(row["weight"]) for row in ballots if row["support"] == "for") == int(passed["votes_for"]) > 0
    assert api.get("/ballots", params={"proposal_id": taken_back["id"]}).json()["data"] == []
    made = api.get("/proposals", params={"proposer": passed["proposer"]}).json()["data"]
    assert made == [taken_back, passed]
    assert api.get("/proposals/0x" + "11" * 32).status_code == 404
    assert api.get("/proposals/1").status_code == 422


@pytest.mark.parametrize(
    ("known", "now", "state"),
    [({}, 10, "pending"), ({}, 11, "active"), ({}, 20, "active"), ({}, 21, "ended"), ({"eta": 30}, 21, "queued"),
     ({"eta": 30, "executed_at": 31}, 99, "executed"), ({"canceled_at": 5}, 9, "canceled")],
)  # fmt: skip
def test_the_time_says_where_a_proposal_is(known: dict[str, int], now: int, state: str) -> None:
    none = dict.fromkeys(("eta", "executed_at", "canceled_at"))
    assert proposal_state({"vote_start": 10, "vote_end": 20, **none, **known}, now) == state


def test_copies_are_listed(api: httpx.Client, lived: Indexed) -> None:
    found = api.get("/copies", params={"limit": 200}).json()["data"]
    assert {row["state"] for row in found} == {"duplicate", "copied"}
    tasks = [row["id"] for row in api.get("/tasks", params={"limit": 200}).json()["data"]]
    every = [row for task in tasks for row in api.get(f"/tasks/{task}/submissions?limit=200").json()["data"]]
    copied = [row for row in every if row["state"] in ("duplicate", "copied")]
    assert sorted(found, key=str) == sorted(copied, key=str)
    mine = api.get("/copies", params={"trainer": found[0]["trainer"]}).json()["data"]
    assert mine == [row for row in found if row["trainer"] == found[0]["trainer"]]
    with lived.engine.connect() as connection:
        sql = "EXPLAIN QUERY PLAN SELECT id FROM submission WHERE state IN ('duplicate', 'copied') ORDER BY task_id, id"
        assert "submission_copy" in str(connection.exec_driver_sql(sql).all())


def test_events_of_a_federation(api: httpx.Client) -> None:
    events = api.get("/events", params={"federation_id": 1, "limit": 200}).json()["data"]
    assert len(events) == 200 or len(events) > 50
    assert {row["name"].split(".")[0] for row in events} == {"Alliance"}
    assert {row["args"]["federation_id"] for row in events} == {"1"}
    assert api.get("/events", params={"federation_id": 1, "task_id": 1}).json()["data"] == []
    assert api.get("/events", params={"federation_id": 1, "name": "Arena.TaskCreated"}).json()["data"] == []


WRONG = {
    "epoch": ("DELETE FROM epoch WHERE id = 0", "epochs that have begun"),
    "weight": ("UPDATE emission_account SET weight = '019'", "weight of 0x"),
    "drawn": ("UPDATE emission_account SET drawn = '019'", "sums of the emission"),
    "vault": ("UPDATE vault SET address = operator", "vault of 0x"),
    "proposer": ("UPDATE proposal SET proposer = '0x'", "proposer of proposal"),
    "votes": ("UPDATE proposal SET votes_against = '019'", "votes against proposal"),
    "state": ("UPDATE proposal SET executed_at = NULL", "state of proposal"),
    "ballot": ("UPDATE ballot SET voter = '0x0000000000000000000000000000000000000001'", "voted on 0x"),
    "escrow": ("UPDATE escrow SET assets = '019'", "escrow of 0x"),
    "sponsor": ("UPDATE sponsorship SET assets = '019', refunded = '019'", "assets of the pot of task"),
    "sponsored": ("UPDATE sponsored_reward SET assets = '019'", "paid_to_trainers of the pot of task"),
    "slash": ("UPDATE slash SET assets = '019'", "sum of the slashes of 0x"),
    "reward": ("UPDATE reward SET assets = '019'", "sum of the rewards"),
    "kinds": ("UPDATE event_kind SET events = 9", "events that were counted"),
    "balances": ("UPDATE balance_change SET balance = '019'", "last balance of 0x"),
    "pools": ("UPDATE pool_past SET own_assets = '019'", "last stake of 0x"),
    "network": ("UPDATE network_past SET locked = '019'", "last sums of the network"),
    "ballots": ("UPDATE role SET accepts = 77 WHERE accepts IS NOT NULL", "accepts of slot"),
}


def test_the_audit_finds_what_is_wrong(lived: Indexed, tmp_path: Path) -> None:
    """One figure after the other is made wrong, in a copy."""
    with closing(sqlite3.connect(lived.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    with Indexed(lived.network, tmp_path / "copy.db") as copy:
        assert copy.differences() == []
        for name, (sql, _) in WRONG.items():
            with copy.engine.begin() as connection:
                assert connection.execute(text(sql)).rowcount > 0, name
        told = list(Audit(copy.engine, lived.network.chain()))
        assert [name for name, (_, found) in WRONG.items() if not any(found in line for line in told)] == []
