"""Bounties in other tokens. Amounts are in units of the token, whatever its decimals."""

from sqlalchemy import Index
from sqlmodel import SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount


class Sponsorship(SQLModel, table=True):
    """What a sponsor gave to a task in one token, and what of it came back."""

    __table_args__ = (Index("sponsorship_sponsor", "sponsor"), CLUSTERED)

    task_id: int = primary(INT64)
    token: Address = primary()
    sponsor: Address = primary()
    assets: Amount = uint256()
    refunded: Amount = uint256()


class SponsoredReward(SQLModel, table=True):
    """What a trainer or a validator (then `submission_id` is 0) was paid of a task's sponsorships."""

    __tablename__ = "sponsored_reward"
    __table_args__ = (
        Index("sponsored_reward_task", "task_id", "position"),
        Index("sponsored_reward_operator", "operator", "position"),
    )

    position: int = primary(INT64)
    task_id: int = int64()
    token: Address
    operator: Address
    submission_id: int = int64()
    assets: Amount = uint256()
