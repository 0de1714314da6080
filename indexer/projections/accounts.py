"""Rows that several areas share: accounts and the network's totals."""

from indexer.rows import Rows
from indexer.twins import Account, Totals


def totals(rows: Rows) -> Totals:
    """The network's sums, to be changed."""
    return rows.ensure(Totals, 1)


def account(rows: Rows, address: str) -> Account:
    """The row of an address, to be changed; counted when it is new."""
    row = rows.find(Account, address)
    if row is None:
        totals(rows).accounts += 1
        row = rows.add(Account, address=address)
    return row
