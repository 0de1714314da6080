"""Own stake that is promised to stay: what it weighs, the votes that it gives, and when it is free again."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import COOLDOWN
from invariants import hold
from reference import DAY, MAX_ESCROW, PAR, WAD, multiplier

# days and what a thousand weigh: the published vector
VECTOR = [(1, 1000), (30, 1000), (31, 1006), (90, 1360), (180, 1900), (365, 3010), (400, 3010)]


@pytest.fixture(autouse=True)
def _invariants(staking, token, operator, delegator, stranger, module):
    """Held at the end of every test of this file."""
    yield
    hold(staking, token, [operator], [operator, delegator, stranger], [module])


@pytest.fixture
def pool(operator, delegator, stake):
    """1000 own, 1000 delegated."""
    stake(operator, 1000)
    stake(operator, 1000, delegator)


@pytest.mark.parametrize("days, weight", VECTOR)
def test_vector(staking, operator, pool, days, weight):
    tx = staking.escrow(1000, days * DAY, {"from": operator})
    event = {"operator": operator, "assets": 1000, "until": tx.timestamp + days * DAY}
    assert dict(tx.events["Escrowed"]) == event | {"multiplier": multiplier(days * DAY)}
    assert staking.getVotes(operator) == weight
    assert staking.weightOf(operator) == weight + 1000
    assert staking.weigh(operator, 2000) == weight + 1000
    assert staking.weigh(operator, 500) == (weight + 1000) // 4


def test_refused(staking, operator, stranger, pool):
    for assets, duration in [(0, DAY), (1, 0)]:
        with reverts(error("ZeroAmount")):
            staking.escrow(assets, duration, {"from": operator})
    with reverts(error("EscrowTooLong", MAX_ESCROW + 1, MAX_ESCROW)):
        staking.escrow(1, MAX_ESCROW + 1, {"from": operator})
    with reverts(error("InsufficientStake", 1001, 1000)):
        staking.escrow(1001, DAY, {"from": operator})
    with reverts(error("InsufficientStake", 1, 0)):  # delegators promise nothing
        staking.escrow(1, DAY, {"from": stranger})


def test_without_stake_every_wei_weighs_itself(staking, operator):
    assert staking.weigh(operator, 7) == 7
    assert staking.weightOf(operator) == 0


def test_a_promise_is_never_cut(staking, operator, pool):
    until = staking.escrow(500, 100 * DAY, {"from": operator}).timestamp + 100 * DAY
    with reverts(error("EscrowShortened", 500, until)):
        staking.escrow(499, 200 * DAY, {"from": operator})
    with reverts(error("EscrowShortened", 500, until)):
        staking.escrow(500, 99 * DAY, {"from": operator})
    staking.escrow(1000, 100 * DAY, {"from": operator})
    chain.sleep(100 * DAY)
    staking.escrow(1, DAY, {"from": operator})  # the old one's time is over
    assert staking.getVotes(operator) == 1


def test_a_promise_that_weighs_no_more_moves_no_votes(staking, operator, pool):
    staking.escrow(500, 10 * DAY, {"from": operator})
    assert "DelegateVotesChanged" not in staking.escrow(500, 20 * DAY, {"from": operator}).events
    assert staking.getVotes(operator) == 500


def test_it_stays_until_its_time_is_over(staking, operator, stranger, pool):
    until = staking.escrow(600, 30 * DAY, {"from": operator}).timestamp + 30 * DAY
    staking.requestWithdrawal(operator, 400 * PAR, {"from": operator})
    with reverts(error("StakeEscrowed", 600, 599)):
        staking.requestWithdrawal(operator, PAR, {"from": operator})
    with reverts(error("EscrowNotOver", until)):
        staking.endEscrow(operator, {"from": stranger})
    chain.mine(timestamp=until)
    assert staking.getVotes(operator) == 600
    tx = staking.requestWithdrawal(operator, PAR, {"from": operator})
    assert dict(tx.events["EscrowEnded"]) == {"operator": operator, "assets": 600}
    assert staking.getVotes(operator) == 0
    assert staking.escrowOf(operator) == (0, 0, 0)


def test_anyone_ends_what_is_over(staking, operator, stranger, pool):
    with reverts(error("ZeroAmount")):
        staking.endEscrow(operator, {"from": stranger})
    staking.escrow(600, 30 * DAY, {"from": operator})
    chain.sleep(30 * DAY)
    tx = staking.endEscrow(operator, {"from": stranger})
    assert dict(tx.events["EscrowEnded"]) == {"operator": operator, "assets": 600}
    assert staking.weightOf(operator) == 2000


def test_a_slash_takes_weight_and_votes(staking, operator, module, receiver, pool):
    staking.escrow(900, 365 * DAY, {"from": operator})
    staking.lock(operator, 500, {"from": module})
    staking.slash(operator, 100, receiver, {"from": module})  # 900 are left: nothing promised is touched
    assert staking.getVotes(operator) == 900 * multiplier(365 * DAY) // WAD
    staking.slash(operator, 400, receiver, {"from": module})
    assert staking.escrowOf(operator)[0] == 500
    assert staking.getVotes(operator) == 500 * multiplier(365 * DAY) // WAD


def test_votes_can_be_delegated_and_are_remembered(staking, operator, stranger, delegator, pool):
    staking.escrow(500, 30 * DAY, {"from": operator})
    assert staking.delegates(operator) == operator
    before = chain[-1].timestamp
    chain.sleep(10)
    staking.delegate(stranger, {"from": operator})
    staking.escrow(700, 40 * DAY, {"from": operator})
    chain.sleep(10)
    chain.mine()
    votes = 700 * multiplier(40 * DAY) // WAD
    assert (staking.getVotes(operator), staking.getVotes(stranger)) == (0, votes)
    assert (staking.getPastVotes(operator, before), staking.getPastVotes(stranger, before)) == (500, 0)
    assert staking.getPastTotalSupply(before) == 500
    assert staking.getPastTotalSupply(chain[-1].timestamp - 1) == votes
    assert staking.CLOCK_MODE() == "mode=timestamp"
    assert staking.clock() == chain[-1].timestamp
    assert staking.delegates(delegator) == ZERO_ADDRESS


def test_rewards_are_shared_by_stake_not_by_weight(staking, operator, stranger, pool):
    staking.escrow(1000, 365 * DAY, {"from": operator})
    tx = staking.distribute(operator, 100, {"from": stranger})
    assert tx.events["RewardDistributed"]["delegatedAssets"] == 50


def test_delegators_leave_while_their_operator_stays(staking, token, operator, delegator, pool):
    staking.escrow(1000, 365 * DAY, {"from": operator})
    tx = staking.requestWithdrawal(operator, 1000 * PAR, {"from": delegator})
    chain.sleep(COOLDOWN)
    had = token.balanceOf(delegator)
    staking.withdraw(tx.events["WithdrawalRequested"]["withdrawalId"], {"from": delegator})
    assert token.balanceOf(delegator) - had == 1000
