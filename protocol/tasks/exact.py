"""Arithmetic whose results are the same to the last bit on every machine, for whatever number of threads.

Floating-point sums depend on their order, and the order on the processor, the library and the number of threads. Here
the terms are first rounded to so few bits that every partial sum is exact: then the order cannot matter. With K terms a
factor keeps (52 - log2 K) / 2 bits of its row's largest number: 23 for 32 terms, 18 for 65,536; float32 has 24.

What a library may compute differently in the last place (exponentials, logarithms, sines) is built here from additions,
multiplications and divisions alone, one operation at a time, each of which IEEE 754 rounds in one way only. All tensors
are float64 and finite.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

_PART = 2**20  # numbers of a weight that are made ready at once
# Rows below 2^-480 count as zero and rows from 2^480 on as infinite: then no product or sum is subnormal (some settings
# flush those to zero) or infinite.
_SMALLEST, _LARGEST = -480, 480
_LOWEST = -700.0  # whose exponential is still a normal number
# ln 2 and pi / 2 in two parts: the first has so few bits that its multiples by small integers are exact.
_LN2 = (0.6931471803691238, 1.9082149292705877e-10)
_HALF_PI = (1.5707963267341256, 6.077100506506192e-11)
_EXP = [1 / math.factorial(n) for n in range(13, -1, -1)]
_SIN = [(-1) ** n / math.factorial(2 * n + 1) for n in range(8, -1, -1)]
_COS = [(-1) ** n / math.factorial(2 * n) for n in range(8, -1, -1)]
_ATANH = [1 / (2 * n + 1) for n in range(11, -1, -1)]


def exact_linear(x: Tensor, weight: Tensor, bias: Tensor, ready: Tensor | None = None, spent: bool = False) -> Tensor:
    """x weightᵀ + bias of x (rows, in), weight (out, in) and bias (out,); the last two may be float32.

    The result (rows, out) is not finite where it leaves the range. The weight is made ready in parts, since it may be
    nearly all of a model, and several of it would not fit into memory; no number depends on how it is divided. `ready`:
    what `small_factor` gave for the weight. `spent`: x is needed no more, and is overwritten.
    """
    rows = factor(x, spent=spent)
    if ready is not None:
        return (rows @ ready.mT).add_(bias.double())
    step = max(1, _PART // weight.shape[-1])
    outputs = x.new_empty(*x.shape[:-1], weight.shape[0])
    for start in range(0, weight.shape[0], step):
        part = factor(weight[start : start + step].double())
        outputs[..., start : start + step] = rows @ part.mT
    return outputs.add_(bias.double())


def small_factor(weight: Tensor) -> Tensor | None:
    """A weight (out, in) ready for any number of products, if that takes little memory; else None."""
    return factor(weight.double()) if weight.numel() <= _PART else None


def exact_product(a: Tensor, b: Tensor) -> Tensor:
    """a bᵀ of a (…, rows, terms) and b (…, columns, terms); not finite where it leaves the range."""
    return factor(a) @ factor(b).mT


def factor(rows: Tensor, bits: int | None = None, spent: bool = False) -> Tensor:
    """One side of a product, ready to be multiplied: the numbers of each row as they are rounded for it.

    `bits`: as few as all products need that it may stand in; else as many as its own terms allow. `spent`: in place,
    since memory that is new to the processor's cache costs more than the arithmetic.
    """
    return _rounded(rows, factor_bits(rows.shape[-1]) if bits is None else bits, spent)


def factor_bits(terms: int) -> int:
    """How many bits each side of a product of so many terms may keep."""
    return (52 - (terms - 1).bit_length()) // 2


def on_grid(x: Tensor, exponents: Tensor, bits: int, spent: bool = False) -> Tensor:
    """Numbers below 2^exponents in size, rounded to `bits` places below that; not finite where that is out of range.

    `spent`: in place.
    """
    # A number this large has no room for anything below the unit, so adding it rounds.
    rounder = 1.5 * _power_of_two(exponents.clamp(_SMALLEST, _LARGEST) - bits + 52)
    limited = torch.where(exponents > _LARGEST, math.inf, rounder)
    return (x.add_(limited) if spent else x + limited).sub_(rounder)


def exact_sum(rows: Tensor) -> Tensor:
    """The sum over the last dimension, each number rounded to 52 - log2 K bits of its row's largest."""
    return _rounded(rows, 52 - (rows.shape[-1] - 1).bit_length()).sum(dim=-1)


