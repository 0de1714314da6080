"""Staking: pools in two tranches, positions, withdrawals, locks, slashes, rewards: the ledger's arithmetic."""

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.projections.history import remember_pool
from indexer.rows import Rows
from indexer.stake_math import FREEZE, INDEX_START, SHARES_PER_ASSET, decay
from indexer.twins import Escrow, Lock, Module, Pool, Position, Reward, Slash, Withdrawal


def _pool(rows: Rows, operator: str) -> Pool:
    pool = rows.find(Pool, operator)
    if pool is None:
        totals(rows).operators += 1
        pool = rows.add(Pool, operator=operator)
    return pool


def _weigh(rows: Rows, at: At, pool: Pool) -> None:
    pool.stake = pool.own_assets + pool.delegated_assets
    remember_pool(rows, at, pool)


@on("Staking.Deposited")
def deposited(rows: Rows, at: At, *, operator: str, funder: str, sender: str, assets: int, shares: int) -> None:
    """The operator's own deposits form the own tranche, all others the delegated one."""
    account(rows, funder)
    pool = _pool(rows, operator)
    position = rows.ensure(Position, operator, funder)
    if operator == funder:
        pool.own_assets += assets
        pool.own_shares += shares
    else:
        pool.delegators += position.shares == 0
        pool.delegated_assets += assets
        pool.delegated_shares += shares
    position.shares += shares
    _weigh(rows, at, pool)
    totals(rows).staked += assets


@on("Staking.WithdrawalRequested")
def withdrawal_requested(
    rows: Rows, at: At, *, withdrawal_id: int, operator: str, funder: str, shares: int, assets: int, matures_at: int
) -> None:
    """Shares are burned; the assets move from the active to the exiting ones of the tranche."""
    pool = rows.edit(Pool, operator)
    position = rows.edit(Position, operator, funder)
    position.shares -= shares
    if operator == funder:
        pool.own_assets -= assets
        pool.own_shares -= shares
        pool.own_exiting_assets += assets
        pool.own_exit_index = index = pool.own_exit_index or INDEX_START
        generation = pool.own_exit_generation
    else:
        pool.delegators -= position.shares == 0
        pool.delegated_assets -= assets
        pool.delegated_shares -= shares
        pool.delegated_exiting_assets += assets
        pool.delegated_exit_index = index = pool.delegated_exit_index or INDEX_START
        generation = pool.delegated_exit_generation
    _weigh(rows, at, pool)
    rows.add(
        Withdrawal,
        id=withdrawal_id,
        operator=operator,
        funder=funder,
        is_own=operator == funder,
        shares=shares,
        assets=assets,
        exit_index=index,
        exit_generation=generation,
        requested_at=at.timestamp,
        matures_at=matures_at,
    )
    sums = totals(rows)
    sums.staked -= assets
    sums.exiting += assets


@on("Staking.WithdrawalAssigned")
def withdrawal_assigned(rows: Rows, at: At, *, withdrawal_id: int, operator: str, receiver: str) -> None:
    """Somebody else than who requested it is paid."""
    account(rows, receiver)
    rows.edit(Withdrawal, withdrawal_id).funder = receiver


@on("Staking.WithdrawalHeld")
def withdrawal_held(rows: Rows, at: At, *, withdrawal_id: int, operator: str, beneficiary: str) -> None:
    """Whoever requested it keeps it for somebody, as a vault does."""
    account(rows, beneficiary)
    withdrawal = rows.edit(Withdrawal, withdrawal_id)
    withdrawal.held_by, withdrawal.funder = withdrawal.funder, beneficiary


@on("Staking.Withdrawn")
def withdrawn(
    rows: Rows, at: At, *, withdrawal_id: int, operator: str, funder: str, requested: int, assets: int
) -> None:
    """`requested` is what the withdrawal's row has; `assets` is what slashes left of it."""
    _pay(rows, rows.edit(Withdrawal, withdrawal_id), assets).withdrawn_at = at.timestamp


@on("Staking.PartWithdrawn")
def part_withdrawn(
    rows: Rows, at: At, *, withdrawal_id: int, operator: str, funder: str, assets: int, left: int
) -> None:
    """The rest waits on: from the tranche's present index."""
    withdrawal = _pay(rows, rows.edit(Withdrawal, withdrawal_id), assets)
    pool = rows.edit(Pool, operator)
    withdrawal.assets = left
    withdrawal.exit_index = pool.own_exit_index if withdrawal.is_own else pool.delegated_exit_index
    withdrawal.exit_generation = pool.own_exit_generation if withdrawal.is_own else pool.delegated_exit_generation


def _pay(rows: Rows, withdrawal: Withdrawal, assets: int) -> Withdrawal:
    pool = rows.edit(Pool, withdrawal.operator)
    if withdrawal.is_own:
        pool.own_exiting_assets -= assets
    else:
        pool.delegated_exiting_assets -= assets
    withdrawal.paid += assets
    totals(rows).exiting -= assets
    return withdrawal


@on("Staking.Escrowed")
def escrowed(rows: Rows, at: At, *, operator: str, assets: int, until: int, multiplier: int) -> None:
    """A promise takes the place of the last one."""
    escrow = rows.ensure(Escrow, operator)
    escrow.assets, escrow.until, escrow.multiplier = assets, until, multiplier


@on("Staking.EscrowEnded")
def escrow_ended(rows: Rows, at: At, *, operator: str, assets: int) -> None:
    """Nothing is promised any more."""
    escrow = rows.edit(Escrow, operator)
    escrow.assets = escrow.until = escrow.multiplier = 0


