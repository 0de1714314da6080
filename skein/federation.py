"""A federation in one process, without a chain: members, attackers, rounds; rules and settlement are the real ones.

Everything but the attacks is the clients' own code: exact updates, screening, ballots, aggregation, and the settlement
that the contract is tested against. A vote is the member's own, on rows that it kept aside.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from protocol.federated import settlement
from protocol.federated.first import initial
from protocol.federated.fixed import ModelWords, Update, Words, decode, encode, encode_model, step
from protocol.federated.focus import Variation, suspected
from protocol.federated.rules import aggregate
from protocol.federated.settlement import Ballot, Conduct, Verdict
from protocol.federated.spec import FederationSpec
from protocol.federated.votes import ballot, mask, mean_loss, screen, slots_of
from skein.attacks import ATTACKS, Context
from trainer.federated.perceptron import Effort, Floats, Labels, losses, train
from trainer.federated.sensitivity import shifts

WAD = settlement.WAD
Rows = tuple[Floats, Labels]
TRUE_MODEL, FORGED_MODEL = "aggregate", "forged"
_GROUPS = 8  # of how many of the voter's questions "what if this one were left out?" are asked


@dataclass(frozen=True)
class Terms:
    """The money and the sizes of a federation, as in IAlliance.Parameters; amounts in token wei."""

    bounty: int = 1000 * WAD
    stake: int = 64 * WAD
    floor: int = 55 * WAD
    rounds: int = 10
    proposers: int = 10
    committee: int = 25
    quorum: int = 1
    silent_slash: int = WAD // 50


@dataclass
class Member:
    """One member: its rows to train on and those kept aside; what it does when it is bad."""

    number: int
    train: Rows
    held_out: Rows
    attack: str = "honest"
    stake: int = 0
    earned: int = 0
    active: bool = True

    @property
    def bad(self) -> bool:
        """Whether it is an attacker."""
        return self.attack != "honest"

    @cached_property
    def variation(self) -> Variation:
        """How its rows vary."""
        return Variation.of(np.concatenate([self.train[0], self.held_out[0]]))

    @property
    def balance(self) -> int:
        """Stake and rewards."""
        return self.stake + self.earned


@dataclass(frozen=True)
class Happened:
    """A round: its proposers and voters, the verdict, the settlement, the bad voters' part of the voting stake."""

    proposers: tuple[int, ...]
    voters: tuple[int, ...]
    verdict: Verdict
    settlement: settlement.Settlement
    hostile: float
    evicted: tuple[int, ...]


