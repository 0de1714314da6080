"""A federation's life, led on the chain and in the reference model at the same time; see arena_life.py."""

from __future__ import annotations

from arena_life import Life, digest_of, plain
from brownie import web3
from invariants import pool_of
from reference import WAD, Ledger
from reference_alliance import Federation, Parameters, Phase
from reference_rounds import Alliance

from protocol.federated.settlement import Verdict

STAKE = 100 * WAD  # of each member, where it does not matter
DATA = (120, b"\x71" * 32, b"\x72" * 32)


class AllianceLife(Life):
    """Lead one federation, or several by `number`."""

    def __init__(self, alliance, staking, token, cooldown):
        self.arena, self.staking, self.token = alliance, staking, token
        blocks = lambda n: web3.eth.get_block(n).hash  # noqa: E731
        self.model = Alliance(Ledger(cooldown), alliance.address, web3.eth.chain_id, blocks)
        self.model.ledger.modules.add(alliance.address)
        self.now = web3.eth.get_block("latest").timestamp
        self.number = 0
        self.people: dict[str, object] = {}
        self.stranger = None
        self.refusal = ""
        self.salt = b"\x5a" * 32

    @property
    def federation(self) -> Federation:
        return self.model.federations[self.number - 1]

    @property
    def phase(self) -> Phase:
        """At the next transaction."""
        return self.federation.phase(self.now + 1)

    @property
    def reasons(self) -> list[str]:
        """Why each slot of the round is slashed, or ""."""
        return [outcome.reason for outcome in self.federation.round.settlement.outcomes]

    # from phase to phase

    def found(self, creator, **parameters) -> None:
        self.do("createFederation", Parameters(**parameters).astuple(), sender=creator)
        self.number = len(self.model.federations)

    def join(self, stakes: dict) -> None:
        for account, stake in stakes.items():
            self.do("join", self.number, stake, DATA, sender=account)

    def start(self, sender) -> None:
        """Starts a round as soon as that can be."""
        self.now = max(self.now, self.federation.rests_until - 1)
        self.do("startRound", self.number, sender=sender)

    def draw(self, sender) -> None:
        """Starts a round, and draws."""
        self.start(sender)
        self.mine(2)
        self.do("drawRound", self.number, sender=sender)

    def skip(self) -> None:
        """The next transaction comes with the next deadline."""
        ends = self.federation.deadlines(self.federation.round)
        self.now = min([end for end in ends if end > self.now + 1], default=self.now + 1) - 1

    def until(self, phase: Phase) -> None:
        for _ in range(5):
            if self.phase != phase:
                self.skip()
        assert self.phase == phase

    def role(self, slot: int):
        """The account of a slot."""
        return self.people[self.federation.round.seats[slot].account]

    @property
    def proposers(self) -> list:
        return [self.role(slot) for slot in range(self.federation.parameters.proposers)]

    @property
    def voters(self) -> list:
        round_ = self.federation.round
        return [self.role(slot) for slot in range(self.federation.parameters.proposers, len(round_.seats))]

    def commit_update(self, account, label: str) -> None:
        types = ["bytes32", "bytes32"]
        commitment = self.model.commitment(types, self.federation, account.address, digest_of(label), self.salt)
        self.do("commitUpdate", self.number, commitment, sender=account)

    def reveal_update(self, account, label: str) -> None:
        self.do("revealUpdate", self.number, digest_of(label), self.salt, sender=account)

    def propose(self, labels: dict) -> None:
        """{proposer: update} committed and revealed; ends after the reveals."""
        for account, label in labels.items():
            self.commit_update(account, label)
        self.until(Phase.REVEAL)
        for account, label in labels.items():
            self.reveal_update(account, label)
        self.skip()

    def propose_all(self) -> None:
        self.propose({account: f"{self.federation.round.number} {account}" for account in self.proposers})

    def commit_ballot(self, account, accepts: int, harms: int = 0) -> None:
        types = ["uint256", "uint256", "bytes32"]
        commitment = self.model.commitment(types, self.federation, account.address, accepts, harms, self.salt)
        self.do("commitBallot", self.number, commitment, sender=account)

    def reveal_ballot(self, account, accepts: int, harms: int = 0) -> None:
        self.do("revealBallot", self.number, accepts, harms, self.salt, sender=account)

    def vote(self, ballots: dict) -> None:
        """{voter: (accepts, harms)} committed and revealed; ends after the ballots."""
        for account, ballot in ballots.items():
            self.commit_ballot(account, *ballot)
        self.until(Phase.VOTE_REVEAL)
        for account, ballot in ballots.items():
            self.reveal_ballot(account, *ballot)
        self.skip()

    def attest_all(self, label: str) -> None:
        """Until the model is final."""
        for account in self.voters:
            if self.phase in (Phase.TALLY, Phase.ATTEST):
                self.do("attest", self.number, digest_of(label), sender=account)

    def settle(self, sender, limit: int = 100) -> None:
        self.do("settleRound", self.number, limit, sender=sender)

    # the records

    def locks_of(self, operator: str) -> int:
        return sum(f.members[operator].stake for f in self.model.federations if operator in f.members)

    def check(self) -> None:
        """All records of all federations, the money of the alliance, and the pools of all members."""
        held = sum(f.pool + f.owed for f in self.model.federations)
        assert self.token.balanceOf(self.arena) == self.model.balance
        assert self.model.balance == held
        for f in self.model.federations:
            self.check_federation(f)
        for operator, pool in self.model.ledger.pools.items():
            own, delegated, locked, *_ = pool_of(self.staking, operator)
            assert own == tuple(vars(pool.own).values()) and delegated == tuple(vars(pool.delegated).values())
            assert locked == pool.locked == self.locks_of(operator)
            assert self.staking.lockedBy(operator, self.arena) == locked

    def check_federation(self, f: Federation) -> None:
        record = (f.parameters.astuple(), f.creator, f.model, f.pool, f.owed, f.rounds_left, len(f.rounds))
        state = (len(f.active), len(f.members), f.rests_until, f.open, f.ended)
        assert plain(self.arena.federation(f.number)) == record + state
        for member in f.members.values():
            seat = f.active.index(member) + 1 if member in f.active else 0
            role = (member.round, member.slot, member.busy)
            expected = (member.account, seat, *role, member.stake, member.earned, member.data)
            assert plain(self.arena.member(f.number, member.account)) == expected
        for r in f.rounds[-1:]:
            self.check_round(f, r)

    def check_round(self, f: Federation, r) -> None:
        c, v, s = r.conduct, r.verdict or Verdict(), r.settlement
        ballots = sum(1 << (slot - c.proposers) for slot in c.ballots) if c else 0
        counts = (c.proposers, len(r.seats) - c.proposers) if c else (0, 0)
        masks = (c.revealed, c.duplicates) if c else (0, 0)
        final = bytes.fromhex(c.final) if c and c.final else bytes(32)
        tallied = r.verdict is not None and (v.voting_stake > 0 or bool(c.revealed))
        assert plain(self.arena.round(f.number, r.number)) == (
            *(r.ticket, r.drawn_at, r.members, *counts, r.settled, len(r.order), *masks),
            *(v.accepted, v.approved, v.harmful, v.refused, ballots, tallied, s is not None, v.counted),
            *(r.seed, final, v.voting_stake, s.good_stake if s else 0, s.pot if s else 0, r.emission),
        )
        assert plain(self.arena.roles(f.number, r.number)) == tuple(member.account for member in r.seats)
        assert plain(self.arena.deadlines(f.number, r.number)) == f.deadlines(r)