@on("Staking.CommissionAnnounced")
def commission_announced(rows: Rows, at: At, *, operator: str, commission: int, effective_at: int) -> None:
    """An announced commission that came into force meanwhile becomes the one that the new one will replace."""
    pool = _pool(rows, operator)
    _settle_commission(pool, at)
    pool.next_commission = commission
    pool.next_commission_at = effective_at


def _settle_commission(pool: Pool, at: At) -> None:
    """While a pool has locks, nothing that was announced comes into force."""
    if pool.next_commission_at and not pool.locked and at.timestamp >= pool.next_commission_at:
        pool.commission = pool.next_commission
        pool.next_commission = pool.next_commission_at = 0


@on("Staking.Locked")
def locked(rows: Rows, at: At, *, operator: str, module: str, assets: int) -> None:
    """A module holds stake. The first lock settles what is the commission until the last has ended."""
    pool = rows.edit(Pool, operator)
    _settle_commission(pool, at)
    pool.locked += assets
    rows.ensure(Lock, operator, module).assets += assets
    totals(rows).locked += assets


@on("Staking.Unlocked")
def unlocked(rows: Rows, at: At, *, operator: str, module: str, assets: int) -> None:
    """A module lets stake go; of a lock of nothing, nothing."""
    if assets:
        _unlock(rows, at, operator, module, assets)


def _unlock(rows: Rows, at: At, operator: str, module: str, assets: int) -> None:
    pool = rows.edit(Pool, operator)
    pool.locked -= assets
    if not pool.locked and pool.next_commission_at:
        pool.next_commission_at = max(pool.next_commission_at, at.timestamp + FREEZE)
    rows.edit(Lock, operator, module).assets -= assets
    totals(rows).locked -= assets


@on("Staking.Slashed")
def slashed(
    rows: Rows,
    at: At,
    *,
    operator: str,
    module: str,
    receiver: str,
    own_assets: int,
    own_exiting_assets: int,
    delegated_assets: int,
    delegated_exiting_assets: int,
) -> None:
    """The four parts add up. A module that announced the slash, in the same transaction, has given its reason."""
    lock = rows.ensure(Lock, operator, module)
    slash = (
        rows.add(Slash, position=at.position, operator=operator, module=module)
        if lock.announced_slash is None
        else rows.edit(Slash, lock.announced_slash)
    )
    lock.announced_slash = None
    slash.receiver = receiver
    slash.own_assets, slash.own_exiting_assets = own_assets, own_exiting_assets
    slash.delegated_assets, slash.delegated_exiting_assets = delegated_assets, delegated_exiting_assets
    slash.assets = own_assets + own_exiting_assets + delegated_assets + delegated_exiting_assets
    if slash.assets:
        _unlock(rows, at, operator, module, slash.assets)
        _take(rows, at, slash)


def _take(rows: Rows, at: At, slash: Slash) -> None:
    pool = rows.edit(Pool, slash.operator)
    pool.slashed += slash.assets
    _take_own(rows, pool, slash.own_assets, slash.own_exiting_assets)
    _take_delegated(pool, slash.delegated_assets, slash.delegated_exiting_assets)
    _weigh(rows, at, pool)
    account(rows, slash.operator).slashed += slash.own_assets + slash.own_exiting_assets
    sums = totals(rows)
    sums.slashes += 1
    sums.slashed += slash.assets
    sums.staked -= slash.own_assets + slash.delegated_assets
    sums.exiting -= slash.own_exiting_assets + slash.delegated_exiting_assets


def _take_own(rows: Rows, pool: Pool, active: int, exiting: int) -> None:
    """The own tranche stays at par: its shares are burned with its assets."""
    if active:
        pool.own_assets -= active
        pool.own_shares = pool.own_assets * SHARES_PER_ASSET
        rows.edit(Position, pool.operator, pool.operator).shares = pool.own_shares
        escrow = rows.get(Escrow, pool.operator)
        if escrow is not None and escrow.assets > pool.own_assets:
            rows.edit(Escrow, pool.operator).assets = pool.own_assets
    if exiting:
        before, pool.own_exiting_assets = pool.own_exiting_assets, pool.own_exiting_assets - exiting
        pool.own_exit_index, pool.own_exit_generation = decay(
            pool.own_exit_index, pool.own_exit_generation, before, pool.own_exiting_assets
        )


def _take_delegated(pool: Pool, active: int, exiting: int) -> None:
    pool.delegated_assets -= active
    if exiting:
        before, pool.delegated_exiting_assets = pool.delegated_exiting_assets, pool.delegated_exiting_assets - exiting
        pool.delegated_exit_index, pool.delegated_exit_generation = decay(
            pool.delegated_exit_index, pool.delegated_exit_generation, before, pool.delegated_exiting_assets
        )


@on("Staking.RewardDistributed")
def reward_distributed(
    rows: Rows,
    at: At,
    *,
    operator: str,
    sender: str,
    assets: int,
    operator_assets: int,
    operator_shares: int,
    delegated_assets: int,
) -> None:
    """The operator's part becomes new shares of its own; the delegators' part raises the price of theirs."""
    pool = _pool(rows, operator)
    pool.own_assets += operator_assets
    pool.own_shares += operator_shares
    pool.delegated_assets += delegated_assets
    pool.earned += assets
    _weigh(rows, at, pool)
    rows.ensure(Position, operator, operator).shares = pool.own_shares
    account(rows, operator).earned += operator_assets
    rows.add(
        Reward,
        position=at.position,
        operator=operator,
        sender=sender,
        assets=assets,
        operator_assets=operator_assets,
        delegated_assets=delegated_assets,
    )
    sums = totals(rows)
    sums.staked += assets
    sums.distributed += assets


@on("Staking.ModuleSet")
def module_set(rows: Rows, at: At, *, module: str, enabled: bool) -> None:
    """A contract may make locks from now on, or may not."""
    rows.ensure(Module, module).enabled = enabled
