"""Linear layers whose outputs are the same to the last bit on every machine.

Floating-point sums depend on their order, and the order on the processor, the library and the number of threads. Here
both factors are first rounded to so few bits that every partial sum is exact: then the order cannot matter. With K
terms a factor keeps (52 - log2 K) / 2 bits of its row's largest number: 23 for 32 terms, 18 for 65,536; float32 has 24.
"""

import torch
from torch import Tensor

# Rows below 2 to this power count as zero. So no product of units is subnormal, which some settings flush to zero.
_SMALLEST = -480


def exact_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x weightᵀ + bias of x (rows, in), weight (out, in) and bias (out,), all float64 and finite.

    The result (rows, out) is not finite where it overflows.
    """
    terms = x.shape[1]
    bits = (52 - (terms - 1).bit_length()) // 2
    inputs, input_units = _rounded(x, bits)
    weights, weight_units = _rounded(weight, bits)
    return inputs @ weights.T * input_units * weight_units.T + bias


def _rounded(rows: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Each row as integers of at most `bits` bits and sign, and the unit, a power of two, that they count."""
    exponents = torch.frexp(rows.abs().amax(dim=1, keepdim=True)).exponent.clamp(min=_SMALLEST)
    units = _power_of_two(exponents - bits)
    return torch.round(rows / units), units


def _power_of_two(exponents: Tensor) -> Tensor:
    """Built from its bits: library powers may be off in the last place."""
    return (exponents.long() + 1023).bitwise_left_shift(52).view(torch.float64)
