"""The demonstration's judgement of itself: each thing that must not happen is noticed and named."""

from dataclasses import replace
from typing import Any

import pytest

from skein.audit import Check, Wealth
from skein.cast import ROLES
from skein.report import CHEATS, Result
from skein.winners import Evaluation

NAMES = {f"0x{number:040x}": role.name for number, role in enumerate(ROLES, start=1)}
ADDRESS = {name: address for address, name in NAMES.items()}
TRAINERS = [name for name in ADDRESS if name.startswith("trainer") or name == "copier"]


def entry(number: int, name: str) -> dict[str, Any]:
    state = "duplicate" if name == "copier" else "scored"
    return {"id": number, "trainer": ADDRESS[name], "state": state, "rank": None, "score": 900_000_000}


def slash(name: str, reason: str) -> dict[str, Any]:
    return {"operator": ADDRESS[name], "task_id": 1, "submission_id": 1, "reason": reason, "assets": "1"}


def good() -> Result:
    """A demonstration with one task in which all went well."""
    return Result(
        names=NAMES,
        titles={1: "A task"},
        api_url="http://127.0.0.1:1",
        block=9,
        tasks=[{"id": 1, "outcome": "settled", "tolerance": 100_000}],
        leaderboards={1: [entry(number, name) for number, name in enumerate(TRAINERS, start=1)]},
        winners={1: Evaluation("0x", 900_000_000, 900_000_001, 10)},
        slashes=[slash(name, reason) for name, reason in CHEATS.items() if reason],
        before=dict.fromkeys(ADDRESS, Wealth(10, 0, 0)),
        after=dict.fromkeys(ADDRESS, Wealth(10, 1, 0)),
        gas=[],
        checks=[Check("a sum", 5, 5)],
        differences=None,
        first_reward_seconds=1.0,
        seconds=2.0,
    )


def test_nothing_to_complain_of() -> None:
    assert good().failures() == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"tasks": [{"id": 1, "outcome": "void", "tolerance": 0}]}, "Task 1 ended as void."),
        ({"winners": {}, "tasks": [{"id": 1, "outcome": "abandoned"}]}, "Task 1 ended as abandoned."),
        ({"winners": {1: Evaluation("0x", 900_000_000, 890_000_000, 10)}}, "scores 890000000 here"),
        ({"slashes": []}, "copier was not slashed as duplicate in task 1."),
        ({"slashes": []}, "mute was not slashed as silent in task 1."),
        ({"checks": [Check("a sum", 5, 6)]}, "The books do not add up (a sum): 5 is not 6."),
        ({"differences": "one balance"}, "The index differs from the chain: one balance"),
        ({"after": dict.fromkeys(ADDRESS, Wealth(10, 0, 0))}, "delegator-2 earned nothing."),
        ({"leaderboards": {1: [entry(1, "trainer-bold") | {"state": "invalid"}]}}, "is invalid, not scored"),
        ({"leaderboards": {1: [entry(1, "copier") | {"state": "scored"}]}}, "is scored, not duplicate"),
    ],
)
def test_what_went_wrong_is_named(change: dict[str, Any], sentence: str) -> None:
    assert any(sentence in failure for failure in replace(good(), **change).failures())


def test_an_honest_participant_that_was_slashed_is_a_failure() -> None:
    found = good()
    found.slashes.append(slash("validator-1", "silent"))
    assert found.failures() == ["validator-1 was slashed as silent in task 1, and should not have been."]
