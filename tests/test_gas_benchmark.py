"""What benchmarks/gas says of its own report, which `scripts/test gas` holds against a new measurement."""

import json
from collections import Counter

import pytest

from benchmarks.gas.__main__ import README, REPORT, ratios, tables
from benchmarks.gas.pairs import AIM, FEW, MANY, PAIRS, PRICES, Pair

MEASURED: dict[str, dict[str, int]] = json.loads(REPORT.read_text())
each_pair = pytest.mark.parametrize("pair", PAIRS, ids=[pair.action for pair in PAIRS])


def test_the_tables_are_those_of_the_report() -> None:
    assert tables(MEASURED) in README.read_text(encoding="utf-8")


@each_pair
def test_the_slots_that_are_named_are_those_that_were_counted(pair: Pair) -> None:
    ours, plain = (MEASURED.get(call) or MEASURED[call + FEW] for call in (pair.action, pair.plain))
    named = Counter({kind: len(slots) for kind, slots in pair.more.items()})
    named.subtract({kind: len(slots) for kind, slots in pair.less.items()})
    for kind in PRICES:
        assert ours.get(kind, 0) - plain.get(kind, 0) == named[kind], kind


@each_pair
def test_beyond_its_storage_no_action_costs_much_more_than_the_plain_one(pair: Pair) -> None:
    assert ratios(MEASURED, pair)[1] <= AIM


@pytest.mark.parametrize("verb", ["settle a submission", "claim for a model", "claim as validator", "reveal a model"])
def test_the_number_of_participants_changes_nothing(verb: str) -> None:
    assert MEASURED[verb + FEW] == MEASURED[verb + MANY]
