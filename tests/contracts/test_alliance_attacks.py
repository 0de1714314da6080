"""What members try, each against a round of its own."""

from __future__ import annotations

import pytest
from alliance_life import STAKE
from arena_life import digest_of, undone
from brownie.exceptions import VirtualMachineError
from reference import WAD
from reference_alliance import Phase


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
    life.found(creator)
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
