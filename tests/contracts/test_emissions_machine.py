"""The emission ledger driven at random beside its reference model: equal to the last unit after every step."""

from __future__ import annotations

import os
from random import Random

import pytest
from brownie import reverts, web3
from brownie_compat import error
from reference import Refused
from reference_emissions import RAY, SCALE, Emissions, root

WALKS = int(os.environ.get("SKEIN_WALKS", "2"))
STEPS = 80
CAP, GENESIS = 10**27, 5 * 10**26


class Walk:
    def __init__(self, seed, kind, token, owner, accounts):
        self.random = Random(seed)
        self.token, self.sink, self.modules = token, accounts[5], accounts[10:13]  # the last one is forbidden
        length = self.random.choice([1, 7, 3600, 7 * 24 * 3600])
        decay, period = self.random.randint(1, RAY), self.random.randint(1, 60)
        first = self.random.choice([1, 10**9, 10**24, 10**26])
        self.now = web3.eth.get_block("latest").timestamp + 5
        start = self.now + self.random.randint(0, length)
        self.chain = owner.deploy(kind, token, start, length, first, decay, period, owner)
        token.transferOwnership(self.chain, {"from": owner})
        self.chain.acceptToken({"from": owner})
        self.model = Emissions(start, length, first, root(decay, period), CAP - GENESIS)
        assert self.chain.EPOCH_DECAY() == self.model.decay
        for module in self.modules[:2]:
            self.chain.setModule(module, True, {"from": owner})
            self.model.modules.add(module.address)
        self.now = max(self.now, web3.eth.get_block("latest").timestamp + 1)

    def weight(self):
        return self.random.choice([0, 0, 1, self.random.randint(0, 10 ** self.random.choice([1, 18, 30, 34]))])

    def do(self, expect, verb, *args, sender):
        self.now += self.random.choice([1, 1, self.model.length // 3, self.model.length, 5 * self.model.length])
        web3.provider.make_request("evm_setNextBlockTimestamp", [self.now])
        print(self.now, sender, verb, *args)  # read when a walk fails
        try:
            expected = expect()
        except Refused as refusal:
            with reverts(error(refusal.error, *refusal.values)):
                getattr(self.chain, verb)(*args, {"from": sender})
            return None, None
        return expected, getattr(self.chain, verb)(*args, {"from": sender})

    def step(self):
        module, name = self.random.choice(self.modules), self.random.randint(0, 2).to_bytes(32, "big")
        funded = len(self.model.funded)
        verb = self.random.choice(["setWeight"] * 3 + ["draw"] * 2 + ["advance"])
        if verb == "setWeight":
            weight = self.weight()
            _, tx = self.do(
                lambda: self.model.set_weight(module.address, name, weight, self.now),
                *(verb, name, weight),
                sender=module,
            )
        elif verb == "draw":
            assets, tx = self.do(
                lambda: self.model.draw(module.address, name, self.now), verb, name, self.sink, sender=module
            )
            assert tx.events["Drawn"]["assets"] == assets
        else:
            most = self.random.randint(0, 3)
            _, tx = self.do(lambda: self.model.advance(self.now, most), verb, most, sender=module)
        if tx is not None:
            events = [event for event in tx.events if event.name == "EpochFunded"]
            assert [tuple(event.values()) for event in events] == self.model.funded[funded:]
            self.check()

    def check(self):
        model = self.model
        self.model.check()
        assert self.chain.state() == (
            *(model.total_weight, model.now, len(model.budgets), model.budgets[-1] if model.budgets else 0),
            *(model.carried, model.scheduled, model.rest, model.per_weight),
        )
        drawn = sum(account.drawn for account in model.accounts.values())
        assert self.token.balanceOf(self.chain) == model.minted - drawn
        assert self.token.totalSupply() == GENESIS + model.minted <= CAP

    def latest(self):
        return web3.eth.get_block("latest").timestamp

    def end(self):
        """Everything that was minted is drawn, but what is carried, ahead or less than a wei for each account."""
        for module, name in list(self.model.accounts):
            self.chain.setWeight(name, 0, {"from": module})
            self.model.set_weight(module, name, 0, self.latest())
        for module, name in list(self.model.accounts):
            self.chain.draw(name, self.sink, {"from": module})
            self.model.draw(module, name, self.latest())
        self.check()
        left = sum(self.model.earned(account) for account in self.model.accounts.values())
        assert left < SCALE * len(self.model.accounts)


@pytest.mark.parametrize("seed", range(WALKS))
def test_emissions(accounts, token, owner, Emissions, seed):
    walk = Walk(seed, Emissions, token, owner, accounts)
    for _ in range(STEPS):
        walk.step()
    walk.end()
