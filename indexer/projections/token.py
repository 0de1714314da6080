"""SkeinToken: who holds how much, and since when."""

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.rows import Rows
from indexer.twins import BalanceChange
from indexer.units import ZERO_ADDRESS, pad


def _change(rows: Rows, at: At, address: str, difference: int) -> None:
    holder = account(rows, address)
    holder.balance += difference
    rows.record(BalanceChange, (at.position, address), (at.position, address, pad(holder.balance)))


@on("SkeinToken.Transfer")
def transfer(rows: Rows, at: At, *, from_: str, to: str, value: int) -> None:
    """The zero address stands for what does not exist: minting comes from it, burning goes to it."""
    if from_ == to or value == 0:
        return
    if from_ == ZERO_ADDRESS:
        totals(rows).token_supply += value
    else:
        _change(rows, at, from_, -value)
    if to == ZERO_ADDRESS:
        sums = totals(rows)
        sums.token_supply -= value
        sums.token_burnt += value
    else:
        _change(rows, at, to, value)
