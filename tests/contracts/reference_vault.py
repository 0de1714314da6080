"""What waits in a vault to be claimed, in plain integers, above the ledger of reference.py.

One list of requests for each controller, the oldest first.
"""

from __future__ import annotations

from collections import defaultdict

from reference import Ledger, require


class Vault:
    def __init__(self, ledger: Ledger, operator: str, address: str):
        self.ledger, self.operator, self.address = ledger, operator, address
        self.shares: dict[str, int] = defaultdict(int)
        self.requests: dict[str, list[list[int]]] = defaultdict(list)  # number of the withdrawal, shares left

    @property
    def supply(self) -> int:
        return sum(self.shares.values())

    def deposit(self, assets: int, receiver: str) -> int:
        shares = self.ledger.deposit(self.operator, assets, self.address)
        self.shares[receiver] += shares
        return shares

    def request(self, shares: int, controller: str, owner: str, now: int) -> int:
        require(shares > 0, "ZeroAmount")
        held = self.shares[owner]
        require(shares <= held, "ERC20InsufficientBalance", owner, held, shares)
        last = self.supply == shares
        leaving = self.ledger.pool(self.operator).shares_of(self.address) if last else shares
        number, _, _ = self.ledger.request(self.operator, leaving, self.address, now, is_held=True)
        self.shares[owner] -= shares
        self.requests[controller].append([number, shares])
        return number

    def claimable(self, controller: str, now: int) -> tuple[int, int]:
        """Assets and shares."""
        pool = self.ledger.pool(self.operator)
        free, assets, shares = pool.total - pool.locked, 0, 0
        for number, left in self.requests[controller]:
            if now < self.ledger.withdrawals[number].matures_at:
                break
            worth = self.ledger.withdrawable(number)
            if assets + worth > free:
                return free, shares + left * (free - assets) // worth
            assets, shares = assets + worth, shares + left
        return assets, shares

    def redeem(self, shares: int, controller: str, now: int) -> int:
        """Only what is claimable; returns assets."""
        paid, rest = 0, shares
        while rest:
            number, left = self.requests[controller][0]
            taken = min(rest, left)
            worth = self.ledger.withdrawable(number)
            paid += self._pay(controller, taken, worth * taken // left if taken < left else worth, now)
            rest -= taken
        return paid

    def withdraw(self, assets: int, controller: str, now: int) -> int:
        """Only what is claimable; returns shares."""
        burned, rest = 0, assets
        while rest:
            number, left = self.requests[controller][0]
            worth = self.ledger.withdrawable(number)
            taken = left if rest >= worth else min(-(-rest * left // worth), left - 1)
            burned += taken
            rest -= self._pay(controller, taken, min(rest, worth), now)
        return burned

    def _pay(self, controller: str, shares: int, assets: int, now: int) -> int:
        request = self.requests[controller][0]
        request[1] -= shares
        if not request[1]:
            self.requests[controller].pop(0)
            assets = 2**256 - 1
        return self.ledger.withdraw(request[0], now, assets, self.address) if assets else 0
