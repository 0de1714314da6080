"""The alliance driven beside its reference model by random walks, as test_arena_machine.py does with the arena."""

from __future__ import annotations

import os
from random import Random

import pytest
from alliance_life import DATA, AllianceLife
from arena_life import digest_of
from reference import WAD
from reference_alliance import IDLE, Phase

WALKS = int(os.environ.get("SKEIN_WALKS", "3"))  # for example 100, after a change of the alliance
STEPS = 40
UNIT = 10**9 + 7  # a stake that divides badly
SINGLE = ["join", "leave", "add", "fund", "invite", "claim", "update", "show", "ballot", "open", "anyone", "wait"]
ANYONE = ["startRound", "drawRound", "renewRoundSeed", "tally", "settleRound", "endFederation"]
HONEST = {
    Phase.RESTING: "all_begin",
    Phase.DRAW: "all_begin",
    Phase.COMMIT: "all_commit",
    Phase.REVEAL: "all_show",
    Phase.VOTE_COMMIT: "all_vote",
    Phase.VOTE_REVEAL: "all_open",
    Phase.TALLY: "all_attest",
    Phase.ATTEST: "all_attest",
    Phase.SETTLE: "all_settle",
}
BALLOTS = [(3, 0), (3, 0), (1, 2), (1, 0), (0, 3), (2, 1)]


