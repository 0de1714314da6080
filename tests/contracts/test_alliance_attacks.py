"""What members try, each against a round of its own."""

from __future__ import annotations

from math import comb

import pytest
from alliance_life import DATA, STAKE
from arena_life import digest_of, undone
from brownie.exceptions import VirtualMachineError
from reference import WAD
from reference_alliance import Phase

WEEK = 7 * 24 * 3600


@pytest.mark.parametrize("lazy, paid", [((0, 0), False), ((1, 0), True), ((3, 0), False)])
def test_who_did_not_look_is_not_paid(life, stranger, lazy, paid):
    """Of two updates one is approved, the other merely refused: neither all nor nothing is accepted for nothing."""
    life.propose_all()
    one, two, third = life.voters
    life.vote({one: (1, 0), two: (1, 0), third: lazy})
    life.attest_all("next")
    life.skip()
    life.settle(stranger)
    v = life.federation.round.verdict
    assert (v.approved, v.refused, v.harmful) == (1, 2, 0) and life.reasons == [""] * 5
    assert (life.federation.members[third.address].earned > 0) == paid
    assert life.federation.members[one.address].earned > 0
    life.check()


def test_nearly_half_who_did_not_look_are_not_paid(federated, creator, trainers, validators, stranger):
    """Two of five voters accept everything: too many for a refusal by two thirds, too few for acceptance. They are
    found out all the same, by the majority's verdict."""
    life = federated.fork()
    life.found(creator, committee=5)
    life.join(dict.fromkeys([*trainers, *validators[:2]], STAKE))
    life.draw(stranger)
    life.propose_all()
    lazy, honest = life.voters[:2], life.voters[2:]
    life.vote({**dict.fromkeys(lazy, (3, 0)), **dict.fromkeys(honest, (1, 0))})
    life.attest_all("next")
    life.settle(stranger)
    v, members = life.federation.round.verdict, life.federation.members
    assert (v.accepted, v.refused, v.harmful) == (1, 0, 0) and life.reasons == [""] * 7
    assert [members[account.address].earned > 0 for account in life.voters] == [False] * 2 + [True] * 3
    life.check()


def test_a_copied_commitment_opens_for_nobody_else(life):
    author, thief = life.proposers
    types = ["bytes32"] * 2
    commitment = life.model.commitment(types, life.federation, author.address, digest_of("A"), life.salt)
    for account in (author, thief):
        life.do("commitUpdate", 1, commitment, sender=account)
    life.until(Phase.REVEAL)
    life.reveal_update(author, "A")
    life.refused("CommitmentMismatch", "revealUpdate", 1, digest_of("A"), life.salt, sender=thief)
    life.skip()
    voter, parrot, _ = life.voters
    types = ["uint256", "uint256", "bytes32"]
    commitment = life.model.commitment(types, life.federation, voter.address, 1, 0, life.salt)
    for account in (voter, parrot):
        life.do("commitBallot", 1, commitment, sender=account)
    life.until(Phase.VOTE_REVEAL)
    life.reveal_ballot(voter, 1)
    life.refused("CommitmentMismatch", "revealBallot", 1, 1, 0, life.salt, sender=parrot)
    life.check()


def test_a_commitment_of_the_last_round_opens_nothing(life, stranger):
    author = life.proposers[0]
    old = life.model.commitment(["bytes32"] * 2, life.federation, author.address, digest_of("B"), life.salt)
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.draw(stranger)
    while author not in life.proposers:  # until the draw gives it that role again
        life.until(Phase.SETTLE)
        life.settle(stranger)
        life.draw(stranger)
    life.do("commitUpdate", 1, old, sender=author)
    life.until(Phase.REVEAL)
    life.refused("CommitmentMismatch", "revealUpdate", 1, digest_of("B"), life.salt, sender=author)
    life.check()


def test_who_leaves_with_a_role_is_slashed_all_the_same(life, stranger, staking):
    bad = life.proposers[1]
    life.do("leave", 1, sender=bad)
    life.propose_all()
    assert staking.lockedBy(bad, life.arena) == STAKE
    life.vote(dict.fromkeys(life.voters, (1, 2)))
    life.attest_all("next")
    life.settle(stranger)
    assert life.reasons == ["", "harmful", "", "", ""]
    assert life.federation.members[bad.address].stake == 0 == staking.lockedBy(bad, life.arena)
    life.check()


def test_a_stake_serves_one_federation_only(life, creator, trainers):
    life.found(creator, min_stake=300 * WAD)
    life.refused("InsufficientStake", "join", 2, 901 * WAD, (1, b"\x01" * 32, b"\x02" * 32), sender=trainers[0])
    life.join({trainers[0]: 900 * WAD})
    life.check()


