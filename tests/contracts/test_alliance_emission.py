"""What the schedule brings to a federation: from a round's draw to its conclusion, into the pool."""

from __future__ import annotations

import pytest
from alliance_life import STAKE, AllianceLife
from arena_life import digest_of
from conftest import COOLDOWN, RATE
from reference import WAD
from reference_alliance import Phase

WEIGHT, SCALE = 5 * STAKE, 10**36


@pytest.fixture(scope="module")
def working(Staking, Alliance, alliance, SkeinToken, schedule, randomness, owner, creator, trainers):
    """A life in an alliance that draws emission; everybody has staked a thousand."""
    token = SkeinToken.at(schedule.TOKEN())
    ledger = owner.deploy(Staking, token, COOLDOWN, owner)
    drawing = owner.deploy(Alliance, ledger, randomness, schedule)
    ledger.setModule(drawing, True, {"from": owner})
    schedule.setModule(drawing, True, {"from": owner})
    life = AllianceLife(drawing, ledger, token, COOLDOWN)
    for account in [creator, *trainers]:
        for spender in (ledger, drawing):
            token.approve(spender, 2**256 - 1, {"from": account})
        token.transfer(account, 10**6 * WAD, {"from": owner})
    for account in trainers:
        life.stake(account, 1000 * WAD)
    return life


@pytest.fixture
def life(working, creator, trainers):
    """Five members. Its model knows the schedule: all emission goes to the one federation whose stake is at work."""
    life = working.fork()
    life.model.emission_of = lambda f: RATE * (life.model.now - f.round.drawn_at) * SCALE // WEIGHT * WEIGHT // SCALE
    life.found(creator)
    life.join(dict.fromkeys(trainers, STAKE))
    return life


def weight_of(schedule, life) -> int:
    return schedule.account(life.arena, (1).to_bytes(32, "big"))[0]


def test_emission_goes_into_the_pool_before_the_pot_is_taken(life, schedule, creator, stranger):
    assert weight_of(schedule, life) == 0  # stake that waits for a round does not work
    life.draw(stranger)
    assert weight_of(schedule, life) == WEIGHT
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    life.settle(stranger, 2)
    assert weight_of(schedule, life) == 0
    life.skip()
    life.settle(stranger)
    r = life.federation.round
    assert r.emission > 3000 * RATE and r.settlement.pot == (1000 * WAD + r.emission) // 10
    life.check()
    for account in list(life.federation.members):
        life.do("claim", 1, account, sender=stranger)
    life.check()


def test_a_round_that_does_not_count_leaves_it_in_the_pool(life, schedule, stranger):
    life.draw(stranger)
    life.until(Phase.SETTLE)
    life.settle(stranger)
    r = life.federation.round
    assert r.settlement.pot == 0 and r.emission > 0
    slashes = sum(r.settlement.slashes) - r.settlement.settlers
    assert life.federation.pool == 1000 * WAD + r.emission + slashes
    assert weight_of(schedule, life) == 0
    life.check()


def test_only_those_who_are_drawn_work(life, schedule, stranger, trainers):
    """One more joins after the start, who is not drawn."""
    life.do("leave", 1, sender=trainers[4])
    life.now = max(life.now, life.federation.rests_until - 1)
    life.do("startRound", 1, sender=stranger)
    life.join({trainers[4]: 3 * STAKE})
    life.mine(2)
    life.do("drawRound", 1, sender=stranger)
    assert weight_of(schedule, life) == 4 * STAKE
    life.check()


def test_an_alliance_that_is_drained_leads_its_rounds_to_their_end(life, schedule, owner, stranger):
    schedule.setModule(life.arena, False, {"from": owner})
    life.tick()
    life.model.emission_of = lambda federation: 0
    life.draw(stranger)
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.do("attest", 1, digest_of("next"), sender=life.voters[0])
    life.skip()
    life.settle(stranger)
    assert life.federation.round.emission == 0
    life.check()
