"""The rounds of the alliance in plain integers; see reference_alliance.py."""

from __future__ import annotations

from eth_abi import encode
from eth_utils import keccak
from reference import require
from reference_alliance import Federation, Member, Members, Phase, Round
from reference_task import NONE, ascii32

from protocol.encoding import round_order, round_seed
from protocol.federated import settlement
from protocol.federated.settlement import Ballot, Conduct

PATIENCE = 7 * 24 * 3600  # how long a round waits for its seed


class Alliance(Members):
    def start_round(self, number: int, sender: str) -> int:
        f = self.known(number)
        self.require_phase(f, Phase.RESTING)
        require(f.rounds_left > 0, "WrongPhase", number, Phase.ENDED)
        require(self.now >= f.rests_until, "StillResting", f.rests_until)
        required = f.parameters.min_members
        require(len(f.active) >= required, "TooFewMembers", required, len(f.active))
        f.open, f.rests_until = True, self.now + PATIENCE
        f.rounds.append(Round(len(f.rounds) + 1, self.block + 1, len(f.active)))
        r = f.round
        self.emit("RoundStarted", f, round=r.number, seedTicket=r.ticket, memberCount=r.members)
        return r.number

    def renew_round_seed(self, number: int, sender: str) -> None:
        f = self.known(number)
        r = self.require_phase(f, Phase.DRAW)
        require(self.block > r.ticket + 256, "SeedStillValid", r.ticket)
        if self.now >= f.rests_until:
            f.open, f.rests_until = False, self.now + f.parameters.rest_window + PATIENCE
            self.emit("RoundClosed", f, round=r.number, pool=f.pool, roundsLeft=f.rounds_left)
            return
        r.ticket = self.block + 1
        self.emit("RoundSeedRequested", f, round=r.number, seedTicket=r.ticket)

    def draw_round(self, number: int, sender: str) -> None:
        f = self.known(number)
        r = self.require_phase(f, Phase.DRAW)
        require(self.block > r.ticket, "SeedNotReady", r.ticket)
        require(self.block <= r.ticket + 256, "SeedExpired", r.ticket)
        raw = "0x" + bytes(self.block_hash(r.ticket)).hex()
        seed = round_seed(raw, number, r.number, r.members)
        p = f.parameters
        voters = min(r.members - p.proposers, p.committee)
        r.seats = [f.active[place] for place in round_order(seed, r.members, p.proposers + voters)]
        r.seed, r.drawn_at = bytes.fromhex(seed[2:]), self.now
        r.conduct = Conduct([member.stake for member in r.seats], p.proposers)
        for slot, member in enumerate(r.seats):
            member.round, member.slot, member.busy = r.number, slot, True
        names = tuple(member.account for member in r.seats)
        roles = {"proposers": names[: p.proposers], "voters": names[p.proposers :]}
        self.emit("RoundDrawn", f, round=r.number, seed=r.seed, **roles, deadlines=f.deadlines(r))

    # proposers

    def proposer(self, f: Federation, sender: str) -> int:
        slot = self.slot(f, sender)
        require(slot is not None and slot < f.parameters.proposers, "NotProposer", f.number, f.round.number, sender)
        return slot

    def voter(self, f: Federation, sender: str) -> int:
        slot = self.slot(f, sender)
        require(slot is not None and slot >= f.parameters.proposers, "NotVoter", f.number, f.round.number, sender)
        return slot

    def slot(self, f: Federation, sender: str) -> int | None:
        member = f.members.get(sender)
        return member.slot if member and member.busy and member.round == f.round.number else None

    def commitment(self, types: list[str], f: Federation, sender: str, *values) -> bytes:
        head = [self.chain_id, self.address, f.number, f.round.number, sender]
        return keccak(encode(["uint256", "address", "uint256", "uint256", "address", *types], [*head, *values]))

    def commit(self, f: Federation, slot: int, commitment: bytes, sender: str) -> None:
        require(commitment != NONE, "InvalidParameter", ascii32("commitment"))
        require(slot not in f.round.commitments, "AlreadyCommitted", f.number, f.round.number, sender)
        f.round.commitments[slot] = commitment

    def commit_update(self, number: int, commitment: bytes, sender: str) -> None:
        f = self.known(number)
        r = self.require_phase(f, Phase.COMMIT)
        slot = self.proposer(f, sender)
        self.commit(f, slot, commitment, sender)
        r.order.append(slot)
        self.emit("UpdateCommitted", f, round=r.number, proposer=sender, commitment=commitment)

    def reveal_update(self, number: int, digest: bytes, salt: bytes, sender: str) -> None:
        f = self.known(number)
        r = self.require_phase(f, Phase.REVEAL)
        slot = self.proposer(f, sender)
        actual = self.commitment(["bytes32", "bytes32"], f, sender, digest, salt)
        expected = r.commitments.get(slot, NONE)
        require(actual == expected, "CommitmentMismatch", expected, actual)
        require(digest != NONE, "InvalidParameter", ascii32("digest"))
        require(slot not in r.digests, "AlreadyRevealed", number, r.number, sender)
        r.digests[slot] = digest
        self.emit("UpdateRevealed", f, round=r.number, proposer=sender, digest=digest)
        same = [other for other in r.order if r.digests.get(other) == digest]
        first = f.seen.setdefault(digest, (r.number, slot))[0] == r.number
        known = r.conduct.duplicates
        r.conduct.duplicates |= sum(1 << other for other in (same[1:] if first else [slot]))
        r.conduct.revealed = sum(1 << other for other in r.digests) & ~r.conduct.duplicates
        for other in range(f.parameters.proposers):
            if (r.conduct.duplicates & ~known) >> other & 1:
                self.emit("UpdateDuplicated", f, round=r.number, proposer=r.seats[other].account)

    # voters

    def commit_ballot(self, number: int, commitment: bytes, sender: str) -> None:
        f = self.known(number)
        r = self.require_phase(f, Phase.VOTE_COMMIT)
        self.commit(f, self.voter(f, sender), commitment, sender)
        self.emit("BallotCommitted", f, round=r.number, voter=sender, commitment=commitment)

    def reveal_ballot(self, number: int, accepts: int, harms: int, salt: bytes, sender: str) -> None:
        f = self.known(number)
        r = self.require_phase(f, Phase.VOTE_REVEAL)
        slot = self.voter(f, sender)
        actual = self.commitment(["uint256", "uint256", "bytes32"], f, sender, accepts, harms, salt)
        expected = r.commitments.get(slot, NONE)
        require(actual == expected, "CommitmentMismatch", expected, actual)
        known = ((accepts | harms) & ~r.conduct.revealed) == 0
        require(known and accepts & harms == 0, "InvalidBallot", accepts, harms)
        require(slot not in r.conduct.ballots, "AlreadyRevealed", number, r.number, sender)
        r.conduct.ballots[slot] = Ballot(accepts, harms)
        self.emit("BallotRevealed", f, round=r.number, voter=sender, accepts=accepts, harms=harms)

    # verdicts

    def tally(self, number: int, sender: str) -> None:
        f = self.known(number)
        self.require_phase(f, Phase.TALLY)
        self.count(f)

    def count(self, f: Federation) -> None:
        r = f.round
        r.verdict = v = settlement.tally(r.conduct, f.parameters.quorum)
        masks = {"accepted": v.accepted, "approved": v.approved, "harmful": v.harmful, "refused": v.refused}
        self.emit("RoundTallied", f, round=r.number, votingStake=v.voting_stake, **masks)

    def attest(self, number: int, digest: bytes, sender: str) -> None:
        f = self.known(number)
        if f.phase(self.now) == Phase.TALLY:
            before = len(self.events)
            self.count(f)
            try:
                self.say(f, digest, sender)
            except Exception:
                f.round.verdict = None
                del self.events[before:]
                raise
        else:
            self.say(f, digest, sender)

    def say(self, f: Federation, digest: bytes, sender: str) -> None:
        r = self.require_phase(f, Phase.ATTEST)
        require(digest != NONE, "InvalidParameter", ascii32("modelDigest"))
        slot = self.voter(f, sender)
        require(slot in r.conduct.ballots, "NotVoter", f.number, r.number, sender)
        require(slot not in r.digests, "AlreadyAttested", f.number, r.number, sender)
        r.digests[slot] = digest
        self.emit("ModelAttested", f, round=r.number, voter=sender, digest=digest)
        if r.conduct.attest(slot, digest.hex(), r.verdict):
            f.model = digest
            self.emit("ModelFinalized", f, round=r.number, digest=digest)

    def settle_round(self, number: int, limit: int, sender: str) -> None:
        f = self.known(number)
        if f.phase(self.now) == Phase.TALLY:
            r, before = f.round, len(self.events)
            self.count(f)
            if f.phase(self.now) != Phase.SETTLE:
                r.verdict = None
                del self.events[before:]
                require(False, "WrongPhase", number, Phase.ATTEST)
        r = self.require_phase(f, Phase.SETTLE)
        if r.settlement is None:
            self.conclude(f)
        slots = range(r.settled, min(r.settled + limit, len(r.seats)))
        paid = sum(self.settle_slot(f, slot) for slot in slots)
        r.settled += len(slots)
        if paid:
            self.emit("RoundSettlerPaid", f, round=r.number, settler=sender, assets=paid)
            self.balance -= paid
        if r.settled == len(r.seats):
            f.open, f.rests_until = False, self.now + f.parameters.rest_window
            f.rounds_left = r.settlement.rounds_left
            assert f.pool == r.settlement.pool + r.gifts
            self.emit("RoundClosed", f, round=r.number, pool=f.pool, roundsLeft=f.rounds_left)

    def conclude(self, f: Federation) -> None:
        r, v = f.round, f.round.verdict or settlement.Verdict()
        r.verdict = v
        r.emission = self.emission_of(f)
        f.pool += r.emission
        self.balance += r.emission
        r.settlement = s = settlement.settle(r.conduct, v, f.pool, f.rounds_left, f.parameters.silent_slash)
        facts = {"counted": v.counted, "pot": s.pot, "goodStake": s.good_stake if v.counted else 0}
        self.emit("RoundConcluded", f, round=r.number, **facts, emission=r.emission)

    def settle_slot(self, f: Federation, slot: int) -> int:
        r, member = f.round, f.round.seats[slot]
        outcome, s = r.settlement.outcomes[slot], r.settlement
        member.busy, paid = False, 0
        if outcome.good and r.verdict.counted:
            f.pool -= s.rewards[slot]
            member.earned += s.rewards[slot]
            self.emit("MemberRewarded", f, round=r.number, member=member.account, assets=s.rewards[slot])
        if outcome.rate:
            paid = self.slash(f, member, s.slashes[slot], outcome.reason)
        if member in f.active and member.stake < f.parameters.floor_stake:
            self.remove(f, member, "evicted")
        if member not in f.active:
            self.release(f, member)
        return paid

    def slash(self, f: Federation, member: Member, assets: int, reason: str) -> int:
        paid = assets * settlement.SETTLER_SHARE // settlement.WAD
        member.stake -= assets
        f.pool += assets - paid
        self.balance += assets
        facts = {"member": member.account, "assets": assets, "reason": ascii32(reason)}
        self.emit("MemberSlashed", f, round=f.round.number, **facts)
        self.ledger.slash(member.account, assets, self.address)
        return paid
