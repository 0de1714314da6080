"""What a round comes to, in the contract's own integers: verdicts, who is paid, who is slashed, what is left.

Written for reading, without a library: the contract's tests, the clients and the simulation all use it. Slots count
from 0, first the proposers and then the voters of a round; sets of proposers are masks, bit k for slot k. Amounts are
token wei, rates WAD.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

WAD = 10**18
SLASH = WAD // 10
SETTLER_SHARE = WAD // 10


@dataclass(frozen=True)
class Ballot:
    """What a voter said: masks of what it accepts and what it found harmful; it rejects the others."""

    accepts: int = 0
    harms: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the ballots come to, as masks: the accepted, and what two thirds approve of, find harmful, or refuse."""

    counted: bool = False
    voting_stake: int = 0
    accepted: int = 0
    approved: int = 0
    harmful: int = 0
    refused: int = 0


@dataclass
class Conduct:
    """What the members of a round did.

    `stakes` of all slots; `revealed` and `duplicates`: masks of updates; `ballots` and `attested` by slot, only of
    those who did it; `final`: the model that more than two thirds of the voting stake attested to, if any.
    """

    stakes: Sequence[int]
    proposers: int
    revealed: int = 0
    duplicates: int = 0
    ballots: dict[int, Ballot] = field(default_factory=dict)
    attested: dict[int, str] = field(default_factory=dict)
    final: str | None = None

    def attest(self, slot: int, model: str, verdict: Verdict) -> bool:
        """Let a voter attest; True if this made the model final."""
        self.attested[slot] = model
        stake = sum(self.stakes[voter] for voter, said in self.attested.items() if said == model)
        if 3 * stake > 2 * verdict.voting_stake:
            self.final = model
        return self.final is not None


def tally(conduct: Conduct, quorum: int) -> Verdict:
    """The verdict on the revealed updates; nothing is decided when fewer than `quorum` ballots were revealed."""
    total = sum(conduct.stakes[slot] for slot in conduct.ballots)
    if len(conduct.ballots) < quorum:
        return Verdict(False, total)
    accepted = approved = harmful = refused = 0
    for proposal in range(conduct.proposers):
        bit = 1 << proposal
        accepts = sum(conduct.stakes[slot] for slot, ballot in conduct.ballots.items() if ballot.accepts & bit)
        harms = sum(conduct.stakes[slot] for slot, ballot in conduct.ballots.items() if ballot.harms & bit)
        accepted |= bit * (2 * accepts > total)
        approved |= bit * (3 * accepts >= 2 * total)
        harmful |= bit * (3 * harms >= 2 * total)
        refused |= bit * (3 * accepts <= total)
    return Verdict(True, total, accepted, approved, harmful, refused & conduct.revealed)


@dataclass(frozen=True)
class Outcome:
    """What a slot's duty comes to: paid, or slashed at a rate for a reason, or neither."""

    good: bool = False
    rate: int = 0
    reason: str = ""


def judge(conduct: Conduct, verdict: Verdict, slot: int, silent_slash: int) -> Outcome:
    """The outcome of one slot. Silent: a duty was missed."""
    silent = Outcome(rate=silent_slash, reason="silent") if silent_slash else Outcome()
    bit = 1 << slot
    if slot < conduct.proposers:
        if not (conduct.revealed | conduct.duplicates) & bit:
            return silent
        return Outcome(rate=SLASH, reason="harmful") if verdict.harmful & bit else Outcome(bool(verdict.accepted & bit))
    if not conduct.revealed:
        return Outcome()
    ballot, attested = conduct.ballots.get(slot), conduct.attested.get(slot)
    if ballot is None or (verdict.accepted and conduct.final is None and attested is None):
        return silent
    if conduct.final is not None and attested not in (None, conduct.final):
        return Outcome(rate=SLASH, reason="forged")
    contrary = (ballot.accepts & verdict.harmful).bit_count() + (ballot.harms & verdict.approved).bit_count()
    if 2 * contrary > (verdict.harmful | verdict.approved).bit_count():
        return Outcome(rate=SLASH, reason="contrary")
    return Outcome(contrary == 0 and looked(ballot, verdict, conduct.revealed))


def looked(ballot: Ballot, verdict: Verdict, revealed: int) -> bool:
    """Whether a voter accepts nothing that two thirds refuse, at most half of what is not accepted, and at least half
    of what two thirds approve of.

    Else it is not paid: accepting or rejecting all without a look must not be worth anything, even where more than a
    third of the stake does so.
    """
    declined = revealed & ~verdict.accepted
    wrong = (ballot.accepts & declined).bit_count()
    agreed = (ballot.accepts & verdict.approved).bit_count()
    refuses = not ballot.accepts & verdict.refused and 2 * wrong <= declined.bit_count()
    return refuses and 2 * agreed >= verdict.approved.bit_count()


@dataclass(frozen=True)
class Settlement:
    """Per slot: reward and slash; then what all settlers get, the pool and the paid rounds that are left."""

    outcomes: tuple[Outcome, ...]
    rewards: tuple[int, ...]
    slashes: tuple[int, ...]
    settlers: int
    pool: int
    rounds_left: int
    pot: int
    good_stake: int


def settle(conduct: Conduct, verdict: Verdict, pool: int, rounds_left: int, silent_slash: int) -> Settlement:
    """The whole settlement of a round that starts with `pool` and `rounds_left`, this one among them.

    Everyone who is good shares pool / rounds_left by stake; slashes go to the pool, less a tenth for the settlers.

    >>> conduct = Conduct([100, 200, 100, 100, 300], 2, revealed=3, ballots={2: Ballot(3), 3: Ballot(3)})
    >>> done = settle(conduct, tally(conduct, 2), 1000, 10, silent_slash=WAD // 10)
    >>> done.rewards, done.slashes, done.settlers, done.pool
    ((20, 40, 20, 20, 0), (0, 0, 0, 0, 30), 3, 927)
    """
    slots = range(len(conduct.stakes))
    outcomes = tuple(judge(conduct, verdict, slot, silent_slash) for slot in slots)
    good = [slot for slot in slots if outcomes[slot].good and verdict.counted]
    good_stake = sum(conduct.stakes[slot] for slot in good)
    pot = pool // rounds_left if verdict.counted else 0
    rewards = tuple(pot * conduct.stakes[slot] // good_stake if slot in good else 0 for slot in slots)
    slashes = tuple(conduct.stakes[slot] * outcomes[slot].rate // WAD for slot in slots)
    settlers = sum(slash * SETTLER_SHARE // WAD for slash in slashes)
    left = pool - sum(rewards) + sum(slashes) - settlers
    return Settlement(outcomes, rewards, slashes, settlers, left, rounds_left - verdict.counted, pot, good_stake)