@dataclass
class Federation:
    """The state of a simulated federation."""

    spec: FederationSpec
    terms: Terms
    members: list[Member]
    seed: int = 0
    effort: Effort = field(default_factory=Effort)
    vote: bool = True
    slash: bool = True
    collude: bool = False
    model: ModelWords = field(init=False)
    pool: int = field(init=False)
    rounds_left: int = field(init=False)
    history: list[Happened] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.model = encode_model(initial(self.spec.shapes, self.seed), self.spec.exponent)
        self.pool, self.rounds_left = self.terms.bounty, self.terms.rounds
        for member in self.members:
            member.stake = self.terms.stake

    @property
    def parameters(self) -> Floats:
        """The present model."""
        return decode(self.model, self.spec.exponent)

    def draw(self) -> tuple[list[Member], list[Member]]:
        """Proposers and voters, every active member alike likely."""
        active = [member for member in self.members if member.active]
        order = [active[place] for place in self.random.permutation(len(active))]
        proposers = min(self.terms.proposers, len(order) - 1)
        return order[:proposers], order[proposers : proposers + self.terms.committee]

    def play(self, proposers: Sequence[Member], voters: Sequence[Member]) -> Happened:
        """One round of those who were drawn, settled."""
        conduct, verdict = self.decide(proposers, voters)
        return self.settle(proposers, voters, conduct, verdict)

    def decide(self, proposers: Sequence[Member], voters: Sequence[Member]) -> tuple[Conduct, Verdict]:
        """A round up to its next model: updates, ballots, verdict, attestations."""
        updates = self.propose(proposers)
        friends = mask(slot for slot, member in enumerate(proposers) if member.bad)
        stakes = [member.stake for member in (*proposers, *voters)]
        conduct = Conduct(stakes, len(proposers), revealed=mask(updates))
        if self.vote:
            conduct.ballots = self.ballots(updates, voters, len(proposers), friends)
        else:  # everybody accepts everything
            conduct.ballots = {len(proposers) + index: Ballot(mask(updates)) for index in range(len(voters))}
        verdict = settlement.tally(conduct, self.terms.quorum)
        accepted = {slot: updates[slot] for slot in slots_of(verdict.accepted)}
        if accepted:
            self._attest(conduct, verdict, voters, len(proposers))
            if conduct.final == TRUE_MODEL:
                self.model = step(self.model, self.combine(accepted, stakes))
        return conduct, verdict

    def _attest(self, conduct: Conduct, verdict: Verdict, voters: Sequence[Member], proposers: int) -> None:
        """Until a model is final; colluding voters are the first, with a model of theirs."""
        slots = sorted(conduct.ballots, key=lambda slot: not voters[slot - proposers].bad)
        for slot in slots:
            forged = self.collude and voters[slot - proposers].bad
            if conduct.attest(slot, FORGED_MODEL if forged else TRUE_MODEL, verdict):
                return

    def run(self, rounds: int, watch: Callable[[int], None] = lambda _: None) -> None:
        """Play some rounds; ends early when fewer than two members are left."""
        for number in range(rounds):
            if sum(member.active for member in self.members) < 2:
                return
            self.history.append(self.play(*self.draw()))
            watch(number)

    # --- proposals

    def propose(self, proposers: Sequence[Member]) -> dict[int, Words]:
        """The updates by slot. Attackers know what the honest ones of their own data would be."""
        honest: dict[int, Floats] = {}
        for slot, member in enumerate(proposers):
            rows = ATTACKS[member.attack].poison(member.train, self.spec.classes)
            honest[slot] = train(self.parameters, self.spec.shapes, *rows, self.effort, self.random) - self.parameters
        good = [honest[slot] for slot, member in enumerate(proposers) if not member.bad]
        bad = [honest[slot] for slot, member in enumerate(proposers) if member.bad]
        context = Context(good, bad, len(proposers), self.random, math.ldexp(1.0, self.spec.exponent))
        updates = {}
        for slot, member in enumerate(proposers):
            change = ATTACKS[member.attack].forge(honest[slot], context)
            updates[slot] = encode(change, self.spec.exponent, self.random)
        return updates

    def combine(self, updates: Mapping[int, Words], weights: Sequence[int]) -> Words:
        """The aggregate by the federation's rule."""
        return aggregate(
            self.spec.rule, [Update(f"{slot:04d}", words, weights[slot]) for slot, words in updates.items()]
        )

    # --- votes

    def ballots(
        self, updates: Mapping[int, Words], voters: Sequence[Member], proposers: int, friends: int
    ) -> dict[int, Ballot]:
        """Everybody's ballot by slot."""
        screened = screen(self.spec.voting, updates)
        kept = {slot: words for slot, words in updates.items() if slot not in screened}
        models = {slot: decode(step(self.model, words), self.spec.exponent) for slot, words in updates.items()}
        together, without = self._combinations(kept)
        said: dict[int, Ballot] = {}
        for index, voter in enumerate(voters):
            own = self._judge(voter, models, together, without, screened)
            said[proposers + index] = self._turn(own, voter, mask(updates), friends)
        return said

    def _combinations(self, kept: Mapping[int, Words]) -> tuple[Floats | None, dict[int, Floats]]:
        if len(kept) < 2:
            return None, {}
        weights = [1] * (max(kept) + 1)
        whole = decode(step(self.model, self.combine(kept, weights)), self.spec.exponent)
        without = {}
        for slot in kept if len(kept) <= _GROUPS else ():
            others = {other: words for other, words in kept.items() if other != slot}
            without[slot] = decode(step(self.model, self.combine(others, weights)), self.spec.exponent)
        return whole, without

    def _judge(
        self,
        voter: Member,
        models: Mapping[int, Floats],
        together: Floats | None,
        without: Mapping[int, Floats],
        screened: Mapping[int, str],
    ) -> Ballot:
        base, voting = self.parameters, self.spec.voting
        tried = [base, base if together is None else together, *models.values(), *without.values()]
        found = map(mean_loss, losses(np.array(tried), self.spec.shapes, *voter.held_out))
        base_loss, all_loss = next(found), next(found)
        own, gains = dict(zip(models, found, strict=False)), dict(zip(without, found, strict=True))
        doubted: set[int] = set()
        if voting.suspects:
            kept = {slot: parameters for slot, parameters in models.items() if slot not in screened}
            doubted = suspected(voting, shifts(base, kept, self.spec.shapes, *voter.held_out), voter.variation)
        return ballot(voting, (), screened, own, gains, all_loss, base_loss, doubted)

    def _turn(self, own: Ballot, voter: Member, everything: int, friends: int) -> Ballot:
        """What an attacker says instead: colluding voters accept their like and call the others harmful.

        A free rider accepts everything, without a look.
        """
        if voter.attack == "free_rider" and not self.collude:
            return Ballot(everything)
        if not voter.bad or not self.collude:
            return own
        return Ballot(friends, everything & ~friends)

    # --- money

    def settle(
        self,
        proposers: Sequence[Member],
        voters: Sequence[Member],
        conduct: Conduct,
        verdict: Verdict,
        emission: int = 0,
    ) -> Happened:
        """The contract's settlement, and who is out. `emission`: what the round earned by schedule."""
        drawn = [*proposers, *voters]
        done = settlement.settle(conduct, verdict, self.pool + emission, self.rounds_left, self.terms.silent_slash)
        evicted = []
        for member, reward, slash in zip(drawn, done.rewards, done.slashes, strict=True):
            member.earned += reward
            if self.slash:
                member.stake -= slash
            if member.stake < self.terms.floor and member.active:
                member.active = False
                evicted.append(member.number)
        if self.slash:
            self.pool, self.rounds_left = done.pool, max(done.rounds_left, 1)
        hostile = sum(member.stake for member in voters if member.bad) / max(1, sum(m.stake for m in voters))
        numbers = tuple(member.number for member in proposers), tuple(member.number for member in voters)
        return Happened(*numbers, verdict, done, hostile, tuple(evicted))
