"""Every table of the index, on one page.

Three groups. The *raw store* is what the chain said; nothing but the chain can make it again. The *derived tables* are
a fold of the projections over the raw store; `rebuild` makes them again without the chain. The *book-keeping* says how
far the fold is, and what the last blocks changed.

Amounts are token wei. A `position` is a place in history: block number * 2^20 + log index, so that one number orders,
names and pages events.
"""

from typing import Any, ClassVar

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from indexer.types import INT64, ZERO_DIGEST, Address, Amount, Digest, Uint256

POSITION_BITS = 20
MAX_LOG_INDEX = (1 << POSITION_BITS) - 1


def position_of(block_number: int, log_index: int = 0) -> int:
    """The place of a log in history; with no index, the first place in the block."""
    if log_index > MAX_LOG_INDEX:
        raise OverflowError(f"block {block_number} has more than {MAX_LOG_INDEX + 1} logs")
    return block_number << POSITION_BITS | log_index


def int64(**options: Any) -> Any:
    """A column of a 64-bit integer."""
    return Field(sa_type=INT64, **options)


def uint256(**options: Any) -> Any:
    """A column of an exact amount of up to 256 bits; 0 unless set."""
    return Field(default=0, sa_type=Uint256, **options)


def primary(kind: Any = None, **options: Any) -> Any:
    """A column of the primary key."""
    return Field(primary_key=True, **({"sa_type": kind} if kind is not None else {}), **options)


# Rows of composite keys lie in key order, in one tree instead of two. (SQLite only; others ignore it.)
CLUSTERED = {"sqlite_with_rowid": False}


# --- book-keeping


class Checkpoint(SQLModel, table=True):
    """How far the index is; one row, written in the same transaction as all that it covers."""

    id: int = primary(INT64, default=1)
    version: int = int64()
    # The deployment that is indexed, as the JSON of its file: readers of the database need nothing else.
    deployment: str
    number: int = int64()
    hash: Digest
    timestamp: int = int64()
    # No block up to here will change any more.
    final: int = int64()
    # Blocks above this can be undone by the journal.
    journal_floor: int = int64()


class RecentBlock(SQLModel, table=True):
    """The hash of every block that is not final yet: where a reorg is found."""

    __tablename__: ClassVar[Any] = "recent_block"

    number: int = primary(INT64)
    hash: Digest


class Journal(SQLModel, table=True):
    """What a block that is not final changed: the old image of each row, as JSON."""

    number: int = primary(INT64)
    changes: bytes = Field(sa_type=LargeBinary)


# --- raw store


class Block(SQLModel, table=True):
    """A block with at least one log of ours."""

    number: int = primary(INT64)
    hash: Digest
    timestamp: int = int64()


class Log(SQLModel, table=True):
    """A log of one of our contracts as the chain has it; `data` and the topics are plain bytes."""

    __table_args__ = (Index("log_topic0", "topic0", "position"), Index("log_topic1", "topic1", "position"))

    position: int = primary(INT64)
    address: Address
    topic0: bytes | None = Field(default=None, sa_type=LargeBinary)
    topic1: bytes | None = Field(default=None, sa_type=LargeBinary)
    topic2: bytes | None = Field(default=None, sa_type=LargeBinary)
    topic3: bytes | None = Field(default=None, sa_type=LargeBinary)
    data: bytes = Field(sa_type=LargeBinary)
    transaction_hash: bytes = Field(sa_type=LargeBinary)
    transaction_index: int = int64()


# --- events, accounts and token


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


class BalanceChange(SQLModel, table=True):
    """The token balance of an account after each transfer that changed it."""

    __tablename__: ClassVar[Any] = "balance_change"
    __table_args__ = CLUSTERED

    account: Address = primary()
    position: int = primary(INT64)
    balance: Amount = uint256()


class AccountEvent(SQLModel, table=True):
    """That an event names an account. The contracts themselves and the zero address are left out."""

    __tablename__: ClassVar[Any] = "account_event"
    __table_args__ = CLUSTERED

    account: Address = primary()
    position: int = primary(INT64)


class Totals(SQLModel, table=True):
    """Sums over the whole network; one row."""

    id: int = primary(INT64, default=1)
    events: int = int64(default=0)
    unknown_events: int = int64(default=0)
    accounts: int = int64(default=0)
    tasks: int = int64(default=0)
    tasks_finalized: int = int64(default=0)
    tasks_cancelled: int = int64(default=0)
    submissions: int = int64(default=0)
    validators: int = int64(default=0)
    scores: int = int64(default=0)
    slashes: int = int64(default=0)
    operators: int = int64(default=0)
    token_supply: Amount = uint256()
    # Active stake, own and delegated; requested and waiting; held by locks.
    staked: Amount = uint256()
    exiting: Amount = uint256()
    locked: Amount = uint256()
    slashed: Amount = uint256()
    # Rewards that modules paid into pools; bounties that creators offered.
    distributed: Amount = uint256()
    bounties: Amount = uint256()


# --- stake


