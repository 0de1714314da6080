"""Exact aggregation: the same words in any order and by any route, and the rules against plain Python integers."""

import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import ModelInvalid
from protocol.federated import networks, stacks
from protocol.federated.fixed import NORM, Update, check_words, decode, encode, squared_norm
from protocol.federated.rules import Rule, aggregate, capped, small_weights
from protocol.federated.wire import Packing, pack, read_update, unpack, wire_bytes, write_update

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("mean", "median", "trimmed_mean", "multi_krum", "centred_clipping")


@st.composite
def federations(draw, most=9, longest=6):
    """Updates, their weights 1 to 2^70."""
    count, length = draw(st.integers(1, most)), draw(st.integers(1, longest))
    word = st.integers(-(2**20), 2**20) | st.integers(-3, 3)
    rows = [draw(st.lists(word, min_size=length, max_size=length)) for _ in range(count)]
    weights = draw(st.lists(st.integers(1, 2**70) | st.just(1), min_size=count, max_size=count))
    return [
        Update(f"{i:02d}", np.array(row, np.int32), weight)
        for i, (row, weight) in enumerate(zip(rows, weights, strict=True))
    ]


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def columns(updates):
    return list(zip(*(update.words.tolist() for update in updates), strict=True))


def rules():
    return st.builds(
        Rule,
        name=st.sampled_from(NAMES),
        tolerated=st.integers(0, 499),
        weight_cap=st.integers(1, 1000),
        clip_to_median=st.booleans(),
        mix=st.booleans(),
    )


@given(federations(), rules(), st.randoms(use_true_random=False))
def test_the_order_of_the_updates_does_not_matter(updates, rule, order):
    shuffled = order.sample(updates, len(updates))
    assert aggregate(rule, updates).tobytes() == aggregate(rule, shuffled).tobytes()


@given(federations(longest=40), rules())
def test_the_pieces_do_not_matter(updates, rule):
    whole, piece = aggregate(rule, updates), stacks.PIECE
    try:
        stacks.PIECE = 2
        assert aggregate(rule, updates).tobytes() == whole.tobytes()
    finally:
        stacks.PIECE = piece


@given(federations())
def test_the_mean_is_the_rounded_mean_by_weight(updates):
    weights = small_weights([update.weight for update in updates])
    expected = [
        half_up(Fraction(sum(w * x for w, x in zip(weights, column, strict=True)), sum(weights)))
        for column in columns(updates)
    ]
    assert aggregate(Rule(name="mean"), updates).tolist() == expected


