"""What holds in the stake ledger after any sequence of calls; every function reads the chain and asserts one sentence.

Pools come out of Brownie as nested tuples; `Pool` and `Tranche` give their fields names.
"""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction

Tranche = namedtuple("Tranche", "assets shares exiting_assets exit_index exit_generation")
Pool = namedtuple("Pool", "own delegated locked commission next_commission_at next_commission newcomers")


def pool_of(staking, operator) -> Pool:
    own, delegated, *rest = staking.pool(operator)
    return Pool(Tranche(*own), Tranche(*delegated), *rest)


def pool_assets(pool: Pool) -> int:
    return sum(tranche.assets + tranche.exiting_assets for tranche in (pool.own, pool.delegated))


def is_solvent(staking, token, operators, gifts=0) -> None:
    """The ledger holds what its pools hold, to the last wei."""
    held = sum(pool_assets(pool_of(staking, operator)) for operator in operators)
    assert token.balanceOf(staking) - gifts == staking.totalAssets() == held


def shares_add_up(staking, operator, funders) -> None:
    """The shares of the delegators are those of their tranche; own shares are at par."""
    pool = pool_of(staking, operator)
    assert sum(staking.sharesOf(operator, funder) for funder in funders if funder != operator) == pool.delegated.shares
    assert staking.sharesOf(operator, operator) == pool.own.shares == pool.own.assets * 10**6


def claims_are_covered(staking, operator, funders) -> None:
    """All delegators could take their assets, all withdrawals could be paid; nobody's tranche has active assets."""
    pool = pool_of(staking, operator)
    assert pool.delegated.shares or not pool.delegated.assets
    claims = sum(staking.assetsOf(operator, funder) for funder in funders if funder != operator)
    assert claims <= pool.delegated.assets
    waiting = {True: 0, False: 0}
    for number in range(1, staking.withdrawalCount() + 1):
        owner, *_, is_own, _ = staking.withdrawal(number)
        if owner == operator:
            waiting[is_own] += staking.withdrawable(number)
    assert waiting[True] <= pool.own.exiting_assets
    assert waiting[False] <= pool.delegated.exiting_assets


def locks_are_covered(staking, operator, modules) -> None:
    """Every lock is some module's, and the pool can pay all of them."""
    pool = pool_of(staking, operator)
    assert sum(staking.lockedBy(operator, module) for module in modules) == pool.locked <= pool_assets(pool)


def newcomers_are_there(staking, operator) -> None:
    """Who came after the newest lock is part of the delegators."""
    pool = pool_of(staking, operator)
    assert pool.newcomers <= pool.delegated.assets


def escrow_is_there(staking, operator) -> None:
    """What is promised to stay is own stake that is active; it weighs its multiplier, and so does the pool."""
    assets, _, multiplier = staking.escrowOf(operator)
    pool = pool_of(staking, operator)
    assert assets <= pool.own.assets
    votes = assets * multiplier // 10**18
    assert staking.weightOf(operator) == pool.own.assets + pool.delegated.assets - assets + votes


def price(staking, operator) -> Fraction:
    """Of a delegated share, in wei."""
    delegated = pool_of(staking, operator).delegated
    return Fraction(delegated.assets + 1, delegated.shares + 10**6)


def hold(staking, token, operators, funders, modules, gifts=0) -> None:
    """All of the above."""
    is_solvent(staking, token, operators, gifts)
    for operator in operators:
        shares_add_up(staking, operator, funders)
        claims_are_covered(staking, operator, funders)
        locks_are_covered(staking, operator, modules)
        escrow_is_there(staking, operator)
        newcomers_are_there(staking, operator)