class Walk:
    def __init__(self, life: AllianceLife, seed: int, creator, members, stranger):
        self.life, self.random = life, Random(seed)
        self.creator, self.members, self.stranger = creator, members, stranger
        self.labels, self.said = {}, {}
        choice = self.random.choice
        windows = dict.fromkeys([f"{name}_window" for name in ("commit", "reveal", "vote", "ballot", "attest")], 500)
        self.life.found(
            creator,
            **windows,
            bounty=choice([0, 99, 10**12 + 7]),
            min_stake=UNIT,
            floor_stake=choice([0, UNIT - 1]),
            rounds=choice([1, 2, 9]),
            proposers=choice([1, 2]),
            committee=choice([2, 3, 6]),
            quorum=choice([1, 2]),
            min_members=4,
            silent_slash=choice([0, 10**15 + 1, WAD // 10]),
            invited=choice([False, False, True]),
        )
        for member in members[:4]:
            self.life.do("invite", 1, member, True, sender=creator)
            self.do("join", self.random.choice([UNIT, 3 * UNIT]), DATA, sender=member)

    def do(self, verb: str, *args, sender) -> bool:
        return self.life.do(verb, 1, *args, sender=sender)[1] is not None

    def step(self) -> None:
        if self.random.random() < 0.5:
            getattr(self, self.random.choice(SINGLE))()
        else:
            getattr(self, HONEST.get(self.life.phase, "wait"))()
        assert self.life.token.balanceOf(self.life.arena) == self.life.model.balance
        assert self.life.token.balanceOf(self.life.staking) == self.life.model.ledger.total

    def someone(self):
        return self.random.choice(self.members)

    # one thing, mostly at the wrong moment

    def join(self) -> None:
        self.do("join", self.random.choice([0, UNIT, 10**30]), DATA, sender=self.someone())

    def leave(self) -> None:
        self.do("leave", sender=self.someone())

    def add(self) -> None:
        self.do("addStake", self.random.choice([0, 1, UNIT]), sender=self.someone())

    def fund(self) -> None:
        self.do("fundFederation", self.random.choice([0, 1, UNIT]), sender=self.stranger)

    def invite(self) -> None:
        self.do("invite", self.someone(), self.random.random() < 0.8, sender=self.random.choice([self.creator] * 3))

    def claim(self) -> None:
        self.do("claim", self.someone(), sender=self.stranger)

    def update(self) -> None:
        self.propose(self.someone())

    def show(self) -> None:
        self.reveal(self.someone())

    def ballot(self) -> None:
        self.vote(self.someone())

    def open(self) -> None:
        self.reveal_vote(self.someone())

    def anyone(self) -> None:
        verb = self.random.choice(
            ["startRound", "drawRound", "renewRoundSeed", "tally", "settleRound", "endFederation"]
        )
        limit = (self.random.randint(0, 3),) if verb == "settleRound" else ()
        self.do(verb, *limit, sender=self.random.choice([self.stranger, self.creator]))

    def wait(self) -> None:
        self.life.now += self.random.choice([1, 100, 400])

    # what members do

    def propose(self, account) -> None:
        if not self.life.federation.rounds:
            return
        label = self.labels.setdefault((len(self.life.federation.rounds), account), self.random.choice("ABCDEFGH"))
        self.life.commit_update(account, label)

    def reveal(self, account) -> None:
        label = self.labels.get((len(self.life.federation.rounds), account), "Z")
        if self.life.federation.rounds:
            self.life.reveal_update(account, label)

    def vote(self, account) -> None:
        if self.life.federation.rounds:
            key = (len(self.life.federation.rounds), account)
            revealed = self.life.federation.round.conduct.revealed if self.life.federation.round.conduct else 3
            accepts, harms = self.random.choice(BALLOTS)
            if self.random.random() < 0.9:
                accepts, harms = accepts & revealed, harms & revealed
            self.life.commit_ballot(account, *self.said.setdefault(key, (accepts, harms)))

    def reveal_vote(self, account) -> None:
        ballot = self.said.get((len(self.life.federation.rounds), account), (0, 0))
        if self.life.federation.rounds:
            self.life.reveal_ballot(account, *ballot)

    # what honest people would do now

    def all_begin(self) -> None:
        f = self.life.federation
        if self.life.phase == Phase.RESTING:
            self.life.now = max(self.life.now, f.rests_until - 1)
            if not self.do("startRound", sender=self.stranger):
                return self.join()
        self.life.mine(2)
        self.do("drawRound", sender=self.stranger)
        return None

    def most(self, accounts: list) -> list:
        return [account for account in accounts if self.random.random() < 0.85]

    def all_commit(self) -> None:
        for account in self.most(self.life.proposers):
            self.propose(account)
        self.life.skip()

    def all_show(self) -> None:
        for account in self.most(self.life.proposers):
            self.reveal(account)
        self.life.skip()

    def all_vote(self) -> None:
        for account in self.most(self.life.voters):
            self.vote(account)
        self.life.skip()

    def all_open(self) -> None:
        for account in self.most(self.life.voters):
            self.reveal_vote(account)
        self.life.skip()

    def all_attest(self) -> None:
        for account in self.most(self.life.voters):
            label = self.random.choice(["next", "next", "next", "forged"])
            self.do("attest", digest_of(f"{label} {len(self.life.federation.rounds)}"), sender=account)
        self.life.skip()

    def all_settle(self) -> None:
        self.do("settleRound", self.random.choice([1, 2, 64]), sender=self.stranger)

    def end(self) -> None:
        """By strangers' calls alone the round ends; then everybody leaves, and nothing is left."""
        f = self.life.federation
        if self.life.phase == Phase.DRAW:
            self.life.mine(300)
            self.do("renewRoundSeed", sender=self.stranger)
            self.all_begin()
        while f.open:
            self.life.until(Phase.SETTLE) if self.life.phase != Phase.TALLY else None
            self.do("settleRound", 64, sender=self.stranger)
            self.life.now += 500
        for member in list(f.active):
            self.do("leave", sender=self.life.people[member.account])
        for account in f.members:
            self.do("claim", account, sender=self.stranger)
        self.life.now = max(self.life.now, f.rests_until + IDLE)
        if not f.ended:
            self.do("endFederation", sender=self.creator)
        assert self.life.token.balanceOf(self.life.arena) == 0
        assert all(self.life.staking.lockedBy(account, self.life.arena) == 0 for account in f.members)


@pytest.mark.parametrize("seed", range(WALKS))
def test_the_alliance_is_its_model(federated, creator, trainers, validators, stranger, seed):
    life = federated.fork()
    walk = Walk(life, seed, creator, [*trainers, *validators[:3]], stranger)
    for _ in range(STEPS):
        walk.step()
    life.check()
    walk.end()
    life.check()
