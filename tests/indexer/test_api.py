"""Every route: what it says is what its description says it says, what the tables hold, and true at one block."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from indexing import Indexed, serving
from life import CREATOR, DELEGATORS, TRAINERS, VALIDATORS, Life, stake
from pydantic import TypeAdapter

from indexer.api.app import areas
from indexer.tables import AccountEvent, Log, Slash, Task
from protocol.events import decode
from protocol.phases import deadline, phase

ROUTES = [route for router in areas() for route in router.routes if isinstance(route, APIRoute)]
# Of those, the ones that answer in JSON about a block that holds still.
STILL = [route for route in ROUTES if route.path not in ("/live", "/readyz", "/specs/{digest}", "/graphql")]


# The account that the paths are filled with is a validator.
NOT_OF_A_VALIDATOR = ("/accounts/{address}/tasks", "/accounts/{address}/submissions")


def filled(path: str, life: Life) -> str:
    for name in ("{task_id}", "{federation_id}", "{number}"):
        path = path.replace(name, "1")
    return path.replace("{address}", life.address(VALIDATORS[0]))


def every(api: httpx.Client, life: Life) -> Iterator[tuple[APIRoute, str]]:
    """Each route and a path of it that has an answer."""
    for route in STILL:
        if "{place}" in route.path:
            row = api.get(route.path.split("/{")[0]).json()["data"][0]
            yield route, route.path.replace("{place}", f"{row['block_number']}-{row['log_index']}")
        elif "{proposal_id}" in route.path:
            yield route, route.path.replace("{proposal_id}", api.get("/proposals").json()["data"][0]["id"])
        else:
            yield route, filled(route.path, life)


def data(client: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def pages(client: httpx.Client, path: str, **parameters: Any) -> list[Any]:
    """All pages of a list."""
    found, cursor = [], parameters.pop("cursor", None)
    while True:
        answer = client.get(path, params=parameters | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        cursor = answer.json()["next"]
        if cursor is None:
            return found


def test_every_answer_is_what_the_description_says(api: httpx.Client, lived: Indexed) -> None:
    """Against the models that the OpenAPI description is made from; they allow nothing else."""
    assert {route.path for route in ROUTES} | {"/metrics"} == set(api.get("/openapi.json").json()["paths"])
    for route, path in every(api, Life(lived.network)):
        answer = api.get(path)
        assert answer.status_code == 200, (path, answer.text)
        TypeAdapter(route.response_model).validate_json(answer.content, strict=True)
        assert answer.json()["data"] or route.path in NOT_OF_A_VALIDATOR


def test_every_answer_names_its_block(api: httpx.Client, lived: Indexed) -> None:
    head = lived.network.rpc("eth_getBlockByNumber", "latest", False)
    for _, path in every(api, Life(lived.network)):
        answer = api.get(path)
        assert answer.json()["block"] == int(head["number"], 16)
        assert answer.json()["block_hash"] == head["hash"]
        assert head["hash"] in answer.headers["etag"]


def test_an_answer_is_sent_again_only_after_a_new_block(life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    with serving(indexed.url) as client:
        path = f"/accounts/{life.address(2)}"
        first = client.get(path)
        again = client.get(path)
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        same = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        life.send(2, "SkeinToken", "transfer", life.address(3), 5)
        indexed.sync()
        later = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert later.status_code == 200
        assert int(later.json()["data"]["balance"]) == int(first.json()["data"]["balance"]) - 5


def test_amounts_are_exact(api: httpx.Client, lived: Indexed) -> None:
    shown = data(api, "/tasks/1")
    row = lived.one(Task, id=1)
    for name, value in shown.items():
        if name not in ("phase", "phase_ends"):
            stored = getattr(row, name)
            assert value == (str(stored) if isinstance(value, str) and isinstance(stored, int) else stored), name


def test_phases_are_the_protocols_at_every_time(life: Life, indexed: Indexed) -> None:
    chain = life.network.chain()
    stake(life)
    task = life.create(CREATOR)
    life.join(task, {2: "a"}, VALIDATORS)
    seen = set()
    with serving(indexed.url) as client:
        for end in ("commit_ends", "reveal_ends", "key_ends"):
            indexed.sync()
            block = client.get("/status").json()
            record, now = chain.call("Arena", "task", task, block=block["block"]), block["data"]["timestamp"]
            shown = data(client, f"/tasks/{task}")
            assert shown["phase"] == phase(record, now).name.lower()
            assert shown["phase_ends"] == deadline(record, now)
            seen.add(shown["phase"])
            if shown["phase"] == "reveal":
                life.reveal(task, (2,))
            life.pass_to(task, end)
    assert seen >= {"commit", "reveal", "key"}


def test_tasks_by_phase_creator_and_order(api: httpx.Client, lived: Indexed) -> None:
    assert [task["id"] for task in data(api, "/tasks")] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [task["id"] for task in data(api, "/tasks", phase="cancelled")] == [4]
    assert data(api, "/tasks", phase="commit") == []
    assert data(api, "/tasks", creator=Life(lived.network).address(9)) == []
    assert [task["id"] for task in data(api, "/tasks", outcome="void", order="id")] == [3, 6]
    by_bounty = [int(task["bounty"]) for task in data(api, "/tasks", order="-bounty")]
    assert by_bounty == sorted(by_bounty, reverse=True) and by_bounty[0] > by_bounty[1]


LISTS = ["/tasks", "/tasks?order=-bounty", "/events", "/events?contract=Arena", "/events?order=position", "/accounts",
         "/accounts?order=address", "/slashes", "/payouts", "/withdrawals", "/operators", "/tasks/1/scores",
         "/tasks/1/submissions", "/tasks/1/panels", "/tasks/1/validators", "/tasks/2/commitments"]  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_pages_together_are_the_list(api: httpx.Client, path: str) -> None:
    whole = api.get(path, params={"limit": 200}).json()
    assert len(whole["data"]) > 2
    for limit in (1, 3) if len(whole["data"]) < 50 else (17,):
        found = pages(api, path, limit=limit) if whole["next"] is None else pages(api, path, limit=limit)[:200]
        assert found == whole["data"]


def test_pages_stay_true_under_new_blocks(life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    with serving(indexed.url) as client:
        whole = data(client, "/events", limit=20)
        first = client.get("/events", params={"limit": 10}).json()
        life.send(2, "SkeinToken", "transfer", life.address(3), 5)
        indexed.sync()
        second = client.get("/events", params={"limit": 10, "cursor": first["next"]}).json()
        assert second["block"] > first["block"]
        assert first["data"] + second["data"] == whole


def test_pages_go_on_after_a_reorg(life: Life, indexed: Indexed) -> None:
    """With what now comes after the row that was shown last: nothing twice, nothing left out of what is there."""
    stake(life)
    indexed.sync()
    for order, shown in (("position", 10), ("-position", 10)):
        with serving(indexed.url) as client:
            first = client.get("/events", params={"limit": shown, "order": order}).json()
            life.network.reorg(6)
            life.send(2, "SkeinToken", "transfer", life.address(3), 5)
            indexed.sync()
            rest = pages(client, "/events", order=order, limit=7, cursor=first["next"])
            last = first["data"][-1]["block_number"], first["data"][-1]["log_index"]
            whole = pages(client, "/events", order=order, limit=200)
        behind = [each for each in whole if ((each["block_number"], each["log_index"]) > last) == (order == "position")]
        assert rest == [each for each in behind if (each["block_number"], each["log_index"]) != last] != []


def test_events_are_what_the_node_gives(api: httpx.Client, lived: Indexed) -> None:
    own = [deployed.address for deployed in lived.network.deployment.contracts.values()]
    raw = lived.network.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": own})
    shown = pages(api, "/events", order="position", limit=200)
    assert len(shown) == len(raw) == len(lived.rows(Log))
    for log, event in zip(raw, shown, strict=True):
        decoded = decode(log, lived.network.deployment)
        assert decoded is not None
        assert event["name"] == decoded.name and set(event["args"]) == set(decoded.args)
        assert (event["topics"], event["data"]) == (log["topics"], log["data"])
        assert event["transaction_hash"] == log["transactionHash"]
        assert (event["block_hash"], event["timestamp"]) == (log["blockHash"], int(log["blockTimestamp"], 16))


def test_event_filters_add_up(api: httpx.Client, lived: Indexed) -> None:
    everything = pages(api, "/events", limit=200)
    person = Life(lived.network).address(VALIDATORS[1])
    mine = {(event["block_number"], event["log_index"]) for event in everything if person in str(event["args"])}
    assert {(e["block_number"], e["log_index"]) for e in pages(api, "/events", account=person)} == mine
    assert len(mine) == len(lived.rows(AccountEvent, account=person))
    arena = [event for event in everything if (event["name"] or "").startswith("Arena.")]
    assert pages(api, "/events", contract="Arena") == arena
    task = [event for event in arena if event["args"]["task_id"] == "2"]
    assert pages(api, "/events", task_id=2) == task
    slashes = [event for event in task if event["name"] == "Arena.ValidatorSlashed"]
    assert pages(api, "/events", task_id=2, name="Arena.ValidatorSlashed") == slashes
    assert pages(api, "/events", name="Arena.ValidatorSlashed", task_id=2, account=person) == [
        event for event in slashes if event["args"]["validator"] == person
    ]
    block = task[3]["block_number"]
    assert pages(api, "/events", from_block=block, to_block=block, task_id=2) == [
        event for event in task if event["block_number"] == block
    ]
    assert pages(api, "/events", contract="Staking", task_id=2) == []
    seeds = [event for event in everything if event["name"] == "Randomness.SeedProved"]
    assert pages(api, "/events", contract="Randomness") == seeds != []
    assert pages(api, f"/accounts/{person}/history") == pages(api, "/events", account=person)


def test_an_account_adds_up(api: httpx.Client, lived: Indexed) -> None:
    chain, life = lived.network.chain(), Life(lived.network)
    for account in (CREATOR, *TRAINERS, *VALIDATORS, *DELEGATORS):
        address = life.address(account)
        shown = data(api, f"/accounts/{address.lower()}")
        assert shown["address"] == address
        assert int(shown["balance"]) == chain.token_balance(address)
        for entry in shown["stakes"]:
            assert int(entry["assets"]) == chain.call("Staking", "assetsOf", entry["operator"], address)
            assert entry["is_own"] == (entry["operator"] == address)
        for waiting in shown["withdrawals"]:
            assert int(waiting["value"]) == chain.call("Staking", "withdrawable", waiting["id"])
        if shown["pool"]:
            assert shown["pool"]["current_commission"] == chain.call("Staking", "commissionOf", address)
    assert data(api, f"/accounts/{life.address(VALIDATORS[0])}")["pool"]["current_commission"] == 2 * 10**17


def test_a_stranger_has_nothing(api: httpx.Client) -> None:
    stranger = "0x" + "42" * 20
    shown = data(api, f"/accounts/{stranger}")
    assert (shown["balance"], shown["pool"], shown["stakes"], shown["withdrawals"]) == ("0", None, [], [])
    assert data(api, f"/accounts/{stranger}/history") == []
    assert api.get(f"/operators/{stranger}").status_code == 404


def test_withdrawals_by_state(api: httpx.Client, lived: Indexed) -> None:
    assert {row["id"]: row["state"] for row in data(api, "/withdrawals")} == {
        1: "withdrawn", 2: "withdrawn", 3: "matured", 4: "waiting", 5: "waiting"
    }  # fmt: skip
    assert [row["id"] for row in data(api, "/withdrawals", pending=True)] == [5, 4, 3]
    assert [row["id"] for row in data(api, "/withdrawals", funder=Life(lived.network).address(VALIDATORS[3]))] == [2]


def test_the_leaderboard_is_the_chains_ranking(api: httpx.Client, lived: Indexed) -> None:
    chain = lived.network.chain()
    for task in (1, 2):
        assert [row["id"] for row in data(api, f"/tasks/{task}/leaderboard")] == chain.call("Arena", "ranking", task)
    best = data(api, "/tasks/2/leaderboard")
    assert best[0]["score"] < best[-1]["score"], "task 2 is to be minimised"
    assert [row["rank"] for row in best] == list(range(1, len(best) + 1))


def test_slashes_say_who_why_and_where(api: httpx.Client, lived: Indexed) -> None:
    shown = pages(api, "/slashes", limit=3)
    assert len(shown) == len(lived.rows(Slash))
    for slash in shown:
        receipt = lived.network.rpc("eth_getTransactionReceipt", slash["transaction_hash"])
        assert int(receipt["blockNumber"], 16) == slash["block_number"]
        assert slash["log_index"] in {int(log["logIndex"], 16) for log in receipt["logs"]}
    assert {slash["reason"] for slash in data(api, "/slashes", reason="silent")} <= {"silent"}
    assert data(api, "/tasks/1/slashes", reason="duplicate")[0]["submission_id"] == 3


def test_contracts_are_those_of_the_deployment(api: httpx.Client, lived: Indexed) -> None:
    shown = {row["name"]: (row["address"], row["first_block"]) for row in data(api, "/contracts")}
    assert shown == {name: (own.address, own.first_block) for name, own in lived.network.deployment.contracts.items()}


def test_the_description_is_complete(api: httpx.Client) -> None:
    spec = api.get("/openapi.json").json()
    for path, operations in spec["paths"].items():
        assert operations["get"]["description"], path
        assert path == "/metrics" or {"404", "422", "503"} <= set(operations["get"]["responses"]), path
    amounts = spec["components"]["schemas"]["Task"]["properties"]["bounty"]
    assert amounts["type"] == "string" and re.fullmatch(amounts["pattern"], "1000")
    assert api.get("/docs", follow_redirects=True).status_code == 200


def test_any_page_may_ask(api: httpx.Client) -> None:
    answer = api.get("/status", headers={"origin": "https://explorer.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
