"""Evidence: for every payout and slash a permalink with what it follows from."""

from typing import Any

import httpx
import pytest
from indexing import Indexed


def listed(api: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{path}{'&' if '?' in path else '?'}limit=200").json()["data"]
    assert found
    return found


def evidence(api: httpx.Client, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    answer = api.get(f"/{kind}/{row['block_number']}-{row['log_index']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def test_every_payout_and_slash_has_one(api: httpx.Client, lived: Indexed) -> None:
    for kind, name in (("payouts", "payout"), ("slashes", "slash")):
        for row in listed(api, f"/{kind}"):
            found = evidence(api, kind, row)
            assert found[name] == row
            assert (found["task"] or {}).get("id") == row["task_id"]
            assert (found["federation"] or {}).get("id") == row["federation_id"]
            assert (found["round"] or {}).get("number") == row["round"]
            receipt = lived.network.rpc("eth_getTransactionReceipt", row["transaction_hash"])
            told = {(event["block_number"], event["log_index"]) for event in found["events"]}
            assert told == {(row["block_number"], int(log["logIndex"], 16)) for log in receipt["logs"]}
            assert (row["block_number"], row["log_index"]) in told


def test_a_deviating_score_is_shown_beside_the_others(api: httpx.Client) -> None:
    """Who is drawn, and so who deviates, is chance: those who did are all looked at, and so is whoever was invalid."""
    for row in api.get("/slashes?reason=deviating").json()["data"] + listed(api, "/slashes?reason=invalid"):
        found = evidence(api, "slashes", row)
        task, submission = found["task"], found["submission"]
        assert submission["id"] == row["submission_id"]
        scores = {score["validator"]: score for score in found["scores"]}
        assert len(scores) >= task["quorum"]
        if row["reason"] == "invalid":
            assert found["validator"] is None
            assert [score["verdict"] for score in scores.values()].count("invalid") > len(scores) / 2
            continue
        # one of an appealed submission may have scored it in two attempts
        own = [score for score in found["scores"] if score["validator"] == found["validator"]["operator"]]
        far = task["slash_tolerance"]
        off = [one for one in own if one["verdict"] is not None or abs(one["score"] - submission["score"]) > far]
        assert off and all(one["weight"] == "0" for one in off)


def test_who_was_silent_was_drawn_and_has_no_score(api: httpx.Client) -> None:
    row = next(row for row in listed(api, "/slashes?reason=silent") if row["task_id"])
    found = evidence(api, "slashes", row)
    assert row["operator"] in {member["validator"] for member in found["panel"]}
    drawn = {member["attempt"] for member in found["panel"] if member["validator"] == row["operator"]}
    assert drawn > {score["attempt"] for score in found["scores"] if score["validator"] == row["operator"]}


def test_a_validators_payout_shows_all_its_scores(api: httpx.Client) -> None:
    row = next(row for row in listed(api, "/payouts?role=validator&task_id=1") if row["assets"] != "0")
    found = evidence(api, "payouts", row)
    assert found["validator"]["reward"] == row["assets"]
    assert found["scores"] and {score["validator"] for score in found["scores"]} == {row["account"]}
    assert sum(int(score["weight"]) for score in found["scores"]) == int(found["validator"]["weight"])


def test_a_trainers_payout_shows_the_scores_of_its_model(api: httpx.Client) -> None:
    row = next(row for row in listed(api, "/payouts?role=trainer&task_id=1") if row["assets"] != "0")
    found = evidence(api, "payouts", row)
    assert found["submission"]["reward"] == row["assets"]
    assert {score["submission_id"] for score in found["scores"]} == {row["submission_id"]}


def test_a_members_slash_shows_who_voted_what(api: httpx.Client) -> None:
    row = listed(api, "/slashes?federation_id=1&reason=harmful")[-1]
    found = evidence(api, "slashes", row)
    lost = int(row["own_assets"]) + int(row["own_exiting_assets"])  # the draw may fall on one who is about to leave
    assert row["role"] == "proposer" and lost == int(row["assets"])
    (own,) = [role for role in found["roles"] if role["account"] == row["operator"]]
    assert (own["slashed"], own["reason"]) == (row["assets"], "harmful")
    said = [role["harms"] for role in found["roles"] if not role["proposes"] and role["harms"] is not None]
    harmed = [harms >> own["slot"] & 1 for harms in said]
    assert sum(harmed) * 3 >= 2 * len(harmed) > 0
    assert {role["round"] for role in found["roles"]} == {row["round"]}


def test_a_members_payout_shows_what_it_was_earned_with(api: httpx.Client) -> None:
    for row in listed(api, "/payouts?federation_id=1&role=member"):
        found = evidence(api, "payouts", row)
        assert {role["account"] for role in found["roles"]} == {row["account"]}
        assert sum(int(role["reward"]) for role in found["roles"]) >= int(row["assets"]) > 0
    settlers = listed(api, "/payouts?federation_id=1&role=settler")
    paid = sum(int(row["settler_paid"]) for row in listed(api, "/federations/1/rounds"))
    assert sum(int(row["assets"]) for row in settlers) == paid


@pytest.mark.parametrize(
    ("place", "status"),
    [("1-0", 404), ("9999999999999-0", 422), ("1-1048576", 422), ("1", 422), ("x-y", 422), ("1-2-3", 422), ("-1", 422)],
)
def test_other_places_have_none(api: httpx.Client, place: str, status: int) -> None:
    for kind in ("payouts", "slashes"):
        assert api.get(f"/{kind}/{place}").status_code == status
