"""Founding, joining, leaving: refusals in the order of the checks, then what is done."""

from __future__ import annotations

import pytest
from alliance_life import DATA, STAKE
from brownie.test.managers.runner import RevertContextManager as reverts
from brownie_compat import error
from conftest import ZERO
from reference import WAD
from reference_alliance import IDLE, Phase


@pytest.fixture
def life(federated, creator):
    life = federated.fork()
    life.found(creator)
    return life


def test_what_no_federation_can_be(federated, creator):
    life = federated.fork()
    year = 365 * 24 * 3600
    wrong = [
        {"spec_digest": bytes(32)},
        {"model_digest": bytes(32)},
        {"min_stake": 0},
        {"floor_stake": 100 * WAD + 1},
        {"rounds": 0},
        {"proposers": 0},
        {"proposers": 33, "min_members": 40},
        {"committee": 0},
        {"committee": 65},
        {"quorum": 0},
        {"quorum": 5},
        {"min_members": 3},
        {"min_members": 1025},
        {"silent_slash": WAD // 10 + 1},
        {"rest_window": year + 1},
        *(
            {f"{name}_window": value}
            for name in ("commit", "reveal", "vote", "ballot", "attest")
            for value in (0, year + 1)
        ),
    ]
    for parameters in wrong:
        life.found(creator, **parameters)
        assert life.refusal == "InvalidParameter"
    assert life.model.federations == []


def test_a_federation_is_founded_and_funded(life, creator, stranger, token):
    assert token.balanceOf(life.arena) == 1000 * WAD
    life.do("fundFederation", 1, 5, sender=stranger)
    life.refused("ZeroAmount", "fundFederation", 1, 0, sender=stranger)
    life.refused("UnknownFederation", "fundFederation", 2, 5, sender=stranger)
    life.check()
    assert life.arena.phase(1) == Phase.RESTING and life.arena.federationCount() == 1


def test_members_join_once_with_enough_stake(life, trainers):
    one = trainers[0]
    life.refused("UnknownFederation", "join", 2, STAKE, DATA, sender=one)
    life.refused("InsufficientStake", "join", 1, STAKE - 1, DATA, sender=one)
    life.refused("ExcessiveStake", "join", 1, 4 * STAKE + 1, DATA, sender=one)
    assert life.do("join", 1, STAKE, DATA, sender=one)[1].return_value == 1
    life.refused("AlreadyJoined", "join", 1, STAKE, DATA, sender=one)
    life.do("commitData", 1, (130, *DATA[1:]), sender=one)
    life.do("addStake", 1, WAD, sender=one)
    life.refused("ZeroAmount", "addStake", 1, 0, sender=one)
    life.refused("UnknownMember", "addStake", 1, WAD, sender=trainers[1])
    life.check()


def test_a_closed_federation_takes_the_invited(federated, creator, trainers, stranger):
    life = federated.fork()
    life.found(creator, invited=True)
    life.refused("Unauthorized", "invite", 1, trainers[0], True, sender=stranger)
    life.refused("ZeroAddress", "invite", 1, "0x" + "0" * 40, True, sender=creator)
    life.refused("NotInvited", "join", 1, STAKE, DATA, sender=trainers[0])
    life.do("invite", 1, trainers[0], True, sender=creator)
    life.do("invite", 1, trainers[1], True, sender=creator)
    life.do("invite", 1, trainers[1], False, sender=creator)
    life.join({trainers[0]: STAKE})
    life.refused("NotInvited", "join", 1, STAKE, DATA, sender=trainers[1])
    life.check()


def test_who_leaves_gets_the_stake_and_can_come_again(life, trainers, staking):
    life.join(dict.fromkeys(trainers[:3], STAKE))
    life.do("leave", 1, sender=trainers[0])
    assert staking.lockedBy(trainers[0], life.arena) == 0
    life.refused("UnknownMember", "leave", 1, sender=trainers[0])
    life.check()
    life.join({trainers[0]: 2 * STAKE})
    life.check()
    assert life.arena.memberAt(1, 1) == trainers[0] and life.arena.federation(1)[8] == 3


def test_nobody_leaves_between_start_and_draw(life, trainers, stranger):
    life.join(dict.fromkeys(trainers[:4], STAKE))
    life.now += 200
    life.do("startRound", 1, sender=stranger)
    life.refused("WrongPhase", "leave", 1, sender=trainers[0])
    life.join({trainers[4]: STAKE})  # does not change the draw
    life.mine(2)
    life.do("drawRound", 1, sender=stranger)
    assert trainers[4].address not in [member.account for member in life.federation.round.seats]
    life.do("leave", 1, sender=trainers[4])
    busy = life.role(0)
    life.refused("MemberBusy", "addStake", 1, WAD, sender=busy)
    life.do("leave", 1, sender=busy)
    life.refused("AlreadyJoined", "join", 1, STAKE, DATA, sender=busy)
    life.check()


def test_the_rest_returns_to_the_creator(life, creator, stranger, token):
    life.refused("Unauthorized", "endFederation", 1, sender=stranger)
    life.refused("StillResting", "endFederation", 1, sender=creator)
    life.now = life.federation.rests_until + IDLE - 2
    life.refused("StillResting", "endFederation", 1, sender=creator)
    before = token.balanceOf(creator)
    life.do("endFederation", 1, sender=creator)
    assert token.balanceOf(creator) - before == 1000 * WAD
    life.refused("WrongPhase", "endFederation", 1, sender=creator)
    life.refused("WrongPhase", "fundFederation", 1, 1, sender=creator)
    life.refused("WrongPhase", "join", 1, STAKE, DATA, sender=stranger)
    life.refused("WrongPhase", "startRound", 1, sender=stranger)
    life.check()


def test_anyone_ends_a_federation_whose_rounds_are_paid(federated, creator, trainers, stranger):
    life = federated.fork()
    life.found(creator, rounds=1)
    life.join(dict.fromkeys(trainers, STAKE))
    assert not any(life.arena.deadlines(1, 1))  # nothing is drawn
    life.draw(stranger)
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    life.settle(stranger)
    assert life.federation.rounds_left == 0
    life.do("endFederation", 1, sender=stranger)
    life.check()


def test_peers_are_needed(Alliance, staking, randomness, owner):
    for peers in [("0x" + "0" * 40, randomness), (staking, "0x" + "0" * 40)]:
        with reverts(error("ZeroAddress")):
            owner.deploy(Alliance, *peers, ZERO)
