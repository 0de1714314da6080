"""A vault driven at random beside plain integers: what can be claimed, and what a claim pays, after rewards, slashes,
locks, and entries and exits past the vault. At the end everybody claims, and nothing but rounding may stay behind."""

from __future__ import annotations

import os
from random import Random

import pytest
from brownie import web3
from conftest import COOLDOWN
from invariants import hold
from reference import PAR, Ledger, Refused
from reference_vault import Vault

WALKS = int(os.environ.get("SKEIN_WALKS", "2"))
STEPS = 50


class Walk:
    def __init__(self, seed, accounts, token, staking, vault, operator, module):
        self.random = Random(seed)
        self.token, self.staking, self.vault, self.operator, self.module = token, staking, vault, operator, module
        self.people, self.sink = accounts[6:9], accounts[5]
        self.ledger = Ledger(COOLDOWN)
        self.ledger.modules.add(module.address)
        self.model = Vault(self.ledger, operator.address, vault.address)
        self.now = web3.eth.get_block("latest").timestamp

    @property
    def pool(self):
        return self.ledger.pool(self.operator.address)

    def part(self, whole):
        return whole * self.random.choice([1, 3, 5, 9, 10, 10]) // 10

    def amount(self):
        return self.random.randint(1, 10 ** self.random.choice([1, 3, 6, 18]))

    def send(self, call, *args, sender):
        """In a second of its own, so that the model knows the time."""
        self.now += 1
        web3.provider.make_request("evm_setNextBlockTimestamp", [self.now])
        print(self.now, sender, call._name, *args)  # read when a walk fails
        return call(*args, {"from": sender})

    def step(self):
        verbs = [self.deposit] * 3 + [self.request] * 5 + [self.redeem, self.withdraw] * 3
        verbs += [self.lock, self.lock, self.unlock, self.slash, self.slash, self.reward, self.own, self.beside]
        self.random.choice([*verbs, self.time, self.time])()
        self.check()

    def deposit(self):
        who, assets = self.random.choice(self.people), self.amount()
        try:
            shares = self.model.deposit(assets, who.address)
        except Refused:
            return  # such refusals are the ledger's: test_staking_machine.py
        assert self.send(self.vault.deposit, assets, who, sender=who).return_value == shares

    def request(self):
        owner, controller = self.random.choice(self.people), self.random.choice(self.people)
        shares = self.part(self.model.shares[owner.address])
        try:
            number = self.model.request(shares, controller.address, owner.address, self.now + 1)
        except Refused:
            return
        assert self.send(self.vault.requestRedeem, shares, controller, owner, sender=owner).return_value == number

    def redeem(self):
        who, receiver = self.random.choice(self.people), self.random.choice(self.people)
        _, most = self.model.claimable(who.address, self.now + 1)
        shares, had = self.random.choice([self.part(most), min(most, self.amount())]), self.token.balanceOf(receiver)
        assets = self.model.redeem(shares, who.address, self.now + 1)
        assert self.send(self.vault.redeem, shares, receiver, who, sender=who).return_value == assets
        assert self.token.balanceOf(receiver) - had == assets

    def withdraw(self):
        who, receiver = self.random.choice(self.people), self.random.choice(self.people)
        most, _ = self.model.claimable(who.address, self.now + 1)
        assets, had = self.random.choice([self.part(most), min(most, self.amount())]), self.token.balanceOf(receiver)
        shares = self.model.withdraw(assets, who.address, self.now + 1)
        assert self.send(self.vault.withdraw, assets, receiver, who, sender=who).return_value == shares
        assert self.token.balanceOf(receiver) - had == assets

    def lock(self):
        assets = self.part(self.pool.lockable)
        if assets:
            self.ledger.lock(self.operator.address, assets, self.module.address)
            self.send(self.staking.lock, self.operator, assets, sender=self.module)

    def unlock(self, whole=False):
        held = self.pool.locks[self.module.address]
        assets = held if whole else self.part(held)
        self.pool.unlock(self.module.address, assets)
        self.send(self.staking.unlock, self.operator, assets, sender=self.module)

    def slash(self):
        assets = self.part(self.pool.locks[self.module.address])
        self.ledger.slash(self.operator.address, assets, self.module.address)
        self.send(self.staking.slash, self.operator, assets, self.sink, sender=self.module)

    def reward(self):
        assets = self.amount()
        self.ledger.distribute(self.operator.address, assets, self.now + 1)
        self.send(self.staking.distribute, self.operator, assets, sender=self.people[0])

    def own(self):
        assets = self.amount()
        self.ledger.deposit(self.operator.address, assets, self.operator.address)
        self.send(self.staking.deposit, self.operator, assets, self.operator, sender=self.operator)

    def beside(self):
        """Somebody of the same pool who does without the vault leaves all, or comes."""
        who = self.people[2]
        shares = self.pool.shares_of(who.address)
        try:
            if shares:
                self.ledger.request(self.operator.address, shares, who.address, self.now + 1)
                self.send(self.staking.requestWithdrawal, self.operator, shares, sender=who)
            else:
                assets = self.amount()
                self.ledger.deposit(self.operator.address, assets, who.address)
                self.send(self.staking.deposit, self.operator, assets, who, sender=who)
        except Refused:
            return

    def time(self):
        self.now += self.random.randint(1, COOLDOWN)
        web3.provider.make_request("evm_setNextBlockTimestamp", [self.now])
        web3.provider.make_request("evm_mine", [])

    def check(self):
        """The chain is the model, for everybody and every request."""
        now = web3.eth.get_block("latest").timestamp
        for who in self.people:
            told = (self.vault.maxWithdraw(who), self.vault.maxRedeem(who))
            assert told == self.model.claimable(who.address, now)
            assert self.vault.balanceOf(who) == self.model.shares[who.address]
        waiting = [each for who in self.people for each in self.model.requests[who.address]]
        for number, shares in waiting[-1:]:
            assert self.staking.withdrawable(number) == self.ledger.withdrawable(number)
            parts = {who: [get(number, who) for get in (self.vault.pendingRedeemRequest,
                     self.vault.claimableRedeemRequest)] for who in self.people}  # fmt: skip
            assert sorted(map(sum, parts.values())) == [0, 0, shares]
        assert self.token.balanceOf(self.vault) == 0

    def everybody_leaves(self):
        self.unlock(whole=True)
        for who in sorted(self.people, key=lambda each: -self.model.shares[each.address]):
            if shares := self.model.shares[who.address]:
                try:
                    self.model.request(shares, who.address, who.address, self.now + 1)
                except Refused:
                    continue  # worth less than a wei, and not the last
                self.send(self.vault.requestRedeem, shares, who, who, sender=who)
        self.now += COOLDOWN
        for who in self.people:
            shares = sum(left for _, left in self.model.requests[who.address])
            self.model.redeem(shares, who.address, self.now + 1)
            self.send(self.vault.redeem, shares, who, who, sender=who)
            assert self.model.requests[who.address] == []
        assert not [each for each in self.ledger.withdrawals.values() if each.is_held]


@pytest.mark.parametrize("seed", range(WALKS))
def test_the_vault_is_its_model(DelegationVault, accounts, token, staking, owner, operator, module, seed):
    vault = owner.deploy(DelegationVault, staking, operator)
    walk = Walk(seed, accounts, token, staking, vault, operator, module)
    for who in walk.people:
        token.approve(vault, 2**256 - 1, {"from": who})
    walk.now = web3.eth.get_block("latest").timestamp
    walk.own()
    for _ in range(STEPS):
        walk.step()
    walk.everybody_leaves()
    walk.check()
    hold(staking, token, [operator], [operator, vault, *walk.people], [module])
    assert vault.totalSupply() <= staking.sharesOf(operator, vault) < vault.totalSupply() + (STEPS * PAR)
