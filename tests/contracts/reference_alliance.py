"""The alliance in plain integers, written from the interface's words; what a round comes to is `settlement.py`'s.

As in the reference of the arena, a verb that must be refused raises Refused, any other appends its events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from reference import WAD, Ledger, require
from reference_task import NONE, YEAR, ascii32

from protocol.federated import settlement
from protocol.federated.settlement import Conduct, Verdict

IDLE = 7 * 24 * 3600


class Phase(IntEnum):
    NONE, RESTING, DRAW, COMMIT, REVEAL, VOTE_COMMIT, VOTE_REVEAL, TALLY, ATTEST, SETTLE, ENDED = range(11)


@dataclass(frozen=True)
class Parameters:
    """In the order of the struct; the defaults are those of the tests."""

    spec_digest: bytes = b"\x61" * 32
    model_digest: bytes = b"\x62" * 32
    bounty: int = 1000 * WAD
    min_stake: int = 100 * WAD
    floor_stake: int = 60 * WAD
    rounds: int = 10
    proposers: int = 2
    committee: int = 4
    quorum: int = 2
    min_members: int = 4
    silent_slash: int = WAD // 50
    rest_window: int = 100
    commit_window: int = 1000
    reveal_window: int = 1000
    vote_window: int = 1000
    ballot_window: int = 1000
    attest_window: int = 1000
    invited: bool = False

    def astuple(self) -> tuple:
        return tuple(vars(self).values())

    def bounds(self) -> dict[str, bool]:
        """Whether each bound holds, by the name of its parameter, in the order of the checks."""
        windows = ("commit", "reveal", "vote", "ballot", "attest")
        return {
            "specDigest": self.spec_digest != NONE,
            "modelDigest": self.model_digest != NONE,
            "minStake": self.min_stake > 0,
            "floorStake": self.floor_stake <= self.min_stake,
            "rounds": self.rounds > 0,
            "proposers": 0 < self.proposers <= 32,
            "committee": 0 < self.committee <= 64,
            "quorum": 0 < self.quorum <= self.committee,
            "minMembers": self.proposers + self.quorum <= self.min_members <= 1024,
            "silentSlash": self.silent_slash <= WAD // 10,
            "restWindow": self.rest_window <= YEAR,
            **{f"{name}Window": 0 < getattr(self, f"{name}_window") <= YEAR for name in windows},
        }

    def windows(self) -> list[int]:
        return [self.commit_window, self.reveal_window, self.vote_window, self.ballot_window, self.attest_window]


@dataclass
class Member:
    account: str
    number: int
    stake: int = 0
    earned: int = 0
    data: tuple = (0, NONE, NONE)
    round: int = 0
    slot: int = 0
    busy: bool = False


@dataclass
class Round:
    number: int
    ticket: int
    members: int
    drawn_at: int = 0
    seed: bytes = NONE
    seats: list[Member] = field(default_factory=list)
    conduct: Conduct | None = None
    commitments: dict[int, bytes] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)  # slots of the proposers as they committed
    verdict: Verdict | None = None
    settlement: settlement.Settlement | None = None
    settled: int = 0
    gifts: int = 0  # since the settlement began
    emission: int = 0


@dataclass
class Federation:
    number: int
    parameters: Parameters
    creator: str
    model: bytes
    pool: int
    rounds_left: int
    rests_until: int
    members: dict[str, Member] = field(default_factory=dict)
    active: list[Member] = field(default_factory=list)
    invited: set[str] = field(default_factory=set)
    rounds: list[Round] = field(default_factory=list)
    seen: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    open: bool = False
    ended: bool = False

    @property
    def owed(self) -> int:
        return sum(member.earned for member in self.members.values())

    @property
    def round(self) -> Round:
        return self.rounds[-1]

    @property
    def most(self) -> int:
        """What a member stakes at most: four times the least."""
        return 4 * self.parameters.min_stake

    def deadlines(self, round_: Round) -> tuple[int, ...]:
        if not round_.drawn_at:
            return (0,) * 5
        windows = self.parameters.windows()
        return tuple(round_.drawn_at + sum(windows[: index + 1]) for index in range(5))

    def phase(self, now: int) -> Phase:
        if self.ended:
            return Phase.ENDED
        if not self.open:
            return Phase.RESTING
        r = self.round
        if not r.drawn_at:
            return Phase.DRAW
        passed = sum(now >= end for end in self.deadlines(r))
        if r.settlement is not None or (passed >= 2 and not r.conduct.revealed):
            return Phase.SETTLE
        if passed < 4:
            return (Phase.COMMIT, Phase.REVEAL, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL)[passed]
        if r.verdict is None:
            return Phase.TALLY
        return Phase.ATTEST if r.verdict.accepted and r.conduct.final is None and passed < 5 else Phase.SETTLE


class Records:
    """What all verbs need. Before a verb is called, `now` and `block` must be those of its transaction."""

    def __init__(self, ledger: Ledger, address: str, chain_id: int, block_hash):
        self.ledger, self.address, self.chain_id, self.block_hash = ledger, address, chain_id, block_hash
        self.federations: list[Federation] = []
        self.events: list[tuple[str, dict]] = []
        self.balance = self.now = self.block = 0
        self.emission_of = lambda federation: 0  # tests of emission put the schedule here

    def emit(self, name: str, f: Federation, **facts) -> None:
        self.events.append((name, {"federationId": f.number, **facts}))

    def known(self, number: int) -> Federation:
        require(0 < number <= len(self.federations), "UnknownFederation", number)
        return self.federations[number - 1]

    def require_phase(self, f: Federation, phase: Phase) -> Round | None:
        actual = f.phase(self.now)
        require(actual == phase, "WrongPhase", f.number, actual)
        return f.round if f.rounds else None

    def seated(self, number: int, sender: str) -> tuple[Federation, Member]:
        f = self.known(number)
        require(sender in f.members, "UnknownMember", number, sender)
        require(f.members[sender] in f.active, "UnknownMember", number, sender)
        return f, f.members[sender]

    def remove(self, f: Federation, member: Member, reason: str) -> None:
        """The last one takes the seat."""
        seat, last = f.active.index(member), f.active.pop()
        if last is not member:
            f.active[seat] = last
        self.emit("MemberRemoved", f, member=member.account, reason=ascii32(reason))

    def pay(self, f: Federation, member: Member) -> int:
        assets, member.earned = member.earned, 0
        if assets:
            self.ledger.distribute(member.account, assets, self.now)
            self.balance -= assets
            self.emit("MemberClaimed", f, member=member.account, assets=assets)
        return assets

    def release(self, f: Federation, member: Member) -> None:
        self.emit("MemberReleased", f, member=member.account, unlocked=member.stake)
        self.pay(f, member)
        self.ledger.pool(member.account).unlock(self.address, member.stake)
        member.stake = 0


class Members(Records):
    def create_federation(self, parameters: tuple, sender: str) -> int:
        p = Parameters(*parameters)
        for name, holds in p.bounds().items():
            require(holds, "InvalidParameter", ascii32(name))
        number = len(self.federations) + 1
        f = Federation(number, p, sender, p.model_digest, p.bounty, p.rounds, self.now + p.rest_window)
        self.federations.append(f)
        self.balance += p.bounty
        self.emit("FederationCreated", f, creator=sender, specDigest=p.spec_digest, parameters=parameters)
        return number

    def fund_federation(self, number: int, assets: int, sender: str) -> None:
        f = self.known(number)
        require(not f.ended, "WrongPhase", number, Phase.ENDED)
        require(assets > 0, "ZeroAmount")
        f.pool += assets
        if f.open and f.round.settlement is not None:
            f.round.gifts += assets
        self.balance += assets
        self.emit("FederationFunded", f, funder=sender, assets=assets)

    def invite(self, number: int, account: str, allowed: bool, sender: str) -> None:
        f = self.known(number)
        require(sender == f.creator, "Unauthorized", sender)
        require(int(account, 16) != 0, "ZeroAddress")
        (f.invited.add if allowed else f.invited.discard)(account)
        self.emit("MemberInvited", f, member=account, invited=allowed)

    def end_federation(self, number: int, sender: str) -> int:
        f = self.known(number)
        self.require_phase(f, Phase.RESTING)
        if f.rounds_left:
            require(sender == f.creator, "Unauthorized", sender)
            require(self.now >= f.rests_until + IDLE, "StillResting", f.rests_until + IDLE)
        f.ended, assets, f.pool = True, f.pool, 0
        self.balance -= assets
        self.emit("FederationEnded", f, creator=f.creator, assets=assets)
        return assets

    def join(self, number: int, stake: int, data: tuple, sender: str) -> int:
        f = self.known(number)
        require(not f.ended, "WrongPhase", number, Phase.ENDED)
        require(not f.parameters.invited or sender in f.invited, "NotInvited", number, sender)
        require(len(f.active) < 1024, "FederationFull", number)
        require(stake >= f.parameters.min_stake, "InsufficientStake", f.parameters.min_stake, stake)
        require(stake <= f.most, "ExcessiveStake", f.most, stake)
        member = f.members.get(sender) or Member(sender, len(f.members) + 1)
        require(member not in f.active and not member.busy, "AlreadyJoined", number, sender)
        self.ledger.lock(sender, stake, self.address)
        f.members[sender] = member
        f.active.append(member)
        member.stake, member.data = stake, data
        self.emit("MemberJoined", f, member=sender, number=member.number, stake=stake, data=data)
        return member.number

    def commit_data(self, number: int, data: tuple, sender: str) -> None:
        f, member = self.seated(number, sender)
        member.data = data
        self.emit("DataCommitted", f, member=sender, data=data)

    def add_stake(self, number: int, assets: int, sender: str) -> None:
        f, member = self.seated(number, sender)
        require(f.phase(self.now) != Phase.DRAW, "WrongPhase", number, Phase.DRAW)
        require(not member.busy, "MemberBusy", number, sender, member.round)
        require(assets > 0, "ZeroAmount")
        require(member.stake + assets <= f.most, "ExcessiveStake", f.most, member.stake + assets)
        self.ledger.lock(sender, assets, self.address)
        member.stake += assets
        self.emit("StakeAdded", f, member=sender, assets=assets)

    def leave(self, number: int, sender: str) -> None:
        f, member = self.seated(number, sender)
        require(f.phase(self.now) != Phase.DRAW, "WrongPhase", number, Phase.DRAW)
        self.remove(f, member, "left")
        if not member.busy:
            self.release(f, member)

    def claim(self, number: int, account: str, sender: str) -> int:
        f = self.known(number)
        require(account in f.members, "UnknownMember", number, account)
        require(f.members[account].earned > 0, "ZeroAmount")
        return self.pay(f, f.members[account])
