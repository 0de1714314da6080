"""The emission ledger, verb by verb: schedule, cap, weights, draws, and what falls to nobody."""

from __future__ import annotations

from fractions import Fraction

import pytest
import reference_emissions as reference
from brownie import ZERO_ADDRESS, chain, reverts, web3
from brownie.test import given, strategy
from brownie_compat import error
from conftest import GENESIS
from hypothesis import settings
from reference import WAD

CAP = 1_000_000_000 * WAD
WEEK = 7 * 24 * 3600
FIRST = 2_000_000 * WAD
HALF = reference.RAY // 2
PERIOD = 208  # weeks until it is half
TASK, FEDERATION = b"\x01".rjust(32, b"\0"), b"\x02".rjust(32, b"\0")


def drawn(tx):
    """What a draw paid; a return value would need a trace of all of its steps."""
    return tx.events["Drawn"]["assets"]


def at(seconds):
    web3.provider.make_request("evm_setNextBlockTimestamp", [seconds])


@pytest.fixture(scope="module")
def deploy(Emissions, SkeinToken, owner):
    """deploy(start in seconds from now, ...): a ledger that mints a token of its own."""

    def deployed(start=1000, length=WEEK, first=FIRST, decay=HALF, period=PERIOD):
        token = owner.deploy(SkeinToken, owner, GENESIS)
        ledger = owner.deploy(Emissions, token, chain[-1].timestamp + start, length, first, decay, period, owner)
        token.transferOwnership(ledger, {"from": owner})
        ledger.acceptToken({"from": owner})
        return ledger

    return deployed


@pytest.fixture(scope="module")
def emissions(deploy):
    return deploy()


@pytest.fixture(scope="module")
def minted(emissions, SkeinToken):
    """The token that it mints."""
    return SkeinToken.at(emissions.TOKEN())


@pytest.fixture(scope="module")
def work(emissions, owner, accounts):
    """A module with a task of a weight of four: powers of two are shared out without a rest."""
    module = accounts[4]
    emissions.setModule(module, True, {"from": owner})
    emissions.setWeight(TASK, 4, {"from": module})
    return module


def test_what_a_schedule_must_be(Emissions, token, owner):
    now = chain[-1].timestamp
    good = [token, now + 100, WEEK, FIRST, HALF, PERIOD]
    bad = {
        "start": (1, [now - 1, 2**63]),
        "epochLength": (2, [0, 366 * 24 * 3600 + 1]),
        "firstEmission": (3, [CAP + 1]),
        "decay": (4, [0, reference.RAY + 1]),
        "period": (5, [0, 10**6 + 1]),
    }
    for name, (place, values) in bad.items():
        for value in values:
            with reverts(error("InvalidSchedule", name)):
                owner.deploy(Emissions, *good[:place], value, *good[place + 1 :], owner)
    with reverts(error("ZeroAddress")):
        owner.deploy(Emissions, ZERO_ADDRESS, *good[1:], owner)


def test_only_the_ledger_mints_for_ever(emissions, minted, owner):
    assert minted.owner() == emissions
    with reverts(error("OwnableUnauthorizedAccount", owner)):
        minted.mint(owner, 1, {"from": owner})
    verbs = {entry["name"] for entry in emissions.abi if entry["type"] == "function"}
    assert {name for name in verbs if "mint" in name.lower() or "token" in name.lower()} == {"TOKEN", "acceptToken"}


