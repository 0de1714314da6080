"""Emission, vaults and governance."""

from sqlalchemy import Index
from sqlmodel import SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount, Digest


class Epoch(SQLModel, table=True):
    """An epoch of the emission: what it minted, and what it releases besides, of what fell to nobody before."""

    id: int = primary(INT64)
    funded_at: int = int64()
    minted: Amount = uint256()
    released: Amount = uint256()


class EmissionAccount(SQLModel, table=True):
    """What a module says is at work in one of its tasks or federations, and what that has drawn so far."""

    __tablename__ = "emission_account"
    __table_args__ = CLUSTERED

    module: Address = primary()
    id: Digest = primary()
    weight: Amount = uint256()
    drawn: Amount = uint256()


class Vault(SQLModel, table=True):
    """The ERC-4626 vault of an operator's pool."""

    operator: Address = primary()
    address: Address
    created_at: int = int64()


class Proposal(SQLModel, table=True):
    """A proposal to the governor. Votes are counted in units of a wei of stake in escrow times its multiplier."""

    id: Digest = primary()
    # Where it stands in history: what proposals are sorted by.
    position: int = int64(index=True)
    proposer: Address
    description: str
    vote_start: int = int64()
    vote_end: int = int64()
    votes_for: Amount = uint256()
    votes_against: Amount = uint256()
    votes_abstain: Amount = uint256()
    # From when it can be executed, once it is queued.
    eta: int | None = int64(default=None)
    executed_at: int | None = int64(default=None)
    canceled_at: int | None = int64(default=None)


class Ballot(SQLModel, table=True):
    """A vote on a proposal."""

    __table_args__ = (Index("ballot_voter", "voter", "position"), Index("ballot_proposal", "proposal_id", "position"))

    position: int = primary(INT64)
    proposal_id: Digest
    voter: Address
    support: str
    weight: Amount = uint256()
    reason: str
