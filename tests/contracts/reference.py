"""The stake ledger in plain integers: slow, obvious, and written from the interface's words rather than its code.

A verb that the ledger must refuse raises Refused with the error that the ledger must give.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

WAD = 10**18
PAR = 10**6  # shares for one wei
MAX_COMMISSION = WAD // 2
MAX_TOTAL = (2**128 - 1) // PAR
INDEX_START = 10**27
INDEX_FLOOR = 10**18
RESCALE = 10**9
LIVE_GENERATIONS = 4


class Refused(Exception):
    def __init__(self, error: str, *args: object):
        super().__init__(error, *args)
        self.error = error
        self.values = args


def require(condition: bool, error: str, *args: object) -> None:
    if not condition:
        raise Refused(error, *args)


def to_shares(assets: int, total_assets: int, total_shares: int) -> int:
    return assets * (total_shares + PAR) // (total_assets + 1)


def to_assets(shares: int, total_assets: int, total_shares: int) -> int:
    if shares == total_shares:
        return total_assets
    return shares * (total_assets + 1) // (total_shares + PAR)


def is_degraded(total_assets: int, total_shares: int) -> bool:
    return Fraction(total_assets + 1, total_shares + PAR) < Fraction(1, PAR) / 10**6


def decay(index: int, generation: int, before: int, after: int) -> tuple[int, int]:
    """The part of requested withdrawals that is left, as index / 1e27 / 1e9**generation, after a slash."""
    if after == 0:
        return INDEX_START, generation + LIVE_GENERATIONS + 1
    turns = 0
    while index * RESCALE**turns * after // before < INDEX_FLOOR:
        turns += 1
    return index * RESCALE**turns * after // before, generation + turns


def value(assets: int, from_index: int, from_generation: int, index: int, generation: int) -> int:
    if generation - from_generation > LIVE_GENERATIONS:
        return 0
    return assets * index // (from_index * RESCALE ** (generation - from_generation))


@dataclass
class Tranche:
    assets: int = 0
    shares: int = 0
    exiting: int = 0
    index: int = 0
    generation: int = 0

    @property
    def total(self) -> int:
        return self.assets + self.exiting

    def slash(self, assets: int) -> tuple[int, int]:
        """Takes from active and exiting stake alike; returns the two parts."""
        if assets == 0:
            return 0, 0
        exiting = assets * self.exiting // self.total
        if exiting:
            left = self.exiting - exiting
            self.index, self.generation = decay(self.index, self.generation, self.exiting, left)
            self.exiting = left
        self.assets -= assets - exiting
        return assets - exiting, exiting


@dataclass
class Withdrawal:
    operator: str
    funder: str
    assets: int
    index: int
    generation: int
    matures_at: int


@dataclass
class Pool:
    """One operator's pool. `shares` are the delegators'; all own shares are the operator's."""

    operator: str
    own: Tranche = field(default_factory=Tranche)
    delegated: Tranche = field(default_factory=Tranche)
    shares: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    locks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    commission: int = 0
    announced: tuple[int, int] | None = None  # commission, timestamp

    @property
    def stake(self) -> int:
        return self.own.assets + self.delegated.assets

    @property
    def total(self) -> int:
        return self.own.total + self.delegated.total

    @property
    def locked(self) -> int:
        return sum(self.locks.values())

    @property
    def lockable(self) -> int:
        return max(0, self.stake - self.locked)

    @property
    def price(self) -> Fraction:
        """Of a delegated share, in wei."""
        return Fraction(self.delegated.assets + 1, self.delegated.shares + PAR)

    def tranche(self, funder: str) -> Tranche:
        return self.own if funder == self.operator else self.delegated

    def shares_of(self, funder: str) -> int:
        return self.own.shares if funder == self.operator else self.shares[funder]

    def commission_at(self, now: int) -> int:
        if self.announced and now >= self.announced[1]:
            return self.announced[0]
        return self.commission

    def deposit(self, assets: int, funder: str) -> int:
        if funder == self.operator:
            self.own.assets += assets
            self.own.shares += assets * PAR
            return assets * PAR
        require(self.own.assets > 0, "OperatorHasNoStake", self.operator)
        pool = self.delegated
        require(not is_degraded(pool.assets, pool.shares), "PoolDegraded", self.operator)
        shares = to_shares(assets, pool.assets, pool.shares)
        require(shares > 0, "ZeroAmount")
        require(pool.shares + shares < 2**128, "AmountTooLarge", assets)
        pool.assets += assets
        pool.shares += shares
        self.shares[funder] += shares
        return shares

    def burn(self, shares: int, funder: str) -> tuple[int, int]:
        """Shares into exiting assets; returns the assets and the shares burned."""
        require(shares > 0, "ZeroAmount")
        available = self.shares_of(funder)
        require(shares <= available, "InsufficientShares", shares, available)
        pool = self.tranche(funder)
        if pool is self.own:
            assets = shares // PAR
            shares = assets * PAR
        else:
            assets = to_assets(shares, pool.assets, pool.shares)
        require(assets > 0, "ZeroAmount")
        if pool is self.delegated:
            self.shares[funder] -= shares
        pool.assets -= assets
        pool.shares -= shares
        pool.exiting += assets
        pool.index = pool.index or INDEX_START
        return assets, shares

    def lock(self, module: str, assets: int) -> None:
        require(assets > 0, "ZeroAmount")
        require(assets <= self.lockable, "InsufficientStake", assets, self.lockable)
        self.locks[module] += assets

    def unlock(self, module: str, assets: int) -> None:
        require(assets <= self.locks[module], "InsufficientLock", assets, self.locks[module])
        self.locks[module] -= assets

    def slash(self, module: str, assets: int) -> tuple[int, int, int, int]:
        """Returns what came from own, own exiting, delegated and delegated exiting stake."""
        self.unlock(module, assets)
        from_own = min(assets, self.own.total)
        own = self.own.slash(from_own)
        self.own.shares = self.own.assets * PAR
        return own + self.delegated.slash(assets - from_own)

    def distribute(self, assets: int, now: int) -> tuple[int, int, int]:
        """Returns the operator's assets, its new shares, and the delegators' assets."""
        delegated = 0
        if self.stake:
            kept = WAD - self.commission_at(now)
            delegated = assets * kept * self.delegated.assets // (self.stake * WAD)
        self.delegated.assets += delegated
        self.own.assets += assets - delegated
        self.own.shares += (assets - delegated) * PAR
        return assets - delegated, (assets - delegated) * PAR, delegated

    def announce(self, commission: int, now: int, cooldown: int) -> None:
        require(commission <= MAX_COMMISSION, "CommissionTooHigh", commission, MAX_COMMISSION)
        self.commission = self.commission_at(now)
        self.announced = (commission, now + cooldown)