@given(federations(most=20))
def test_the_median_is_the_middle_of_every_column(updates):
    expected = []
    for column in map(sorted, columns(updates)):
        expected.append((column[(len(column) - 1) // 2] + column[len(column) // 2]) // 2)
    assert aggregate(Rule(name="median"), updates).tolist() == expected


@given(federations(most=20), st.integers(0, 499))
def test_the_trimmed_mean_leaves_the_ends_out(updates, tolerated):
    rule = Rule(name="trimmed_mean", tolerated=tolerated)
    bad = rule.bad(len(updates))
    kept = [sorted(column)[bad : len(column) - bad] for column in columns(updates)]
    assert aggregate(rule, updates).tolist() == [half_up(Fraction(sum(column), len(column))) for column in kept]


@given(federations(most=8))
def test_krum_keeps_those_with_the_nearest_neighbours(updates):
    rule = Rule(name="multi_krum", tolerated=250)
    rows, bad = [update.words.tolist() for update in updates], rule.bad(len(updates))
    scores = []
    for i, row in enumerate(rows):
        others = sorted(math.dist(row, other) ** 2 for j, other in enumerate(rows) if j != i)
        exact = sorted(sum((a - b) ** 2 for a, b in zip(row, o, strict=True)) for j, o in enumerate(rows) if j != i)
        assert exact == pytest.approx(others)
        scores.append((sum(exact[: max(len(rows) - bad - 2, 1)]), i))
    chosen = [updates[i] for _, i in sorted(scores)[: len(rows) - bad]]
    weights = small_weights([update.weight for update in updates])
    kept = [Update(update.digest, update.words, weights[int(update.digest)]) for update in chosen]
    assert aggregate(rule, updates).tolist() == aggregate(Rule(name="mean"), kept).tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mix", [False, True])
def test_a_third_of_wild_updates_moves_no_robust_rule_far(name, mix):
    generator = np.random.default_rng(1)
    truth = generator.normal(size=50) * 1e6
    good = [Update(f"g{i}", (truth + generator.normal(size=50) * 1e4).astype(np.int32)) for i in range(8)]
    wild = [Update(f"w{i}", (-8 * truth).astype(np.int32)) for i in range(3)]
    rule = Rule(name=name, tolerated=300, mix=mix, clip_to_median=name == "centred_clipping")
    error = np.linalg.norm(aggregate(rule, good + wild) - truth) / np.linalg.norm(truth)
    if name == "mean":
        assert error > 0.5
    elif name == "centred_clipping" and not mix:
        assert error < 0.6  # three clipped steps of what is a bounded pull
    else:
        assert error < 0.1


@given(federations(), rules())
def test_equal_updates_are_their_own_aggregate(updates, rule):
    copies = [Update(update.digest, updates[0].words, update.weight) for update in updates]
    distance = np.abs(aggregate(rule, copies).astype(np.int64) - updates[0].words).max()
    # three clipped steps with rounded-down coefficients stop a part in 2^20 · n short of it
    slack = int(np.abs(updates[0].words).max()) * len(updates) >> 18
    assert distance <= (slack + 1 if rule.name == "centred_clipping" or rule.mix or rule.clip_to_median else 1)


@given(st.lists(st.integers(1, 10**30), min_size=1, max_size=12), st.integers(1, 1000))
def test_no_weight_is_above_the_cap(weights, cap):
    result = capped(weights, cap)
    if len(weights) * cap < 1000:
        assert set(result) == {1}
        return
    assert all(1000 * weight <= cap * sum(result) for weight in result)
    if all(1000 * weight <= cap * sum(weights) for weight in weights):
        assert result == weights
    order = sorted(range(len(weights)), key=weights.__getitem__)
    assert [result[i] for i in order] == sorted(result)


@given(st.integers(1, 40), st.data())
@settings(max_examples=60)
def test_networks_sort(size, data):
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    rows = np.random.default_rng(data.draw(st.integers(0, 2**32))).integers(-5, 5, (size, 50)).astype(np.int32)
    expected = np.sort(rows, axis=0)[first : last + 1]
    assert np.array_equal(networks.sort_rows(rows.copy(), first, last), expected)
    middle = np.sort(networks.middle_rows(rows.copy(), first, last), axis=0)
    assert np.array_equal(middle, expected)


def test_many_rows_are_sorted_as_few_are():
    rows = np.random.default_rng(3).integers(-9, 9, (networks.MOST_ROWS + 1, 20)).astype(np.int32)
    assert np.array_equal(networks.sort_rows(rows.copy(), 60, 62), np.sort(rows, axis=0)[60:63])


@given(st.integers(-8, 8), st.floats(1e-6, 1e6), st.integers(1, 300), st.integers(0, 2**32))
def test_encoding_clips_and_is_within_one_word(exponent, size, length, seed):
    change = np.random.default_rng(seed).normal(size=length) * size
    words = encode(change, exponent, np.random.default_rng(seed))
    check_words(words, length)
    limit = 2.0**exponent
    expected = change * min(1.0, limit / np.linalg.norm(change))
    slack = (2 + math.sqrt(length) * np.abs(expected).max() / limit) * limit / NORM
    assert np.abs(decode(words, exponent) - expected).max() <= slack


def test_rounding_has_no_bias():
    words = encode(np.full(200_000, 0.3 * 2.0**-26), 0, np.random.default_rng(5))
    assert abs(words.mean() - 0.3) < 0.01


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ModelInvalid, match="not finite: the training diverged"):
        encode(np.array([1.0, bad]), 0, np.random.default_rng(0))


def test_the_largest_norm_is_judged_exactly():
    at = np.array([NORM, 0], np.int32)
    check_words(at, 2)
    assert squared_norm(at) == NORM**2
    with pytest.raises(ModelInvalid, match="norm is above"):
        check_words(np.array([NORM, 1], np.int32), 2)
    with pytest.raises(ModelInvalid, match="norm is above"):
        check_words(np.full(3 << 20, 2**31 - 1, np.int32), 3 << 20)
    with pytest.raises(ModelInvalid, match="shape"):
        check_words(at, 3)


@given(st.sampled_from([8, 32]), st.integers(1, 1000), st.integers(1, 600), st.integers(0, 2**32))
def test_packed_updates_come_back(tmp_path_factory, bits, kept, length, seed):
    packing, generator = Packing(bits=bits, kept=kept), np.random.default_rng(seed)
    words = encode(generator.normal(size=length) * 10, 0, generator)
    folder = tmp_path_factory.mktemp("update")
    size = write_update(folder, words, packing, generator)
    back = read_update(folder, packing, length)
    count = packing.count(length)
    assert np.count_nonzero(back) <= count
    assert size == count * (bits // 8) + (count + 255) // 256 * (bits == 8) + 4 * count * (kept < 1000)
    if kept == 1000:
        block = np.abs(words).max()
        assert np.abs(back - words).max() <= (0 if bits == 32 else 0.04 * block + 1)


def test_eight_bits_take_a_quarter():
    words = encode(np.random.default_rng(0).normal(size=10_000), 2, np.random.default_rng(0))
    sizes = [wire_bytes(pack(words, Packing(bits=bits), np.random.default_rng(0))) for bits in (32, 8)]
    assert sizes == [40_000, 10_000 + 40]


def test_unsound_places_and_shifts_are_refused():
    words = np.array([5, 6], np.int32)
    for places in ([1, 1], [3, 2], [-1, 2], [0, 10]):
        with pytest.raises(ModelInvalid, match="places"):
            unpack({"words": words, "places": np.array(places, np.int32)}, Packing(kept=200), 10)
    with pytest.raises(ModelInvalid, match="shift"):
        unpack({"mantissas": np.ones(2, np.int8), "shifts": np.array([25], np.uint8)}, Packing(bits=8), 2)


def test_too_many_or_unequal_updates_are_refused():
    one = Update("a", np.zeros(2, np.int32))
    with pytest.raises(ValueError, match="0 updates"):
        aggregate(Rule(), [])
    with pytest.raises(ValueError, match="different lengths"):
        aggregate(Rule(), [one, Update("b", np.zeros(3, np.int32))])


ELSEWHERE = """
import hashlib, os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))} if sys.argv[1] == "1" else os.sched_getaffinity(0))
import numpy as np
from protocol.federated.fixed import Update, encode
from protocol.federated.rules import Rule, aggregate
generator = np.random.default_rng(11)
rows = [encode(generator.normal(size=200_000), 0, generator) for _ in range(9)]
updates = [Update(str(i), row, 10**i) for i, row in enumerate(rows)]
if sys.argv[1] == "1":
    updates.reverse()
for name in ("mean", "median", "trimmed_mean", "multi_krum", "centred_clipping"):
    rule = Rule(name=name, mix=True, clip_to_median=True, weight_cap=200)
    print(hashlib.sha256(aggregate(rule, updates).tobytes()).hexdigest())
"""


def test_processes_with_other_threads_and_order_get_the_same_digests():
    printed = []
    for threads in ("1", "2"):
        command = [sys.executable, "-c", ELSEWHERE, threads]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        printed.append(done.stdout.split())
    assert len(set(printed[0])) == 5
    assert printed[0] == printed[1]
