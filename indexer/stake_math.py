"""The stake ledger's integer arithmetic (SharesMath.sol, WithdrawalMath.sol), as the index needs it."""

SHARES_PER_ASSET = 10**6
INDEX_START = 10**27
FREEZE = 3600  # seconds, Staking.FREEZE
_INDEX_FLOOR = 10**18
_RESCALE = 10**9
_LIVE_GENERATIONS = 4


def decay(index: int, generation: int, before: int, after: int) -> tuple[int, int]:
    """Exit index and generation after a slash that left `after` of `before` exiting assets."""
    if after == 0:
        return INDEX_START, generation + _LIVE_GENERATIONS + 1
    left = index * after // before
    while left < _INDEX_FLOOR:
        index *= _RESCALE
        left = index * after // before
        generation += 1
    return left, generation


def withdrawal_value(assets: int, from_index: int, from_generation: int, index: int, generation: int) -> int:
    """What a withdrawal requested at `from_index` of `from_generation` is worth now, token wei, rounded down."""
    age = generation - from_generation
    if not 0 <= age <= _LIVE_GENERATIONS:
        return 0
    return assets * index // (from_index * int(_RESCALE**age))


def assets_of(shares: int, total_assets: int, total_shares: int) -> int:
    """What `shares` of a tranche are worth, token wei, rounded down; all of them, all assets."""
    if shares == total_shares:
        return total_assets
    return shares * (total_assets + 1) // (total_shares + SHARES_PER_ASSET)
