"""The record of a task as the reference of the arena keeps it: everything that can be counted is counted anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import reference_rewards as rewards
from eth_utils import keccak
from reference import WAD

YEAR = 365 * 24 * 3600
NONE = bytes(32)


class Phase(IntEnum):
    NONE, COMMIT, ABANDONED, REVEAL, KEY, VOID, SCORE_COMMIT, SCORE_REVEAL = range(8)
    CHALLENGE, SETTLE, FINALIZED, CANCELLED = range(8, 12)


class State(IntEnum):
    NONE, COMMITTED, REVEALED, DUPLICATE, UNREVEALED, SCORED, INVALID, UNAVAILABLE, UNSCORED = range(9)
    UNOPENABLE, COPIED, CANARY = range(9, 12)


def ascii32(text: str) -> bytes:
    return text.encode().ljust(32, b"\0")


@dataclass(frozen=True)
class Parameters:
    """In the order of the struct; the defaults are those of the tests."""

    spec_digest: bytes = b"\x51" * 32
    held_out_digest: bytes = b"\x52" * 32
    key_hash: bytes = keccak(b"\x53" * 32)
    bounty: int = 1000 * WAD
    bond: int = 100 * WAD
    min_trainer_stake: int = 10 * WAD
    min_validator_stake: int = 20 * WAD
    commit_window: int = 1000
    reveal_window: int = 1000
    key_window: int = 1000
    score_commit_window: int = 1000
    score_reveal_window: int = 1000
    challenge_window: int = 0
    scale: int = 10**9
    tolerance: int = 10**5
    slash_tolerance: int = 5 * 10**6
    grid: int = 10**5
    panel_size: int = 3
    quorum: int = 2
    paid_ranks: int = 3
    appeal_panel_size: int = 0
    maximise: bool = True
    max_share: int = WAD
    appeal_bond: int = 0
    canary_root: bytes = NONE

    def astuple(self) -> tuple:
        return tuple(vars(self).values())

    def bounds(self) -> dict[str, bool]:
        """Whether each bound holds, by the name of its parameter."""
        return {
            "specDigest": self.spec_digest != NONE,
            "heldOutDigest": self.held_out_digest != NONE,
            "keyHash": self.key_hash != NONE,
            "bounty": self.bounty > 0,
            "bond": self.bond >= self.bounty // 10,
            "minTrainerStake": self.min_trainer_stake > 0,
            "minValidatorStake": self.min_validator_stake > 0,
            "commitWindow": 0 < self.commit_window <= YEAR,
            "revealWindow": 0 < self.reveal_window <= YEAR,
            "keyWindow": 0 < self.key_window <= YEAR,
            "scoreCommitWindow": 0 < self.score_commit_window <= YEAR,
            "scoreRevealWindow": 0 < self.score_reveal_window <= YEAR,
            "challengeWindow": self.challenge_window <= YEAR,
            "scale": 0 < self.scale <= rewards.SCORE_BOUND,
            "tolerance": self.tolerance <= self.slash_tolerance,
            "slashTolerance": self.slash_tolerance <= self.scale,
            "grid": 0 < self.grid <= self.scale,
            "panelSize": 0 < self.panel_size <= 32,
            "quorum": 0 < self.quorum <= self.panel_size,
            "paidRanks": 0 < self.paid_ranks <= 64,
            "maxShare": WAD // 64 <= self.max_share <= WAD,
            "appealPanelSize": self.panel_size < self.appeal_panel_size <= 32
            if self.challenge_window
            else self.appeal_panel_size == 0,
            "appealBond": (self.appeal_bond > 0) == (self.challenge_window > 0) and self.appeal_bond <= self.bond,
            "canaryRoot": self.challenge_window > 0 or self.canary_root == NONE,
        }


@dataclass
class Participant:
    account: str
    stake: int
    slashed: int = 0
    weight: int = 0
    claimed: bool = False


@dataclass
class Submission(Participant):
    commitment: bytes = NONE
    state: State = State.COMMITTED
    digest: bytes = NONE
    score: int = 0
    settled_attempt: int = 0


@dataclass
class Panel:
    members: list[str]
    scores: dict[str, int] = field(default_factory=dict)
    copies: set[str] = field(default_factory=set)  # who calls the submission a copy


@dataclass
class Pot:
    assets: int = 0
    weights: dict[int, int] = field(default_factory=dict)  # by submission or validator index
    paid: int = 0
    claimed: set[int] = field(default_factory=set)

    @property
    def weight(self) -> int:
        return sum(self.weights.values())

    def value(self, index: int) -> int:
        weight = self.weights.get(index, 0)
        if self.assets == 0 or weight == 0:
            return 0
        if {i for i, w in self.weights.items() if w} - self.claimed == {index}:
            return self.assets - self.paid
        return self.assets * weight // self.weight

    def take(self, index: int) -> int:
        assets = self.value(index)
        self.paid += assets
        self.claimed.add(index)
        return assets


@dataclass
class Task:
    number: int
    parameters: Parameters
    creator: str
    commit_ends: int
    reveal_ends: int
    key_ends: int
    score_commit_ends: int = 0
    score_reveal_ends: int = 0
    challenge_ends: int = 0
    patience_ends: int = 0
    key: bytes = NONE
    reveals_hash: bytes = NONE
    seed: bytes = NONE
    ticket: int = 0
    attempt: int = 0
    submissions: list[Submission] = field(default_factory=list)
    validators: list[Participant] = field(default_factory=list)
    panels: dict[tuple[int, int], Panel] = field(default_factory=dict)  # by submission and attempt
    commitments: dict[tuple[int, str, int], bytes] = field(default_factory=dict)  # by attempt, validator and batch
    appeals: dict[int, tuple[str, int]] = field(default_factory=dict)  # submission: (appellant, attempt)
    canaries: dict[int, int] = field(default_factory=dict)  # submission: what its creator says it scores
    taken: int = 0  # by all slashes
    forfeited: int = 0  # bonds of lost appeals, and of a creator who lied about a canary
    appellants_paid: int = 0  # out of both
    rewarded: int = 0  # of them, those that somebody else settled
    settler_paid: int = 0
    emission: int = 0
    outcome: str = ""
    cancelled: bool = False
    trainer_pot: Pot = field(default_factory=Pot)
    validator_pot: Pot = field(default_factory=Pot)
    creator_pot: int = 0
    creator_claimed: bool = False

    @property
    def slashed(self) -> int:
        return self.taken + self.forfeited - self.settler_paid - self.appellants_paid

    @property
    def unique(self) -> list[Submission]:
        """The revealed submissions that are no duplicates and no canaries."""
        out = (State.COMMITTED, State.UNREVEALED, State.DUPLICATE, State.CANARY)
        return [s for s in self.submissions if s.state not in out]

    @property
    def originals(self) -> list[Submission]:
        """Of them, those that are no copies."""
        return [s for s in self.unique if s.state != State.COPIED]

    def count(self, state: State) -> int:
        return sum(s.state == state for s in self.submissions)

    def stake(self, side: list) -> int:
        return sum(one.stake for one in side)

    def counted(self, who: Participant) -> int:
        """What counts of a stake: at most the share cap of its side's stake, rounded up."""
        side = self.validators if who in self.validators else self.submissions
        return min(who.stake, -(-self.stake(side) * self.parameters.max_share // WAD))

    def phase(self, now: int) -> Phase:
        if self.cancelled or self.outcome:
            return Phase.CANCELLED if self.cancelled else Phase.FINALIZED
        if now < self.commit_ends:
            return Phase.COMMIT
        if not self.submissions or len(self.validators) < self.parameters.quorum:
            return Phase.ABANDONED
        if now < self.reveal_ends:
            return Phase.REVEAL
        if self.attempt == 0 and not self.unique:
            return Phase.SETTLE
        if self.attempt == 0:
            return Phase.KEY if now < self.key_ends else Phase.VOID
        if now < self.score_commit_ends:
            return Phase.SCORE_COMMIT
        if now < self.score_reveal_ends:
            return Phase.SCORE_REVEAL
        return Phase.CHALLENGE if now < self.challenge_ends else Phase.SETTLE

    def is_scorable(self, s: Submission) -> bool:
        """Unscored ones have a second chance in the second attempt; later only what was appealed then."""
        return s.state == State.REVEALED or (s.state == State.UNSCORED and s.settled_attempt == 1 < self.attempt)

    def waits(self, s: Submission) -> bool:
        """Whether it was appealed in this attempt."""
        return self.appeals.get(self.number_of(s), ("", 0))[1] == self.attempt > 0

    def number_of(self, s: Submission) -> int:
        return 1 + next(index for index, one in enumerate(self.submissions) if one is s)

    def is_pending(self, s: Submission) -> bool:
        if s.state == State.COMMITTED or (s.state == State.DUPLICATE and s.settled_attempt == 0):
            return True
        return self.attempt > 0 and self.is_scorable(s) and not self.waits(s)

    @property
    def is_appealable(self) -> bool:
        return self.challenge_ends > self.score_reveal_ends and len(self.validators) > self.parameters.panel_size

    @property
    def appealed(self) -> int:
        return sum(map(self.waits, self.submissions))

    @property
    def pending(self) -> int:
        return sum(map(self.is_pending, self.submissions))

    @property
    def unscored(self) -> int:
        return sum(s.state == State.UNSCORED and not self.is_scorable(s) for s in self.submissions)

    @property
    def is_redrawable(self) -> bool:
        return self.appealed > 0 or (self.unscored > 0 and self.attempt < 2)

    @property
    def ranking(self) -> list[int]:
        scored = [(number, s) for number, s in enumerate(self.submissions, 1) if s.state == State.SCORED]
        sign = -1 if self.parameters.maximise else 1
        scored.sort(key=lambda one: (sign * self.floor(one[1].score), one[0]))
        return [number for number, _ in scored[: self.parameters.paid_ranks]]

    def floor(self, score: int) -> int:
        return score // self.parameters.grid * self.parameters.grid
