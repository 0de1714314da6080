"""Stake on its way out of a pool: requests that were not paid yet."""

from dataclasses import dataclass

from node.history import events_of
from protocol.chain import Chain


@dataclass(frozen=True)
class Withdrawal:
    """A request that was not paid yet: it would pay `assets` wei now, if `matures_at` (chain time) is past.

    `held_by` is the vault through which it was made, if any, and which alone pays it.
    """

    id: int
    operator: str
    assets: int
    matures_at: int
    held_by: str | None = None


def withdrawals(chain: Chain, funder: str) -> list[Withdrawal]:
    """The requests by the funder, or by others and by vaults for it, that were not paid yet; oldest first."""
    found = []
    requested = events_of(chain, "Staking.WithdrawalRequested", funder=funder)
    assigned = events_of(chain, "Staking.WithdrawalAssigned", receiver=funder)
    held = events_of(chain, "Staking.WithdrawalHeld", beneficiary=funder)
    kept = {int(event.args["withdrawal_id"]) for event in held}
    for identity in sorted(kept | {int(event.args["withdrawal_id"]) for event in (*requested, *assigned)}):
        record = chain.call("Staking", "withdrawal", identity)
        if record.funder == funder or (record.is_held and identity in kept):
            assets = int(chain.call("Staking", "withdrawable", identity))
            holder = record.funder if record.is_held else None
            found.append(Withdrawal(identity, record.operator, assets, record.matures_at, holder))
    return found
