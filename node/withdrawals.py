"""Stake on its way out of a pool: requests that were not paid yet."""

from dataclasses import dataclass

from node.history import events_of
from protocol.chain import Chain


@dataclass(frozen=True)
class Withdrawal:
    """A request that was not paid yet: it would pay `assets` wei now, if `matures_at` (chain time) is past."""

    id: int
    operator: str
    assets: int
    matures_at: int


def withdrawals(chain: Chain, funder: str) -> list[Withdrawal]:
    """The requests by the funder, or by others for it, that were not paid yet; oldest first."""
    found = []
    requested = events_of(chain, "Staking.WithdrawalRequested", funder=funder)
    assigned = events_of(chain, "Staking.WithdrawalAssigned", receiver=funder)
    for identity in sorted({int(event.args["withdrawal_id"]) for event in (*requested, *assigned)}):
        record = chain.call("Staking", "withdrawal", identity)
        if record.funder == funder:
            assets = int(chain.call("Staking", "withdrawable", identity))
            found.append(Withdrawal(identity, record.operator, assets, record.matures_at))
    return found