class Ledger:
    """All pools, the requested withdrawals and the modules."""

    def __init__(self, cooldown: int):
        self.cooldown = cooldown
        self.pools: dict[str, Pool] = {}
        self.withdrawals: dict[int, Withdrawal] = {}
        self.exact: dict[int, Fraction] = {}  # what each withdrawal would pay if nothing were ever rounded
        self.count = 0
        self.modules: set[str] = set()

    @property
    def total(self) -> int:
        return sum(pool.total for pool in self.pools.values())

    def pool(self, operator: str) -> Pool:
        return self.pools.setdefault(operator, Pool(operator))

    def withdrawable(self, number: int) -> int:
        if number not in self.withdrawals:
            return 0
        waiting = self.withdrawals[number]
        pool = self.pool(waiting.operator).tranche(waiting.funder)
        return value(waiting.assets, waiting.index, waiting.generation, pool.index, pool.generation)

    def deposit(self, operator: str, assets: int, funder: str) -> int:
        require(assets > 0, "ZeroAmount")
        require(assets <= MAX_TOTAL - self.total, "AmountTooLarge", assets)
        return self.pool(operator).deposit(assets, funder)

    def request(self, operator: str, shares: int, funder: str, now: int) -> tuple[int, int, int]:
        """Returns the number of the withdrawal, the shares burned and the assets."""
        assets, burned = self.pool(operator).burn(shares, funder)
        pool = self.pool(operator).tranche(funder)
        self.count += 1
        self.withdrawals[self.count] = Withdrawal(
            operator, funder, assets, pool.index, pool.generation, now + self.cooldown
        )
        self.exact[self.count] = Fraction(assets)
        return self.count, burned, assets

    def withdraw(self, number: int, now: int) -> int:
        require(number in self.withdrawals, "UnknownWithdrawal", number)
        waiting = self.withdrawals[number]
        require(now >= waiting.matures_at, "NotMatured", waiting.matures_at)
        pool = self.pool(waiting.operator)
        payout = self.withdrawable(number)
        stays = (pool.own.total if waiting.funder == waiting.operator else pool.total) - payout
        require(payout == 0 or stays >= pool.locked, "StakeLocked", pool.locked, stays)
        pool.tranche(waiting.funder).exiting -= payout
        del self.withdrawals[number], self.exact[number]
        return payout

    def lock(self, operator: str, assets: int, module: str) -> None:
        require(module in self.modules, "Unauthorized", module)
        self.pool(operator).lock(module, assets)

    def slash(self, operator: str, assets: int, module: str) -> tuple[int, int, int, int]:
        pool = self.pool(operator)
        before = {True: pool.own.exiting, False: pool.delegated.exiting}
        parts = pool.slash(module, assets)
        after = {True: pool.own.exiting, False: pool.delegated.exiting}
        for number, waiting in self.withdrawals.items():
            own = waiting.funder == operator
            if waiting.operator == operator and before[own]:
                self.exact[number] *= Fraction(after[own], before[own])
        return parts

    def distribute(self, operator: str, assets: int, now: int) -> tuple[int, int, int]:
        require(assets > 0, "ZeroAmount")
        require(assets <= MAX_TOTAL - self.total, "AmountTooLarge", assets)
        return self.pool(operator).distribute(assets, now)
