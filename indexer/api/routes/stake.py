"""Stake: operators and their pools, who funds them, what waits to be withdrawn."""

from typing import Literal

from fastapi import Response
from sqlalchemy import bindparam, select

from indexer.api.errors import not_found
from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressPath, AddressQuery
from indexer.api.routing import Read, area
from indexer.api.views import LOCK, OPERATOR, REWARD, STAKE, WITHDRAWAL, columns, many, one
from indexer.tables import Lock, Pool, Position, Reward, Withdrawal

router = area("stake")

_pool, _position, _withdrawal = columns(Pool), columns(Position), columns(Withdrawal)
_reward, _lock = columns(Reward), columns(Lock)
_ONE = select(*OPERATOR.columns).select_from(OPERATOR.source).where(_pool.operator == bindparam("operator"))

OPERATORS = Listing(OPERATOR, {"stake": [_pool.stake, _pool.operator], "operator": [_pool.operator]})
STAKES = Listing(
    STAKE,
    {"funder": [_position.funder], "operator": [_position.operator]},
    {
        "operator": _position.operator == bindparam("operator"),
        "funder": _position.funder == bindparam("funder"),
        "some": _position.shares > 0,
    },
)
WITHDRAWALS = Listing(
    WITHDRAWAL,
    {"id": [_withdrawal.id]},
    {
        "operator": _withdrawal.operator == bindparam("operator"),
        "funder": _withdrawal.funder == bindparam("funder"),
        "pending": _withdrawal.withdrawn_at.is_(None),
    },
)
REWARDS = Listing(REWARD, {"position": [_reward.position]}, {"operator": _reward.operator == bindparam("operator")})
LOCKS = Listing(LOCK, {"module": [_lock.module]}, {"operator": _lock.operator == bindparam("operator")})


@router.get("/operators", response_model=many(OPERATOR.model))
def operators(
    read: Read,
    order: Literal["stake", "-stake", "operator", "-operator"] = "-stake",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Operators, those with the most active stake first."""
    with read.snapshot() as at:
        return OPERATORS.page(at, {}, order, cursor, limit)


@router.get("/operators/{address}", response_model=one(OPERATOR.model))
def operator(read: Read, address: AddressPath) -> Response:
    """The pool of one operator; `current_commission` is the one in force at the time of the block."""
    with read.snapshot() as at:
        row = at.first(_ONE, {"operator": address})
        if row is None:
            raise not_found(f"{address} has no pool at block {at.checkpoint.number}.")
        return at.answer(OPERATOR.item(row, at.now))


@router.get("/operators/{address}/delegators", response_model=many(STAKE.model))
def delegators(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Who has shares in an operator's pool, the operator included."""
    with read.snapshot() as at:
        return STAKES.page(at, {"operator": address, "some": True}, "funder", cursor, limit)


@router.get("/operators/{address}/locks", response_model=many(LOCK.model))
def locks(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What modules hold locked of an operator's pool."""
    with read.snapshot() as at:
        return LOCKS.page(at, {"operator": address}, "module", cursor, limit)


@router.get("/operators/{address}/rewards", response_model=many(REWARD.model))
def rewards(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The rewards paid into an operator's pool, the newest first."""
    with read.snapshot() as at:
        return REWARDS.page(at, {"operator": address}, "-position", cursor, limit)


@router.get("/withdrawals", response_model=many(WITHDRAWAL.model))
def withdrawals(
    read: Read,
    operator: AddressQuery = None,
    funder: AddressQuery = None,
    pending: bool | None = None,
    order: Literal["id", "-id"] = "-id",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Requested withdrawals, the newest first; `pending=true` leaves out those that were paid."""
    values = {"operator": operator, "funder": funder, "pending": pending or None}
    with read.snapshot() as at:
        return WITHDRAWALS.page(at, values, order, cursor, limit)
