"""Who takes part and what is deployed, as fixtures; the chain goes back after every test."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import brownie_compat
import pytest
from arena_life import Life
from reference import WAD

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for protocol.federated.settlement, of plain integers
brownie_compat.apply()

COOLDOWN = 7 * 24 * 3600
ZERO = "0x" + 40 * "0"
GENESIS = 500_000_000 * 10**18
EPOCH, RATE = 10**7, 10**15 + 7  # of the emission ledger that modules draw from: seconds; wei a second
PURSE = 10_000_000 * 10**18  # what every account but the owner starts with


def pytest_collection_finish(session):
    # Brownie runs gc.collect() whenever the chain goes back; over the syntax trees that it has loaded this takes
    # 0.4 s a test. Frozen objects are not visited.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _session():
    brownie_compat.remember_chain_id()
    if "SKEIN_BRANCHES" not in os.environ:
        yield
        return
    import branches

    branches.watch()
    yield
    branches.write()


@pytest.fixture(scope="module", autouse=True)
def _module(module_isolation):
    pass


@pytest.fixture(autouse=True)
def _test(fn_isolation):
    pass


@pytest.fixture(scope="module")
def owner(accounts):
    return accounts[0]


@pytest.fixture(scope="module")
def operator(accounts):
    return accounts[1]


@pytest.fixture(scope="module")
def delegator(accounts):
    return accounts[2]


@pytest.fixture(scope="module")
def stranger(accounts):
    return accounts[3]


@pytest.fixture(scope="module")
def module(accounts, staking, owner):
    """A plain account that the ledger takes for a module, to call the verbs of modules one by one."""
    staking.setModule(accounts[4], True, {"from": owner})
    return accounts[4]


@pytest.fixture(scope="module")
def receiver(accounts):
    """Gets what is slashed; owns nothing before."""
    return accounts[5]


@pytest.fixture(scope="module")
def creator(accounts):
    return accounts[6]


@pytest.fixture(scope="module")
def trainers(accounts):
    return accounts[7:12]


@pytest.fixture(scope="module")
def validators(accounts):
    return accounts[12:20]


@pytest.fixture(scope="module")
def token(SkeinToken, owner):
    return owner.deploy(SkeinToken, owner, GENESIS)


@pytest.fixture(scope="module")
def staking(Staking, token, owner, accounts):
    """The ledger; every account but `receiver` holds tokens and lets the ledger take them."""
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    for account in accounts[:5] + accounts[6:20]:
        token.approve(ledger, 2**256 - 1, {"from": account})
        if account != owner:
            token.transfer(account, PURSE, {"from": owner})
    return ledger


@pytest.fixture(scope="module")
def stake(staking):
    """stake(operator, assets): own stake. stake(operator, assets, funder): a delegation. Returns the shares."""

    def deposit(operator, assets, funder=None):
        funder = funder or operator
        return staking.deposit(operator, assets, funder, {"from": funder}).return_value

    return deposit


@pytest.fixture(scope="module")
def randomness(BlockRandomness, owner):
    return owner.deploy(BlockRandomness)


@pytest.fixture(scope="module")
def arena(Appeals, Evaluation, Settlement, Payout, Arena, staking, randomness, token, owner, accounts):
    """The arena, a module of the ledger; every account but `receiver` lets it take tokens."""
    for library in (Appeals, Evaluation, Settlement, Payout):
        owner.deploy(library)
    arena = owner.deploy(Arena, staking, randomness, ZERO)
    staking.setModule(arena, True, {"from": owner})
    for account in accounts[:5] + accounts[6:20]:
        token.approve(arena, 2**256 - 1, {"from": account})
    return arena


@pytest.fixture(scope="module")
def alliance(Committees, Verdicts, Alliance, staking, randomness, token, owner, accounts):
    """The alliance, a module of the ledger; every account but `receiver` lets it take tokens."""
    for library in (Committees, Verdicts):
        owner.deploy(library)
    alliance = owner.deploy(Alliance, staking, randomness, ZERO)
    staking.setModule(alliance, True, {"from": owner})
    for account in accounts[:5] + accounts[6:20]:
        token.approve(alliance, 2**256 - 1, {"from": account})
    return alliance


@pytest.fixture(scope="module")
def schedule(SkeinToken, Emissions, owner, chain):
    """An emission ledger of its own with its token, in the first epoch."""
    token = owner.deploy(SkeinToken, owner, GENESIS)
    start = chain.time() + 100
    ledger = owner.deploy(Emissions, token, start, EPOCH, EPOCH * RATE, 10**27, 1, owner)
    token.transferOwnership(ledger, {"from": owner})
    ledger.acceptToken({"from": owner})
    return ledger


@pytest.fixture(scope="module")
def federated(alliance, staking, token, trainers, validators):
    """No federation yet; everybody has staked a thousand."""
    from alliance_life import AllianceLife

    life = AllianceLife(alliance, staking, token, COOLDOWN)
    for account in [*trainers, *validators]:
        life.stake(account, 1000 * WAD)
    return life


@pytest.fixture
def assembled(federated, creator, trainers):
    """A federation of five, before its first round."""
    from alliance_life import STAKE

    life = federated.fork()
    life.found(creator)
    life.join(dict.fromkeys(trainers, STAKE))
    return life


@pytest.fixture
def life(assembled, stranger):
    """A federation in which two proposers and three voters are drawn."""
    assembled.draw(stranger)
    return assembled


@pytest.fixture(scope="module")
def newborn(arena, staking, token, trainers, validators):
    """No task yet; everybody has staked a thousand."""
    life = Life(arena, staking, token, COOLDOWN)
    for account in [*trainers, *validators]:
        life.stake(account, 1000 * WAD)
    return life
