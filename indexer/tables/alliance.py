"""Federations: members, rounds, and what those who were drawn for a round did."""

from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount, Digest
from indexer.units import ZERO_DIGEST


class Federation(SQLModel, table=True):
    """A federation: parameters and record of IAlliance.Federation, flat, and what its events add."""

    __table_args__ = (Index("federation_creator", "creator", "id"),)

    id: int = primary(INT64)
    creator: Address
    spec_digest: Digest = Field(index=True)
    model_digest: Digest
    bounty: Amount = uint256()
    min_stake: Amount = uint256()
    floor_stake: Amount = uint256()
    rounds: int = int64()
    proposers: int = int64()
    committee: int = int64()
    quorum: int = int64()
    min_members: int = int64()
    silent_slash: Amount = uint256()
    rest_window: int = int64()
    commit_window: int = int64()
    reveal_window: int = int64()
    vote_window: int = int64()
    ballot_window: int = int64()
    attest_window: int = int64()
    invited: bool
    created_at: int = int64()
    pool: Amount = uint256(index=True)
    owed: Amount = uint256()
    slashed: Amount = uint256()
    rounds_left: int = int64()
    round: int = int64(default=0)
    member_count: int = int64(default=0)
    joined: int = int64(default=0)
    open: bool = False
    ended: bool = False


class Invitation(SQLModel, table=True):
    """Whether an account may join a federation that is not open to all."""

    __table_args__ = CLUSTERED

    federation_id: int = primary(INT64)
    account: Address = primary()
    invited: bool = False


class Member(SQLModel, table=True):
    """A member of a federation; `number` counts from 1 in the order in which accounts first joined."""

    __table_args__ = (Index("member_account", "account", "federation_id"), CLUSTERED)

    federation_id: int = primary(INT64)
    account: Address = primary()
    number: int = int64()
    # "seated", "left" or "evicted"; the last two may still have a role to end.
    state: str = "seated"
    stake: Amount = uint256()
    slashed: Amount = uint256()
    earned: Amount = uint256()
    claimed: Amount = uint256()
    row_count: int = int64(default=0)
    schema_hash: Digest = ZERO_DIGEST
    rows_root: Digest = ZERO_DIGEST
    joined_at: int = int64()


class FederationRound(SQLModel, table=True):
    """A round; sets of proposers are masks, bit k for slot k."""

    __tablename__: ClassVar[Any] = "federation_round"
    __table_args__ = CLUSTERED

    federation_id: int = primary(INT64)
    number: int = primary(INT64)
    # "drawing", "open", "tallied", "concluded" or "closed".
    state: str = "drawing"
    seed_ticket: int = int64()
    seed: Digest = ZERO_DIGEST
    member_count: int = int64()
    proposer_count: int = int64(default=0)
    voter_count: int = int64(default=0)
    commit_ends: int = int64(default=0)
    reveal_ends: int = int64(default=0)
    vote_ends: int = int64(default=0)
    ballot_ends: int = int64(default=0)
    attest_ends: int = int64(default=0)
    accepted: int = int64(default=0)
    approved: int = int64(default=0)
    harmful: int = int64(default=0)
    refused: int = int64(default=0)
    voting_stake: Amount = uint256()
    model_digest: Digest = ZERO_DIGEST
    counted: bool = False
    pot: Amount = uint256()
    good_stake: Amount = uint256()
    emission: Amount = uint256()
    settler_paid: Amount = uint256()
    pool: Amount = uint256()
    started_at: int = int64()
    closed_at: int | None = int64(default=None)


class Role(SQLModel, table=True):
    """What one who was drawn for a round did, and what came of it."""

    __table_args__ = (Index("role_account", "account", "federation_id", "round"), CLUSTERED)

    federation_id: int = primary(INT64)
    round: int = primary(INT64)
    account: Address = primary()
    slot: int = int64()
    proposes: bool
    commitment: Digest = ZERO_DIGEST
    # Of a proposer's update, or of the model that a voter attested to.
    digest: Digest = ZERO_DIGEST
    duplicate: bool = False
    accepts: int | None = int64(default=None)
    harms: int | None = int64(default=None)
    reward: Amount = uint256()
    slashed: Amount = uint256()
    # "silent", "harmful", "contrary" or "forged" once slashed.
    reason: str | None = None
