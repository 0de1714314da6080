"""Training tasks."""

from typing import Any, ClassVar

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount, Digest
from indexer.units import ZERO_DIGEST

_OPEN = "NOT finalized AND NOT cancelled"


class Task(SQLModel, table=True):
    """A training task: parameters and record of IArena.Task, flat, and what its events add."""

    __table_args__ = (
        Index("task_creator", "creator", "id"),
        # What goes on is little, whatever went before.
        Index("task_open", "id", sqlite_where=text(_OPEN)),
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
    challenge_window: int = int64()
    scale: int = int64()
    tolerance: int = int64()
    slash_tolerance: int = int64()
    grid: int = int64()
    panel_size: int = int64()
    quorum: int = int64()
    paid_ranks: int = int64()
    appeal_panel_size: int = int64()
    maximise: bool
    max_share: Amount = uint256()
    appeal_bond: Amount = uint256()
    canary_root: Digest
    created_at: int = int64()
    commit_ends: int = int64(index=True)
    reveal_ends: int = int64()
    key_ends: int = int64()
    score_commit_ends: int = int64(default=0)
    score_reveal_ends: int = int64(default=0)
    challenge_ends: int = int64(default=0)
    key: Digest = ZERO_DIGEST
    reveals_hash: Digest = ZERO_DIGEST
    seed: Digest = ZERO_DIGEST
    trainer_stake: Amount = uint256()
    validator_stake: Amount = uint256()
    revealed_stake: Amount = uint256()
    slashed: Amount = uint256()
    settler_paid: Amount = uint256()
    emission: Amount = uint256()
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
    appealed: int = int64(default=0)
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


# Of the same digest as an earlier one, or found nearly equal to one by the panel.
COPIED = "state IN ('duplicate', 'copied')"


class Submission(SQLModel, table=True):
    """A trainer's entry. Ids count from 1 within a task, in the order of the commits."""

    __table_args__ = (
        Index("submission_trainer", "trainer", "task_id"),
        Index("submission_rank", "task_id", "rank_key", "id"),
        Index("submission_copy", "task_id", "id", sqlite_where=text(COPIED)),
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
    # The earlier submission that this one has the digest of.
    original_id: int | None = int64(default=None)
    # What its creator said that it scores, if it is a canary.
    canary_score: int | None = int64(default=None)
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
    # The earlier submission that the validator found it nearly equal to.
    copy_of: int | None = int64(default=None)
    weight: Amount = uint256()
    position: int = int64()


class Appeal(SQLModel, table=True):
    """An appeal against what a submission's panel had revealed in an attempt."""

    __table_args__ = (Index("appeal_appellant", "appellant", "position"), CLUSTERED)

    task_id: int = primary(INT64)
    submission_id: int = primary(INT64)
    appellant: Address
    attempt: int = int64()
    bond: Amount = uint256()
    # "upheld", "rejected" or "returned" once the larger panel has decided, or could not.
    outcome: str | None = None
    # What the appellant got.
    paid: Amount = uint256()
    position: int = int64()


class Payout(SQLModel, table=True):
    """Money out of a task or a federation: to an operator's pool, to the creator, or to who called settle.

    Either `task_id` is set or `federation_id`; `round` is, where it is for one round and not for all that was earned.
    """

    __table_args__ = (
        Index("payout_task", "task_id", "position"),
        Index("payout_account", "account", "position"),
        Index("payout_federation", "federation_id", "position"),
    )

    position: int = primary(INT64)
    task_id: int | None = int64(default=None)
    submission_id: int | None = int64(default=None)
    federation_id: int | None = int64(default=None)
    round: int | None = int64(default=None)
    account: Address
    # "trainer", "validator", "member", "creator", "settler" or "appellant".
    role: str
    assets: Amount = uint256()
    unlocked: Amount = uint256()
