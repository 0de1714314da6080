"""The stake ledger."""

from sqlalchemy import Index
from sqlmodel import SQLModel

from indexer.tables.columns import CLUSTERED, int64, primary, uint256
from indexer.types import INT64, Address, Amount


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
    """A requested withdrawal. `assets` waited when it stood at `exit_index`, `paid` is what came of it so far.

    `funder` is whose it is: who is paid by anyone's call, or whom `held_by`, a vault, keeps it for, which alone has it
    paid. A part payment leaves the rest waiting, as if it had been requested then.
    """

    __table_args__ = (
        Index("withdrawal_operator", "operator", "id"),
        Index("withdrawal_funder", "funder", "id"),
    )

    id: int = primary(INT64)
    operator: Address
    funder: Address
    held_by: Address | None = None
    # From the operator's own stake; else from that of its delegators.
    is_own: bool
    shares: Amount = uint256()
    assets: Amount = uint256()
    exit_index: Amount = uint256()
    exit_generation: int = int64()
    requested_at: int = int64()
    matures_at: int = int64()
    withdrawn_at: int | None = int64(default=None)
    paid: Amount = uint256()


class Escrow(SQLModel, table=True):
    """Own stake that its operator promised to leave where it is. `multiplier` is what a wei of it weighs, WAD."""

    operator: Address = primary()
    assets: Amount = uint256()
    until: int = int64(default=0)
    multiplier: Amount = uint256()


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

    A slash in a task has `task_id` and `submission_id`, one in a federation `federation_id` and `round`; one by a
    module of another sort none of these, no `role` and no `reason`. The parts are 0 when earlier slashes left nothing.
    """

    __table_args__ = (
        Index("slash_operator", "operator", "position"),
        Index("slash_task", "task_id", "position"),
        Index("slash_federation", "federation_id", "position"),
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
    federation_id: int | None = int64(default=None)
    round: int | None = int64(default=None)
    role: str | None = None
    reason: str | None = None
