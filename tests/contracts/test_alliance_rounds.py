"""One round, phase by phase, and what it comes to."""

from __future__ import annotations

import pytest
from alliance_life import STAKE
from arena_life import digest_of
from reference import WAD
from reference_alliance import Phase


def test_a_round_from_draw_to_claim(life, stranger, staking):
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.do("tally", 1, sender=stranger)
    life.attest_all("next")
    life.settle(stranger)
    assert life.arena.federation(1)[2] == "0x" + digest_of("next").hex()
    assert life.federation.pool == 900 * WAD and life.federation.rounds_left == 9
    before = staking.stakeOf(life.role(0))
    life.do("claim", 1, life.role(0), sender=stranger)
    assert staking.stakeOf(life.role(0)) - before == 20 * WAD
    life.refused("ZeroAmount", "claim", 1, life.role(0), sender=stranger)
    life.refused("UnknownMember", "claim", 1, stranger, sender=stranger)
    life.check()


def test_a_member_that_leaves_is_paid_while_its_stake_is_locked(life, stranger, staking):
    """Else a stranger could delegate to a pool that has no locks any more, and claim most of what waits for it."""
    stays, leaves = life.proposers
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    life.do("leave", 1, sender=leaves)
    life.settle(stranger)
    assert staking.stakeOf(leaves) == 1020 * WAD and staking.lockable(leaves) == 1020 * WAD
    life.stake(stays, 100_000 * WAD, stranger)
    life.do("leave", 1, sender=stays)
    assert staking.assetsOf(stays, stays) == 1020 * WAD
    assert staking.assetsOf(stays, stranger) == 100_000 * WAD
    for account in (stays, leaves):
        life.refused("ZeroAmount", "claim", 1, account, sender=stranger)
    life.check()


def test_a_committee_is_drawn_of_more_members(federated, creator, trainers, validators, stranger):
    life = federated.fork()
    life.found(creator)
    life.join(dict.fromkeys([*trainers, *validators], STAKE))
    life.draw(stranger)
    assert len(life.voters) == 4 < len(validators)
    life.check()


