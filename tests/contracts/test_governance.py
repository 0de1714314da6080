"""Who decides, how long it takes, and that no decision bars a way out."""

from __future__ import annotations

import pytest
from brownie import ZERO_ADDRESS, chain, reverts, web3
from brownie_compat import error
from conftest import COOLDOWN
from reference import DAY, PAR, WAD

DELAY, PERIOD, THRESHOLD, QUORUM = DAY, 3 * DAY, 1000 * WAD, 10_000 * WAD
TIMELOCK = COOLDOWN + 2 * DAY
FOR = 1


@pytest.fixture(scope="module")
def timelock(SkeinTimelock, owner):
    return owner.deploy(SkeinTimelock, TIMELOCK, owner)


@pytest.fixture(scope="module")
def governor(SkeinGovernor, staking, module, timelock, owner, accounts):
    """Owns the ledger through its timelock; accounts 6, 7 and 8 have 9000, 2000 and 900 in escrow."""
    made = owner.deploy(SkeinGovernor, staking, timelock, DELAY, PERIOD, THRESHOLD, QUORUM)
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE"):
        timelock.grantRole(getattr(timelock, role)(), made, {"from": owner})
    staking.transferOwnership(timelock, {"from": owner})
    timelock.acceptOwnershipOf(staking, {"from": accounts[9]})
    timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), owner, {"from": owner})
    for index, assets in ((6, 9000), (7, 2000), (8, 900)):
        staking.deposit(accounts[index], assets * WAD, accounts[index], {"from": accounts[index]})
        staking.escrow(assets * WAD, 30 * DAY, {"from": accounts[index]})
    chain.sleep(10)
    chain.mine()
    return made


def pass_proposal(governor, accounts, targets, calls, voters=(6, 7)):
    """Proposes, votes, waits, queues and executes; returns the last transaction."""
    words = (targets, [0] * len(targets), calls)
    text = f"at {chain[-1].number}"
    number = governor.propose(*words, text, {"from": accounts[6]}).events["ProposalCreated"]["proposalId"]
    chain.sleep(DELAY + 1)
    for voter in voters:
        governor.castVote(number, FOR, {"from": accounts[voter]})
    chain.sleep(PERIOD)
    digest = web3.keccak(text=text)
    governor.queue(*words, digest, {"from": accounts[9]})
    with reverts():
        governor.execute(*words, digest, {"from": accounts[9]})
    chain.sleep(TIMELOCK)
    return governor.execute(*words, digest, {"from": accounts[9]})


def test_settings(governor, timelock, staking, owner):
    assert (governor.votingDelay(), governor.votingPeriod(), governor.proposalThreshold()) == (DELAY, PERIOD, THRESHOLD)
    assert (governor.token(), governor.timelock(), governor.clock()) == (staking, timelock, chain[-1].timestamp)
    assert staking.owner() == timelock
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "DEFAULT_ADMIN_ROLE"):
        assert not timelock.hasRole(getattr(timelock, role)(), owner)
    assert timelock.hasRole(timelock.EXECUTOR_ROLE(), ZERO_ADDRESS)
    assert governor.quorumNumerator() == 10


def test_votes_decide(governor, timelock, staking, accounts, owner):
    module = accounts[15]
    with reverts(error("OwnableUnauthorizedAccount", owner)):
        staking.setModule(module, True, {"from": owner})
    tx = pass_proposal(governor, accounts, [staking], [staking.setModule.encode_input(module, True)])
    assert dict(tx.events["ModuleSet"]) == {"module": module, "enabled": True}
    assert staking.isModule(module)


def test_too_few_votes(governor, staking, accounts):
    call = staking.setModule.encode_input(accounts[15], True)
    with reverts(error("GovernorInsufficientProposerVotes", accounts[8], 900 * WAD, THRESHOLD)):
        governor.propose([staking], [0], [call], "mine", {"from": accounts[8]})
    number = governor.propose([staking], [0], [call], "ours", {"from": accounts[7]}).events["ProposalCreated"][
        "proposalId"
    ]
    chain.sleep(DELAY + 1)
    for voter in (6, 8):  # 9,900: the quorum is 10,000, though all are but 11,900
        governor.castVote(number, FOR, {"from": accounts[voter]})
    chain.sleep(PERIOD)
    chain.mine()
    assert governor.state(number) == 3  # defeated
    assert governor.quorum(chain[-1].timestamp - 1) == QUORUM


