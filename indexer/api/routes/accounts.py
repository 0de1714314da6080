"""Accounts: what an address has, what it did, and what it earned and lost."""

from typing import Any, Literal, Optional

from fastapi import Response
from pydantic import BaseModel, Field, create_model
from sqlalchemy import bindparam, select

from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressPath
from indexer.api.routes.stake import LOCKS, STAKES, WITHDRAWALS
from indexer.api.routes.tasks import TASKS
from indexer.api.routing import Read, area
from indexer.api.snapshot import Snapshot
from indexer.api.views import (
    ACCOUNT,
    BALANCE,
    LOCK,
    OPERATOR,
    STAKE,
    SUBMISSION,
    TASK,
    VALIDATOR,
    WITHDRAWAL,
    Item,
    columns,
    many,
    one,
)
from indexer.tables import Account, BalanceChange, Pool, Submission, Validator

router = area("accounts")

# Of each list in the summary; the routes of the lists themselves give all.
SHOWN = 100

_account, _change, _pool = columns(Account), columns(BalanceChange), columns(Pool)
_submission, _validator = columns(Submission), columns(Validator)
_ONE = select(*ACCOUNT.columns).select_from(ACCOUNT.source).where(_account.address == bindparam("address"))
_OWN = select(*OPERATOR.columns).select_from(OPERATOR.source).where(_pool.operator == bindparam("address"))
_NONE: dict[str, Any] = {"balance": "0", "earned": "0", "slashed": "0"}
_NONE |= {"tasks_created": 0, "submissions": 0, "validations": 0}

ACCOUNTS = Listing(ACCOUNT, {"balance": [_account.balance, _account.address], "address": [_account.address]})
BALANCES = Listing(BALANCE, {"position": [_change.position]}, {"account": _change.account == bindparam("account")})
ENTRIES = Listing(
    SUBMISSION,
    {"task": [_submission.task_id, _submission.id]},
    {"trainer": _submission.trainer == bindparam("trainer")},
)
SEATS = Listing(VALIDATOR, {"task": [_validator.task_id]}, {"operator": _validator.operator == bindparam("operator")})

AccountSummary: type[BaseModel] = create_model(
    "AccountSummary",
    __base__=ACCOUNT.model,
    __doc__="An account: balance, totals, its own pool if it is an operator, and the first hundred of each list.",
    pool=(Optional[OPERATOR.model], ...),  # type: ignore[arg-type]  # noqa: UP045
    stakes=(list[STAKE.model], Field(description="Its shares in pools, its own included")),  # type: ignore[name-defined]
    withdrawals=(list[WITHDRAWAL.model], Field(description="Its withdrawals that are not paid")),  # type: ignore[name-defined]
    locks=(list[LOCK.model], ...),  # type: ignore[name-defined]
)


@router.get("/accounts", response_model=many(ACCOUNT.model))
def accounts(
    read: Read,
    order: Literal["balance", "-balance", "address", "-address"] = "-balance",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """All accounts, those with the most tokens first."""
    with read.snapshot() as at:
        return ACCOUNTS.page(at, {}, order, cursor, limit)


@router.get("/accounts/{address}", response_model=one(AccountSummary))
def account(read: Read, address: AddressPath) -> Response:
    """What an address has and does. One that never took part in anything has nothing."""
    with read.snapshot() as at:
        return at.answer(_summary(at, address))


def _summary(at: Snapshot, address: str) -> Item:
    own, pools = (at.tuples(statement, {"address": address}) for statement in (_ONE, _OWN))
    item = ACCOUNT.item(own[0], at.now) if own else {"address": address, **_NONE}
    item["pool"] = OPERATOR.item(pools[0], at.now) if pools else None
    lists: dict[str, tuple[Listing, Item, str]] = {
        "stakes": (STAKES, {"funder": address, "some": True}, "operator"),
        "withdrawals": (WITHDRAWALS, {"funder": address, "pending": True}, "-id"),
        "locks": (LOCKS, {"operator": address}, "module"),
    }
    for name, (listing, values, order) in lists.items():
        item[name], _ = listing.items(at, values, order, None, SHOWN)
    return item


@router.get("/accounts/{address}/balances", response_model=many(BALANCE.model))
def balances(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The token balance after each transfer that changed it, the newest first."""
    with read.snapshot() as at:
        return BALANCES.page(at, {"account": address}, "-position", cursor, limit)


@router.get("/accounts/{address}/stakes", response_model=many(STAKE.model))
def stakes(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The shares of an account in pools, its own included, and what they are worth."""
    with read.snapshot() as at:
        return STAKES.page(at, {"funder": address, "some": True}, "operator", cursor, limit)


@router.get("/accounts/{address}/tasks", response_model=many(TASK.model))
def created(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The tasks that an account created, the newest first."""
    with read.snapshot() as at:
        return TASKS.page(at, {"creator": address}, "-id", cursor, limit)


@router.get("/accounts/{address}/submissions", response_model=many(SUBMISSION.model))
def submissions(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The submissions of an account as trainer, the newest task first."""
    with read.snapshot() as at:
        return ENTRIES.page(at, {"trainer": address}, "-task", cursor, limit)


@router.get("/accounts/{address}/validations", response_model=many(VALIDATOR.model))
def validations(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The tasks that an account joined as validator, the newest first."""
    with read.snapshot() as at:
        return SEATS.page(at, {"operator": address}, "-task", cursor, limit)