def test_the_published_vector(federated, creator, trainers, stranger, token):
    """Proposers of 100 and 200, voters of 100, 100 and 300 who loses a tenth: 20, 40, 20, 20 and -30; 927 are left."""
    life = federated.fork()
    for number in range(1, 60):  # until the draw gives these roles to these stakes
        life.found(creator, silent_slash=WAD // 10, rest_window=0)
        stakes = dict(zip(trainers, (100, 200, 100, 100, 300), strict=True))
        life.join({account: stake * WAD for account, stake in stakes.items()})
        life.draw(stranger)
        drawn = [member.stake // WAD for member in life.federation.round.seats]
        if sorted(drawn[:2]) == [100, 200]:
            break
        life.skip()
        life.skip()
        life.settle(stranger)
        for account in trainers:
            life.do("leave", number, sender=account)
    life.propose_all()
    life.vote(
        {account: (3, 0) for account in life.voters if life.federation.members[account.address].stake != 300 * WAD}
    )
    life.attest_all("next")
    before = token.balanceOf(stranger)
    life.settle(stranger)
    done = life.federation.round.settlement
    table = {
        stake: (reward // WAD, slash // WAD)
        for stake, reward, slash in zip(drawn, done.rewards, done.slashes, strict=True)
    }
    assert table == {100: (20, 0), 200: (40, 0), 300: (0, 30)}
    assert token.balanceOf(stranger) - before == 3 * WAD
    assert life.federation.pool == 927 * WAD
    life.check()


def test_every_verb_waits_for_its_phase(life, stranger):
    proposer, voter = life.proposers[0], life.voters[0]
    verbs = {
        "startRound": (),
        "drawRound": (),
        "renewRoundSeed": (),
        "commitUpdate": (b"\x01" * 32,),
        "revealUpdate": (b"\x01" * 32, b"\x02" * 32),
        "commitBallot": (b"\x01" * 32,),
        "revealBallot": (0, 0, b"\x02" * 32),
        "tally": (),
        "attest": (b"\x01" * 32,),
        "settleRound": (5,),
        "endFederation": (),
    }
    own = {Phase.COMMIT: ["commitUpdate"], Phase.REVEAL: ["revealUpdate"], Phase.SETTLE: ["settleRound"]}
    for phase in (Phase.COMMIT, Phase.REVEAL, Phase.SETTLE):
        life.until(phase)
        for verb, args in verbs.items():
            if verb not in own[phase]:
                life.refused("WrongPhase", verb, 1, *args, sender=proposer)
        for verb, args in verbs.items():
            life.refused("UnknownFederation", verb, 7, *args, sender=voter)


def test_only_drawn_proposers_propose_once(life, stranger):
    proposer = life.proposers[0]
    life.refused("NotProposer", "commitUpdate", 1, b"\x01" * 32, sender=stranger)
    life.refused("NotProposer", "commitUpdate", 1, b"\x01" * 32, sender=life.voters[0])
    life.refused("InvalidParameter", "commitUpdate", 1, bytes(32), sender=proposer)
    life.commit_update(proposer, "A")
    life.refused("AlreadyCommitted", "commitUpdate", 1, b"\x01" * 32, sender=proposer)
    life.until(Phase.REVEAL)
    life.refused("NotProposer", "revealUpdate", 1, b"\x01" * 32, bytes(32), sender=stranger)
    life.refused("CommitmentMismatch", "revealUpdate", 1, digest_of("B"), life.salt, sender=proposer)
    life.refused("CommitmentMismatch", "revealUpdate", 1, digest_of("A"), life.salt, sender=life.proposers[1])
    life.reveal_update(proposer, "A")
    life.refused("AlreadyRevealed", "revealUpdate", 1, digest_of("A"), life.salt, sender=proposer)
    life.check()


def test_an_empty_digest_is_no_update(life):
    proposer = life.proposers[0]
    commitment = life.model.commitment(["bytes32"] * 2, life.federation, proposer.address, bytes(32), life.salt)
    life.do("commitUpdate", 1, commitment, sender=proposer)
    life.until(Phase.REVEAL)
    life.refused("InvalidParameter", "revealUpdate", 1, bytes(32), life.salt, sender=proposer)


@pytest.mark.parametrize("first_reveals", [0, 1])
def test_of_two_equal_updates_the_earlier_commit_counts(life, stranger, first_reveals):
    early, late = life.proposers
    life.commit_update(early, "A")
    life.commit_update(late, "A")
    life.until(Phase.REVEAL)
    for account in (early, late) if first_reveals == 0 else (late, early):
        life.reveal_update(account, "A")
    assert life.federation.round.conduct.duplicates == 2
    life.skip()
    life.vote(dict.fromkeys(life.voters, (1, 0)))
    life.attest_all("next")
    life.settle(stranger)
    assert life.federation.members[late.address].earned == 0
    assert life.federation.members[early.address].earned == 25 * WAD
    life.check()


def test_an_update_of_an_earlier_round_is_a_copy(life, stranger):
    life.propose({account: f"old {slot}" for slot, account in enumerate(life.proposers)})
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.attest_all("next")
    life.settle(stranger)
    life.draw(stranger)
    one, other = life.proposers
    life.propose({one: "old 0", other: "new"})
    assert life.federation.round.conduct.duplicates == 1
    life.check()


def test_ballots_name_revealed_updates_once(life, stranger):
    life.propose({life.proposers[0]: "A"})
    voter, other, third = life.voters
    life.refused("NotVoter", "commitBallot", 1, b"\x01" * 32, sender=life.proposers[0])
    life.refused("InvalidParameter", "commitBallot", 1, bytes(32), sender=voter)
    life.commit_ballot(voter, 2)
    life.refused("AlreadyCommitted", "commitBallot", 1, b"\x01" * 32, sender=voter)
    life.commit_ballot(other, 1, 1)
    life.commit_ballot(third, 1)
    life.until(Phase.VOTE_REVEAL)
    life.refused("InvalidBallot", "revealBallot", 1, 2, 0, life.salt, sender=voter)
    life.refused("InvalidBallot", "revealBallot", 1, 1, 1, life.salt, sender=other)
    life.refused("CommitmentMismatch", "revealBallot", 1, 1, 0, life.salt, sender=voter)
    life.refused("NotVoter", "revealBallot", 1, 1, 0, life.salt, sender=stranger)
    life.reveal_ballot(third, 1)
    life.refused("AlreadyRevealed", "revealBallot", 1, 1, 0, life.salt, sender=third)
    life.skip()
    life.settle(stranger)
    assert not life.federation.round.verdict.counted  # one ballot is no quorum
    assert life.reasons == ["", "silent", "silent", "silent", ""]
    assert life.federation.rounds_left == 10 and life.federation.pool > 1000 * WAD
    life.check()


def test_harm_is_slashed_and_floors_evict(federated, creator, trainers, stranger):
    life = federated.fork()
    life.found(creator, floor_stake=95 * WAD)
    life.join(dict.fromkeys(trainers, STAKE))
    life.draw(stranger)
    bad = life.proposers[1]
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (1, 2)))
    life.attest_all("next")
    life.settle(stranger)
    assert life.reasons == ["", "harmful", "", "", ""]
    assert life.federation.members[bad.address].stake == 0 and len(life.federation.active) == 4
    life.join({bad: STAKE})
    life.check()


def test_who_votes_against_two_thirds_is_slashed(life, stranger):
    life.propose_all()
    one, two, liar = life.voters
    life.vote({one: (1, 2), two: (1, 2), liar: (2, 1)})
    life.attest_all("next")
    life.settle(stranger)
    assert life.reasons == ["", "harmful", "", "", "contrary"]
    life.check()


def test_who_accepts_everything_is_not_paid_for_harm(life, stranger):
    life.propose_all()
    one, two, lazy = life.voters
    life.vote({one: (1, 2), two: (1, 2), lazy: (3, 0)})
    life.attest_all("next")
    life.settle(stranger)
    assert life.federation.members[lazy.address].earned == 0
    assert life.reasons[4] == ""
    life.check()


def test_a_forged_model_costs_its_poster(life, stranger):
    life.propose_all()
    one, two, liar = life.voters
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.refused("NotVoter", "attest", 1, digest_of("x"), sender=stranger)
    life.do("attest", 1, digest_of("forged"), sender=liar)
    life.refused("AlreadyAttested", "attest", 1, digest_of("next"), sender=liar)
    life.refused("InvalidParameter", "attest", 1, bytes(32), sender=one)
    life.do("attest", 1, digest_of("next"), sender=one)
    assert life.phase == Phase.ATTEST
    life.do("attest", 1, digest_of("next"), sender=two)
    assert life.phase == Phase.ATTEST  # two of three are not more than two thirds
    life.skip()
    life.settle(stranger)
    assert life.reasons == [""] * 5 and life.federation.model == b"\x62" * 32
    life.check()


def test_with_more_voters_a_forgery_is_slashed(federated, creator, trainers, validators, stranger):
    life = federated.fork()
    life.found(creator)
    life.join(dict.fromkeys([*trainers, validators[0]], STAKE))
    life.draw(stranger)
    life.propose_all()
    liar, *honest = life.voters
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.do("attest", 1, digest_of("forged"), sender=liar)
    for account in honest:
        life.do("attest", 1, digest_of("next"), sender=account)
    life.settle(stranger)
    assert life.reasons == ["", "", "forged", "", "", ""]
    assert life.federation.model == digest_of("next")
    life.check()


def test_a_missing_attestation_is_silence_while_no_model_is_final(life, stranger):
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (3, 0)))
    life.do("attest", 1, digest_of("next"), sender=life.voters[0])
    life.skip()
    life.settle(stranger)
    assert life.reasons == ["", "", "", "silent", "silent"]
    life.check()


