"""The ledger's integer formulas against Python's integers, and the properties that the ledger stands on."""

from __future__ import annotations

from fractions import Fraction

import pytest
import reference
from brownie import reverts
from brownie.test import given, strategy
from hypothesis import settings

AMOUNT = strategy("uint256", max_value=reference.MAX_TOTAL)
SHARES = strategy("uint256", max_value=2**128 - 1)
INDEX = strategy("uint256", min_value=reference.INDEX_FLOOR, max_value=reference.INDEX_START)


@pytest.fixture(scope="module")
def math(LibraryHarness, owner):
    return owner.deploy(LibraryHarness)


@given(assets=AMOUNT, total_assets=AMOUNT, total_shares=SHARES)
@settings(max_examples=60)
def test_conversions_equal_the_reference(math, assets, total_assets, total_shares):
    assert math.toSharesDown(assets, total_assets, total_shares) == reference.to_shares(
        assets, total_assets, total_shares
    )
    assert math.toAssetsDown(assets, total_assets, total_shares) == reference.to_assets(
        assets, total_assets, total_shares
    )
    assert math.isDegraded(total_assets, total_shares) == reference.is_degraded(total_assets, total_shares)


@pytest.mark.parametrize("total_assets, total_shares", [(0, 0), (1, 10**6), (10**27, 10**33), (10**27, 10**38)])
@pytest.mark.parametrize("assets", [0, 1, 999_999, 10**18, 10**27])
def test_a_deposit_never_gains(math, assets, total_assets, total_shares):
    shares = math.toSharesDown(assets, total_assets, total_shares)
    back = math.toAssetsDown(shares, total_assets + assets, total_shares + shares)
    assert back <= assets
    before = Fraction(total_assets + 1, total_shares + 10**6)
    assert Fraction(total_assets + assets + 1, total_shares + shares + 10**6) >= before


def test_par(math):
    assert math.toSharesDown(1, 0, 0) == 10**6
    assert math.toSharesDown(10**27, 5, 5 * 10**6) == 10**33
    assert math.toAssetsDown(10**6 - 1, 5, 5 * 10**6) == 0


@pytest.mark.parametrize("assets, degraded", [(10**12 - 1, False), (999_999, False), (999_998, True), (0, True)])
def test_degradation_begins_below_a_millionth_of_par(math, assets, degraded):
    assert math.isDegraded(assets, 10**18 - 10**6) == degraded


@given(index=INDEX, before=AMOUNT, part=strategy("uint256", max_value=10**18))
@settings(max_examples=60)
def test_decay_equals_the_reference(math, index, before, part):
    before += 1
    after = before * part // 10**18
    assert tuple(math.decayDown(index, 7, before, after)) == reference.decay(index, 7, before, after)


@pytest.mark.parametrize(
    "index, before, after, expected",
    [
        (10**27, 4, 3, (75 * 10**25, 0)),
        (10**27, 10**9, 1, (10**18, 0)),
        (10**27, 10**9 + 1, 1, (999999999000000000999999999, 1)),
        (10**18, reference.MAX_TOTAL, 1, (10**18 * 10**36 // reference.MAX_TOTAL, 4)),
        (10**27, 4, 0, (10**27, 5)),
        (10**18, 4, 4, (10**18, 0)),
    ],
)
def test_decay(math, index, before, after, expected):
    assert tuple(math.decayDown(index, 0, before, after)) == expected
    assert reference.decay(index, 0, before, after) == expected


@given(assets=AMOUNT, noted=INDEX, now=INDEX, age=strategy("uint256", max_value=6))
@settings(max_examples=60)
def test_values_equal_the_reference(math, assets, noted, now, age):
    assert math.valueDown(assets, noted, 2, now, 2 + age) == reference.value(assets, noted, 2, now, 2 + age)


@pytest.mark.parametrize("age, worth", [(0, 3 * 10**41), (3, 3 * 10**14), (4, 3 * 10**5), (5, 0), (2**32, 0)])
def test_value_after_generations(math, age, worth):
    """The most that can be, at the highest index after the lowest: after five generations it is less than a wei."""
    assert math.valueDown(3 * 10**32, 10**18, 0, 10**27, age) == worth


def test_value_of_an_older_index_only(math):
    with reverts("Integer overflow"):
        math.valueDown(1, 10**27, 2, 10**27, 1)


@given(
    assets=strategy("uint256", min_value=1, max_value=10**27),
    losses=strategy("uint256[]", min_length=1, max_length=8, max_value=10**18),
)
@settings(max_examples=30)
def test_a_withdrawal_pays_what_every_slash_left(math, assets, losses):
    """However often and however hard it is slashed, and beside however much: within one part in 1e18 a slash."""
    exact, index, generation, exiting = Fraction(assets), 10**27, 0, 10**30
    for loss in losses:
        left = exiting - exiting * loss // 10**18
        exact *= Fraction(left, exiting)
        index, generation = math.decayDown(index, generation, exiting, left)
        exiting = left or 10**30
    paid = math.valueDown(assets, 10**27, 0, index, generation)
    assert exact - 1 - assets * len(losses) // 10**18 <= paid <= exact


def test_early_slashes_do_not_touch_late_requests(math):
    """Where a restarted index would leave nothing of the second withdrawal, this one leaves its 40 %."""
    index, generation = math.decayDown(10**27, 0, 10**30, 10**13)
    later_index, later_generation = math.decayDown(index, generation, 10**27, 4 * 10**26)
    assert abs(math.valueDown(10**27, index, generation, later_index, later_generation) - 4 * 10**26) <= 10**9
