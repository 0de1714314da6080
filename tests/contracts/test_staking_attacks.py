"""What somebody would try against the ledger, and the corners in which its numbers are largest or smallest."""

from __future__ import annotations

import pytest
from brownie import chain, reverts
from brownie_compat import error
from conftest import COOLDOWN
from invariants import hold, pool_of
from reference import PAR

WAD = 10**18
BIG = 3 * 10**26


@pytest.fixture
def gifts():
    """What a test sends to the ledger past its verbs."""
    return []


@pytest.fixture(autouse=True)
def _invariants(staking, token, operator, delegator, stranger, module, gifts):
    """Held at the end of every test of this file."""
    yield
    hold(staking, token, [operator], [operator, delegator, stranger], [module], sum(gifts))


@pytest.fixture
def leave(staking, operator):
    """leave(funder): takes all its stake out; returns what it got."""

    def take(*funders):
        numbers = [
            staking.requestWithdrawal(operator, staking.sharesOf(operator, funder), {"from": funder}).return_value
            for funder in funders
        ]
        chain.sleep(COOLDOWN)
        return [staking.withdraw(number, {"from": funders[0]}).return_value for number in numbers]

    return take


@pytest.fixture
def rich(token, owner, delegator):
    """The delegator owns three quarters of all tokens that can be."""
    token.mint(delegator, 5 * 10**26, {"from": owner})
    token.transfer(delegator, 25 * 10**25, {"from": owner})


