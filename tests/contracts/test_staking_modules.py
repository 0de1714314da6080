"""The verbs of modules and of the owner: each one's refusals in the order of its checks, then what it does."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import COOLDOWN, PURSE
from invariants import hold, pool_of, price
from reference import INDEX_START, MAX_TOTAL, PAR

WAD = 10**18


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


def test_set_module(staking, module, owner, operator, stranger):
    with reverts(error("OwnableUnauthorizedAccount", stranger)):
        staking.setModule(stranger, True, {"from": stranger})
    with reverts(error("ZeroAddress")):
        staking.setModule(ZERO_ADDRESS, True, {"from": owner})

    tx = staking.setModule(stranger, True, {"from": owner})
    assert dict(tx.events["ModuleSet"]) == {"module": stranger, "enabled": True}
    assert staking.isModule(stranger)

    tx = staking.setModule(stranger, False, {"from": owner})
    assert dict(tx.events["ModuleSet"]) == {"module": stranger, "enabled": False}
    assert not staking.isModule(stranger)


def test_lock(staking, operator, module, stranger, pool):
    with reverts(error("Unauthorized", stranger)):
        staking.lock(operator, 1, {"from": stranger})
    with reverts(error("ZeroAmount")):
        staking.lock(operator, 0, {"from": module})
    for amount in (401, 2**256 - 1):
        with reverts(error("InsufficientStake", amount, 400)):
            staking.lock(operator, amount, {"from": module})

    tx = staking.lock(operator, 250, {"from": module})

    assert dict(tx.events["Locked"]) == {"operator": operator, "module": module, "assets": 250}
    assert pool_of(staking, operator).locked == staking.lockedBy(operator, module) == 250
    assert (staking.lockable(operator), staking.stakeOf(operator)) == (150, 400)
    with reverts(error("InsufficientStake", 151, 150)):  # the same wei never covers two locks
        staking.lock(operator, 151, {"from": module})


def test_lock_never_stands_on_exiting_stake(staking, operator, delegator, module, pool):
    staking.requestWithdrawal(operator, 10 * PAR, {"from": operator})
    staking.requestWithdrawal(operator, 20 * PAR, {"from": delegator})
    with reverts(error("InsufficientStake", 371, 370)):
        staking.lock(operator, 371, {"from": module})
    staking.lock(operator, 350, {"from": module})
    staking.requestWithdrawal(operator, 280 * PAR, {"from": delegator})
    assert staking.lockable(operator) == 0
    with reverts(error("InsufficientStake", 1, 0)):
        staking.lock(operator, 1, {"from": module})


def test_unlock(staking, operator, module, stranger, pool):
    staking.lock(operator, 250, {"from": module})
    with reverts(error("InsufficientLock", 1, 0)):
        staking.unlock(operator, 1, {"from": stranger})
    with reverts(error("InsufficientLock", 251, 250)):
        staking.unlock(operator, 251, {"from": module})

    tx = staking.unlock(operator, 150, {"from": module})

    assert dict(tx.events["Unlocked"]) == {"operator": operator, "module": module, "assets": 150}
    assert pool_of(staking, operator).locked == staking.lockedBy(operator, module) == 100
    assert staking.lockable(operator) == 300
    staking.unlock(operator, 0, {"from": module})


def test_a_module_cannot_touch_the_lock_of_another(staking, operator, module, owner, stranger, receiver, pool):
    staking.setModule(stranger, True, {"from": owner})
    staking.lock(operator, 100, {"from": module})
    staking.lock(operator, 60, {"from": stranger})
    with reverts(error("InsufficientLock", 61, 60)):
        staking.unlock(operator, 61, {"from": stranger})
    with reverts(error("InsufficientLock", 61, 60)):
        staking.slash(operator, 61, receiver, {"from": stranger})
    staking.unlock(operator, 60, {"from": stranger})


def test_a_forbidden_module_can_end_its_locks(staking, token, operator, module, owner, receiver, pool):
    staking.lock(operator, 100, {"from": module})
    staking.setModule(module, False, {"from": owner})
    with reverts(error("Unauthorized", module)):
        staking.lock(operator, 1, {"from": module})
    staking.slash(operator, 10, receiver, {"from": module})
    staking.unlock(operator, 90, {"from": module})
    assert token.balanceOf(receiver) == 10
    assert pool_of(staking, operator).locked == 0


def test_slash_takes_own_stake_first(staking, token, operator, module, stranger, receiver, pool):
    staking.lock(operator, 350, {"from": module})
    with reverts(error("ZeroAddress")):
        staking.slash(operator, 1, ZERO_ADDRESS, {"from": module})
    with reverts(error("InsufficientLock", 1, 0)):
        staking.slash(operator, 1, receiver, {"from": stranger})
    with reverts(error("InsufficientLock", 351, 350)):
        staking.slash(operator, 351, receiver, {"from": module})

    tx = staking.slash(operator, 60, receiver, {"from": module})

    assert dict(tx.events["Slashed"]) == {
        "operator": operator,
        "module": module,
        "receiver": receiver,
        "ownAssets": 60,
        "ownExitingAssets": 0,
        "delegatedAssets": 0,
        "delegatedExitingAssets": 0,
    }
    assert pool_of(staking, operator)[:3] == ((40, 40 * PAR, 0, 0, 0), (300, 300 * PAR, 0, 0, 0), 290)
    assert staking.lockedBy(operator, module) == 290
    assert token.balanceOf(receiver) == 60
    assert staking.totalAssets() == 340


def test_slash_beyond_own_stake_lowers_the_price_of_delegations(
    staking, token, operator, delegator, module, receiver, pool
):
    staking.lock(operator, 350, {"from": module})
    tx = staking.slash(operator, 250, receiver, {"from": module})
    assert tx.events["Slashed"]["ownAssets"] == 100
    assert tx.events["Slashed"]["delegatedAssets"] == 150
    assert pool_of(staking, operator)[:3] == ((0, 0, 0, 0, 0), (150, 300 * PAR, 0, 0, 0), 100)
    assert staking.assetsOf(operator, delegator) == 150
    assert token.balanceOf(receiver) == 250


def test_slash_takes_active_and_exiting_stake_alike(staking, operator, delegator, module, receiver, pool):
    staking.lock(operator, 400, {"from": module})
    own = staking.requestWithdrawal(operator, 25 * PAR, {"from": operator}).return_value
    delegated = staking.requestWithdrawal(operator, 100 * PAR, {"from": delegator}).return_value

    staking.slash(operator, 50, receiver, {"from": module})  # 38 and 12 of 75 and 25: the exiting part rounded down
    assert pool_of(staking, operator).own == (37, 37 * PAR, 13, INDEX_START * 13 // 25, 0)
    assert staking.withdrawable(own) in (12, 13)

    tx = staking.slash(operator, 200, receiver, {"from": module})
    assert tuple(tx.events["Slashed"].values())[3:] == (37, 13, 100, 50)
    assert pool_of(staking, operator)[:2] == ((0, 0, 0, INDEX_START, 5), (100, 200 * PAR, 50, INDEX_START // 2, 0))
    assert (staking.withdrawable(own), staking.withdrawable(delegated)) == (0, 50)


def test_slash_of_everything(staking, token, operator, delegator, module, receiver, stake, pool):
    staking.lock(operator, 400, {"from": module})
    numbers = [
        staking.requestWithdrawal(operator, 30 * PAR, {"from": funder}).return_value for funder in (operator, delegator)
    ]
    staking.slash(operator, 400, receiver, {"from": module})
    assert (token.balanceOf(receiver), token.balanceOf(staking)) == (400, 0)
    chain.sleep(COOLDOWN)
    for number in numbers:
        assert staking.withdraw(number, {"from": receiver}).return_value == 0
    with reverts(error("OperatorHasNoStake", operator)):
        stake(operator, 1, delegator)
    stake(operator, 50)  # the operator can begin again
    assert staking.assetsOf(operator, operator) == 50
    stake(operator, 50, delegator)  # 300 wei of old shares are too few to degrade the pool


def test_a_withdrawal_of_nothing_can_be_closed_whatever_is_locked(staking, operator, module, receiver, pool):
    staking.lock(operator, 400, {"from": module})
    number = staking.requestWithdrawal(operator, 30 * PAR, {"from": operator}).return_value
    staking.slash(operator, 100, receiver, {"from": module})
    chain.sleep(COOLDOWN)
    tx = staking.withdraw(number, {"from": operator})
    assert (tx.events["Withdrawn"]["requested"], tx.return_value) == (30, 0)


def test_slash_of_nothing(staking, operator, module, receiver, pool):
    tx = staking.slash(operator, 0, receiver, {"from": module})
    assert tuple(tx.events["Slashed"].values())[3:] == (0, 0, 0, 0)


def test_distribute(staking, token, operator, delegator, stranger, pool):
    with reverts(error("ZeroAddress")):
        staking.distribute(ZERO_ADDRESS, 1, {"from": stranger})
    with reverts(error("ZeroAmount")):
        staking.distribute(operator, 0, {"from": stranger})
    with reverts(error("AmountTooLarge", MAX_TOTAL - 399)):
        staking.distribute(operator, MAX_TOTAL - 399, {"from": stranger})
    with reverts(error("ERC20InsufficientBalance", stranger, PURSE, PURSE + 1)):
        staking.distribute(operator, PURSE + 1, {"from": stranger})

    tx = staking.distribute(operator, 1001, {"from": stranger})  # 250.25 to 750.75

    assert dict(tx.events["RewardDistributed"]) == {
        "operator": operator,
        "sender": stranger,
        "assets": 1001,
        "operatorAssets": 251,
        "operatorShares": 251 * PAR,
        "delegatedAssets": 750,
    }
    assert pool_of(staking, operator)[:2] == ((351, 351 * PAR, 0, 0, 0), (1050, 300 * PAR, 0, 0, 0))
    assert staking.assetsOf(operator, delegator) == 1050
    assert token.balanceOf(stranger) == PURSE - 1001


def test_distribute_vector(staking, operator, delegator, stranger, stake):
    """F = 58,084, σ = 0.4, s = 3,000, S = 1,000 → 8,712.6 to the delegator, 49,371.4 to the operator."""
    staking.setCommission(4 * WAD // 10, {"from": operator})
    chain.sleep(COOLDOWN)
    stake(operator, 3_000 * WAD)
    stake(operator, 1_000 * WAD, delegator)

    tx = staking.distribute(operator, 58_084 * WAD, {"from": stranger})

    assert tx.events["RewardDistributed"]["delegatedAssets"] == 87126 * WAD // 10
    assert tx.events["RewardDistributed"]["operatorAssets"] == 493714 * WAD // 10
    assert staking.assetsOf(operator, operator) == 3_000 * WAD + 493714 * WAD // 10
    assert staking.assetsOf(operator, delegator) == 1_000 * WAD + 87126 * WAD // 10


def test_distribute_of_one_wei(staking, operator, stranger, pool):
    before = price(staking, operator)
    tx = staking.distribute(operator, 1, {"from": stranger})
    assert tx.events["RewardDistributed"]["operatorAssets"] == 1
    assert price(staking, operator) == before


def test_a_reward_is_rounded_once(staking, operator, stranger, pool):
    """3 · ½ · ¾ is more than 1; rounded after the commission it would be 0."""
    staking.setCommission(WAD // 2, {"from": operator})
    chain.sleep(COOLDOWN)
    tx = staking.distribute(operator, 3, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 1


def test_distribute_to_a_pool_without_stake(staking, operator, stranger):
    tx = staking.distribute(operator, 100, {"from": stranger})
    assert tx.events["RewardDistributed"]["operatorShares"] == 100 * PAR
    number = staking.requestWithdrawal(operator, 100 * PAR, {"from": operator}).return_value
    chain.sleep(COOLDOWN)
    assert staking.withdraw(number, {"from": stranger}).return_value == 100


def test_distribute_to_delegators_alone(staking, operator, delegator, stranger, pool):
    """The operator's stake is gone, its commission is not."""
    staking.setCommission(WAD // 4, {"from": operator})
    chain.sleep(COOLDOWN)
    staking.requestWithdrawal(operator, 100 * PAR, {"from": operator})
    tx = staking.distribute(operator, 1000, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 750
    assert staking.assetsOf(operator, operator) == 250


def test_distribute_after_the_last_delegator_left(staking, operator, delegator, stranger, pool):
    """The last shares take what rounding kept: nothing stays behind that could earn."""
    staking.distribute(operator, 1001, {"from": stranger})
    staking.requestWithdrawal(operator, 300 * PAR, {"from": delegator})
    assert pool_of(staking, operator).delegated[:3] == (0, 0, 1050)
    tx = staking.distribute(operator, 1000, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 0


def test_commission_is_never_retroactive(staking, operator, stranger, pool):
    staking.setCommission(WAD // 2, {"from": operator})
    tx = staking.distribute(operator, 1000, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 750
    chain.sleep(COOLDOWN)
    tx = staking.distribute(operator, 1400, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 1400 * 1050 // 1400 // 2
