"""The vault of an operator: ERC-4626 on the way in, and attacks. The way out is in test_vault_exits.py."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import COOLDOWN
from invariants import hold, pool_of
from reference import PAR, to_assets, to_shares

MOST = 2**256 - 1


@pytest.fixture(scope="module")
def vaults(DelegationVaults, staking, owner):
    return owner.deploy(DelegationVaults, staking)


@pytest.fixture(scope="module")
def vault(vaults, DelegationVault, token, operator, delegator, stranger, stake):
    """Of an operator with 1000 of its own; delegator and stranger let it take tokens."""
    stake(operator, 1000)
    tx = vaults.createVault(operator, {"from": stranger})
    made = DelegationVault.at(tx.events["VaultCreated"]["vault"])
    for account in (delegator, stranger):
        token.approve(made, MOST, {"from": account})
    return made


@pytest.fixture
def gifts():
    """Transfers to the ledger past its verbs."""
    return []


@pytest.fixture(autouse=True)
def _invariants(staking, token, operator, delegator, stranger, module, vault, gifts):
    """Held at the end of every test of this file."""
    yield
    hold(staking, token, [operator], [operator, delegator, stranger, vault], [module], sum(gifts))
    assert vault.totalSupply() <= staking.sharesOf(operator, vault) < vault.totalSupply() + 10 * PAR


def test_construction(vaults, vault, DelegationVault, staking, token, owner, operator, stranger):
    assert vaults.vaultOf(operator) == vault and vaults.vaultOf(stranger) == ZERO_ADDRESS
    with reverts(error("VaultExists", operator, vault)):
        vaults.createVault(operator, {"from": stranger})
    for arguments in ((ZERO_ADDRESS, operator), (staking, ZERO_ADDRESS)):
        with reverts():
            owner.deploy(DelegationVault, *arguments)
    assert (vault.STAKING(), vault.OPERATOR(), vault.asset()) == (staking, operator, token)
    assert (vault.name(), vault.symbol()) == (f"Skein delegated to {operator}", "dSKEIN")
    assert vault.decimals() == 24


def test_deposit(vault, staking, token, operator, delegator, stranger):
    tx = vault.deposit(300, stranger, {"from": delegator})
    event = {"sender": delegator, "owner": stranger, "assets": 300, "shares": 300 * PAR}
    assert dict(tx.events["Deposit"]) == event
    assert vault.balanceOf(stranger) == staking.sharesOf(operator, vault) == 300 * PAR
    assert vault.totalAssets() == 300
    assert token.balanceOf(vault) == 0
    tx = vault.deposit(0, stranger, {"from": delegator})
    assert tx.events["Deposit"]["shares"] == 0


def test_one_price_inside_and_outside(vault, staking, operator, delegator, stranger, stake, owner):
    stake(operator, 700, stranger)
    vault.deposit(300, delegator, {"from": delegator})
    staking.distribute(operator, 999, {"from": owner})
    pool = pool_of(staking, operator).delegated
    expected = to_shares(100, pool.assets, pool.shares)
    assert vault.previewDeposit(100) == vault.convertToShares(100) == expected
    assert vault.convertToAssets(10**7) == vault.previewRedeem(10**7) == to_assets(10**7, pool.assets, pool.shares)
    assert vault.deposit(100, delegator, {"from": delegator}).events["Deposit"]["shares"] == expected
    assert vault.totalAssets() == staking.assetsOf(operator, vault)


def test_mint_gives_exactly_what_is_asked_for(vault, staking, operator, delegator, owner):
    vault.deposit(300, delegator, {"from": delegator})
    staking.distribute(operator, 777, {"from": owner})
    for shares in (1, 10**6, 123_456_789, 0):
        price = vault.previewMint(shares)
        had = vault.balanceOf(delegator)
        tx = vault.mint(shares, delegator, {"from": delegator})
        assert tx.events["Deposit"]["assets"] == price
        assert vault.balanceOf(delegator) - had == shares
    assert vault.convertToAssets(vault.previewWithdraw(55)) >= 55


def test_leaving_at_once_is_refused(vault, delegator):
    vault.deposit(300, delegator, {"from": delegator})
    assert vault.maxWithdraw(delegator) == vault.maxRedeem(delegator) == 0
    with reverts(error("ERC4626ExceededMaxWithdraw", delegator, 1, 0)):
        vault.withdraw(1, delegator, delegator, {"from": delegator})
    with reverts(error("ERC4626ExceededMaxRedeem", delegator, 1, 0)):
        vault.redeem(1, delegator, delegator, {"from": delegator})


def test_exits_are_slashed_like_all_others(vault, staking, token, operator, delegator, module, receiver, stranger):
    vault.deposit(1000, delegator, {"from": delegator})
    staking.lock(operator, 1500, {"from": module})
    vault.requestRedeem(500 * PAR, stranger, delegator, {"from": delegator})
    staking.slash(operator, 1500, receiver, {"from": module})  # all own stake, half of the delegated
    assert staking.withdrawable(1) == 250
    assert vault.totalAssets() == 250
    chain.sleep(COOLDOWN)
    had = token.balanceOf(stranger)
    vault.redeem(500 * PAR, stranger, stranger, {"from": stranger})
    assert token.balanceOf(stranger) - had == 250


def test_the_last_holder_takes_what_minting_left(vault, staking, operator, delegator, owner):
    vault.deposit(300, delegator, {"from": delegator})
    staking.distribute(operator, 777, {"from": owner})
    vault.mint(1, delegator, {"from": delegator})
    assert staking.sharesOf(operator, vault) > vault.totalSupply()
    vault.requestRedeem(vault.balanceOf(delegator), delegator, delegator, {"from": delegator})
    assert staking.sharesOf(operator, vault) == vault.totalSupply() == vault.totalAssets() == 0


def test_max_deposit(vault, staking, token, operator, delegator, module, owner, accounts, receiver):
    assert vault.maxDeposit(delegator) == (2**128 - 1) // 10**6 - 1000
    assert vault.maxMint(delegator) == vault.convertToShares(vault.maxDeposit(delegator))
    staking.setGuardian(owner, {"from": owner})
    staking.pauseEntries(60, {"from": owner})
    assert vault.maxDeposit(delegator) == vault.maxMint(delegator) == 0
    staking.pauseEntries(0, {"from": owner})
    vault.deposit(10**7, delegator, {"from": delegator})
    staking.lock(operator, 1000 + 10**7, {"from": module})
    staking.slash(operator, 1000, receiver, {"from": module})
    assert vault.maxDeposit(delegator) == 0  # no own stake
    staking.slash(operator, 10**7, receiver, {"from": module})
    staking.deposit(operator, 5, operator, {"from": operator})
    assert vault.maxDeposit(delegator) == 0  # degraded: shares without assets
    with reverts(error("PoolDegraded", operator)):
        vault.deposit(1, delegator, {"from": delegator})


def test_permit_and_transfer_are_the_tokens(vault, delegator, stranger):
    vault.deposit(3, delegator, {"from": delegator})
    vault.transfer(stranger, PAR, {"from": delegator})
    assert vault.balanceOf(stranger) == PAR
    assert vault.nonces(delegator) == 0


# --- attacks, one each


def test_the_first_depositor_cannot_rob_the_second(vault, staking, token, operator, delegator, stranger, gifts):
    """The thief buys one share's worth, then gives pool and vault a fortune: the price rises for nobody's rounding."""
    vault.deposit(1, stranger, {"from": stranger})
    token.transfer(vault, 10**5, {"from": stranger})
    token.transfer(staking, 10**5, {"from": stranger})
    gifts.append(10**5)
    assert vault.convertToAssets(PAR) == 1  # gifts are not assets
    staking.distribute(operator, 10**20, {"from": stranger})  # a reward is; most of it is the operator's
    vault.deposit(10**20, delegator, {"from": delegator})
    kept = vault.convertToAssets(vault.balanceOf(delegator))
    assert 10**20 - kept <= 10**20 // 10**6


def test_dust_neither_blocks_nor_costs(vault, staking, token, operator, delegator, stranger, owner):
    """Ten deposits and exits of a wei by others, for the same controller, change nothing of what one exit pays."""
    vault.deposit(10**6, delegator, {"from": delegator})
    for _ in range(10):
        vault.deposit(1, stranger, {"from": stranger})
        vault.requestRedeem(PAR, delegator, stranger, {"from": stranger})
    vault.requestRedeem(10**6 * PAR, delegator, delegator, {"from": delegator})
    chain.sleep(COOLDOWN)
    had = token.balanceOf(delegator)
    vault.withdraw(10**6 + 10, delegator, delegator, {"from": delegator})
    assert token.balanceOf(delegator) - had == 10**6 + 10


def hostile_vault(Staking, HostileToken, DelegationVault, owner, operator, delegator):
    token = owner.deploy(HostileToken)
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    made = owner.deploy(DelegationVault, ledger, operator)
    for account in (operator, delegator, token):
        token.mint(account, 10_000, {"from": owner})
    for spender in (ledger, made):
        for account in (operator, delegator):
            token.approve(spender, MOST, {"from": account})
    ledger.deposit(operator, 1000, operator, {"from": operator})
    return token, ledger, made


def test_a_token_that_calls_back(Staking, HostileToken, DelegationVault, owner, operator, delegator):
    token, ledger, made = hostile_vault(Staking, HostileToken, DelegationVault, owner, operator, delegator)
    token.callBack(made, made.deposit.encode_input(50, token), {"from": owner})
    with reverts(error("ReentrancyGuardReentrantCall")):
        made.deposit(100, delegator, {"from": delegator})
    assert made.totalSupply() == ledger.sharesOf(operator, made) == 0


def test_a_token_that_takes_a_fee(Staking, HostileToken, DelegationVault, owner, operator, delegator):
    token, ledger, made = hostile_vault(Staking, HostileToken, DelegationVault, owner, operator, delegator)
    token.setFee(100, {"from": owner})
    with reverts(error("AssetsMissing", 1990, 2000)):
        made.deposit(1000, delegator, {"from": delegator})
    assert made.totalSupply() == ledger.sharesOf(operator, made) == 0
