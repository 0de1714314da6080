"""Bounties in other tokens: what each verb refuses, what it pays, and tokens that misbehave."""

from __future__ import annotations

import pytest
from arena_life import undone
from brownie import reverts
from brownie_compat import error
from reference import WAD
from reference_rewards import trainer_part
from reference_task import Phase

GOOD, INVALID = 95 * 10**7, -(2**63) + 2
GIFT, OTHER = 10**21 + 7, 10**20 + 1


@pytest.fixture(scope="module")
def sponsorships(Sponsorships, arena, owner):
    return owner.deploy(Sponsorships, arena)


@pytest.fixture(scope="module")
def coin(HostileToken, sponsorships, owner, creator, stranger):
    """A token of others; it behaves until it is told not to."""
    coin = owner.deploy(HostileToken)
    for account in (creator, stranger):
        coin.mint(account, 10**24, {"from": owner})
        coin.approve(sponsorships, 2**256 - 1, {"from": account})
    return coin


@pytest.fixture
def life(newborn, creator, trainers, validators):
    """A task with three models and three validators."""
    life = newborn.fork()
    life.create(creator)
    life.register({account: (20 + i) * WAD for i, account in enumerate(validators[:3])})
    for trainer, label in zip(trainers[:3], "ABC", strict=True):
        life.commit(trainer, label, 50 * WAD)
    return life


def ended(life, creator, validators, stranger, score=GOOD):
    """The task with its end; every validator says the same of all models."""
    life.unseal({1: "A", 2: "B", 3: "C"}, creator)
    life.draw([1, 2, 3], stranger)
    life.score({account: dict.fromkeys((1, 2, 3), score) for account in validators[:3]})
    life.settle(stranger)
    life.do("finalize", life.number, sender=stranger)
    return life


def sponsor(life, sponsorships, coin, gifts):
    for account, assets in gifts.items():
        life.tick()
        sponsorships.sponsorTask(life.number, coin, assets, {"from": account})


def holds(sponsorships, coin, number):
    """The ledger has what came in less what left, to the last unit."""
    assets, trainers, validators, refunded, *_ = sponsorships.pot(number, coin)
    assert coin.balanceOf(sponsorships) == assets - trainers - validators - refunded


def test_constructor(Sponsorships, owner):
    with reverts(error("ZeroAddress")):
        owner.deploy(Sponsorships, "0x" + 40 * "0")


def test_sponsor(life, sponsorships, coin, creator, stranger):
    number = life.number
    with reverts(error("ZeroAmount")):
        sponsorships.sponsorTask(number, coin, 0, {"from": creator})
    with reverts(error("NotOpen", number + 1)):
        sponsorships.sponsorTask(number + 1, coin, 1, {"from": creator})
    sponsor(life, sponsorships, coin, {creator: GIFT, stranger: OTHER})
    assert sponsorships.contributionOf(number, coin, creator) == GIFT
    assert sponsorships.pot(number, coin)[0] == GIFT + OTHER
    holds(sponsorships, coin, number)
    life.until(Phase.REVEAL)
    life.tick()
    with reverts(error("NotOpen", number)):
        sponsorships.sponsorTask(number, coin, 1, {"from": creator})
    for verb, who in (("claimSubmission", 1), ("claimValidator", stranger), ("refund", creator)):
        with reverts(error("NotOver", number)):
            getattr(sponsorships, verb)(number, coin, who, {"from": stranger})


