"""What the schedule brings to a task: from the key's release until the end, to those whom its money goes to."""

from __future__ import annotations

import pytest
from arena_life import Life
from conftest import COOLDOWN, RATE
from reference import WAD
from reference_task import Phase

GOOD, FAIR = 95 * 10**7, 90 * 10**7
WEIGHT, SCALE = 110 * WAD, 10**36


def per_unit(seconds: int) -> int:
    """What a unit of weight earns, in units of 1e-36 wei."""
    return RATE * seconds * SCALE // WEIGHT


@pytest.fixture(scope="module")
def working(Staking, Arena, arena, SkeinToken, schedule, randomness, owner, creator, trainers, validators):
    """A life in an arena that draws emission; everybody has staked a thousand."""
    token = SkeinToken.at(schedule.TOKEN())
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    drawing = owner.deploy(Arena, ledger, randomness, schedule)
    ledger.setModule(drawing, True, {"from": owner})
    schedule.setModule(drawing, True, {"from": owner})
    life = Life(drawing, ledger, token, COOLDOWN)
    for account in [creator, *trainers, *validators]:
        for spender in (ledger, drawing):
            token.approve(spender, 2**256 - 1, {"from": account})
        token.transfer(account, 10**6 * WAD, {"from": owner})
    for account in [*trainers, *validators]:
        life.stake(account, 1000 * WAD)
    return life


@pytest.fixture
def life(working, schedule):
    """Its model knows how much comes: all emission goes to the one task whose stake is at work."""
    other = working.fork()
    other.released = 0
    other.model.emission_of = lambda task: per_unit(other.model.now - other.released) * WEIGHT // SCALE
    return other


def opened(life, creator, trainers, validators, stranger):
    """Two models and three validators; the key is released."""
    number = life.create(creator)
    life.register(dict.fromkeys(validators[:3], 20 * WAD))
    for trainer, label in zip(trainers[:2], "AB", strict=True):
        life.commit(trainer, label, 50 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})  # the other's stake does not work
    life.until(Phase.KEY)
    life.release(creator)
    return number


def released(life, schedule, number):
    """Remembers when the stake began to work, and checks how much it is."""
    weight, _, earned = schedule.account(life.arena, number.to_bytes(32, "big"))
    assert (weight, earned) == (WEIGHT, 0)
    life.released = life.task.score_commit_ends - life.task.parameters.score_commit_window


def test_emission_is_added_to_the_bounty(life, schedule, creator, trainers, validators, stranger):
    number = opened(life, creator, trainers, validators, stranger)
    released(life, schedule, number)
    life.draw([1], stranger)
    life.score({account: {1: GOOD} for account in validators[:3]})
    life.settle(stranger)
    life.do("finalize", number, sender=stranger)
    assert life.task.emission > 0
    total = 1000 * WAD + life.task.slashed + life.task.emission
    assert life.task.trainer_pot.assets + life.task.validator_pot.assets == total
    assert schedule.account(life.arena, number.to_bytes(32, "big"))[0] == 0  # its work is over
    life.claim(stranger)
    life.check()
    assert life.token.balanceOf(life.arena) == 0


@pytest.mark.parametrize("said, outcome", [({}, "failed"), ({1: -(2**63)}, "void")])
def test_emission_goes_where_the_slashes_go(life, schedule, creator, trainers, validators, stranger, said, outcome):
    number = opened(life, creator, trainers, validators, stranger)
    released(life, schedule, number)
    life.draw([1], stranger)
    life.score(dict.fromkeys(validators[:3], said))
    life.settle(stranger)
    if life.task.is_redrawable:
        life.do("redraw", number, sender=stranger)
        life.mine(2)
        life.draw([1], stranger)
        life.until(Phase.SETTLE)
        life.settle(stranger)
    life.do("finalize", number, sender=stranger)
    assert life.task.outcome == outcome and life.task.emission > 0
    life.claim(stranger)
    life.check()
    assert life.token.balanceOf(life.arena) == 0


def test_no_emission_without_an_evaluation(life, schedule, creator, trainers, validators, stranger):
    """A task whose key is not released never works."""
    number = life.create(creator)
    life.register(dict.fromkeys(validators[:3], 20 * WAD))
    life.commit(trainers[0], "A", 50 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    life.until(Phase.VOID)
    life.do("finalize", number, sender=stranger)
    assert life.task.emission == 0
    life.claim(stranger)
    life.check()


def test_an_arena_that_is_drained_leads_its_tasks_to_their_end(
    life, schedule, creator, trainers, validators, stranger, owner
):
    """Forbidden before the key: no emission, and the key is released all the same."""
    schedule.setModule(life.arena, False, {"from": owner})
    life.tick()
    number = opened(life, creator, trainers, validators, stranger)
    life.model.emission_of = lambda task: 0
    life.draw([1], stranger)
    life.score({account: {1: GOOD} for account in validators[:3]})
    life.settle(stranger)
    life.do("finalize", number, sender=stranger)
    life.claim(stranger)
    life.check()