class Pool(SQLModel, table=True):
    """The stake of one operator; the fields of IStaking.Pool, flat."""

    operator: Address = primary()
    own_assets: Amount = uint256()
    own_shares: Amount = uint256()
    own_exiting_assets: Amount = uint256()
    own_exit_index: Amount = uint256()
    own_exit_generation: int = int64(default=0)
    delegated_assets: Amount = uint256()
    delegated_shares: Amount = uint256()
    delegated_exiting_assets: Amount = uint256()
    delegated_exit_index: Amount = uint256()
    delegated_exit_generation: int = int64(default=0)
    locked: Amount = uint256()
    commission: int = int64(default=0)
    next_commission: int = int64(default=0)
    next_commission_at: int = int64(default=0)
    # Active stake, own and delegated: what operators are sorted by.
    stake: Amount = uint256(index=True)
    delegators: int = int64(default=0)
    earned: Amount = uint256()
    slashed: Amount = uint256()


class Position(SQLModel, table=True):
    """Shares of a funder in an operator's pool; the operator's own shares too."""

    __table_args__ = CLUSTERED

    operator: Address = primary()
    funder: Address = primary(index=True)
    shares: Amount = uint256()


class Withdrawal(SQLModel, table=True):
    """A requested withdrawal. `assets` is what was requested, `paid` what came of it after slashes."""

    __table_args__ = (
        Index("withdrawal_operator", "operator", "id"),
        Index("withdrawal_funder", "funder", "id"),
    )

    id: int = primary(INT64)
    operator: Address
    funder: Address
    shares: Amount = uint256()
    assets: Amount = uint256()
    exit_index: Amount = uint256()
    exit_generation: int = int64()
    requested_at: int = int64()
    matures_at: int = int64()
    withdrawn_at: int | None = int64(default=None)
    paid: Amount = uint256()


class Lock(SQLModel, table=True):
    """What a module holds locked of an operator's pool."""

    __table_args__ = CLUSTERED

    operator: Address = primary()
    module: Address = primary()
    assets: Amount = uint256()
    # The slash that the module announced, with its reason, and that the ledger is about to carry out.
    announced_slash: int | None = int64(default=None)


class Module(SQLModel, table=True):
    """A contract that may (or might once) lock stake."""

    address: Address = primary()
    enabled: bool = False


class Reward(SQLModel, table=True):
    """A reward paid into a pool, and how operator and delegators shared it."""

    __table_args__ = (Index("reward_operator", "operator", "position"),)

    position: int = primary(INT64)
    operator: Address
    sender: Address
    assets: Amount = uint256()
    operator_assets: Amount = uint256()
    delegated_assets: Amount = uint256()


class Slash(SQLModel, table=True):
    """A slash: who, how much, from which part of the pool, and, as its module said, for what.

    `task_id`, `submission_id`, `role` and `reason` stay empty when the module is not an arena. The parts are 0 when
    earlier slashes left nothing to take.
    """

    __table_args__ = (
        Index("slash_operator", "operator", "position"),
        Index("slash_task", "task_id", "position"),
    )

    position: int = primary(INT64)
    operator: Address
    module: Address
    receiver: Address | None = None
    assets: Amount = uint256()
    own_assets: Amount = uint256()
    own_exiting_assets: Amount = uint256()
    delegated_assets: Amount = uint256()
    delegated_exiting_assets: Amount = uint256()
    task_id: int | None = int64(default=None)
    submission_id: int | None = int64(default=None)
    role: str | None = None
    reason: str | None = None


# --- arena

_OPEN = "NOT finalized AND NOT cancelled"


