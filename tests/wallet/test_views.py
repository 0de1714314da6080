"""Amounts in JSON are decimal strings: readers that know only doubles would round them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from daemons import ROOT

from wallet import federation_views, views


def wide(component: dict[str, Any]) -> Iterator[str]:
    """The names of unsigned members that a uint64 cannot hold, at any depth."""
    if component["name"] and component["type"].startswith("uint") and int(component["type"][4:]) > 64:
        yield re.sub("[A-Z]", lambda found: "_" + found[0].lower(), component["name"])
    for inner in component.get("components", ()):
        yield from wide(inner)


@pytest.mark.parametrize(
    "contract, getters, large",
    [
        ("Arena", {"task", "submission"}, views._LARGE),
        ("Alliance", {"federation", "member", "round"}, federation_views._LARGE),
    ],
)
def test_every_amount_of_a_record_is_known(contract: str, getters: set[str], large: set[str]) -> None:
    abi = json.loads((ROOT / "protocol" / "abi" / f"{contract}.json").read_text(encoding="utf-8"))
    found = {
        name
        for entry in (abi if isinstance(abi, list) else abi["abi"])
        if entry["type"] == "function" and entry["name"] in getters
        for output in entry["outputs"]
        for name in wide(output)
    }
    assert found and found <= large
    assert views.exact({"pot": {"emission": 2**60}, "rank": 1}, {"emission"}) == {
        "pot": {"emission": str(2**60)},
        "rank": 1,
    }
