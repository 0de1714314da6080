"""The arena's arithmetic: the vectors of the design, and the libraries against the reference."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from brownie.test import given
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from reference import WAD
from reference_rewards import (
    INVALID,
    SCORE_BOUND,
    UNAVAILABLE,
    UNOPENABLE,
    VERDICTS,
    consensus,
    draw,
    exp_wad,
    quality,
    rank_weight,
    rounded_power,
    stake_root,
    trainer_part,
    validator_weight,
)

# data_too_large: among so few examples, a handful that Hypothesis could not finish counts as "routinely"
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.data_too_large])
stakes = st.one_of(st.integers(1, 1000), st.integers(10**18, 10**27))
scores = st.one_of(st.integers(-SCORE_BOUND, SCORE_BOUND), st.integers(-3, 3), st.sampled_from(VERDICTS))


@pytest.fixture(scope="module")
def maths(RewardMathHarness, owner):
    return owner.deploy(RewardMathHarness)


def shares(weights):
    return [round(weight / sum(weights), 4) for weight in weights]


def test_rank_weights_of_equal_stakes(maths):
    assert shares([maths.rankWeight(rank, 10**18) for rank in (1, 2, 3)]) == [0.3887, 0.3304, 0.2809]


def test_rank_weights_of_the_smallest_stake_first(maths):
    weights = [maths.rankWeight(rank, stake * WAD) for rank, stake in enumerate((3000, 6000, 12000), 1)]
    assert shares(weights) == [0.2742, 0.3296, 0.3962]


def test_split_between_trainers_and_validators(maths):
    assert maths.trainerPart(10**18, 300_000 * WAD, 200_000 * WAD) == 58 * 10**16
    assert maths.trainerPart(10**18, 1, 0) == 9 * 10**17
    assert maths.trainerPart(10**18, 0, 1) == 10**17
    assert maths.trainerPart(101, 0, 0) == 50


def test_consensus_is_not_the_taxing_mean(maths):
    votes = {8 * 10**8: 3000, 82 * 10**7: 6000, 5 * 10**8: 3000}
    found = maths.median(list(votes), list(votes.values()))
    assert 8 * 10**8 <= found <= 82 * 10**7


def test_weight_of_a_validator_falls_with_distance(maths):
    near, far = (maths.validatorWeight(d, 10**9, 10**18) for d in (0, 10**8))
    assert near == WAD * 10**18
    assert far / near == pytest.approx(0.36787944117)  # 1/e at a tenth of the scale
    assert maths.validatorWeight(2**62, 2**62, 1) > 0  # the largest distance that can be rewarded


@pytest.mark.parametrize("x", [0, -1, -(10**9), -WAD, -10 * WAD, -40 * WAD])
def test_reference_exponential_is_the_exponential(x):
    with localcontext() as context:
        context.prec = 60
        exact = (Decimal(x) / WAD).exp() * WAD
    assert abs(exp_wad(x) - exact) <= 1


@given(x=st.integers(-10 * WAD, 0))
@settings(max_examples=200)
def test_reference_exponential_is_within_one(x):
    with localcontext() as context:
        context.prec = 60
        assert abs(exp_wad(x) - (Decimal(x) / WAD).exp() * WAD) <= 1


@given(distance=st.integers(0, 2**62), scale=st.integers(1, 2**62), stake=stakes)
@FEW
def test_validator_weight(maths, distance, scale, stake):
    assume(distance <= scale)
    assert maths.validatorWeight(distance, scale, stake) == validator_weight(distance, scale, stake)


@given(rank=st.integers(1, 64), stake=stakes)
@FEW
def test_rank_weight(maths, rank, stake):
    assert maths.stakeRoot(stake) == stake_root(stake)
    assert maths.rankWeight(rank, stake) == rank_weight(rank, stake)
    assert rounded_power(85 * WAD // 100, rank - 1) / WAD == pytest.approx(0.85 ** (rank - 1), abs=1e-15)


@given(assets=st.integers(0, 10**27), trainers=stakes, validators=stakes)
@FEW
def test_trainer_part(maths, assets, trainers, validators):
    part = maths.trainerPart(assets, trainers, validators)
    assert part == trainer_part(assets, trainers, validators) <= assets


@given(pot=st.integers(0, 10**27), weights=st.lists(st.integers(1, 2**200), min_size=1, max_size=8))
@FEW
def test_shares_add_up_to_the_pot(maths, pot, weights):
    given_out = sum(maths.share(pot, weight, sum(weights)) for weight in weights)
    assert pot - len(weights) < given_out <= pot


@given(votes=st.lists(st.tuples(scores, stakes), min_size=1, max_size=32), maximise=st.booleans())
@settings(max_examples=60)
def test_consensus(maths, votes, maximise):
    median = maths.median([quality(score, maximise) for score, _ in votes], [stake for _, stake in votes])
    assert quality(median, maximise) == consensus(votes, maximise)


@given(score=scores, maximise=st.booleans())
@FEW
def test_quality_is_its_own_inverse(maths, score, maximise):
    assert maths.quality(score, maximise) == quality(score, maximise)
    assert maths.quality(quality(score, maximise), maximise) == score


def test_verdicts_are_worse_than_any_score(maths):
    for maximise in (True, False):
        order = [UNOPENABLE, UNAVAILABLE, INVALID, -SCORE_BOUND, SCORE_BOUND]
        qualities = [maths.quality(score, maximise) for score in order]
        assert qualities[:3] == sorted(qualities)[:3]


@pytest.mark.parametrize(
    "score, allowed",
    [(-(2**63), True), (-(2**63) + 2, True), (-(2**63) + 3, False), (2**63 - 1, False)],
)
def test_verdicts_are_three_numbers(maths, score, allowed):
    assert maths.isAllowed(score) == allowed


@pytest.mark.parametrize("sign", [1, -1])
def test_scores_are_bounded(maths, sign):
    assert maths.isAllowed(sign * SCORE_BOUND) and not maths.isAllowed(sign * (SCORE_BOUND + 1))


@pytest.mark.parametrize("score, grid, floored", [(7, 5, 5), (-7, 5, -10), (-5, 5, -5), (-1, 5, -5), (0, 5, 0)])
def test_grid_floors_towards_minus_infinity(maths, score, grid, floored):
    assert maths.floorToGrid(score, grid) == floored


@given(score=st.integers(-SCORE_BOUND, SCORE_BOUND), grid=st.integers(1, 2**62))
@FEW
def test_grid(maths, score, grid):
    assert maths.floorToGrid(score, grid) == score // grid * grid


def test_distance_between_extremes(maths):
    assert maths.distance(-SCORE_BOUND, SCORE_BOUND) == maths.distance(SCORE_BOUND, -SCORE_BOUND) == 2**63


@given(
    entries=st.lists(st.integers(-SCORE_BOUND, SCORE_BOUND) | st.integers(-2, 2), max_size=12),
    limit=st.integers(1, 6),
    order=st.randoms(use_true_random=False),
)
@FEW
def test_ranking_is_that_of_the_set(maths, entries, limit, order):
    ids = list(range(1, len(entries) + 1))
    expected = sorted(ids, key=lambda number: (-entries[number - 1], number))[:limit]
    order.shuffle(ids)
    assert maths.rank.call(limit, ids, [entries[number - 1] for number in ids]) == expected


@pytest.fixture(scope="module")
def hall(maths, owner):
    """Forty seats of very different stakes."""
    hall = [1, 2**90, 5, 10**18, 3 * 10**18] * 8
    maths.seat(hall, {"from": owner})
    return hall


@given(seed=st.binary(min_size=32, max_size=32), submission=st.integers(1, 2**32 - 1), places=st.integers(1, 32))
@FEW
def test_draw(maths, hall, seed, submission, places):
    drawn = maths.draw(places, sum(hall), seed, submission)
    assert drawn == draw(hall, places, seed, submission)
    assert len(set(drawn)) == places


@given(
    seed=st.binary(min_size=32, max_size=32),
    stakes=st.lists(st.integers(1, 60), min_size=2, max_size=12),
    share=st.integers(WAD // 64, WAD),
    data=st.data(),
)
@FEW
def test_draw_with_a_cap(RewardMathHarness, owner, seed, stakes, share, data):
    """However much of the line lies beyond the cap: as many as there are places, nobody twice."""
    places, cap = data.draw(st.integers(1, len(stakes) - 1)), -(-sum(stakes) * share // WAD)
    maths = owner.deploy(RewardMathHarness)
    maths.seat(stakes, {"from": owner})
    drawn = maths.draw(places, cap, seed, 1)
    assert drawn == draw(stakes, places, seed, 1, cap)
    assert len(set(drawn)) == places


def test_draw_counts_no_more_than_the_cap(RewardMathHarness, owner):
    """Of stakes of 10, 10, 20 and 960 that count at most 40 each, the first drawn are 10, 10, 20 and 40 of 80."""
    maths = owner.deploy(RewardMathHarness)
    maths.seat([10, 10, 20, 960], {"from": owner})
    first = [maths.draw(1, 40, b"\x07" * 32, submission)[0] for submission in range(1, 401)]
    for index, expected in enumerate((50, 50, 100, 200), 1):
        assert abs(first.count(index) - expected) < 4 * (expected * (1 - expected / 400)) ** 0.5


def test_draw_is_everybody_when_there_are_places_enough(maths, hall):
    for places in (40, 41):
        assert maths.draw(places, 1, b"\x01" * 32, 1) == list(range(1, 41))


def test_draw_is_weighted_by_stake(RewardMathHarness, owner):
    maths = owner.deploy(RewardMathHarness)
    maths.seat([10, 20, 30, 40], {"from": owner})
    first = [maths.draw(2, 100, b"\x07" * 32, submission)[0] for submission in range(1, 401)]
    for index, expected in enumerate((40, 80, 120, 160), 1):
        assert abs(first.count(index) - expected) < 4 * (expected * (1 - expected / 400)) ** 0.5
