"""Ways out of the ledger that nobody can bar: parts, other receivers, pauses; and a commission that waits for locks."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import COOLDOWN
from invariants import hold, pool_of
from reference import DAY, FREEZE, INDEX_START, PAR, WAD


@pytest.fixture(autouse=True)
def _invariants(staking, token, operator, delegator, stranger, module):
    """Held at the end of every test of this file."""
    yield
    hold(staking, token, [operator], [operator, delegator, stranger], [module])


@pytest.fixture
def pool(operator, delegator, stake):
    """100 own, 300 delegated."""
    stake(operator, 100)
    stake(operator, 300, delegator)


@pytest.fixture
def guardian(staking, owner, accounts):
    staking.setGuardian(accounts[14], {"from": owner})
    return accounts[14]


# --- parts and receivers


def test_locking_for_others_keeps_own_stake(staking, token, operator, module, stranger, pool):
    """Own stake is the first to be slashed: an operator that asks for it, and has its delegators' stake locked then,
    waits until the lock ends."""
    staking.requestWithdrawal(operator, 40 * PAR, {"from": operator})
    staking.lock(operator, 100, {"from": module})  # the pool has 360 active ones
    chain.sleep(COOLDOWN)
    with reverts(error("StakeLocked", 100, 60)):
        staking.withdraw(1, {"from": stranger})
    staking.unlock(operator, 60, {"from": module})
    had = token.balanceOf(operator)
    staking.withdraw(1, {"from": stranger})
    assert token.balanceOf(operator) - had == 40
    staking.unlock(operator, 40, {"from": module})


def test_a_part_is_paid_while_locks_hold_the_rest(staking, token, operator, delegator, module, stranger, pool):
    staking.lock(operator, 150, {"from": module})
    staking.requestWithdrawal(operator, 300 * PAR, {"from": delegator})
    with reverts(error("ZeroAmount")):
        staking.withdrawPart(1, 0, {"from": stranger})
    with reverts(error("NotMatured", staking.withdrawal(1)[2])):
        staking.withdrawPart(1, 10, {"from": stranger})
    chain.sleep(COOLDOWN)
    with reverts(error("StakeLocked", 150, 100)):
        staking.withdraw(1, {"from": stranger})
    with reverts(error("StakeLocked", 150, 149)):
        staking.withdrawPart(1, 251, {"from": stranger})

    had = token.balanceOf(delegator)
    tx = staking.withdrawPart(1, 250, {"from": stranger})
    event = {"withdrawalId": 1, "operator": operator, "funder": delegator, "assets": 250, "left": 50}
    assert dict(tx.events["PartWithdrawn"]) == event
    assert token.balanceOf(delegator) - had == 250
    assert staking.withdrawable(1) == 50
    staking.unlock(operator, 150, {"from": module})
    tx = staking.withdrawPart(1, 51, {"from": stranger})  # more than is left: all of it
    assert tx.events["Withdrawn"]["assets"] == 50
    assert token.balanceOf(delegator) - had == 300
    with reverts(error("UnknownWithdrawal", 1)):
        staking.withdrawPart(1, 1, {"from": stranger})


def test_the_rest_of_a_part_payment_is_slashed_on(staking, operator, delegator, module, receiver, stake, pool):
    staking.lock(operator, 250, {"from": module})
    staking.requestWithdrawal(operator, 200 * PAR, {"from": delegator})
    staking.slash(operator, 200, receiver, {"from": module})  # own 100, delegated 33 of 100 and 66 of 200
    assert staking.withdrawable(1) == 134
    chain.sleep(COOLDOWN)
    staking.withdrawPart(1, 34, {"from": delegator})
    index = pool_of(staking, operator).delegated.exit_index
    assert staking.withdrawal(1)[4:] == (index, 100, False, False)
    assert index < INDEX_START
    staking.slash(operator, 50, receiver, {"from": module})
    assert staking.withdrawable(1) == 70  # 50 · 100 / 166, rounded down, went from what waits


def test_a_withdrawal_for_somebody_else(staking, token, operator, delegator, stranger, pool):
    with reverts(error("ZeroAddress")):
        staking.requestWithdrawalTo(operator, PAR, ZERO_ADDRESS, {"from": delegator})
    tx = staking.requestWithdrawalTo(operator, 30 * PAR, stranger, {"from": delegator})
    assert tx.events["WithdrawalRequested"]["funder"] == delegator
    assert dict(tx.events["WithdrawalAssigned"]) == {"withdrawalId": 1, "operator": operator, "receiver": stranger}
    staking.requestWithdrawalTo(operator, 10 * PAR, operator, {"from": delegator})
    staking.requestWithdrawalTo(operator, 20 * PAR, delegator, {"from": operator})
    pool = pool_of(staking, operator)
    assert (pool.own.exiting_assets, pool.delegated.exiting_assets) == (20, 40)
    chain.sleep(COOLDOWN)
    for number, who, assets in [(1, stranger, 30), (2, operator, 10), (3, delegator, 20)]:
        had = token.balanceOf(who)
        assert staking.withdraw(number, {"from": delegator}).events["Withdrawn"]["funder"] == who
        assert token.balanceOf(who) - had == assets


def test_a_held_withdrawal_is_paid_by_its_funder_alone(staking, token, operator, delegator, stranger, receiver, pool):
    tx = staking.requestHeldWithdrawal(operator, 30 * PAR, stranger, {"from": delegator})
    assert tx.events["WithdrawalRequested"]["funder"] == delegator
    assert dict(tx.events["WithdrawalHeld"]) == {"withdrawalId": 1, "operator": operator, "beneficiary": stranger}
    assert staking.withdrawal(1)[5:] == (30, False, True)
    staking.requestWithdrawal(operator, 20 * PAR, {"from": operator})
    chain.sleep(COOLDOWN)
    for call in (
        lambda: staking.withdraw(1, {"from": stranger}),
        lambda: staking.withdrawPart(1, 1, {"from": stranger}),
        lambda: staking.withdrawTo(1, 1, stranger, {"from": stranger}),
        lambda: staking.withdrawTo(2, 1, stranger, {"from": stranger}),
    ):
        with reverts(error("Unauthorized", stranger)):
            call()
    with reverts(error("ZeroAddress")):
        staking.withdrawTo(1, 1, ZERO_ADDRESS, {"from": delegator})
    with reverts(error("ZeroAmount")):
        staking.withdrawTo(1, 0, receiver, {"from": delegator})
    with reverts(error("UnknownWithdrawal", 3)):
        staking.withdrawTo(3, 1, receiver, {"from": delegator})
    staking.withdrawTo(1, 12, receiver, {"from": delegator})
    assert (token.balanceOf(receiver), staking.withdrawable(1)) == (12, 18)
    had = token.balanceOf(delegator)
    assert staking.withdraw(1, {"from": delegator}).events["Withdrawn"]["assets"] == 18
    assert token.balanceOf(delegator) - had == 18
    staking.withdrawTo(2, 2**256 - 1, receiver, {"from": operator})
    assert token.balanceOf(receiver) == 32


# --- pauses


def test_who_pauses(staking, owner, stranger, guardian):
    with reverts(error("OwnableUnauthorizedAccount", stranger)):
        staking.setGuardian(stranger, {"from": stranger})
    for caller, duration in [(stranger, 60), (stranger, 0), (owner, 1)]:
        with reverts(error("Unauthorized", caller)):
            staking.pauseEntries(duration, {"from": caller})
    longest = staking.MAX_PAUSE()
    with reverts(error("PauseTooLong", longest + 1, longest)):
        staking.pauseEntries(longest + 1, {"from": guardian})
    tx = staking.pauseEntries(longest, {"from": guardian})
    assert dict(tx.events["EntriesPaused"]) == {"caller": guardian, "until": tx.timestamp + longest}
    assert staking.pausedUntil() == tx.timestamp + longest
    tx = staking.pauseEntries(0, {"from": owner})
    assert staking.pausedUntil() == tx.timestamp
    tx = staking.setGuardian(ZERO_ADDRESS, {"from": owner})
    assert dict(tx.events["GuardianSet"]) == {"guardian": ZERO_ADDRESS} and staking.guardian() == ZERO_ADDRESS
    with reverts(error("Unauthorized", guardian)):
        staking.pauseEntries(60, {"from": guardian})


def test_a_pause_stops_entries_and_nothing_else(
    staking, token, operator, delegator, stranger, module, receiver, guardian, pool
):
    staking.lock(operator, 50, {"from": module})
    tx = staking.pauseEntries(14 * DAY, {"from": guardian})
    until = tx.timestamp + 14 * DAY
    for who in (operator, delegator):
        with reverts(error("EntryPaused", until)):
            staking.deposit(operator, 1, who, {"from": who})
        with reverts(error("EntryPaused", until)):
            staking.depositSent(operator, 1, who, {"from": who})
    with reverts(error("EntryPaused", until)):
        staking.lock(operator, 1, {"from": module})

    staking.escrow(50, DAY, {"from": operator})
    staking.setCommission(0, {"from": operator})
    staking.distribute(operator, 40, {"from": stranger})
    staking.slash(operator, 10, receiver, {"from": module})
    staking.unlock(operator, 40, {"from": module})
    staking.requestWithdrawal(operator, 300 * PAR, {"from": delegator})
    chain.sleep(COOLDOWN)
    staking.withdrawPart(1, 1, {"from": stranger})
    staking.withdraw(1, {"from": stranger})
    staking.requestWithdrawal(operator, staking.sharesOf(operator, operator), {"from": operator})
    chain.sleep(COOLDOWN)
    staking.withdraw(2, {"from": stranger})
    assert staking.stakeOf(operator) == 0
    staking.deposit(operator, 1, operator, {"from": operator})  # the pause has ended by itself


# --- the freeze of commissions


def announce(staking, operator, rate):
    staking.setCommission(rate, {"from": operator})
    return chain[-1].timestamp + COOLDOWN


def test_a_commission_waits_for_the_locks(staking, operator, stranger, module, pool):
    staking.lock(operator, 50, {"from": module})
    announce(staking, operator, WAD // 2)
    chain.sleep(3 * COOLDOWN)
    tx = staking.distribute(operator, 400, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 300
    staking.unlock(operator, 49, {"from": module})
    assert staking.commissionOf(operator) == 0
    ended = staking.unlock(operator, 1, {"from": module}).timestamp
    tx = staking.distribute(operator, 800, {"from": stranger})  # what the lock was for is paid right after it
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 600
    chain.mine(timestamp=ended + FREEZE - 1)
    assert staking.commissionOf(operator) == 0
    chain.mine(timestamp=ended + FREEZE)
    assert staking.commissionOf(operator) == WAD // 2
    assert pool_of(staking, operator)[3:6] == (0, ended + FREEZE, WAD // 2)


def test_a_lock_settles_what_is_in_force(staking, operator, module, pool):
    chain.mine(timestamp=announce(staking, operator, WAD // 4))
    staking.lock(operator, 50, {"from": module})
    assert pool_of(staking, operator)[3:6] == (WAD // 4, 0, 0)
    announce(staking, operator, WAD // 2)
    staking.lock(operator, 50, {"from": module})
    chain.sleep(2 * COOLDOWN)
    chain.mine()
    assert staking.commissionOf(operator) == WAD // 4
    staking.setCommission(0, {"from": operator})  # takes the place of what never came into force
    staking.unlock(operator, 100, {"from": module})
    assert staking.commissionOf(operator) == WAD // 4


def test_a_slash_that_ends_the_last_lock_freezes_too(staking, operator, module, receiver, pool):
    at = announce(staking, operator, WAD // 4)
    staking.lock(operator, 50, {"from": module})
    chain.mine(timestamp=at)
    ended = staking.slash(operator, 50, receiver, {"from": module}).timestamp
    assert pool_of(staking, operator).next_commission_at == ended + FREEZE


def test_strangers_cannot_hold_a_commission_up(staking, operator, stranger, pool):
    """A lock of nothing can be ended by anyone, as often as he likes."""
    at = announce(staking, operator, WAD // 4)
    chain.mine(timestamp=at)
    staking.unlock(operator, 0, {"from": stranger})
    assert staking.commissionOf(operator) == WAD // 4
