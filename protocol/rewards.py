"""How rewards are shared: `RewardMath.sol` in exactly the same integers.

Weights have no unit, only their ratios count. Amounts and stakes are token wei.
"""

from math import isqrt

WAD = 10**18
LAMBDA = 10 * WAD  # how fast a validator's weight falls with its distance from the consensus
GAMMA = WAD // 10  # the part of a reward that each side gets whatever the stakes are
Q = 85 * WAD // 100  # the weight of a rank over that of the rank above it
SLASHES = {
    "unrevealed": WAD // 10,
    "duplicate": WAD // 2,
    "invalid": WAD // 10,
    "unavailable": WAD // 10,
    "silent": WAD // 20,
    "deviating": WAD // 10,
}
"""The part of the stake that each offence costs, WAD."""
SETTLER_SHARE = WAD // 10  # of all slashes, to the callers of settle

_LN2 = 54916777467707473351141471128  # ln 2 · 2^96


def stake_root(stake: int) -> int:
    """√stake with nine decimals."""
    return isqrt(stake * WAD)


def validator_weight(distance: int, scale: int, stake: int) -> int:
    """exp(-LAMBDA * distance / scale) * √stake, of a score within the tolerance."""
    return exp_wad(-(LAMBDA * distance // scale)) * stake_root(stake)


def rank_weight(rank: int, stake: int) -> int:
    """Q^(rank - 1) * √stake; ranks count from 1, the best."""
    return power_wad(Q, rank - 1) * stake_root(stake)


def split(assets: int, trainer_stake: int, validator_stake: int) -> tuple[int, int]:
    """The trainers' part R * (GAMMA + (1 - 2 GAMMA) * T / (T + S)) and the validators' rest; halves without stake."""
    stake = trainer_stake + validator_stake
    part = assets * (GAMMA * stake + (WAD - 2 * GAMMA) * trainer_stake) // (WAD * stake) if stake else assets // 2
    return part, assets - part


def share(pot: int, weight: int, total: int) -> int:
    """The part of a pot that `weight` out of `total` gets; the last claimer gets what rounding left besides."""
    return pot * weight // total


def exp_wad(x: int) -> int:
    """e^x in WAD for x ≤ 0, bit for bit as solady's FixedPointMathLib.expWad: a (6, 7)-term rational approximation.

    >>> exp_wad(0), exp_wad(-WAD)
    (1000000000000000000, 367879441171442321)
    """
    if x > 0:
        raise ValueError("only weights up to 1 are needed")
    if x <= -41446531673892822313:  # less than half a wei
        return 0
    x = _quotient(x << 78, 5**18)
    k = (_quotient(x << 96, _LN2) + 2**95) >> 96
    x -= k * _LN2
    y = x + 1346386616545796478920950773328
    y = ((y * x) >> 96) + 57155421227552351082224309758442
    p = y + x - 94201549194550492254356042504812
    p = ((p * y) >> 96) + 28719021644029726153956944680412240
    p = p * x + (4385272521454847904659076985693276 << 96)
    q = x - 2855989394907223263936484059900
    for term in (
        50020603652535783019961831881945,
        -533845033583426703283633433725380,
        3604857256930695427073651918091429,
        -14423608567350463180887372962807573,
        26449188498355588339934803723976023,
    ):
        q = ((q * x) >> 96) + term
    return (_quotient(p, q) * 3822833074963236453042738258902158003155416615667) >> (195 - k)


def power_wad(x: int, n: int) -> int:
    """x^n in WAD by squaring, each product rounded half up, as solady's FixedPointMathLib.rpow."""
    result = x if n & 1 else WAD
    while n := n >> 1:
        x = (x * x + WAD // 2) // WAD
        if n & 1:
            result = (result * x + WAD // 2) // WAD
    return result


def _quotient(a: int, b: int) -> int:
    """a / b rounded towards zero, as the EVM divides signed numbers."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
