"""What was when: states of the network and of pools, kept so that any moment can be looked up by one search."""

from typing import Any, ClassVar

from sqlmodel import SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount


class NetworkPast(SQLModel, table=True):
    """The network's sums as they were at the end of a minute in which something happened; see `Totals`."""

    __tablename__: ClassVar[Any] = "network_past"

    # The minute's first second.
    timestamp: int = primary(INT64)
    token_supply: Amount = uint256()
    staked: Amount = uint256()
    exiting: Amount = uint256()
    locked: Amount = uint256()
    slashed: Amount = uint256()
    distributed: Amount = uint256()
    bounties: Amount = uint256()
    events: int = int64(default=0)
    accounts: int = int64(default=0)
    operators: int = int64(default=0)
    tasks: int = int64(default=0)
    submissions: int = int64(default=0)
    scores: int = int64(default=0)


class PoolPast(SQLModel, table=True):
    """The active stake of a pool after each event that changed it."""

    __tablename__: ClassVar[Any] = "pool_past"
    __table_args__ = CLUSTERED

    operator: Address = primary()
    # Time and place grow together; the time comes first because it is what is searched for.
    timestamp: int = primary(INT64)
    position: int = primary(INT64)
    own_assets: Amount = uint256()
    delegated_assets: Amount = uint256()
