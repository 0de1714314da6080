"""The verbs of funders: each one's refusals in the order of its checks, then what it does."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import COOLDOWN, PURSE
from invariants import hold, pool_of
from reference import INDEX_START, MAX_TOTAL, PAR

WAD = 10**18


@pytest.fixture(autouse=True)
def _invariants(staking, token, operator, delegator, stranger, module):
    """Held at the end of every test of this file."""
    yield
    hold(staking, token, [operator], [operator, delegator, stranger], [module])


@pytest.fixture
def request_withdrawal(staking, operator):
    def request(funder, shares):
        return staking.requestWithdrawal(operator, shares, {"from": funder}).return_value

    return request


def test_construction(Staking, SkeinToken, token, owner):
    with reverts(error("OwnableInvalidOwner", ZERO_ADDRESS)):
        owner.deploy(Staking, token, COOLDOWN, ZERO_ADDRESS)
    with reverts(error("ZeroAddress")):
        owner.deploy(Staking, ZERO_ADDRESS, COOLDOWN, owner)
    year = 365 * 24 * 3600
    with reverts(error("CooldownTooLong", year + 1, year)):
        owner.deploy(Staking, token, year + 1, owner)

    staking = owner.deploy(Staking, token, year, owner)

    assert (staking.TOKEN(), staking.COOLDOWN(), staking.owner()) == (token, year, owner)
    assert (staking.MAX_COMMISSION(), staking.MAX_TOTAL_ASSETS()) == (WAD // 2, MAX_TOTAL)


def test_deposit_of_own_stake(staking, token, operator, stranger):
    with reverts(error("ZeroAddress")):
        staking.deposit(ZERO_ADDRESS, 1, operator, {"from": operator})
    with reverts(error("ZeroAddress")):
        staking.deposit(operator, 1, ZERO_ADDRESS, {"from": operator})
    with reverts(error("ZeroAmount")):
        staking.deposit(operator, 0, operator, {"from": operator})
    for amount in (MAX_TOTAL + 1, 2**256 - 1):
        with reverts(error("AmountTooLarge", amount)):
            staking.deposit(operator, amount, operator, {"from": operator})
    with reverts(error("ERC20InsufficientBalance", operator, PURSE, PURSE + 1)):
        staking.deposit(operator, PURSE + 1, operator, {"from": operator})

    tx = staking.deposit(operator, 70, operator, {"from": operator})

    assert tx.return_value == 70 * PAR
    assert dict(tx.events["Deposited"]) == {
        "operator": operator,
        "funder": operator,
        "sender": operator,
        "assets": 70,
        "shares": 70 * PAR,
    }
    assert pool_of(staking, operator).own == (70, 70 * PAR, 0, 0, 0)
    assert staking.sharesOf(operator, operator) == 70 * PAR
    assert staking.assetsOf(operator, operator) == staking.stakeOf(operator) == staking.lockable(operator) == 70
    assert token.balanceOf(operator) == PURSE - 70

    staking.deposit(operator, 30, operator, {"from": stranger})  # a present
    assert staking.assetsOf(operator, operator) == 100
    assert token.balanceOf(stranger) == PURSE - 30


def test_deposit_by_a_delegator(staking, token, operator, delegator, stranger, stake):
    with reverts(error("OperatorHasNoStake", operator)):
        staking.deposit(operator, 1, delegator, {"from": delegator})
    stake(operator, 70)

    tx = staking.deposit(operator, 40, delegator, {"from": stranger})

    assert tx.return_value == 40 * PAR
    assert dict(tx.events["Deposited"]) == {
        "operator": operator,
        "funder": delegator,
        "sender": stranger,
        "assets": 40,
        "shares": 40 * PAR,
    }
    assert pool_of(staking, operator).delegated == (40, 40 * PAR, 0, 0, 0)
    assert (staking.sharesOf(operator, delegator), staking.assetsOf(operator, delegator)) == (40 * PAR, 40)
    assert staking.sharesOf(operator, stranger) == 0
    assert staking.stakeOf(operator) == 110
    assert token.balanceOf(delegator) == PURSE
    assert token.balanceOf(stranger) == PURSE - 40


def test_deposit_of_what_was_sent(staking, token, operator, delegator, stranger):
    """By whoever sent it, in one transaction: here others could come first."""
    with reverts(error("AssetsMissing", 0, 70)):
        staking.depositSent(operator, 70, operator, {"from": operator})
    token.transfer(staking, 110, {"from": stranger})
    with reverts(error("ZeroAddress")):
        staking.depositSent(ZERO_ADDRESS, 70, operator, {"from": operator})
    with reverts(error("ZeroAmount")):
        staking.depositSent(operator, 0, operator, {"from": operator})
    with reverts(error("AssetsMissing", 110, 111)):
        staking.depositSent(operator, 111, operator, {"from": operator})

    staking.depositSent(operator, 70, operator, {"from": operator})
    tx = staking.depositSent(operator, 40, delegator, {"from": stranger})

    event = {"operator": operator, "funder": delegator, "sender": stranger, "assets": 40, "shares": 40 * PAR}
    assert dict(tx.events["Deposited"]) == event
    assert staking.delegatedTo(operator) == (40, 40 * PAR)
    assert (staking.stakeOf(operator), staking.totalAssets()) == (110, 110)
    with reverts(error("AssetsMissing", 110, 111)):
        staking.depositSent(operator, 1, operator, {"from": operator})


def test_deposit_at_a_higher_price(staking, operator, delegator, stranger, stake):
    stake(operator, 1)
    stake(operator, 10**18, delegator)
    staking.distribute(operator, 10**18, {"from": stranger})  # practically doubles the price
    shares = stake(operator, 10**18, stranger)
    assert 0.5 * 10**24 <= shares <= 0.500001 * 10**24
    assert 10**18 - 2 <= staking.assetsOf(operator, stranger) <= 10**18


def test_request_refused(staking, operator, delegator, stake):
    with reverts(error("ZeroAmount")):
        staking.requestWithdrawal(operator, 0, {"from": operator})
    with reverts(error("InsufficientShares", 1, 0)):
        staking.requestWithdrawal(operator, 1, {"from": delegator})
    stake(operator, 70)
    stake(operator, 40, delegator)
    with reverts(error("InsufficientShares", 70 * PAR + 1, 70 * PAR)):
        staking.requestWithdrawal(operator, 70 * PAR + 1, {"from": operator})
    with reverts(error("InsufficientShares", 40 * PAR + 1, 40 * PAR)):
        staking.requestWithdrawal(operator, 40 * PAR + 1, {"from": delegator})
    for funder in (operator, delegator):  # worth less than one wei
        with reverts(error("ZeroAmount")):
            staking.requestWithdrawal(operator, PAR - 1, {"from": funder})


@pytest.mark.parametrize("who", ["operator", "delegator"])
def test_request(staking, token, operator, delegator, stake, who):
    stake(operator, 70)
    stake(operator, 40, delegator)
    funder = operator if who == "operator" else delegator
    before = staking.assetsOf(operator, funder)

    tx = staking.requestWithdrawal(operator, 30 * PAR, {"from": funder})

    matures_at = tx.timestamp + COOLDOWN
    assert tx.return_value == staking.withdrawalCount() == 1
    assert dict(tx.events["WithdrawalRequested"]) == {
        "withdrawalId": 1,
        "operator": operator,
        "funder": funder,
        "shares": 30 * PAR,
        "assets": 30,
        "maturesAt": matures_at,
    }
    assert staking.withdrawal(1) == (operator, 0, matures_at, funder, INDEX_START, 30, funder == operator, False)
    pool = pool_of(staking, operator)
    tranche = pool.own if who == "operator" else pool.delegated
    assert tranche == (before - 30, (before - 30) * PAR, 30, INDEX_START, 0)
    assert staking.assetsOf(operator, funder) == before - 30
    assert (staking.stakeOf(operator), staking.withdrawable(1)) == (80, 30)
    assert token.balanceOf(staking) == staking.totalAssets() == 110


def test_request_of_own_shares_burns_whole_wei_only(staking, operator, stake):
    stake(operator, 70)
    tx = staking.requestWithdrawal(operator, 30 * PAR + 999_999, {"from": operator})
    assert tx.events["WithdrawalRequested"]["shares"] == 30 * PAR
    assert staking.sharesOf(operator, operator) == 40 * PAR


def test_withdraw(staking, token, operator, delegator, stranger, stake, request_withdrawal):
    with reverts(error("UnknownWithdrawal", 0)):
        staking.withdraw(0, {"from": stranger})
    stake(operator, 70)
    stake(operator, 40, delegator)
    number = request_withdrawal(delegator, 30 * PAR)
    matures_at = staking.withdrawal(number)[2]
    chain.mine(timestamp=matures_at - 2)
    with reverts(error("NotMatured", matures_at)):
        staking.withdraw(number, {"from": stranger})
    chain.mine(timestamp=matures_at)

    tx = staking.withdraw(number, {"from": stranger})  # anyone may, the money goes to the funder

    assert tx.return_value == 30
    assert dict(tx.events["Withdrawn"]) == {
        "withdrawalId": number,
        "operator": operator,
        "funder": delegator,
        "requested": 30,
        "assets": 30,
    }
    assert token.balanceOf(delegator) == PURSE - 10
    assert token.balanceOf(stranger) == PURSE
    assert pool_of(staking, operator).delegated.exiting_assets == 0
    assert staking.withdrawal(number) == (ZERO_ADDRESS, 0, 0, ZERO_ADDRESS, 0, 0, False, False)
    assert staking.withdrawable(number) == 0
    with reverts(error("UnknownWithdrawal", number)):
        staking.withdraw(number, {"from": delegator})


def test_delegated_stake_leaves_while_the_rest_covers_the_locks(
    staking, operator, delegator, module, stake, request_withdrawal
):
    stake(operator, 70)
    stake(operator, 40, delegator)
    staking.lock(operator, 71, {"from": module})
    number = request_withdrawal(delegator, 40 * PAR)
    chain.sleep(COOLDOWN)
    with reverts(error("StakeLocked", 71, 70)):
        staking.withdraw(number, {"from": delegator})
    staking.unlock(operator, 1, {"from": module})
    assert staking.withdraw(number, {"from": delegator}).return_value == 40


def test_own_stake_leaves_only_when_own_stake_covers_the_locks(
    staking, operator, delegator, module, stake, request_withdrawal
):
    """It is slashed first: gone, it would leave the loss to the delegators."""
    stake(operator, 70)
    stake(operator, 1000, delegator)
    staking.lock(operator, 50, {"from": module})
    number = request_withdrawal(operator, 21 * PAR)
    chain.sleep(COOLDOWN)
    with reverts(error("StakeLocked", 50, 49)):
        staking.withdraw(number, {"from": operator})
    staking.unlock(operator, 1, {"from": module})
    assert staking.withdraw(number, {"from": operator}).return_value == 21


def test_new_locks_never_hold_back_a_requested_withdrawal(
    staking, operator, delegator, module, stake, request_withdrawal
):
    stake(operator, 70)
    stake(operator, 40, delegator)
    number = request_withdrawal(delegator, 40 * PAR)
    with reverts(error("InsufficientStake", 71, 70)):
        staking.lock(operator, 71, {"from": module})
    staking.lock(operator, 70, {"from": module})
    chain.sleep(COOLDOWN)
    assert staking.withdraw(number, {"from": delegator}).return_value == 40


def test_commission(staking, operator, stranger):
    with reverts(error("CommissionTooHigh", WAD // 2 + 1, WAD // 2)):
        staking.setCommission(WAD // 2 + 1, {"from": operator})

    tx = staking.setCommission(WAD // 2, {"from": operator})

    effective_at = tx.timestamp + COOLDOWN
    assert dict(tx.events["CommissionAnnounced"]) == {
        "operator": operator,
        "commission": WAD // 2,
        "effectiveAt": effective_at,
    }
    assert pool_of(staking, operator)[2:6] == (0, 0, effective_at, WAD // 2)
    chain.mine(timestamp=effective_at - 1)
    assert staking.commissionOf(operator) == 0
    chain.mine(timestamp=effective_at)
    assert staking.commissionOf(operator) == WAD // 2
    assert staking.commissionOf(stranger) == 0


def test_commission_announced_again(staking, operator):
    """The one in force stays in force; one that was not yet is forgotten."""
    staking.setCommission(WAD // 10, {"from": operator})
    chain.sleep(COOLDOWN)
    staking.setCommission(WAD // 5, {"from": operator})
    assert staking.commissionOf(operator) == WAD // 10
    chain.sleep(COOLDOWN - 10)
    staking.setCommission(WAD // 4, {"from": operator})
    chain.mine(timedelta=20)
    assert staking.commissionOf(operator) == WAD // 10
    chain.mine(timedelta=COOLDOWN)
    assert staking.commissionOf(operator) == WAD // 4