def test_the_first_delegator_cannot_rob_the_second(staking, operator, delegator, stranger, owner, stake, leave):
    """The classic: one wei of shares, a gift that makes a share dear, and the victim's shares round down."""
    stake(operator, 1)
    stake(operator, 1, delegator)
    gift = 2_000_000 * WAD
    staking.distribute(operator, 2 * gift, {"from": owner})  # half of it for the delegators: 1 share = 1 token
    with reverts(error("ZeroAmount")):
        stake(operator, WAD // 2, stranger)
    stake(operator, 1999 * WAD // 1000, stranger)  # nearly two shares' worth, and one share

    thief, victim = leave(delegator, stranger)

    assert thief <= gift // 2 + WAD  # what it gave is gone
    assert victim >= gift // 2 - WAD  # and not to be had by leaving first


def test_a_transfer_is_not_a_reward(staking, token, operator, delegator, stranger, stake, leave, gifts):
    stake(operator, 100)
    stake(operator, 100, delegator)
    gifts.append(1000)
    token.transfer(staking, 1000, {"from": stranger})
    assert staking.assetsOf(operator, delegator) == 100
    assert staking.totalAssets() == 200
    assert leave(operator, delegator) == [100, 100]


def test_requests_do_not_escape_a_slash(staking, operator, delegator, module, receiver, stake, leave):
    stake(operator, 100)
    stake(operator, 1000, delegator)
    staking.lock(operator, 1000, {"from": module})
    number = staking.requestWithdrawal(operator, 1000 * PAR, {"from": delegator}).return_value
    chain.sleep(COOLDOWN)
    with reverts(error("StakeLocked", 1000, 100)):
        staking.withdraw(number, {"from": delegator})
    staking.slash(operator, 600, receiver, {"from": module})
    staking.unlock(operator, 400, {"from": module})
    assert staking.withdraw(number, {"from": delegator}).return_value == 500


def test_dust_blocks_no_exit(staking, token, operator, delegator, stranger, stake):
    """Deposits for the one who leaves and payments in parts, a wei each and by a stranger, delay nothing."""
    stake(operator, 100)
    stake(operator, 1000, delegator)
    number = staking.requestWithdrawal(operator, 1000 * PAR, {"from": delegator}).return_value
    matures = staking.withdrawal(number)[2]
    for _ in range(3):
        staking.deposit(operator, 1, delegator, {"from": stranger})
        stake(operator, 1, stranger)
        staking.requestWithdrawalTo(operator, PAR, delegator, {"from": stranger})
    assert staking.withdrawal(number)[2] == matures
    chain.mine(timestamp=matures)
    had = token.balanceOf(delegator)
    for _ in range(3):
        staking.withdrawPart(number, 1, {"from": stranger})
    staking.withdraw(number, {"from": stranger})
    assert token.balanceOf(delegator) - had == 1000
    assert staking.assetsOf(operator, delegator) == 3  # a gift


def test_early_slashes_do_not_touch_a_late_request(staking, operator, delegator, stranger, module, receiver, stake):
    """However small the exit index has become, a later request loses what later slashes take and no more."""

    def everything_exits(funder, assets, loss):
        stake(operator, 1)
        stake(operator, assets, funder)
        staking.lock(operator, assets, {"from": module})
        number = staking.requestWithdrawal(operator, assets * PAR, {"from": funder}).return_value
        staking.slash(operator, loss + 1, receiver, {"from": module})  # 1 of it is the operator's
        staking.unlock(operator, assets - loss - 1, {"from": module})
        return number

    numbers = [everything_exits(stranger, 10**24, 10**24 * 999 // 1000) for _ in range(8)]
    late = everything_exits(delegator, 10**24, 6 * 10**23)

    delegated = pool_of(staking, operator).delegated
    assert delegated.exit_generation == 2
    assert staking.withdrawable(numbers[0]) < 10**5
    fair = 10**24 * delegated.exiting_assets // (delegated.exiting_assets + 6 * 10**23)
    assert 0 <= fair - staking.withdrawable(late) <= 10**6


def test_a_reward_reaches_an_operator_that_was_slashed_to_nothing(
    staking, operator, delegator, module, receiver, owner, stake, leave
):
    """With a price of own shares, this reward would have to mint more of them than fit: its claim would be stuck."""
    stake(operator, 10**24)
    stake(operator, 10**24, delegator)
    staking.lock(operator, 2 * 10**24, {"from": module})
    staking.slash(operator, 2 * 10**24 - 1, receiver, {"from": module})
    assert pool_of(staking, operator)[:2] == ((0, 0, 0, 0, 0), (1, 10**30, 0, 0, 0))
    staking.unlock(operator, 1, {"from": module})

    staking.distribute(operator, 10**24, {"from": owner})  # the delegators' one wei is all the stake there is
    assert staking.assetsOf(operator, delegator) == 10**24 + 1
    staking.distribute(operator, 10**6, {"from": owner})
    stake(operator, 10**24)
    assert leave(operator) == [10**24]


def test_degraded_pool(staking, operator, delegator, stranger, module, receiver, owner, stake, leave):
    stake(operator, 1)
    stake(operator, 10**24, delegator)
    staking.lock(operator, 10**24 + 1, {"from": module})
    staking.slash(operator, 10**24 + 1 - (10**18 - 2), receiver, {"from": module})
    stake(operator, 10)
    with reverts(error("PoolDegraded", operator)):
        stake(operator, 10**6, stranger)

    staking.unlock(operator, 10**18 - 2, {"from": module})
    assert leave(delegator) == [10**18 - 2]
    assert stake(operator, 10**6, stranger) == 10**12  # nobody is left: at par again


def test_a_tranche_that_was_slashed_to_nothing_takes_nobody(
    staking, operator, delegator, stranger, module, receiver, stake
):
    stake(operator, 1)
    stake(operator, 10**24, delegator)
    staking.lock(operator, 10**24 + 1, {"from": module})
    staking.slash(operator, 10**24 + 1, receiver, {"from": module})
    with reverts(error("ZeroAmount")):
        staking.requestWithdrawal(operator, 10**30, {"from": delegator})
    stake(operator, 10)
    with reverts(error("PoolDegraded", operator)):
        stake(operator, 10**6, stranger)
    staking.distribute(operator, 100, {"from": stranger})
    assert staking.assetsOf(operator, operator) == 110


def test_a_pool_just_above_degradation(staking, operator, delegator, stranger, module, receiver, stake, leave):
    stake(operator, 1)
    stake(operator, 10**24, delegator)
    staking.lock(operator, 10**24 + 1, {"from": module})
    staking.slash(operator, 10**24 + 1 - 10**18, receiver, {"from": module})
    staking.unlock(operator, 10**18, {"from": module})
    stake(operator, 10)
    stake(operator, 10**6, stranger)
    assert staking.assetsOf(operator, stranger) in (10**6 - 1, 10**6)
    assert staking.assetsOf(operator, delegator) == 10**18


def test_more_shares_than_fit(staking, token, operator, delegator, module, receiver, stake, rich):
    stake(operator, 1)
    stake(operator, BIG, delegator)
    staking.lock(operator, BIG + 1, {"from": module})
    staking.slash(operator, BIG + 1 - (BIG // 10**6 + 1), receiver, {"from": module})
    stake(operator, 1)
    with reverts(error("AmountTooLarge", BIG + 10**26)):
        staking.deposit(operator, BIG + 10**26, delegator, {"from": delegator})
    stake(operator, 10**26, delegator)
    assert pool_of(staking, operator).delegated.shares > 10**37


def test_delegating_to_a_mistyped_address(staking, accounts, delegator):
    with reverts(error("OperatorHasNoStake", accounts[19])):
        staking.deposit(accounts[19], 10, delegator, {"from": delegator})


def test_commission_raised_before_a_reward(staking, operator, delegator, stranger, stake, leave):
    """The announcement gives delegators the time to leave: the old rate holds until they can have left."""
    stake(operator, 100)
    stake(operator, 100, delegator)
    staking.setCommission(WAD // 2, {"from": operator})
    number = staking.requestWithdrawal(operator, 50 * PAR, {"from": delegator}).return_value
    assert staking.withdrawal(number)[2] >= pool_of(staking, operator).next_commission_at
    chain.mine(timestamp=pool_of(staking, operator).next_commission_at - 2)
    tx = staking.distribute(operator, 150, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 50


def test_joining_for_a_reward(staking, operator, delegator, stranger, module, stake):
    """A hundred times the operator's stake, delegated just before its reward is claimed: nothing of that is the
    stranger's, whether others have delegated before or not."""
    stake(operator, 200 * WAD)
    staking.lock(operator, 200 * WAD, {"from": module})
    stake(operator, 20_000 * WAD, stranger)
    staking.unlock(operator, 200 * WAD, {"from": module})
    tx = staking.distribute(operator, 1000 * WAD, {"from": module})
    assert tx.events["RewardDistributed"]["operatorAssets"] == 1000 * WAD
    assert staking.assetsOf(operator, stranger) == 20_000 * WAD


def test_joining_for_a_reward_adds_nothing_to_the_delegators_part(
    staking, operator, delegator, stranger, module, stake
):
    stake(operator, 100)
    stake(operator, 300, delegator)
    staking.lock(operator, 10, {"from": module})
    stake(operator, 3600, stranger)
    assert pool_of(staking, operator).newcomers == 3600
    tx = staking.distribute(operator, 1000, {"from": module})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 750


def test_joining_around_a_lock_and_again_for_the_reward(staking, operator, delegator, stranger, module, stake):
    """Whoever was there when the stake was locked, and then left, does not count for its second stake."""
    stake(operator, 100)
    stake(operator, 300, delegator)
    stake(operator, 3600, stranger)
    staking.lock(operator, 10, {"from": module})
    staking.requestWithdrawal(operator, 3600 * PAR, {"from": stranger})
    stake(operator, 3600, stranger)
    tx = staking.distribute(operator, 1000, {"from": module})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 750


def test_who_joins_and_leaves_takes_nothing_from_the_delegators(staking, operator, delegator, stranger, module, stake):
    """Not even the operator can have its delegators count for less by that."""
    stake(operator, 100)
    stake(operator, 300, delegator)
    staking.lock(operator, 10, {"from": module})
    stake(operator, 3600, stranger)
    staking.requestWithdrawal(operator, 3599 * PAR, {"from": stranger})
    assert pool_of(staking, operator).newcomers == 1
    staking.requestWithdrawal(operator, PAR, {"from": stranger})
    assert pool_of(staking, operator).newcomers == 0
    tx = staking.distribute(operator, 1000, {"from": module})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 750


def test_newcomers_count_from_the_next_lock_on(staking, operator, delegator, stranger, module, stake):
    stake(operator, 100)
    stake(operator, 300, delegator)  # without locks at once
    staking.lock(operator, 10, {"from": module})
    stake(operator, 3600, stranger)
    staking.lock(operator, 10, {"from": module})
    tx = staking.distribute(operator, 1000, {"from": module})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 975


def test_newcomers_are_slashed_with_all_delegators(staking, operator, delegator, stranger, module, receiver, stake):
    stake(operator, 100)
    stake(operator, 300, delegator)
    staking.lock(operator, 250, {"from": module})
    stake(operator, 900, stranger)
    staking.slash(operator, 100, receiver, {"from": module})  # the operator's
    assert pool_of(staking, operator).newcomers == 900
    staking.slash(operator, 50, receiver, {"from": module})
    assert pool_of(staking, operator).newcomers == 900 * 1150 // 1200
    staking.requestWithdrawal(operator, 300 * PAR, {"from": delegator})
    staking.requestWithdrawal(operator, 900 * PAR, {"from": stranger})
    assert pool_of(staking, operator).newcomers == 0


def test_a_token_that_takes_a_fee_is_refused(Staking, HostileToken, owner, operator, delegator):
    token = owner.deploy(HostileToken)
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    for account in (operator, delegator):
        token.mint(account, 1000, {"from": owner})
        token.approve(ledger, 2**256 - 1, {"from": account})
    ledger.deposit(operator, 100, operator, {"from": operator})
    token.setFee(100, {"from": owner})  # of 10,000
    with reverts(error("AssetsMissing", 298, 300)):
        ledger.deposit(operator, 200, delegator, {"from": delegator})
    with reverts(error("AssetsMissing", 298, 300)):
        ledger.distribute(operator, 200, {"from": delegator})
    assert ledger.totalAssets() == token.balanceOf(ledger) == 100


def test_a_token_that_calls_back_gains_nothing(Staking, HostileToken, owner, operator, delegator):
    """While tokens move, every verb is called once more by the token, for its own stake; no verb while some go out."""
    token = owner.deploy(HostileToken)
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    for account in (operator, delegator, token):
        token.mint(account, 1000, {"from": owner})
    for account in (operator, delegator):
        token.approve(ledger, 2**256 - 1, {"from": account})
    ledger.deposit(operator, 100, operator, {"from": operator})
    token.callBack(ledger, ledger.deposit.encode_input(operator, 50, token), {"from": owner})
    ledger.deposit(operator, 100, delegator, {"from": delegator})
    token.callBack(ledger, ledger.requestWithdrawal.encode_input(operator, 50 * PAR), {"from": owner})
    ledger.distribute(operator, 25, {"from": delegator})
    chain.sleep(COOLDOWN)
    ledger.requestWithdrawal(operator, 100 * PAR, {"from": delegator})
    chain.sleep(COOLDOWN)
    while_paying = [
        ledger.withdraw.encode_input(1),
        ledger.withdrawPart.encode_input(1, 1),
        ledger.depositSent.encode_input(operator, 1, token),
        ledger.slash.encode_input(operator, 0, token),
    ]
    for call in while_paying:
        token.callBack(ledger, call, {"from": owner})
        with reverts(error("ReentrancyGuardReentrantCall")):
            ledger.withdraw(2, {"from": delegator})
    token.callBack(ledger, ledger.totalAssets.encode_input(), {"from": owner})
    for request in (1, 2):
        ledger.withdraw(request, {"from": delegator})
    assert ledger.totalAssets() == token.balanceOf(ledger)
    hold(ledger, token, [operator], [operator, delegator, token], [owner])
