"""What the stake ledger's model is made of: its formulas, its records, and what a refused verb raises."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

WAD = 10**18
PAR = 10**6  # shares for one wei
MAX_COMMISSION = WAD // 2
MAX_TOTAL = (2**128 - 1) // PAR
INDEX_START = 10**27
INDEX_FLOOR = 10**18
RESCALE = 10**9
LIVE_GENERATIONS = 4
FREEZE = 3600
DAY = 24 * 3600
MAX_ESCROW = 4 * 365 * DAY


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


def multiplier(duration: int) -> int:
    """WAD: 1 up to 30 days, then 1 + 2.19 (days - 30) / 365, no more after 365 days."""
    return WAD + 219 * WAD // 100 * max(0, min(duration, 365 * DAY) - 30 * DAY) // (365 * DAY)


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
    is_own: bool
    is_held: bool


@dataclass
class Escrow:
    assets: int = 0
    until: int = 0
    multiplier: int = 0

    @property
    def votes(self) -> int:
        return self.assets * self.multiplier // WAD
