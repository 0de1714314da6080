"""Linear layers whose outputs are the same to the last bit on every machine.

Floating-point sums depend on their order, and the order on the processor, the library and the number of threads. Here
both factors are first rounded to so few bits that every partial sum is exact: then the order cannot matter. With K
terms a factor keeps (52 - log2 K) / 2 bits of its row's largest number: 23 for 32 terms, 18 for 65,536; float32 has 24.
"""

import math

import torch
from torch import Tensor

# Rows below 2^-480 count as zero and rows from 2^480 on as infinite: then no product or sum is subnormal (some settings
# flush those to zero) or infinite.
_SMALLEST, _LARGEST = -480, 480


def exact_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x weightᵀ + bias of x (rows, in), weight (out, in) and bias (out,), all float64 and finite.

    The result (rows, out) is not finite where it leaves the range.
    """
    bits = (52 - (x.shape[1] - 1).bit_length()) // 2
    return (_rounded(x, bits) @ _rounded(weight, bits).T).add_(bias)


def _rounded(rows: Tensor, bits: int) -> Tensor:
    """Each row rounded (half to even) to multiples of its largest number's power of two, `bits` places below that."""
    largest = torch.maximum(rows.amax(dim=1, keepdim=True), -rows.amin(dim=1, keepdim=True))
    exponents = torch.frexp(largest).exponent
    # A number this large has no room for anything below the unit, so adding it rounds.
    rounder = 1.5 * _power_of_two(exponents.clamp(_SMALLEST, _LARGEST) - bits + 52)
    return (rows + torch.where(exponents > _LARGEST, math.inf, rounder)).sub_(rounder)


def _power_of_two(exponents: Tensor) -> Tensor:
    """Built from its bits: library powers may be off in the last place."""
    return (exponents.long() + 1023).bitwise_left_shift(52).view(torch.float64)
