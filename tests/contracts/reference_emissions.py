"""The emission ledger in plain integers and fractions, written from the interface's words.

What an account earns is counted twice: as the ledger counts it, and exactly, as the sum over all seconds of its part of
that second. The two never differ by as much as a wei, whoever came and went.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction

from reference import require

RAY = 10**27
SCALE = 10**36
CARRY_PARTS = 16
MOST_WEIGHT = 2**112 - 1


def power(base: int, exponent: int) -> int:
    result = RAY
    while exponent:
        if exponent % 2:
            result = result * base // RAY
        base = base * base // RAY
        exponent //= 2
    return result


def root(decay: int, period: int) -> int:
    low, high = 0, RAY + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(middle, period) <= decay else (low, middle)
    return low


def schedule(first: int, decay: int, epochs: int) -> list[int]:
    """E(0) to E(epochs - 1), for the decay of one epoch."""
    emissions = [first]
    while len(emissions) < epochs:
        emissions.append(emissions[-1] * decay // RAY)
    return emissions


@dataclass
class Account:
    weight: int = 0
    mark: int = 0
    earned: int = 0
    exact: Fraction = field(default_factory=lambda: Fraction(0))
    drawn: int = 0


class Emissions:
    def __init__(self, start: int, length: int, first: int, decay: int, room: int):
        self.start, self.length, self.first, self.decay, self.room = start, length, first, decay, room
        self.accounts: dict[tuple[str, bytes], Account] = defaultdict(Account)
        self.modules: set[str] = set()
        self.now = start
        self.budgets: list[int] = []
        self.funded: list[tuple[int, int, int]] = []  # epoch, minted, released
        self.scheduled = self.carried = self.rest = self.per_weight = 0

    @property
    def total_weight(self) -> int:
        return sum(account.weight for account in self.accounts.values())

    @property
    def minted(self) -> int:
        return sum(minted for _, minted, _ in self.funded)

    def begins(self, epoch: int) -> int:
        return self.start + epoch * self.length

    def advance(self, now: int, most: int = 2**256) -> list[tuple[int, int, int]]:
        """Begins the epochs that are due; returns what was funded."""
        news = []
        while self.is_due(now) and len(news) < most:
            if self.budgets:
                self.stream(self.begins(len(self.budgets)))
            news.append(self.open())
        if self.budgets and not self.is_due(now):
            self.stream(now)
        return news

    def is_due(self, now: int) -> bool:
        return now >= self.begins(len(self.budgets))

    def open(self) -> tuple[int, int, int]:
        self.scheduled = self.scheduled * self.decay // RAY if self.budgets else self.first
        minted = min(self.scheduled, self.room)
        released = -(-self.carried // CARRY_PARTS)
        self.room -= minted
        self.carried -= released
        self.budgets.append(minted + released)
        self.funded.append((len(self.budgets) - 1, minted, released))
        return self.funded[-1]

    def stream(self, until: int) -> None:
        """Within the present epoch."""
        begun, budget, total = self.begins(len(self.budgets) - 1), self.budgets[-1], self.total_weight
        assets = budget * (until - begun) // self.length - budget * (self.now - begun) // self.length
        self.now = until
        if assets == 0:
            return
        if total == 0:
            self.carried += assets
            return
        self.per_weight, self.rest = (
            self.per_weight + (assets * SCALE + self.rest) // total,
            (assets * SCALE + self.rest) % total,
        )
        for account in self.accounts.values():
            account.exact += Fraction(assets * account.weight, total)

    def earned(self, account: Account) -> int:
        return account.earned + account.weight * (self.per_weight - account.mark)

    def set_weight(self, module: str, name: bytes, weight: int, now: int) -> list[tuple[int, int, int]]:
        account = self.accounts[module, name]
        require(weight <= account.weight or module in self.modules, "Unauthorized", module)
        require(weight <= MOST_WEIGHT, "WeightTooLarge", weight)
        require(self.total_weight - account.weight + weight <= MOST_WEIGHT, "WeightTooLarge", weight)
        news = self.advance(now)
        account.earned, account.mark, account.weight = self.earned(account), self.per_weight, weight
        return news

    def draw(self, module: str, name: bytes, now: int) -> int:
        self.advance(now)
        account = self.accounts[module, name]
        assets, account.earned = divmod(self.earned(account), SCALE)
        account.mark = self.per_weight
        account.drawn += assets
        return assets

    def drawable(self, module: str, name: bytes) -> int:
        return self.earned(self.accounts[module, name]) // SCALE

    def check(self) -> None:
        """Not a 1e-36th of a wei is lost, and everybody has his part of every second, to less than a wei."""
        ahead = 0
        if self.budgets:
            begun, budget = self.begins(len(self.budgets) - 1), self.budgets[-1]
            ahead = budget - budget * (self.now - begun) // self.length
        drawn = sum(account.drawn for account in self.accounts.values())
        earned = sum(self.earned(account) for account in self.accounts.values())
        assert (self.minted - drawn - ahead - self.carried) * SCALE == earned + self.rest
        for account in self.accounts.values():
            had = account.drawn + Fraction(self.earned(account), SCALE)
            assert abs(account.exact - had) < 1
