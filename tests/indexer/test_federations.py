"""Federations in the index and in the API."""

from collections.abc import Iterator

import httpx
import pytest
from federation import FEDERATION, federate
from indexing import Indexed, serving
from life import Life, stake
from network import SKEIN

from indexer.tables import Federation, FederationRound, Member, Role


@pytest.fixture
def client(lived: Indexed) -> Iterator[httpx.Client]:
    with serving(lived.url) as client:
        yield client


def test_every_step_leaves_the_contracts_figures(indexed: Indexed, life: Life) -> None:
    stake(life)
    federate(life)
    indexed.sync()
    assert indexed.differences() == []
    federation = indexed.one(Federation, id=1)
    assert {name: getattr(federation, name) for name in FEDERATION if name != "model_digest"} == {
        name: value for name, value in FEDERATION.items() if name != "model_digest"
    }
    assert (federation.ended, federation.pool, federation.owed, federation.rounds_left) == (True, 0, 0, 0)
    paid = sum(row.reward for row in indexed.rows(Role))
    lost = sum(row.slashed for row in indexed.rows(Role))
    settlers = sum(row.settler_paid for row in indexed.rows(FederationRound))
    assert lost == federation.slashed == sum(row.slashed for row in indexed.rows(Member))
    assert paid == sum(row.claimed for row in indexed.rows(Member))
    assert 0 < paid <= 107 * SKEIN + lost - settlers


def test_the_first_round_tells_harm_from_copies(lived: Indexed) -> None:
    one, *_ = lived.rows(FederationRound, federation_id=1)
    roles = sorted(lived.rows(Role, federation_id=1, round=1), key=lambda role: role.slot)
    assert (one.state, one.accepted, one.harmful, one.counted) == ("closed", 1, 2, True)
    assert [(role.reason, role.duplicate, role.reward > 0) for role in roles[:3]] == [
        (None, False, True),
        ("harmful", False, False),
        (None, True, False),
    ]
    assert [role.accepts for role in roles[3:]] == [1, 1, 1]


def test_the_api_shows_them(client: httpx.Client) -> None:
    found = client.get("/federations").json()["data"]
    assert [row["id"] for row in found] == [1]
    one = client.get("/federations/1").json()["data"]
    assert one == found[0] and one["pool"] == "0"
    members = client.get("/federations/1/members", params={"order": "-stake"}).json()["data"]
    assert len(members) == one["joined"]
    rounds = client.get("/federations/1/rounds").json()["data"]
    assert [row["number"] for row in rounds] == list(range(one["round"], 0, -1))
    assert client.get("/federations/1/rounds/1").json()["data"] == rounds[-1]
    roles = client.get("/federations/1/rounds/1/roles").json()["data"]
    assert [row["slot"] for row in roles] == list(range(6))
    assert client.get("/stats").json()["data"]["rounds"] == one["round"]


@pytest.mark.parametrize("path", ["/federations/8", "/federations/8/members", "/federations/1/rounds/99"])
def test_what_is_not_there_is_said(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