def test_it_is_shared_like_the_bounty(life, sponsorships, coin, creator, trainers, validators, stranger):
    sponsor(life, sponsorships, coin, {creator: GIFT, stranger: OTHER})
    ended(life, creator, validators, stranger)
    number, task = life.number, life.task
    part = trainer_part(GIFT + OTHER, 150 * WAD, 63 * WAD)
    for submission in (1, 2, 3):
        life.tick()
        sponsorships.claimSubmission(number, coin, submission, {"from": stranger})
    for account in validators[:3]:
        life.tick()
        sponsorships.claimValidator(number, coin, account, {"from": stranger})
    got = [coin.balanceOf(trainer) for trainer in trainers[:3]]
    total = sum(s.weight for s in task.submissions)
    assert got[:2] == [part * s.weight // total for s in task.submissions[:2]] and sum(got) == part
    assert sum(coin.balanceOf(v) for v in validators[:3]) == GIFT + OTHER - part
    assert coin.balanceOf(sponsorships) == 0
    assert sponsorships.claimValidator(number, coin, stranger, {"from": stranger}).return_value == 0  # it is none
    before = coin.balanceOf(creator)
    sponsorships.refund(number, coin, creator, {"from": stranger})
    assert coin.balanceOf(creator) == before
    with reverts(error("AlreadyClaimed", number, coin, trainers[0])):
        sponsorships.claimSubmission(number, coin, 1, {"from": stranger})
    with reverts(error("AlreadyClaimed", number, coin, validators[0])):
        sponsorships.claimValidator(number, coin, validators[0], {"from": stranger})
    holds(sponsorships, coin, number)


def test_what_no_model_earned_goes_back(life, sponsorships, coin, creator, validators, stranger):
    """No model was any good: the validators have their part, the sponsors the trainers', by what they gave."""
    sponsor(life, sponsorships, coin, {creator: GIFT, stranger: OTHER})
    before = {account: coin.balanceOf(account) for account in (creator, stranger)}
    ended(life, creator, validators, stranger, INVALID)
    part = trainer_part(GIFT + OTHER, 150 * WAD, 63 * WAD)
    for account in (creator, stranger, creator):
        life.tick()
        sponsorships.refund(life.number, coin, account, {"from": stranger})
    back = {account: coin.balanceOf(account) - held for account, held in before.items()}
    assert back[creator] == part * GIFT // (GIFT + OTHER) and sum(back.values()) == part
    for account in validators[:3]:
        life.tick()
        sponsorships.claimValidator(life.number, coin, account, {"from": stranger})
    assert coin.balanceOf(sponsorships) == 0


@pytest.mark.parametrize("end", ["cancelled", "abandoned", "void", "failed"])
def test_a_task_that_comes_to_nothing_gives_all_back(
    newborn, sponsorships, coin, creator, trainers, validators, stranger, end
):
    life = newborn.fork()
    life.create(creator)
    sponsor(life, sponsorships, coin, {creator: GIFT, stranger: OTHER})
    if end == "cancelled":
        life.do("cancelTask", life.number, sender=creator)
    elif end == "abandoned":
        life.until(Phase.ABANDONED)
        life.do("finalize", life.number, sender=stranger)
    else:
        life.register(dict.fromkeys(validators[:3], 20 * WAD))
        life.commit(trainers[0], "A", 50 * WAD)
        life.until(Phase.REVEAL)
        if end == "void":
            life.reveal({1: "A"})
            life.until(Phase.VOID)
        else:
            life.until(Phase.SETTLE)
            life.settle(stranger)
        life.do("finalize", life.number, sender=stranger)
    before = coin.balanceOf(stranger)
    for account in (creator, stranger):
        life.tick()
        sponsorships.refund(life.number, coin, account, {"from": creator})
    assert coin.balanceOf(stranger) - before == OTHER and coin.balanceOf(sponsorships) == 0
    for submission in range(1, len(life.task.submissions) + 1):
        sponsorships.claimSubmission(life.number, coin, submission, {"from": stranger})
    paid = sponsorships.claimValidator(life.number, coin, validators[0], {"from": stranger})
    assert paid.return_value == 0
    holds(sponsorships, coin, life.number)


def test_a_token_that_takes_fees_is_refused(life, sponsorships, coin, owner, creator):
    coin.setFee(100, {"from": owner})
    life.tick()
    with reverts(error("NotPlain", coin, 1000, 990)):
        sponsorships.sponsorTask(life.number, coin, 1000, {"from": creator})
    assert sponsorships.pot(life.number, coin)[0] == 0


def test_a_token_that_calls_back_is_paid_once(life, sponsorships, coin, owner, creator, validators, stranger):
    """While it moves it claims again, for the same and for another: the guard refuses the whole."""
    sponsor(life, sponsorships, coin, {creator: GIFT})
    ended(life, creator, validators, stranger)
    again = [
        sponsorships.claimSubmission.encode_input(life.number, coin, 1),
        sponsorships.claimSubmission.encode_input(life.number, coin, 2),
        sponsorships.refund.encode_input(life.number, coin, creator),
    ]
    for data in again:
        with undone():
            coin.callBack(sponsorships, data, {"from": owner})
            life.tick()
            with reverts(error("ReentrancyGuardReentrantCall")):
                sponsorships.claimSubmission(life.number, coin, 1, {"from": stranger})
    life.tick()
    sponsorships.claimSubmission(life.number, coin, 1, {"from": stranger})
    holds(sponsorships, coin, life.number)


def test_tokens_do_not_touch_one_another(life, HostileToken, sponsorships, coin, owner, creator, validators, stranger):
    """One token fails for ever; the other is paid."""
    bad = owner.deploy(HostileToken)
    bad.mint(creator, GIFT, {"from": owner})
    bad.approve(sponsorships, GIFT, {"from": creator})
    sponsor(life, sponsorships, coin, {creator: GIFT})
    sponsor(life, sponsorships, bad, {creator: GIFT})
    ended(life, creator, validators, stranger)
    bad.callBack(sponsorships, b"\x00\x01\x02\x03", {"from": owner})
    life.tick()
    with reverts():
        sponsorships.claimSubmission(life.number, bad, 1, {"from": stranger})
    life.tick()
    assert sponsorships.claimSubmission(life.number, coin, 1, {"from": stranger}).return_value > 0