def test_nobody_settles_twice_or_claims_for_itself_twice(life, stranger):
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    life.settle(stranger)
    life.refused("WrongPhase", "settleRound", 1, 100, sender=stranger)
    for account in life.voters:
        life.do("claim", 1, account, sender=account)
        life.refused("ZeroAmount", "claim", 1, account, sender=account)
    life.check()


def test_settlement_by_a_stranger_with_too_little_gas(life, stranger):
    """Whatever gas a stranger gives, slots are settled as a whole or not at all, and the next call can do it."""
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    with undone():
        life.tick()
        cost = life.arena.settleRound(1, 100, {"from": stranger}).gas_used
    for part in (0.2, 0.4, 0.6, 0.8):
        life.tick()
        with pytest.raises(VirtualMachineError):
            life.arena.settleRound(1, 100, {"from": stranger, "gas_limit": int(cost * part), "allow_revert": True})
        life.check()
    life.settle(stranger)
    life.check()


def test_stakes_are_fixed_before_the_seed_is_known(assembled, trainers, stranger):
    """Between a round's start and its draw everybody can compute the committee: no seat grows then."""
    life = assembled
    life.start(stranger)
    life.refused("WrongPhase", "addStake", 1, STAKE, sender=trainers[0])
    life.mine(2)  # the seed is there
    for account in trainers:
        life.refused("WrongPhase", "addStake", 1, STAKE, sender=account)
    life.do("drawRound", 1, sender=stranger)
    assert [member.stake for member in life.federation.round.seats] == [STAKE] * 5
    life.check()


def test_a_seat_weighs_little_more_than_another(federated, creator, trainers):
    """Seats are alike likely and ballots weigh by stake: one that weighs as much as all others would own every
    committee that it is drawn for, and dust would fill the seats that stake is to have."""
    life = federated.fork()
    life.found(creator, min_stake=STAKE)
    life.refused("ExcessiveStake", "join", 1, 4 * STAKE + 1, DATA, sender=trainers[0])
    life.join({trainers[0]: 4 * STAKE, trainers[1]: STAKE})
    life.refused("ExcessiveStake", "addStake", 1, 1, sender=trainers[0])
    life.do("addStake", 1, 3 * STAKE, sender=trainers[1])
    life.refused("ExcessiveStake", "addStake", 1, 1, sender=trainers[1])
    life.check()


def owned(honest: int, hostile: int, ratio: int, voters: int = 25) -> float:
    """How likely two thirds of a committee's stake are hostile, where an honest seat holds `ratio` times as much."""
    seats = honest + hostile
    return sum(
        comb(honest, good) * comb(hostile, voters - good) / comb(seats, voters)
        for good in range(voters + 1)
        if voters - good >= 2 * good * ratio
    )


def test_a_fifth_of_the_stake_as_dust_owns_no_committee(alliance):
    ratio = alliance.MAX_STAKE_RATIO()
    assert owned(40, 1000, 100) > 0.35  # what a hundredfold would come to: of 25 seats often none is honest
    assert owned(100, 100 * ratio // 4, ratio) < 1e-5


def test_a_source_of_seeds_that_fails_for_ever_locks_no_member(assembled, creator, trainers, stranger):
    """A round asks for new seeds for a week; then it is given up, and everybody has a week to leave, whoever would like
    to start another one."""
    life = assembled
    life.start(stranger)
    given_up = life.now + WEEK
    for _ in range(2):
        life.mine(300)
        life.do("renewRoundSeed", 1, sender=stranger)
        assert life.phase == Phase.DRAW
    life.mine(300)
    life.now = given_up - 2
    life.do("renewRoundSeed", 1, sender=stranger)
    life.refused("WrongPhase", "leave", 1, sender=trainers[0])
    life.mine(300)
    life.do("renewRoundSeed", 1, sender=stranger)
    assert life.phase == Phase.RESTING and life.federation.rests_until == life.now + 100 + WEEK
    life.check()
    life.now = life.federation.rests_until - 2
    life.refused("StillResting", "startRound", 1, sender=stranger)
    for account in trainers[:4]:
        life.do("leave", 1, sender=account)
    life.refused("TooFewMembers", "startRound", 1, sender=stranger)
    life.now = life.federation.rests_until + WEEK
    life.do("endFederation", 1, sender=creator)
    life.do("leave", 1, sender=trainers[4])
    assert life.model.balance == 0 and life.federation.rounds_left == 10
    life.check()


def test_a_round_after_one_that_was_given_up(assembled, stranger):
    life = assembled
    life.start(stranger)
    life.mine(300)
    life.now += WEEK
    life.do("renewRoundSeed", 1, sender=stranger)
    life.draw(stranger)
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    life.settle(stranger)
    assert life.federation.round.number == 2 and life.federation.rounds_left == 9
    life.check()
