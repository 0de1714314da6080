"""The stake ledger in plain integers: slow, obvious, and written from the interface's words rather than its code.

A verb that the ledger must refuse raises Refused with the error that the ledger must give.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from reference_records import DAY as DAY
from reference_records import (
    FREEZE,
    INDEX_START,
    MAX_COMMISSION,
    MAX_ESCROW,
    MAX_TOTAL,
    PAR,
    WAD,
    Escrow,
    Tranche,
    Withdrawal,
    is_degraded,
    multiplier,
    require,
    to_assets,
    to_shares,
    value,
)
from reference_records import INDEX_FLOOR as INDEX_FLOOR
from reference_records import Refused as Refused
from reference_records import decay as decay


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
    escrow: Escrow = field(default_factory=Escrow)
    newcomers: int = 0  # delegated assets that came after the newest lock, while there were locks

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
        if self.announced and not self.locked and now >= self.announced[1]:
            return self.announced[0]
        return self.commission

    def settle_commission(self, now: int) -> None:
        if self.announced and not self.locked and now >= self.announced[1]:
            self.commission, self.announced = self.announced[0], None

    @property
    def weight(self) -> int:
        return self.stake - self.escrow.assets + self.escrow.votes

    def promise(self, assets: int, duration: int, now: int) -> None:
        require(assets > 0 and duration > 0, "ZeroAmount")
        require(duration <= MAX_ESCROW, "EscrowTooLong", duration, MAX_ESCROW)
        require(assets <= self.own.assets, "InsufficientStake", assets, self.own.assets)
        last = self.escrow
        kept = assets >= last.assets and now + duration >= last.until
        require(kept or now >= last.until, "EscrowShortened", last.assets, last.until)
        self.escrow = Escrow(assets, now + duration, multiplier(duration))

    def end_promise(self, now: int) -> None:
        require(self.escrow.assets > 0, "ZeroAmount")
        require(now >= self.escrow.until, "EscrowNotOver", self.escrow.until)
        self.escrow = Escrow()

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
        self.newcomers += assets if self.locked else 0
        return shares

    def burn(self, shares: int, funder: str, now: int) -> tuple[int, int]:
        """Shares into exiting assets; returns the assets and the shares burned."""
        require(shares > 0, "ZeroAmount")
        available = self.shares_of(funder)
        require(shares <= available, "InsufficientShares", shares, available)
        pool = self.tranche(funder)
        if pool is self.own:
            assets = shares // PAR
            shares = assets * PAR
            stays, promised = pool.assets - assets, self.escrow
            if stays < promised.assets:
                require(now >= promised.until, "StakeEscrowed", promised.assets, stays)
        else:
            assets = to_assets(shares, pool.assets, pool.shares)
        require(assets > 0, "ZeroAmount")
        if pool is self.delegated:
            self.shares[funder] -= shares
            self.newcomers = max(0, self.newcomers - assets)
        elif pool.assets - assets < self.escrow.assets:
            self.escrow = Escrow()
        pool.assets -= assets
        pool.shares -= shares
        pool.exiting += assets
        pool.index = pool.index or INDEX_START
        return assets, shares

    def lock(self, module: str, assets: int, now: int) -> None:
        require(assets <= self.lockable, "InsufficientStake", assets, self.lockable)
        self.settle_commission(now)
        self.newcomers = 0
        self.locks[module] += assets

    def unlock(self, module: str, assets: int, now: int = 0) -> None:
        """The time matters only while a commission is announced."""
        require(assets <= self.locks[module], "InsufficientLock", assets, self.locks[module])
        self.locks[module] -= assets
        if self.announced and assets and not self.locked:
            self.announced = (self.announced[0], max(self.announced[1], now + FREEZE))

    def slash(self, module: str, assets: int, now: int = 0) -> tuple[int, int, int, int]:
        """Returns what came from own, own exiting, delegated and delegated exiting stake."""
        self.unlock(module, assets, now)
        from_own = min(assets, self.own.total)
        own = self.own.slash(from_own)
        self.own.shares = self.own.assets * PAR
        self.escrow.assets = min(self.escrow.assets, self.own.assets)
        before = self.delegated.assets
        delegated = self.delegated.slash(assets - from_own)
        if self.newcomers:
            self.newcomers = self.newcomers * self.delegated.assets // before
        return own + delegated

    def distribute(self, assets: int, now: int) -> tuple[int, int, int]:
        """Returns the operator's assets, its new shares, and the delegators' assets."""
        delegated, counted = 0, self.delegated.assets - self.newcomers
        if counted:
            kept = WAD - self.commission_at(now)
            delegated = assets * kept * counted // ((self.own.assets + counted) * WAD)
        self.delegated.assets += delegated
        self.own.assets += assets - delegated
        self.own.shares += (assets - delegated) * PAR
        return assets - delegated, (assets - delegated) * PAR, delegated

    def announce(self, commission: int, now: int, cooldown: int) -> None:
        require(commission <= MAX_COMMISSION, "CommissionTooHigh", commission, MAX_COMMISSION)
        self.settle_commission(now)
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
        self.paused_until = 0

    @property
    def total(self) -> int:
        return sum(pool.total for pool in self.pools.values())

    def pool(self, operator: str) -> Pool:
        return self.pools.setdefault(operator, Pool(operator))

    def tranche(self, waiting: Withdrawal) -> Tranche:
        pool = self.pool(waiting.operator)
        return pool.own if waiting.is_own else pool.delegated

    def withdrawable(self, number: int) -> int:
        if number not in self.withdrawals:
            return 0
        waiting = self.withdrawals[number]
        pool = self.tranche(waiting)
        return value(waiting.assets, waiting.index, waiting.generation, pool.index, pool.generation)

    def deposit(self, operator: str, assets: int, funder: str, now: int = 2**64) -> int:
        """The time matters only while entries are paused."""
        require(assets > 0, "ZeroAmount")
        require(now >= self.paused_until, "EntryPaused", self.paused_until)
        require(assets <= MAX_TOTAL - self.total, "AmountTooLarge", assets)
        return self.pool(operator).deposit(assets, funder)

    def request(
        self, operator: str, shares: int, funder: str, now: int, receiver: str | None = None, is_held: bool = False
    ) -> tuple[int, int, int]:
        """Returns the number of the withdrawal, the shares burned and the assets."""
        assets, burned = self.pool(operator).burn(shares, funder, now)
        pool = self.pool(operator).tranche(funder)
        self.count += 1
        self.withdrawals[self.count] = Withdrawal(
            *(operator, receiver or funder, assets, pool.index, pool.generation, now + self.cooldown),
            is_own=funder == operator,
            is_held=is_held,
        )
        self.exact[self.count] = Fraction(assets)
        return self.count, burned, assets

    def withdraw(
        self, number: int, now: int, most: int = 2**256 - 1, caller: str = "", receiver: str | None = None
    ) -> int:
        require(most > 0, "ZeroAmount")
        require(number in self.withdrawals, "UnknownWithdrawal", number)
        waiting = self.withdrawals[number]
        is_free = receiver is None and not waiting.is_held
        require(is_free or caller == waiting.funder, "Unauthorized", caller)
        require(now >= waiting.matures_at, "NotMatured", waiting.matures_at)
        pool = self.pool(waiting.operator)
        worth = self.withdrawable(number)
        payout = min(worth, most)
        stays = (pool.own.total if waiting.is_own else pool.total) - payout
        require(payout == 0 or stays >= pool.locked, "StakeLocked", pool.locked, stays)
        tranche = self.tranche(waiting)
        tranche.exiting -= payout
        if payout == worth:
            del self.withdrawals[number], self.exact[number]
        else:
            waiting.assets, waiting.index, waiting.generation = worth - payout, tranche.index, tranche.generation
            self.exact[number] = Fraction(worth - payout)
        return payout

    def lock(self, operator: str, assets: int, module: str, now: int = 2**64) -> None:
        """The time matters only while entries are paused or a commission is announced."""
        require(module in self.modules, "Unauthorized", module)
        require(assets > 0, "ZeroAmount")
        require(now >= self.paused_until, "EntryPaused", self.paused_until)
        self.pool(operator).lock(module, assets, now)

    def slash(self, operator: str, assets: int, module: str, now: int = 0) -> tuple[int, int, int, int]:
        pool = self.pool(operator)
        before = {True: pool.own.exiting, False: pool.delegated.exiting}
        parts = pool.slash(module, assets, now)
        after = {True: pool.own.exiting, False: pool.delegated.exiting}
        for number, waiting in self.withdrawals.items():
            own = waiting.is_own
            if waiting.operator == operator and before[own]:
                self.exact[number] *= Fraction(after[own], before[own])
        return parts

    def distribute(self, operator: str, assets: int, now: int) -> tuple[int, int, int]:
        require(assets > 0, "ZeroAmount")
        require(assets <= MAX_TOTAL - self.total, "AmountTooLarge", assets)
        return self.pool(operator).distribute(assets, now)