def test_the_quorum_grows_with_the_votes(governor, staking, accounts):
    staking.deposit(accounts[9], 200_000 * WAD, accounts[9], {"from": accounts[9]})
    staking.escrow(200_000 * WAD, DAY, {"from": accounts[9]})
    chain.sleep(10)
    chain.mine()
    assert governor.quorum(chain[-1].timestamp - 1) == 21_190 * WAD


def test_whoever_disagrees_is_out_before_it_happens(governor, timelock, staking, token, accounts):
    """The timelock waits longer than the cool-down: a module that steals finds no stake of those who left."""
    assert timelock.getMinDelay() > staking.COOLDOWN()
    words = ([staking], [0], [staking.setModule.encode_input(accounts[15], True)])
    number = governor.propose(*words, "bad", {"from": accounts[6]}).events["ProposalCreated"]["proposalId"]
    staking.deposit(accounts[9], 5 * WAD, accounts[9], {"from": accounts[9]})
    chain.sleep(DELAY + 1)
    for voter in (6, 7):
        governor.castVote(number, FOR, {"from": accounts[voter]})
    chain.sleep(PERIOD)
    governor.queue(*words, web3.keccak(text="bad"), {"from": accounts[9]})
    staking.requestWithdrawal(accounts[9], 5 * WAD * PAR, {"from": accounts[9]})
    chain.sleep(COOLDOWN)
    staking.withdraw(staking.withdrawalCount(), {"from": accounts[9]})
    with reverts():
        governor.execute(*words, web3.keccak(text="bad"), {"from": accounts[9]})
    chain.sleep(2 * DAY)
    governor.execute(*words, web3.keccak(text="bad"), {"from": accounts[9]})


def test_no_power_bars_a_way_out(governor, staking, token, accounts, module, owner):
    """Everything that owner and guardian can do, at its worst, while stake leaves and locks end."""
    operator, delegator, guardian = accounts[1], accounts[2], accounts[14]
    staking.deposit(operator, 100, operator, {"from": operator})
    staking.deposit(operator, 300, delegator, {"from": delegator})
    staking.lock(operator, 50, {"from": module})
    changing = [entry for entry in staking.abi if entry.get("stateMutability") == "nonpayable"]
    verbs = {entry["name"] for entry in changing if entry["type"] == "function"}
    privileged = {"setModule", "setGuardian", "pauseEntries", "transferOwnership", "renounceOwnership"}
    free = {"deposit", "requestWithdrawal", "requestWithdrawalTo", "withdraw", "withdrawPart", "setCommission"}
    free |= {"depositSent", "escrow", "endEscrow", "delegate", "delegateBySig", "acceptOwnership", "distribute"}
    free |= {"requestHeldWithdrawal", "withdrawTo"}
    assert verbs == privileged | free | {"lock", "unlock", "slash"}
    calls = [
        staking.setModule.encode_input(module, False),
        staking.setGuardian.encode_input(guardian),
        staking.renounceOwnership.encode_input(),
    ]
    pass_proposal(governor, accounts, [staking] * 3, calls)
    staking.pauseEntries(staking.MAX_PAUSE(), {"from": guardian})
    staking.unlock(operator, 50, {"from": module})
    had = token.balanceOf(operator) + token.balanceOf(delegator)
    for who in (operator, delegator):
        staking.requestWithdrawal(operator, staking.sharesOf(operator, who), {"from": who})
    chain.sleep(COOLDOWN)
    for number in (1, 2):
        staking.pauseEntries(staking.MAX_PAUSE(), {"from": guardian})
        staking.withdraw(number, {"from": accounts[9]})
    assert token.balanceOf(operator) + token.balanceOf(delegator) - had == 400
