"""Leaving a vault by ERC-7540: requests, claims of any part of them, and who may."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import COOLDOWN
from invariants import hold
from reference import PAR

MOST = 2**256 - 1
INTERFACES = (
    *("0x01ffc9a7", "0xe3bc4e65", "0x620ee8e4", "0x2f0a18c5"),
    *("0x50a526d6", "0xc1f329ef", "0xe1550342", "0x2fd7d42a", "0x70dec094"),
)


@pytest.fixture(scope="module")
def vault(DelegationVault, staking, token, operator, delegator, stranger, owner, stake):
    """Of an operator with 1000 of its own; the delegator has 1000 in it, the stranger 500."""
    stake(operator, 1000)
    made = owner.deploy(DelegationVault, staking, operator)
    for account, assets in ((delegator, 1000), (stranger, 500)):
        token.approve(made, MOST, {"from": account})
        made.deposit(assets, account, {"from": account})
    return made


@pytest.fixture(autouse=True)
def _invariants(staking, token, operator, delegator, stranger, module, vault):
    """Held at the end of every test of this file; the vault itself never holds a token."""
    yield
    hold(staking, token, [operator], [operator, delegator, stranger, vault], [module])
    assert token.balanceOf(vault) == 0


def requests(vault, controller, *numbers):
    return [(vault.pendingRedeemRequest(each, controller), vault.claimableRedeemRequest(each, controller))
            for each in numbers]  # fmt: skip


def test_it_says_which_standards_it_follows(vault):
    assert all(vault.supportsInterface(each) for each in INTERFACES)
    assert not any(vault.supportsInterface(each) for each in ("0xffffffff", "0xce3bbe50", "0x00000000"))
    assert vault.share() == vault


def test_request_and_claim(vault, staking, token, operator, delegator, stranger, receiver):
    tx = vault.requestRedeem(100 * PAR, stranger, delegator, {"from": delegator})
    event = {"controller": stranger, "owner": delegator, "requestId": 1, "sender": delegator, "shares": 100 * PAR}
    assert dict(tx.events["RedeemRequest"]) == event
    assert dict(tx.events["WithdrawalHeld"])["beneficiary"] == stranger
    assert (tx.return_value, vault.balanceOf(delegator), vault.totalSupply()) == (1, 900 * PAR, 1400 * PAR)
    assert requests(vault, stranger, 1) == [(100 * PAR, 0)]
    assert vault.maxRedeem(stranger) == vault.maxWithdraw(stranger) == 0
    with reverts(error("NotMatured", staking.withdrawal(1)[2])):
        vault.redeem(100 * PAR, receiver, stranger, {"from": stranger})
    with reverts(error("ERC4626ExceededMaxRedeem", stranger, 1, 0)):
        vault.redeem(1, receiver, stranger, {"from": stranger})
    chain.sleep(COOLDOWN)
    chain.mine()
    assert requests(vault, stranger, 1, 2) == [(0, 100 * PAR), (0, 0)]
    assert requests(vault, delegator, 1) == [(0, 0)]
    assert (vault.maxRedeem(stranger), vault.maxWithdraw(stranger)) == (100 * PAR, 100)
    tx = vault.redeem(100 * PAR, receiver, stranger, {"from": stranger})
    event = {"sender": stranger, "receiver": receiver, "owner": stranger, "assets": 100, "shares": 100 * PAR}
    assert dict(tx.events["Withdraw"]) == event and tx.return_value == 100
    assert token.balanceOf(receiver) == 100
    assert requests(vault, stranger, 1) == [(0, 0)]
    with reverts(error("ERC4626ExceededMaxRedeem", stranger, 1, 0)):
        vault.redeem(1, receiver, stranger, {"from": stranger})
    with reverts(error("ERC4626ExceededMaxWithdraw", stranger, 1, 0)):
        vault.withdraw(1, receiver, stranger, {"from": stranger})


def test_nobody_requests_or_claims_for_others(vault, staking, delegator, stranger, receiver):
    with reverts(error("ERC20InsufficientAllowance", stranger, 0, PAR)):
        vault.requestRedeem(PAR, stranger, delegator, {"from": stranger})
    with reverts(error("ERC20InsufficientBalance", delegator, 1000 * PAR, 1000 * PAR + 1)):
        vault.requestRedeem(1000 * PAR + 1, delegator, delegator, {"from": delegator})
    with reverts(error("ZeroAddress")):
        vault.requestRedeem(PAR, ZERO_ADDRESS, delegator, {"from": delegator})
    with reverts(error("ZeroAmount")):
        vault.requestRedeem(0, delegator, delegator, {"from": delegator})
    vault.requestRedeem(PAR, delegator, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    vault.approve(stranger, MOST, {"from": delegator})  # of shares, which is no power over requests
    for call in (
        lambda: vault.redeem(1, stranger, delegator, {"from": stranger}),
        lambda: vault.withdraw(1, stranger, delegator, {"from": stranger}),
        lambda: staking.withdraw(1, {"from": stranger}),
        lambda: staking.withdrawPart(1, 1, {"from": delegator}),
    ):
        with reverts():
            call()
    for verb in (vault.withdraw, vault.redeem):
        assert verb(0, stranger, delegator, {"from": stranger}).events["Withdraw"]["assets"] == 0


def test_allowances_and_operators(vault, token, delegator, stranger, receiver):
    vault.approve(stranger, 100 * PAR, {"from": delegator})
    vault.requestRedeem(60 * PAR, receiver, delegator, {"from": stranger})
    assert vault.allowance(delegator, stranger) == 40 * PAR
    tx = vault.setOperator(stranger, True, {"from": delegator})
    assert dict(tx.events["OperatorSet"]) == {"controller": delegator, "operator": stranger, "approved": True}
    assert tx.return_value is True and vault.isOperator(delegator, stranger)
    vault.requestRedeem(60 * PAR, delegator, delegator, {"from": stranger})
    assert vault.allowance(delegator, stranger) == 40 * PAR  # an operator needs none
    chain.sleep(COOLDOWN)
    vault.redeem(20 * PAR, receiver, delegator, {"from": stranger})
    vault.withdraw(10, receiver, delegator, {"from": stranger})
    assert token.balanceOf(receiver) == 30
    vault.setOperator(stranger, False, {"from": delegator})
    with reverts(error("Unauthorized", stranger)):
        vault.redeem(PAR, receiver, delegator, {"from": stranger})


def test_any_split_of_a_claim_pays_the_same(vault, staking, token, operator, delegator, module, receiver, owner):
    """After a reward and a slash a share is worth no round number; still not a wei is lost or found."""
    staking.distribute(operator, 777, {"from": owner})
    vault.requestRedeem(333 * PAR + 7, delegator, delegator, {"from": delegator})
    staking.lock(operator, 1500, {"from": module})
    staking.slash(operator, 1500, receiver, {"from": module})
    worth, had = staking.withdrawable(1), token.balanceOf(receiver)
    chain.sleep(COOLDOWN)
    left, paid = 333 * PAR + 7, 0
    for part in (1, PAR, 100 * PAR + 3):
        paid += vault.redeem(part, receiver, delegator, {"from": delegator}).return_value
        left -= part
        assert requests(vault, delegator, 1) == [(0, left)]
        assert paid <= worth * (333 * PAR + 7 - left) // (333 * PAR + 7)  # never before the others of the request
    left -= vault.withdraw(5, receiver, delegator, {"from": delegator}).return_value
    assert vault.maxWithdraw(delegator) == staking.withdrawable(1) == worth - paid - 5
    assert vault.maxRedeem(delegator) == left
    vault.redeem(left, receiver, delegator, {"from": delegator})
    assert token.balanceOf(receiver) - had == worth


def test_the_last_share_stays_while_assets_do(vault, staking, token, operator, delegator, stranger, receiver, owner):
    """A share may be worth millions of wei: a part of them is paid, the share left stands for the rest."""
    for account in (stranger, delegator):
        vault.requestRedeem(vault.balanceOf(account), account, account, {"from": account})
    vault.mint(1, delegator, {"from": delegator})
    staking.distribute(operator, 10**12, {"from": owner})
    vault.requestRedeem(1, delegator, delegator, {"from": delegator})
    worth = staking.withdrawable(3)
    assert worth > 10**6
    chain.sleep(COOLDOWN)
    assert vault.withdraw(1000, receiver, delegator, {"from": delegator}).return_value == 1000 * PAR
    assert vault.withdraw(worth - 10, receiver, delegator, {"from": delegator}).return_value == 0
    assert requests(vault, delegator, 3) == [(0, 1)]
    assert vault.redeem(1, receiver, delegator, {"from": delegator}).return_value == 10
    assert token.balanceOf(receiver) == 1000 + worth


def test_claims_take_the_oldest_requests_first(vault, staking, token, delegator, receiver):
    for shares in (10, 20, 30):
        vault.requestRedeem(shares * PAR, delegator, delegator, {"from": delegator})
        chain.sleep(COOLDOWN // 2)
    chain.mine()
    assert requests(vault, delegator, 1, 2, 3) == [(0, 10 * PAR), (0, 20 * PAR), (30 * PAR, 0)]
    assert (vault.maxRedeem(delegator), vault.maxWithdraw(delegator)) == (30 * PAR, 30)
    vault.redeem(15 * PAR, receiver, delegator, {"from": delegator})
    assert requests(vault, delegator, 1, 2, 3) == [(0, 0), (0, 15 * PAR), (30 * PAR, 0)]
    with reverts(error("NotMatured", staking.withdrawal(3)[2])):
        vault.withdraw(16, receiver, delegator, {"from": delegator})
    vault.withdraw(15, receiver, delegator, {"from": delegator})
    vault.requestRedeem(40 * PAR, delegator, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    vault.withdraw(70, receiver, delegator, {"from": delegator})
    vault.requestRedeem(50 * PAR, delegator, delegator, {"from": delegator})  # a new chain
    chain.sleep(COOLDOWN)
    vault.redeem(50 * PAR, receiver, delegator, {"from": delegator})
    assert token.balanceOf(receiver) == 150


def test_locks_hold_claims_back_as_far_as_they_need(vault, staking, token, operator, delegator, module, receiver):
    staking.lock(operator, 2300, {"from": module})
    vault.requestRedeem(400 * PAR, delegator, delegator, {"from": delegator})
    vault.requestRedeem(100 * PAR, delegator, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    chain.mine()
    assert requests(vault, delegator, 1, 2) == [(200 * PAR, 200 * PAR), (0, 100 * PAR)]
    assert (vault.maxRedeem(delegator), vault.maxWithdraw(delegator)) == (200 * PAR, 200)
    with reverts(error("StakeLocked", 2300, 2100)):
        vault.redeem(400 * PAR, receiver, delegator, {"from": delegator})
    with reverts(error("ERC4626ExceededMaxRedeem", delegator, 200 * PAR + 1, 200 * PAR)):
        vault.redeem(200 * PAR + 1, receiver, delegator, {"from": delegator})
    with reverts(error("StakeLocked", 2300, 2299)):
        vault.withdraw(201, receiver, delegator, {"from": delegator})
    vault.redeem(200 * PAR, receiver, delegator, {"from": delegator})
    assert vault.maxRedeem(delegator) == vault.maxWithdraw(delegator) == 0
    staking.unlock(operator, 250, {"from": module})
    assert vault.withdraw(vault.maxWithdraw(delegator), receiver, delegator, {"from": delegator}).return_value
    assert token.balanceOf(receiver) == 450
    staking.unlock(operator, 2050, {"from": module})
    vault.redeem(50 * PAR, receiver, delegator, {"from": delegator})


def test_requests_of_which_slashes_left_nothing_are_claimed_too(
    vault, staking, token, operator, delegator, module, receiver
):
    """Of two wei that wait, a slash leaves one: either request alone is worth less than a wei."""
    vault.requestRedeem(PAR, delegator, delegator, {"from": delegator})
    vault.requestRedeem(PAR, delegator, delegator, {"from": delegator})
    staking.lock(operator, 2400, {"from": module})
    staking.slash(operator, 2400, receiver, {"from": module})
    vault.requestRedeem(700 * PAR, delegator, delegator, {"from": delegator})
    with reverts(error("ERC4626ExceededMaxRedeem", delegator, 5, 0)):
        vault.redeem(5, receiver, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    chain.mine()
    assert [staking.withdrawable(number) for number in (1, 2, 3)] == [0, 0, worth := vault.maxWithdraw(delegator)]
    assert requests(vault, delegator, 1, 2) == [(0, PAR)] * 2 and vault.maxRedeem(delegator) == 702 * PAR
    assert vault.redeem(5, receiver, delegator, {"from": delegator}).return_value == 0
    assert vault.redeem(PAR - 5, receiver, delegator, {"from": delegator}).return_value == 0
    assert staking.withdrawal(1)[0] == ZERO_ADDRESS
    assert vault.withdraw(worth, receiver, delegator, {"from": delegator}).return_value == 701 * PAR
    assert token.balanceOf(receiver) == 2400 + worth


def test_exits_go_on_while_entries_pause(vault, staking, token, delegator, owner, receiver):
    staking.setGuardian(owner, {"from": owner})
    vault.requestRedeem(10 * PAR, delegator, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    staking.pauseEntries(staking.MAX_PAUSE(), {"from": owner})
    vault.requestRedeem(10 * PAR, delegator, delegator, {"from": delegator})
    vault.redeem(10 * PAR, receiver, delegator, {"from": delegator})
    assert token.balanceOf(receiver) == 10


def test_requests_of_others_bar_no_claim(vault, token, delegator, stranger, receiver):
    """Forty requests of a wei for the same controller: two calls more, and nothing is lost by it."""
    for _ in range(40):
        vault.requestRedeem(PAR, delegator, stranger, {"from": stranger})
    vault.requestRedeem(1000 * PAR, delegator, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    chain.mine()
    assert vault.maxRedeem(delegator) == vault.COUNTED() * PAR == 32 * PAR
    assert vault.redeem(32 * PAR, receiver, delegator, {"from": delegator}).gas_used < 1_500_000
    assert vault.maxWithdraw(delegator) == 1008
    vault.withdraw(1008, receiver, delegator, {"from": delegator})
    assert token.balanceOf(receiver) == 1040


def test_a_receiver_that_is_called_back_gains_nothing(Staking, HostileToken, DelegationVault, owner, operator):
    """The token itself has a request, and claims it while somebody else's is paid."""
    token = owner.deploy(HostileToken)
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    made = owner.deploy(DelegationVault, ledger, operator)
    token.mint(operator, 10_000, {"from": owner})
    for spender in (ledger, made):
        token.approve(spender, MOST, {"from": operator})
    ledger.deposit(operator, 1000, operator, {"from": operator})
    made.deposit(1000, token, {"from": operator})
    made.deposit(100, operator, {"from": operator})
    token.callBack(made, made.requestRedeem.encode_input(500 * PAR, token, token), {"from": owner})
    token.transfer(owner, 1, {"from": operator})
    made.requestRedeem(100 * PAR, operator, operator, {"from": operator})
    chain.sleep(COOLDOWN)
    for call in (
        made.redeem.encode_input(500 * PAR, token, token),
        made.withdraw.encode_input(1, token, token),
        made.requestRedeem.encode_input(PAR, token, token),
        made.deposit.encode_input(1, token),
    ):
        token.callBack(made, call, {"from": owner})
        with reverts(error("ReentrancyGuardReentrantCall")):
            made.redeem(100 * PAR, operator, operator, {"from": operator})
