"""Events by kind, accounts, tokens, and sums over the whole network."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount


class EventKind(SQLModel, table=True):
    """A sort of event that occurred, and how often; `name` is null for one that no ABI of ours has."""

    __tablename__: ClassVar[Any] = "event_kind"
    __table_args__ = CLUSTERED

    address: Address = primary()
    # The first topic as 0x hex; empty for an event without topics.
    topic0: str = primary()
    name: str | None = None
    events: int = int64(default=0)


class Account(SQLModel, table=True):
    """An address that took part in anything, with its token balance and totals."""

    address: Address = primary()
    balance: Amount = uint256(index=True)
    # Its own part of its pool's rewards, and what it got for settling; its own stake that was slashed.
    earned: Amount = uint256()
    slashed: Amount = uint256()
    tasks_created: int = int64(default=0)
    submissions: int = int64(default=0)
    validations: int = int64(default=0)
    memberships: int = int64(default=0)


class BalanceChange(SQLModel, table=True):
    """The token balance of an account after each transfer that changed it."""

    __tablename__: ClassVar[Any] = "balance_change"
    # Written at the end of one tree, in the order of history; found by another one.
    __table_args__ = (Index("balance_change_account", "account", "position"), CLUSTERED)

    position: int = primary(INT64)
    account: Address = primary()
    balance: Amount = uint256()


class AccountEvent(SQLModel, table=True):
    """That an event names an account. The contracts themselves and the zero address are left out."""

    __tablename__: ClassVar[Any] = "account_event"
    __table_args__ = (Index("account_event_account", "account", "position"), CLUSTERED)

    position: int = primary(INT64)
    account: Address = primary()


class Totals(SQLModel, table=True):
    """Sums over the whole network; one row."""

    id: int = primary(INT64, default=1)
    events: int = int64(default=0)
    unknown_events: int = int64(default=0)
    # Texts in events that were none, or held what a database cannot; see `projections.texts`.
    mended_texts: int = int64(default=0)
    accounts: int = int64(default=0)
    tasks: int = int64(default=0)
    tasks_finalized: int = int64(default=0)
    tasks_cancelled: int = int64(default=0)
    submissions: int = int64(default=0)
    validators: int = int64(default=0)
    scores: int = int64(default=0)
    federations: int = int64(default=0)
    members: int = int64(default=0)
    rounds: int = int64(default=0)
    updates: int = int64(default=0)
    slashes: int = int64(default=0)
    operators: int = int64(default=0)
    token_supply: Amount = uint256()
    token_burnt: Amount = uint256()
    # Stake that modules say is at work, by which emission is shared; what was drawn of it.
    emission_weight: Amount = uint256()
    emission_drawn: Amount = uint256()
    # Active stake, own and delegated; requested and waiting; held by locks.
    staked: Amount = uint256()
    exiting: Amount = uint256()
    locked: Amount = uint256()
    slashed: Amount = uint256()
    # Rewards that modules paid into pools; bounties that creators offered.
    distributed: Amount = uint256()
    bounties: Amount = uint256()
