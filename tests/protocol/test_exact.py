import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from protocol.tasks.exact import (
    _rounded,
    exact_cos_sin,
    exact_cross_entropy,
    exact_exp,
    exact_linear,
    exact_log,
    exact_product,
    exact_softmax,
    exact_sum,
    small_factor,
)

numbers = st.floats(allow_nan=False, allow_infinity=False, width=32).map(float)


def matrices(rows, columns):
    return npst.arrays("f8", (rows, columns), elements=numbers).map(torch.from_numpy)


layers = st.tuples(st.integers(1, 5), st.integers(1, 40), st.integers(1, 5)).flatmap(
    lambda sizes: st.tuples(matrices(sizes[0], sizes[1]), matrices(sizes[2], sizes[1]), matrices(1, sizes[2]))
)


@given(layers, st.randoms(use_true_random=False))
def test_no_order_of_the_terms_changes_a_bit(layer, random):
    x, weight, bias = layer
    order = random.sample(range(x.shape[1]), x.shape[1])
    one, other = exact_linear(x, weight, bias[0]), exact_linear(x[:, order], weight[:, order], bias[0])
    assert one.numpy().tobytes() == other.numpy().tobytes()


@given(layers)
def test_it_is_the_product_up_to_the_rounding_of_its_factors(layer):
    x, weight, bias = layer
    result = exact_linear(x, weight, bias[0]).numpy()
    terms = x.shape[1]
    bits = (52 - (terms - 1).bit_length()) // 2
    for i, row in enumerate(x.tolist()):
        for j, factors in enumerate(weight.tolist()):
            exact = sum(Fraction(a) * Fraction(b) for a, b in zip(row, factors, strict=True)) + Fraction(
                float(bias[0, j])
            )
            largest = Fraction(max(map(abs, row))) * Fraction(max(map(abs, factors)))
            bound = largest * terms * 3 / 2**bits + abs(exact) / 2**50 + Fraction(1, 2**250)
            assert abs(Fraction(float(result[i, j])) - exact) <= bound


@given(npst.arrays("f8", (3, 7), elements=st.floats(-(2.0**90), 2.0**90)))
def test_rows_are_rounded_half_to_even_to_their_bits(rows):
    for row, rounded in zip(rows.tolist(), _rounded(torch.from_numpy(rows), 20).tolist(), strict=True):
        unit = Fraction(2) ** (max(math.frexp(max(map(abs, row)))[1], -480) - 20)
        assert rounded == [float(round(Fraction(number) / unit) * unit) for number in row]


def test_a_weight_may_be_made_ready_in_parts_of_any_size(monkeypatch):
    random = torch.Generator().manual_seed(1)
    x, weight = (torch.randn(*shape, generator=random) for shape in ((5, 40), (33, 40)))
    bias = torch.randn(33, generator=random)
    whole = exact_linear(x.double(), weight, bias)
    assert torch.equal(whole, exact_product(x.double(), weight.double()) + bias.double())
    assert torch.equal(whole, exact_linear(x.double(), weight, bias, small_factor(weight)))
    assert torch.equal(whole, exact_linear(x.double(), weight, bias, spent=True))
    for part in (1, 41, 400):
        monkeypatch.setattr("protocol.tasks.exact._PART", part)
        assert torch.equal(exact_linear(x.double(), weight, bias), whole)
        assert small_factor(weight) is None  # it would take too much memory


@pytest.mark.parametrize("terms", [1, 2, 3, 1000, 65_536])
def test_even_the_largest_sums_are_exact(terms):
    x = torch.full((1, terms), 1.0 + 2**-20, dtype=torch.float64)
    weight = torch.full((1, terms), 1.0 - 2**-20, dtype=torch.float64)
    orders = [x.new_zeros(1), x.new_zeros(1)]
    results = [exact_linear(part, weight, bias) for part, bias in zip((x, x.flip(1)), orders, strict=True)]
    assert results[0] == results[1]
    assert float(results[0]) == pytest.approx(terms, rel=1e-5)


def test_the_ends_of_the_range():
    def product(a, b):
        return float(exact_linear(*(torch.tensor([[v]], dtype=torch.float64) for v in (a, b)), torch.zeros(1).double()))

    assert product(0.0, 5.0) == 0
    assert product(2.0**-520, 1.0) == 0  # counts as zero
    assert product(2.0**-480, 2.0**-480) == 2.0**-960
    assert product(2.0**-140, 2.0**-140) == 2.0**-280
    assert product(2.0**479, 2.0**479) == 2.0**958
    assert not math.isfinite(product(2.0**480, 1.0))
    assert not math.isfinite(product(1.0, -(2.0**1000)))
    assert not math.isfinite(product(2.0**480, 0.0))
    assert product(3.0, -7.0) == -21


def test_float32_values_survive_when_there_are_few_terms():
    random = np.random.default_rng(1)
    x = torch.from_numpy(random.normal(size=(100, 30)).astype("f4")).double()
    weight = torch.from_numpy(random.normal(size=(8, 30)).astype("f4")).double()
    difference = (exact_linear(x, weight, torch.zeros(8).double()) - x @ weight.T).abs().max()
    assert 0 < difference < 1e-5


# --- functions

doubles = st.lists(st.floats(-690, 0), min_size=1, max_size=50)


@given(doubles)
def test_exponentials_are_right(numbers):
    assert exact_exp(torch.tensor(numbers, dtype=torch.float64)).tolist() == pytest.approx(
        [math.exp(number) for number in numbers], rel=1e-15
    )


def test_exponentials_end_at_zero():
    assert exact_exp(torch.tensor([0.0, -700.5, -1e308], dtype=torch.float64)).tolist() == [1, 0, 0]


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=50))
def test_logarithms_are_right(numbers):
    assert exact_log(torch.tensor(numbers, dtype=torch.float64)).tolist() == pytest.approx(
        [math.log(number) for number in numbers], rel=1e-15, abs=1e-15
    )


@given(st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=50))
def test_cosines_and_sines_are_right(numbers):
    cosines, sines = exact_cos_sin(torch.tensor(numbers, dtype=torch.float64))
    assert cosines.tolist() == pytest.approx([math.cos(number) for number in numbers], abs=1e-11)
    assert sines.tolist() == pytest.approx([math.sin(number) for number in numbers], abs=1e-11)


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_sums_do_not_depend_on_their_order(terms, seed):
    rows = torch.from_numpy(np.random.default_rng(seed).lognormal(0, 8, (3, terms)))
    order = torch.from_numpy(np.random.default_rng(seed + 1).permutation(terms))
    assert torch.equal(exact_sum(rows), exact_sum(rows[:, order]))
    assert exact_sum(rows).tolist() == pytest.approx(rows.sum(dim=1).tolist(), rel=1e-10)


def test_shares_and_losses_are_those_of_torch():
    outputs = torch.randn(40, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 20
    labels = torch.arange(40) % 30
    assert torch.allclose(exact_softmax(outputs), outputs.softmax(dim=1), rtol=1e-13, atol=1e-15)
    expected = torch.nn.functional.cross_entropy(outputs, labels, reduction="none")
    assert torch.allclose(exact_cross_entropy(outputs, labels), expected, rtol=1e-13, atol=1e-13)
