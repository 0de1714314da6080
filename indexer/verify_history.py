"""Histories, which no contract tells, against what they must add up to or end with."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, func, select

from indexer.tables import (
    Account,
    BalanceChange,
    EventKind,
    Log,
    NetworkPast,
    Pool,
    PoolPast,
    Reward,
    Slash,
    SponsoredReward,
    Sponsorship,
    Totals,
)

Rows = Callable[..., Iterator[Any]]
Call = Callable[..., Any]
Differ = Callable[[str, Any, Any], Iterator[str]]


def differences(rows: Rows, differ: Differ, connection: Connection) -> Iterator[str]:
    """All that differs, each one line. What histories are held against was held against the chain before."""
    totals = next(iter(rows(Totals)), None)
    if totals is None:
        return
    slashed: dict[str, int] = defaultdict(int)
    for row in rows(Slash):
        slashed[row.operator] += row.assets
    for row in rows(Pool):
        yield from differ(f"sum of the slashes of {row.operator}", slashed.pop(row.operator, 0), row.slashed)
    yield from differ("slashes of operators without a pool", dict(slashed), {})
    rewarded = sum(row.assets for row in rows(Reward))
    yield from differ("sum of the rewards", rewarded, totals.distributed)
    events = connection.execute(select(func.count()).select_from(Log)).scalar_one()
    counted = sum(row.events for row in rows(EventKind)), totals.events
    yield from differ("events that were counted", counted, (events, events))
    yield from _ends(rows, differ, connection, totals)


def _ends(rows: Rows, differ: Differ, connection: Connection, totals: Any) -> Iterator[str]:
    changes, past = _columns(BalanceChange), _columns(PoolPast)
    last = _last(connection, changes.account, changes.position, changes.balance)
    for row in rows(Account):
        yield from differ(f"last balance of {row.address}", last.get(row.address, (0,)), (row.balance,))
    last = _last(connection, past.operator, past.position, past.own_assets, past.delegated_assets)
    for row in rows(Pool):
        now = row.own_assets, row.delegated_assets
        yield from differ(f"last stake of {row.operator}", last.get(row.operator, (0, 0)), now)
    for minute in list(rows(NetworkPast))[-1:]:
        kept = {name: value for name, value in minute._mapping.items() if name in totals._mapping}
        yield from differ("last sums of the network", kept, {name: totals._mapping[name] for name in kept})


def _last(connection: Connection, key: Any, position: Any, *values: Any) -> dict[str, tuple[Any, ...]]:
    """What each key's newest row says."""
    newest = select(key, func.max(position).label("newest")).group_by(key).subquery()
    found = select(key, *values).join(newest, (newest.c[key.name] == key) & (newest.c.newest == position))
    return {row[0]: tuple(row[1:]) for row in connection.execute(found)}


def sponsors(rows: Rows, call: Call, differ: Differ) -> Iterator[str]:
    """What was given, came back and was paid in each token, against the pots of the contract."""
    pots: dict[tuple[int, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows(Sponsorship):
        pot = pots[row.task_id, row.token]
        pot["assets"] += row.assets
        pot["refunded"] += row.refunded
        # Nothing, once the sponsor was asked whether something comes back: that needs no event of ours.
        if told := call("Sponsorships", "contributionOf", row.task_id, row.token, row.sponsor):
            yield from differ(f"gift of {row.sponsor} to task {row.task_id}", row.assets, told)
    for row in rows(SponsoredReward):
        pots[row.task_id, row.token]["paid_to_trainers" if row.submission_id else "paid_to_validators"] += row.assets
    for (task, token), pot in pots.items():
        told = call("Sponsorships", "pot", task, token)
        for name in ("assets", "refunded", "paid_to_trainers", "paid_to_validators"):
            yield from differ(f"{name} of the pot of task {task} in {token}", pot[name], told[name])


def _columns(table: Any) -> Any:
    return table.__table__.c
