"""Every table of the index.

Three groups. The *raw store* is what the chain said; nothing but the chain can make it again. The *derived tables* are
a fold of the projections over the raw store; `rebuild` makes them again without the chain. The *book-keeping* says how
far the fold is, and what the last blocks changed.

Amounts are token wei. A `position` is a place in history: block number * 2^20 + log index, so that one number orders,
names and pages events.
"""

from sqlmodel import SQLModel

from indexer.tables.accounts import Account, AccountEvent, BalanceChange, EventKind, Totals
from indexer.tables.alliance import Federation, FederationRound, Invitation, Member, Role
from indexer.tables.arena import (
    COPIED,
    Appeal,
    Funding,
    PanelMember,
    Payout,
    Score,
    ScoreCommitment,
    Submission,
    Task,
    Validator,
)
from indexer.tables.chain import Block, Checkpoint, Journal, Log, RecentBlock, Vitals
from indexer.tables.columns import block_of
from indexer.tables.history import NetworkPast, PoolPast
from indexer.tables.money import Ballot, EmissionAccount, Epoch, Proposal, Vault
from indexer.tables.sponsors import SponsoredReward, Sponsorship
from indexer.tables.stake import Escrow, Lock, Module, Pool, Position, Reward, Slash, Withdrawal

BOOKKEEPING: tuple[type[SQLModel], ...] = (Checkpoint, RecentBlock, Journal, Vitals)
RAW: tuple[type[SQLModel], ...] = (Block, Log)
DERIVED: tuple[type[SQLModel], ...] = (
    EventKind, Account, BalanceChange, AccountEvent, Totals, NetworkPast,
    Pool, PoolPast, Position, Withdrawal, Escrow, Lock, Module, Reward, Slash,
    Task, Funding, Submission, Validator, PanelMember, ScoreCommitment, Score, Appeal, Payout,
    Federation, Invitation, Member, FederationRound, Role,
    Epoch, EmissionAccount, Vault, Proposal, Ballot, Sponsorship, SponsoredReward,
)  # fmt: skip

__all__ = [
    "BOOKKEEPING",
    "COPIED",
    "DERIVED",
    "RAW",
    "Account",
    "AccountEvent",
    "Appeal",
    "BalanceChange",
    "Ballot",
    "Block",
    "Checkpoint",
    "EmissionAccount",
    "Epoch",
    "Escrow",
    "EventKind",
    "Federation",
    "FederationRound",
    "Funding",
    "Invitation",
    "Journal",
    "Lock",
    "Log",
    "Member",
    "Module",
    "NetworkPast",
    "PanelMember",
    "Payout",
    "Pool",
    "PoolPast",
    "Position",
    "Proposal",
    "RecentBlock",
    "Reward",
    "Role",
    "Score",
    "ScoreCommitment",
    "Slash",
    "SponsoredReward",
    "Sponsorship",
    "Submission",
    "Task",
    "Totals",
    "Validator",
    "Vault",
    "Vitals",
    "Withdrawal",
    "block_of",
]