class Task(SQLModel, table=True):
    """A training task: parameters and record of IArena.Task, flat, and what its events add."""

    __table_args__ = (
        Index("task_creator", "creator", "id"),
        # What goes on is little, whatever went before.
        Index("task_open", "id", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
    )

    id: int = primary(INT64)
    creator: Address
    spec_digest: Digest = Field(index=True)
    held_out_digest: Digest
    key_hash: Digest
    bounty: Amount = uint256(index=True)
    bond: Amount = uint256()
    min_trainer_stake: Amount = uint256()
    min_validator_stake: Amount = uint256()
    commit_window: int = int64()
    reveal_window: int = int64()
    key_window: int = int64()
    score_commit_window: int = int64()
    score_reveal_window: int = int64()
    scale: int = int64()
    tolerance: int = int64()
    slash_tolerance: int = int64()
    grid: int = int64()
    panel_size: int = int64()
    quorum: int = int64()
    paid_ranks: int = int64()
    maximise: bool
    created_at: int = int64()
    commit_ends: int = int64(index=True)
    reveal_ends: int = int64()
    key_ends: int = int64()
    score_commit_ends: int = int64(default=0)
    score_reveal_ends: int = int64(default=0)
    key: Digest = ZERO_DIGEST
    reveals_hash: Digest = ZERO_DIGEST
    seed: Digest = ZERO_DIGEST
    trainer_stake: Amount = uint256()
    validator_stake: Amount = uint256()
    revealed_stake: Amount = uint256()
    slashed: Amount = uint256()
    settler_paid: Amount = uint256()
    trainer_pot: Amount = uint256()
    validator_pot: Amount = uint256()
    creator_pot: Amount = uint256()
    trainer_weight: Amount = uint256()
    validator_weight: Amount = uint256()
    seed_ticket: int = int64(default=0)
    submission_count: int = int64(default=0)
    validator_count: int = int64(default=0)
    revealed_count: int = int64(default=0)
    pending: int = int64(default=0)
    unscored: int = int64(default=0)
    unopenable: int = int64(default=0)
    attempt: int = int64(default=0)
    finalized: bool = False
    cancelled: bool = False
    shared_by_stake: bool = False
    creator_claimed: bool = False
    # "settled", "failed", "void" or "abandoned" once finalized.
    outcome: str | None = None
    finalized_at: int | None = int64(default=None)


class Funding(SQLModel, table=True):
    """A gift to a task's bounty."""

    __table_args__ = (Index("funding_task", "task_id", "position"),)

    position: int = primary(INT64)
    task_id: int = int64()
    funder: Address
    assets: Amount = uint256()


class Submission(SQLModel, table=True):
    """A trainer's entry. Ids count from 1 within a task, in the order of the commits."""

    __table_args__ = (
        Index("submission_trainer", "trainer", "task_id"),
        Index("submission_rank", "task_id", "rank_key", "id"),
        CLUSTERED,
    )

    task_id: int = primary(INT64)
    id: int = primary(INT64)
    trainer: Address
    state: str = "committed"
    stake: Amount = uint256()
    slashed: Amount = uint256()
    commitment: Digest
    digest: Digest = ZERO_DIGEST
    score: int | None = int64(default=None)
    grid_score: int | None = int64(default=None)
    # The grid score so turned that the lowest is the best, whatever the metric's direction.
    rank_key: int | None = int64(default=None)
    settled_attempt: int = int64(default=0)
    original_id: int | None = int64(default=None)
    rank: int | None = int64(default=None)
    weight: Amount = uint256()
    reward: Amount = uint256()
    claimed: bool = False
    committed_at: int = int64()
    revealed_at: int | None = int64(default=None)
    settled_at: int | None = int64(default=None)


class Validator(SQLModel, table=True):
    """An operator that joined a task as validator; `index` counts from 1 in the order of registration."""

    __table_args__ = (Index("validator_operator", "operator", "task_id"), CLUSTERED)

    task_id: int = primary(INT64)
    operator: Address = primary()
    index: int = int64()
    stake: Amount = uint256()
    slashed: Amount = uint256()
    weight: Amount = uint256()
    reward: Amount = uint256()
    claimed: bool = False
    scores: int = int64(default=0)
    registered_at: int = int64()


class PanelMember(SQLModel, table=True):
    """A validator drawn for a submission."""

    __tablename__: ClassVar[Any] = "panel_member"
    __table_args__ = CLUSTERED

    task_id: int = primary(INT64)
    submission_id: int = primary(INT64)
    attempt: int = primary(INT64)
    slot: int = primary(INT64)
    validator: Address
    position: int = int64()


class ScoreCommitment(SQLModel, table=True):
    """A validator's commitment to a batch of scores."""

    __tablename__: ClassVar[Any] = "score_commitment"
    __table_args__ = (Index("score_commitment_task", "task_id", "position"),)

    position: int = primary(INT64)
    task_id: int = int64()
    validator: Address
    attempt: int = int64()
    batch: Amount = uint256()
    commitment: Digest


class Score(SQLModel, table=True):
    """A revealed score: value * 1e9, or a verdict and no value. `weight` is what the settlement gave it."""

    __table_args__ = (Index("score_validator", "validator", "position"), CLUSTERED)

    task_id: int = primary(INT64)
    submission_id: int = primary(INT64)
    attempt: int = primary(INT64)
    validator: Address = primary()
    score: int | None = int64(default=None)
    # "invalid", "unavailable" or "unopenable" instead of a score.
    verdict: str | None = None
    report_digest: Digest
    weight: Amount = uint256()
    position: int = int64()


class Payout(SQLModel, table=True):
    """Money out of a task: to a trainer's or validator's pool, to the creator, or to who called settle."""

    __table_args__ = (
        Index("payout_task", "task_id", "position"),
        Index("payout_account", "account", "position"),
    )

    position: int = primary(INT64)
    task_id: int = int64()
    submission_id: int | None = int64(default=None)
    account: Address
    # "trainer", "validator", "creator" or "settler".
    role: str
    assets: Amount = uint256()
    unlocked: Amount = uint256()


BOOKKEEPING: tuple[type[SQLModel], ...] = (Checkpoint, RecentBlock, Journal)
RAW: tuple[type[SQLModel], ...] = (Block, Log)
DERIVED: tuple[type[SQLModel], ...] = (
    EventKind, Account, BalanceChange, AccountEvent, Totals,
    Pool, Position, Withdrawal, Lock, Module, Reward, Slash,
    Task, Funding, Submission, Validator, PanelMember, ScoreCommitment, Score, Payout,
)  # fmt: skip