def test_settlement_in_parts_pays_the_same(life, stranger, trainers):
    life.propose_all()
    life.vote({life.voters[0]: (3, 0), life.voters[1]: (1, 2), life.voters[2]: (3, 0)})
    life.refused("WrongPhase", "settleRound", 1, 5, sender=stranger)
    life.attest_all("next")
    life.skip()
    life.settle(stranger, 0)
    for _ in range(4):
        life.settle(stranger, 1)
    life.do("fundFederation", 1, 7, sender=stranger)
    life.settle(trainers[0], 2**200)
    life.check()


def test_nothing_revealed_closes_the_round(life, stranger):
    life.commit_update(life.proposers[0], "A")
    life.until(Phase.SETTLE)
    life.settle(stranger)
    assert life.reasons == ["silent", "silent", "", "", ""]
    life.draw(stranger)
    life.check()


def test_seeds_expire_and_are_renewed(assembled, stranger):
    life = assembled
    life.refused("StillResting", "startRound", 1, sender=stranger)
    life.now += 100
    life.do("startRound", 1, sender=stranger)
    life.refused("SeedNotReady", "drawRound", 1, sender=stranger)
    life.mine(300)
    life.refused("SeedExpired", "drawRound", 1, sender=stranger)
    life.do("renewRoundSeed", 1, sender=stranger)
    life.refused("SeedStillValid", "renewRoundSeed", 1, sender=stranger)
    life.mine(1)
    life.do("drawRound", 1, sender=stranger)
    life.check()


def test_too_few_members_start_nothing(federated, creator, trainers, stranger):
    life = federated.fork()
    life.found(creator, rest_window=0)
    life.join(dict.fromkeys(trainers[:3], STAKE))
    life.refused("TooFewMembers", "startRound", 1, sender=stranger)


def test_views_show_entries_and_ballots(life, stranger):
    life.propose_all()
    life.vote(dict.fromkeys(life.voters, (1, 2)))
    commitment, digest = life.arena.entry(1, 1, 0)
    assert digest == "0x" + life.federation.round.digests[0].hex()
    assert commitment == "0x" + life.federation.round.commitments[0].hex()
    assert life.arena.ballot(1, 1, 2) == (1, 2) and life.arena.ballot(1, 1, 0) == (0, 0)
    proposer, voter = life.role(0), life.role(2)
    assert life.arena.updateCommitment(1, 1, proposer, digest, life.salt) == commitment
    assert life.arena.ballotCommitment(1, 1, voter, 1, 2, life.salt) == life.arena.entry(1, 1, 2)[0]