def test_schedule_equals_the_reference(emissions):
    decay = reference.root(HALF, PERIOD)
    assert emissions.EPOCH_DECAY() == decay
    expected = reference.schedule(FIRST, decay, PERIOD + 1)
    assert [emissions.scheduledEmission(n) for n in (0, 1, 2, PERIOD)] == [expected[n] for n in (0, 1, 2, PERIOD)]
    # E0 · decay^(n / period), to a wei for every epoch
    assert abs(expected[PERIOD] - FIRST // 2) <= PERIOD
    assert abs(expected[PERIOD // 2] - Fraction(FIRST) * Fraction(0.5**0.5)) < FIRST * 1e-15


def test_constant_emission(deploy):
    ledger = deploy(decay=reference.RAY)
    assert ledger.EPOCH_DECAY() == reference.RAY
    assert ledger.scheduledEmission(500) == FIRST


@given(
    decay=strategy("uint256", min_value=1, max_value=reference.RAY),
    period=strategy("uint256", min_value=1, max_value=10**6),
)
@settings(max_examples=30)
def test_root_equals_the_reference(LibraryHarness, owner, decay, period):
    math = LibraryHarness[-1] if len(LibraryHarness) else owner.deploy(LibraryHarness)
    found = math.root(decay, period)
    assert found == reference.root(decay, period)
    assert math.power(found, period) == reference.power(found, period) <= decay
    assert found == reference.RAY or math.power(found + 1, period) > decay


def test_an_epoch_is_minted_once(emissions, work, minted, stranger):
    start, before = emissions.START(), minted.totalSupply()
    at(start + 10)
    tx = emissions.advance(2**256 - 1, {"from": stranger})
    assert dict(tx.events["EpochFunded"]) == {"epoch": 0, "minted": FIRST, "released": 0}
    assert emissions.currentEpoch() == 0
    assert "EpochFunded" not in emissions.advance(2**256 - 1, {"from": stranger}).events
    assert minted.totalSupply() - before == FIRST
    at(start + 3 * WEEK)
    tx = emissions.draw(TASK, stranger, {"from": work})
    epochs = [event["epoch"] for event in tx.events["EpochFunded"]]
    amounts = [event["minted"] for event in tx.events["EpochFunded"]]
    schedule = reference.schedule(FIRST, emissions.EPOCH_DECAY(), 4)
    assert (epochs, amounts) == ([1, 2, 3], schedule[1:])
    assert minted.totalSupply() - before == sum(schedule)
    assert drawn(tx) == minted.balanceOf(stranger) == sum(schedule[:3])


def test_emission_goes_by_weight_and_time(emissions, work, receiver, minted):
    start = emissions.START()
    at(start + WEEK // 4)
    emissions.setWeight(FEDERATION, 4, {"from": work})
    at(start + WEEK // 2)
    emissions.setWeight(TASK, 0, {"from": work})
    at(start + WEEK)
    assert drawn(emissions.draw(FEDERATION, receiver, {"from": work})) == FIRST // 8 + FIRST // 2
    assert drawn(emissions.draw(TASK, receiver, {"from": work})) == FIRST // 4 + FIRST // 8
    assert minted.balanceOf(receiver) == FIRST


def test_joining_for_the_edge_of_an_epoch_gains_its_seconds(emissions, work, receiver):
    """Just before an epoch ends, just after the next began: two seconds' worth, whatever the weight."""
    start = emissions.START()
    at(start + WEEK - 1)
    emissions.setWeight(FEDERATION, 10**30, {"from": work})
    at(start + WEEK + 1)
    emissions.setWeight(FEDERATION, 0, {"from": work})
    got = drawn(emissions.draw(FEDERATION, receiver, {"from": work}))
    assert FIRST * 2 // WEEK * 0.99 < got <= -(-FIRST // WEEK) * 2


def test_what_falls_to_nobody_is_carried(emissions, work, receiver, stranger):
    start = emissions.START()
    emissions.setWeight(TASK, 0, {"from": work})
    at(start + WEEK // 2)
    emissions.setWeight(TASK, 8, {"from": work})
    assert emissions.state()[4] == FIRST // 2
    at(start + WEEK)
    tx = emissions.draw(TASK, receiver, {"from": work})
    assert drawn(tx) == FIRST // 2
    second = emissions.scheduledEmission(1)
    assert dict(tx.events["EpochFunded"]) == {"epoch": 1, "minted": second, "released": FIRST // 2 // 16}
    assert emissions.state()[4] == FIRST // 2 - FIRST // 2 // 16
    at(start + 2 * WEEK)
    assert drawn(emissions.draw(TASK, receiver, {"from": work})) == second + FIRST // 2 // 16


def test_the_cap_ends_emission(deploy, SkeinToken, receiver, owner, accounts):
    ledger = deploy(first=(CAP - GENESIS) * 2 // 3, decay=reference.RAY)
    ledger.setModule(accounts[4], True, {"from": owner})
    ledger.setWeight(TASK, 1, {"from": accounts[4]})
    at(ledger.START() + 5 * WEEK)
    tx = ledger.draw(TASK, receiver, {"from": accounts[4]})
    first, rest = (CAP - GENESIS) * 2 // 3, (CAP - GENESIS) - (CAP - GENESIS) * 2 // 3
    assert [event["minted"] for event in tx.events["EpochFunded"]] == [first, rest, 0, 0, 0, 0]
    token = SkeinToken.at(ledger.TOKEN())
    assert token.totalSupply() == CAP
    assert drawn(tx) == CAP - GENESIS == token.balanceOf(receiver)


def test_nothing_is_earned_before_the_start(emissions, work, receiver):
    assert emissions.drawable(work, TASK) == 0
    assert drawn(emissions.draw(TASK, receiver, {"from": work})) == 0
    at(emissions.START())
    assert drawn(emissions.draw(TASK, receiver, {"from": work})) == 0
    with reverts():
        emissions.currentEpoch(block_identifier=chain[-2].number)


def test_many_epochs_can_be_begun_in_parts(emissions, work, stranger, receiver):
    at(emissions.START() + 99 * WEEK)
    chain.mine()
    expected = emissions.drawable(work, TASK)
    for epochs in (40, 80):
        emissions.advance(40, {"from": stranger})
        assert emissions.state()[2] == epochs
    assert sum(reference.schedule(FIRST, emissions.EPOCH_DECAY(), 99)) == expected
    at(emissions.START() + 99 * WEEK + 50)
    assert drawn(emissions.draw(TASK, receiver, {"from": work})) >= expected
    assert emissions.state()[2] == 100


def test_weights_are_the_modules(emissions, work, stranger, owner, receiver):
    with reverts(error("Unauthorized", stranger)):
        emissions.setWeight(TASK, 1, {"from": stranger})
    with reverts(error("WeightTooLarge", 2**112)):
        emissions.setWeight(TASK, 2**112, {"from": work})
    with reverts(error("WeightTooLarge", 2**112 - 1)):
        emissions.setWeight(FEDERATION, 2**112 - 1, {"from": work})
    tx = emissions.setWeight(FEDERATION, 2**112 - 5, {"from": work})
    event = {"module": work, "id": "0x" + FEDERATION.hex(), "weight": 2**112 - 5, "totalWeight": 2**112 - 1}
    assert dict(tx.events["WeightSet"]) == event
    assert emissions.account(work, FEDERATION)[0] == 2**112 - 5


def test_a_forbidden_module_is_drained(emissions, work, owner, receiver):
    emissions.setModule(work, False, {"from": owner})
    with reverts(error("Unauthorized", work)):
        emissions.setWeight(TASK, 5, {"from": work})
    at(emissions.START() + WEEK)
    emissions.setWeight(TASK, 2, {"from": work})
    emissions.setWeight(TASK, 0, {"from": work})
    assert drawn(emissions.draw(TASK, receiver, {"from": work})) >= FIRST


def test_draws_are_the_accounts(emissions, work, stranger, receiver):
    at(emissions.START() + WEEK)
    with reverts(error("ZeroAddress")):
        emissions.draw(TASK, ZERO_ADDRESS, {"from": work})
    assert drawn(emissions.draw(TASK, stranger, {"from": stranger})) == 0
    tx = emissions.draw(TASK, receiver, {"from": work})
    event = {"module": work, "id": "0x" + TASK.hex(), "receiver": receiver, "assets": drawn(tx)}
    assert dict(tx.events["Drawn"]) == event


def test_the_owner_names_modules(emissions, owner, stranger):
    with reverts(error("OwnableUnauthorizedAccount", stranger)):
        emissions.setModule(stranger, True, {"from": stranger})
    with reverts(error("ZeroAddress")):
        emissions.setModule(ZERO_ADDRESS, True, {"from": owner})
    tx = emissions.setModule(stranger, True, {"from": owner})
    assert dict(tx.events["ModuleSet"]) == {"module": stranger, "enabled": True}
    assert emissions.isModule(stranger)
