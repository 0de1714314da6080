"""The past of sums: what was true at the end of a minute, for the network, and after each change, for a pool."""

from indexer.layout import layout_of
from indexer.projections import At
from indexer.rows import Rows
from indexer.twins import NetworkPast, Pool, PoolPast, Totals
from indexer.units import NETWORK_STEP, pad

_KEPT = [name for name in layout_of(NetworkPast).columns if name != "timestamp"]


def remember_network(rows: Rows, timestamp: int, sums: Totals) -> None:
    """Note the sums after a block; later blocks of the same minute take its place."""
    past = rows.ensure(NetworkPast, timestamp - timestamp % NETWORK_STEP)
    for name in _KEPT:
        setattr(past, name, getattr(sums, name))


def remember_pool(rows: Rows, at: At, pool: Pool) -> None:
    """Note the active stake of a pool after the event at `at`."""
    key = pool.operator, at.timestamp, at.position
    rows.record(PoolPast, key, (*key, pad(pool.own_assets), pad(pool.delegated_assets)))
