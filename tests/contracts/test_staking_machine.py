"""The ledger driven at random beside its reference model: same answers, same refusals, same pools after every step.

Reading all of the ledger takes longer than a step, so sentences about sums are checked on the model, which is equal,
and on the chain itself at the end of every walk. Then all locks are released, everybody leaves, and nothing but
rounding may stay behind: at most a wei for each withdrawal. Walks are drawn from their seed, so a failed one can be had
again; its steps are in the captured output. (Hypothesis' own machine, in the version that Brownie can use, tries mostly
walks of a few steps: no lock was ever slashed.)
"""

from __future__ import annotations

import os
from fractions import Fraction
from functools import partial
from random import Random

import pytest
from brownie import reverts, web3
from brownie_compat import error
from conftest import COOLDOWN
from invariants import hold, pool_of
from reference import DAY, INDEX_FLOOR, PAR, WAD, Ledger, Refused

WALKS = int(os.environ.get("SKEIN_WALKS", "4"))  # for example 100, after a change of the ledger
STEPS = 120


class Walk:
    def __init__(self, seed, accounts, token, staking, owner):
        self.random = Random(seed)
        self.token, self.staking, self.owner = token, staking, owner
        self.people = accounts[6:10]
        self.operators = self.people[:2]  # they may delegate to each other
        self.modules = accounts[10:13]  # the last one is forbidden
        self.sink = accounts[5]
        self.model = Ledger(COOLDOWN)
        self.guardian = accounts[13]
        staking.setGuardian(self.guardian, {"from": owner})
        for module in self.modules[:2]:
            staking.setModule(module, True, {"from": owner})
            self.model.modules.add(module.address)
        self.now = web3.eth.get_block("latest").timestamp

    # draws

    def amount(self):
        return self.random.randint(0, 10 ** self.random.choice([1, 3, 6, 18, 24]))

    def part(self, whole):
        """Of what there is: some, often all, at times none or more."""
        tenths = self.random.choice([0, 1, 3, 5, 7, 9, 10, 10, 10, 11])
        return whole * tenths // 10 - (self.random.random() < 0.2 and tenths == 10 and whole > 0)

    def pool(self):
        operator = self.random.choice(self.operators)
        return operator, self.model.pool(operator.address)

    # steps

    def do(self, expect, verb, *args, sender):
        """Calls a verb, once the model has told what must come of it; returns what the model says and the transaction.

        Every transaction has a second of its own, so that the model knows its time beforehand."""
        self.now += 1
        web3.provider.make_request("evm_setNextBlockTimestamp", [self.now])
        print(self.now, sender, verb, *args)  # read when a walk fails
        prices = {operator: pool.price for operator, pool in self.model.pools.items()}
        call = getattr(self.staking, verb)
        try:
            expected = expect()
        except Refused as refusal:
            with reverts(error(refusal.error, *refusal.values)):
                call(*args, {"from": sender})
            return None, None
        tx = call(*args, {"from": sender})
        for operator, before in prices.items():
            check_price(self.model.pools[operator], verb, before)
        self.check()
        return expected, tx

    def deposit(self):
        operator, _ = self.pool()
        funder, assets = self.random.choice([operator, *self.people]), self.amount()
        shares, tx = self.do(
            lambda: self.model.deposit(operator.address, assets, funder.address, self.now),
            *("deposit", operator, assets, funder),
            sender=funder,
        )
        assert tx is None or tx.events["Deposited"]["shares"] == shares

    def request(self, who=None):
        operator, funder = who or (self.pool()[0], self.random.choice(self.people))
        shares = self.model.pool(operator.address).shares_of(funder.address)
        shares = shares if who else self.part(shares)
        receiver = funder if who else self.random.choice([funder, funder, *self.people])
        is_held = not who and self.random.random() < 0.25
        verb = ("requestWithdrawal", operator, shares)
        if is_held:
            verb, receiver = ("requestHeldWithdrawal", operator, shares, receiver), funder
        elif receiver != funder:
            verb = ("requestWithdrawalTo", operator, shares, receiver)
        expected, tx = self.do(
            lambda: self.model.request(operator.address, shares, funder.address, self.now, receiver.address, is_held),
            *verb,
            sender=funder,
        )
        if tx is not None:
            event = tx.events["WithdrawalRequested"]
            assert (event["withdrawalId"], event["shares"], event["assets"]) == expected

    def withdraw(self, number=None):
        """All of one; the funder's call where nobody else's will do."""
        caller = self.owner
        if number is None:
            number = self.random.choice([self.random.randint(0, self.model.count + 1), *self.model.withdrawals])
            caller = self.caller(number)
        elif self.model.withdrawals[number].is_held:
            caller = self.funder(number)
        assets, tx = self.do(
            lambda: self.model.withdraw(number, self.now, caller=caller.address), "withdraw", number, sender=caller
        )
        assert tx is None or tx.events["Withdrawn"]["assets"] == assets

    def caller(self, number):
        """The funder of a withdrawal or, as often, somebody else."""
        return self.random.choice([self.owner, self.funder(number)])

    def funder(self, number):
        waiting = self.model.withdrawals.get(number)
        return next((person for person in self.people if waiting and person == waiting.funder), self.owner)

    def withdraw_part(self):
        """A part of what waits, often more than is free."""
        if not self.model.withdrawals:
            return
        number = self.random.choice(list(self.model.withdrawals))
        most, caller = self.part(self.model.withdrawable(number)), self.caller(number)
        named = self.random.choice([None, None, *self.people])
        receiver = named or self.model.withdrawals[number].funder
        held = self.token.balanceOf(receiver)
        verb = ("withdrawTo", number, most, named) if named else ("withdrawPart", number, most)
        assets, tx = self.do(
            lambda: self.model.withdraw(number, self.now, most, caller.address, named and named.address),
            *verb,
            sender=caller,
        )
        assert tx is None or self.token.balanceOf(receiver) - held == assets

    def escrow(self):
        operator, pool = self.pool()
        assets, duration = (
            self.part(pool.own.assets),
            self.random.choice([0, COOLDOWN, 40 * DAY, 400 * DAY, 1500 * DAY]),
        )
        duration = self.random.randint(duration // 2, duration)
        self.do(lambda: pool.promise(assets, duration, self.now), "escrow", assets, duration, sender=operator)

    def end_escrow(self):
        operator, pool = self.pool()
        self.do(lambda: pool.end_promise(self.now), "endEscrow", operator, sender=self.owner)

    def pause(self):
        def expect():
            self.model.paused_until = self.now + duration

        duration = self.random.choice([0, 1, 60, COOLDOWN])
        self.do(expect, "pauseEntries", duration, sender=self.guardian)

    def lock(self):
        operator, pool = self.pool()
        module, assets = self.random.choice([*self.modules[:2] * 3, self.modules[2]]), self.part(pool.lockable)
        self.do(
            lambda: self.model.lock(operator.address, assets, module.address, self.now),
            *("lock", operator, assets),
            sender=module,
        )

    def unlock(self):
        operator, pool = self.pool()
        module = self.random.choice(self.modules)
        assets = self.part(pool.locks[module.address])
        self.do(lambda: pool.unlock(module.address, assets, self.now), "unlock", operator, assets, sender=module)

    def slash(self):
        operator, pool = self.pool()
        module = self.random.choice(self.modules)
        assets = self.part(pool.locks[module.address])
        had = self.token.balanceOf(self.sink)
        parts, tx = self.do(
            lambda: self.model.slash(operator.address, assets, module.address, self.now),
            *("slash", operator, assets, self.sink),
            sender=module,
        )
        if tx is not None:
            assert tuple(tx.events["Slashed"].values())[3:] == parts
            assert self.token.balanceOf(self.sink) - had == sum(parts) == assets

    def distribute(self):
        operator, _ = self.pool()
        assets = self.amount()
        expected, tx = self.do(
            lambda: self.model.distribute(operator.address, assets, self.now),
            *("distribute", operator, assets),
            sender=self.owner,
        )
        assert tx is None or tuple(tx.events["RewardDistributed"].values())[3:] == expected

    def commission(self):
        operator, pool = self.pool()
        rate = self.random.randint(0, WAD // 2 + WAD // 20)
        self.do(lambda: pool.announce(rate, self.now, COOLDOWN), "setCommission", rate, sender=operator)

    def time(self):
        self.now += self.random.choice([self.random.randint(0, COOLDOWN)] * 7 + [50 * DAY])

    def step(self):
        stake = [self.deposit, self.request, self.withdraw] * 4 + [self.withdraw_part] * 3
        stake += [self.escrow] * 3 + [self.end_escrow, self.pause]
        modules = [self.lock] * 5 + [self.unlock] * 2 + [self.slash] * 4 + [self.distribute] * 3
        self.random.choice([*stake, *modules, self.commission, *[self.time] * 4])()

    # what must hold

    def check(self):
        for operator in self.operators:
            pool, model = pool_of(self.staking, operator), self.model.pool(operator.address)
            assert pool[:3] == (tuple(vars(model.own).values()), tuple(vars(model.delegated).values()), model.locked)
            assert pool.newcomers == model.newcomers <= model.delegated.assets
            assert self.staking.getVotes(operator) == model.escrow.votes
            check_pool(self.model, model)
        assert self.token.balanceOf(self.staking) == self.model.total

    def check_all(self):
        for number in range(self.model.count + 2):
            assert self.staking.withdrawable(number) == self.model.withdrawable(number)
        for operator in self.operators:
            pool = self.model.pool(operator.address)
            assert self.staking.commissionOf(operator) == pool.commission_at(web3.eth.get_block("latest").timestamp)
            assert self.staking.escrowOf(operator) == tuple(vars(pool.escrow).values())
            for funder in self.people:
                assert self.staking.sharesOf(operator, funder) == pool.shares_of(funder.address)
            for module in self.modules:
                assert self.staking.lockedBy(operator, module) == pool.locks[module.address]
        hold(self.staking, self.token, self.operators, self.people, self.modules)

    def everybody_leaves(self):
        for operator in self.operators:
            pool = self.model.pool(operator.address)
            for module in self.modules:
                rest = pool.locks[module.address]
                unlock = partial(pool.unlock, module.address, rest)
                self.do(lambda: unlock(self.now), "unlock", operator, rest, sender=module)  # noqa: B023
            self.now = max(self.now, pool.escrow.until)
            # shares worth less than a wei cannot leave, except as the last
            for funder in sorted(self.people, key=lambda funder: -pool.shares_of(funder.address)):
                self.request((operator, funder))
        self.now += COOLDOWN
        for number in list(self.model.withdrawals):
            self.withdraw(number)
        assert not self.model.withdrawals
        for operator in self.operators:
            pool = pool_of(self.staking, operator)
            assert pool.own.assets == pool.delegated.assets == 0
        assert self.staking.totalAssets() <= self.model.count


def check_price(pool, verb, before):
    """Rewards raise the price of a delegated share, slashes lower it, joining and leaving only round it up."""
    if verb == "distribute":
        assert pool.price >= before
    elif verb == "slash":
        assert pool.price <= before
    elif not pool.delegated.shares:
        assert pool.delegated.assets == 0
    elif verb == "deposit" or verb.startswith("request"):
        assert 0 <= (pool.price - before) * (pool.delegated.shares + PAR) < max(1, before)
    else:
        assert pool.price == before


def check_pool(model, pool):
    assert pool.locked <= pool.total
    assert sum(pool.shares.values()) == pool.delegated.shares
    waiting = {True: 0, False: 0}
    for number, withdrawal in model.withdrawals.items():
        if withdrawal.operator == pool.operator:
            exact, payable = model.exact[number], model.withdrawable(number)
            waiting[withdrawal.is_own] += payable
            assert exact - 1 - Fraction(withdrawal.assets * STEPS, INDEX_FLOOR) <= payable <= exact
    assert waiting[True] <= pool.own.exiting and waiting[False] <= pool.delegated.exiting


@pytest.mark.parametrize("seed", range(WALKS))
def test_ledger(accounts, token, staking, owner, seed):
    walk = Walk(seed, accounts, token, staking, owner)
    for _ in range(STEPS):
        walk.step()
    walk.check_all()
    walk.everybody_leaves()
    walk.check_all()