def exact_exp(x: Tensor) -> Tensor:
    """The exponential of numbers up to 0, off by less than 1e-15 of itself; 0 below -700 and of minus infinity."""
    lowered = x.clamp(_LOWEST, 0.0)
    turns = lowered.mul(1 / math.log(2)).round_()
    rest = lowered.sub_(turns * _LN2[0]).sub_(turns * _LN2[1])
    return _polynomial(rest, _EXP).mul_(_power_of_two(turns)).mul_(x >= _LOWEST)


def exact_log(x: Tensor) -> Tensor:
    """The natural logarithm of positive normal numbers, off by less than 1e-15 of the larger of itself and 1."""
    mantissa, exponent = torch.frexp(x)
    small = mantissa < math.sqrt(0.5)
    mantissa = torch.where(small, mantissa * 2, mantissa)
    turns = (exponent - small.int()).double()
    ratio = (mantissa - 1) / (mantissa + 1)
    part = _polynomial(ratio * ratio, _ATANH).mul_(ratio).mul_(2.0)
    return turns * _LN2[1] + part + turns * _LN2[0]


def exact_cos_sin(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of angles up to 100,000 in size, off by less than 1e-11."""
    turns = angles.mul(2 / math.pi).round_()
    rest = angles.sub(turns * _HALF_PI[0]).sub_(turns * _HALF_PI[1])
    square, quarter = rest * rest, turns.remainder(4)
    cos, sin = _polynomial(square, _COS), _polynomial(square, _SIN).mul_(rest)
    odd = quarter.remainder(2) == 1
    cosine, sine = torch.where(odd, sin, cos), torch.where(odd, cos, sin)
    negative_cosine, negative_sine = (quarter == 1) | (quarter == 2), quarter >= 2
    return torch.where(negative_cosine, -cosine, cosine), torch.where(negative_sine, -sine, sine)


def exact_softmax(x: Tensor) -> Tensor:
    """Shares over the last dimension."""
    powers = exact_exp(x - x.amax(dim=-1, keepdim=True))
    return powers.div_(exact_sum(powers).unsqueeze(-1))


def exact_cross_entropy(outputs: Tensor, labels: Tensor) -> Tensor:
    """For outputs (rows, classes) and labels (rows,) the negative logarithm of the label's share, in nats: (rows,)."""
    shifted = outputs - outputs.amax(dim=-1, keepdim=True)
    total = exact_log(exact_sum(exact_exp(shifted)))
    return total.sub_(shifted.gather(-1, labels.unsqueeze(-1)).squeeze(-1))


def _rounded(rows: Tensor, bits: int, spent: bool = False) -> Tensor:
    """Each row rounded (half to even) to multiples of its largest number's power of two, `bits` places below that."""
    largest = torch.maximum(rows.amax(dim=-1, keepdim=True), -rows.amin(dim=-1, keepdim=True))
    return on_grid(rows, torch.frexp(largest).exponent, bits, spent)


def _power_of_two(exponents: Tensor) -> Tensor:
    """Built from its bits: library powers may be off in the last place."""
    return (exponents.long() + 1023).bitwise_left_shift(52).view(torch.float64)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """By Horner's rule, the highest power first; each step is two operations, which no compiler joins."""
    value = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value.mul_(x).add_(coefficient)
    return value
