"""What submissions come to, in plain integers: consensus, slashes, appeals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import reference_rewards as rewards
from eth_utils import keccak
from reference import Ledger, Refused, require
from reference_payout import Payout
from reference_task import NONE, Panel, Participant, Phase, State, Submission, Task, ascii32

PERCENT = {"unrevealed": 10, "duplicate": 50, "invalid": 10, "unavailable": 10, "silent": 5, "deviating": 10}
SETTLER_PERCENT = 10
SEED_PATIENCE = 7 * 24 * 3600


class Settlement(Payout):
    """What the verbs that end a task do, and what all verbs need."""

    def __init__(self, ledger: Ledger, address: str, chain_id: int, block_hash: Callable[[int], bytes]):
        self.ledger, self.address, self.chain_id, self.block_hash = ledger, address, chain_id, block_hash
        self.tasks: list[Task] = []
        self.now = self.block = 0
        self.balance = 0
        self.received: Counter[str] = Counter()  # what settlers and creators got
        self.events: list[tuple[str, dict]] = []
        self.emission_of: Callable[[Task], int] = lambda task: 0
        self.settler = ""  # the caller of settle
        self.owed = ("", 0)  # what an appellant gets with it
        self.lost_to_deviation = 0  # by the panel that was appealed against

    def emit(self, name: str, task: Task, **facts: object) -> None:
        self.events.append((name, {"taskId": task.number, **facts}))

    # looking up

    def task(self, number: int) -> Task:
        require(0 < number <= len(self.tasks), "UnknownTask", number)
        return self.tasks[number - 1]

    def submission(self, task: Task, number: int) -> Submission:
        require(0 < number <= len(task.submissions), "UnknownSubmission", task.number, number)
        return task.submissions[number - 1]

    def validator(self, task: Task, account: str) -> tuple[int, Participant]:
        for index, one in enumerate(task.validators, 1):
            if one.account == account:
                return index, one
        raise Refused("UnknownValidator", task.number, account)

    def require_phase(self, task: Task, *expected: Phase) -> None:
        actual = task.phase(self.now)
        require(actual in expected, "WrongPhase", task.number, int(actual))

    # settle

    def settle(self, number: int, submission: int, sender: str) -> None:
        task = self.task(number)
        s = self.submission(task, submission)
        phase = task.phase(self.now)
        require(Phase.KEY <= phase <= Phase.SETTLE, "WrongPhase", number, int(phase))
        before = task.rewarded
        self.settler, self.owed = sender, ("", 0)
        if s.state == State.COMMITTED:
            s.state, s.settled_attempt = State.UNREVEALED, 1
            self.emit("SubmissionUnrevealed", task, submissionId=submission, trainer=s.account)
            self.slash_trainer(task, submission, "unrevealed")
        elif s.state == State.DUPLICATE and s.settled_attempt == 0:
            s.settled_attempt = 1
            self.slash_trainer(task, submission, "duplicate")
        else:
            require(task.is_scorable(s), "AlreadySettled", number, submission)
            require(not task.waits(s), "AppealPending", number, submission)
            require(phase == Phase.SETTLE, "WrongPhase", number, int(phase))
            self.settle_scored(task, submission, s)
        self.pay_settler(task, submission, before, sender)
        self.pay(*self.owed)

    def settle_scored(self, task: Task, submission: int, s: Submission) -> None:
        hopeless = task.seed == NONE and self.now >= task.patience_ends
        drawn = (submission, task.attempt) in task.panels
        require(drawn or hopeless, "PanelNotDrawn", task.number, submission)
        panel = task.panels.get((submission, task.attempt), Panel([]))
        former = task.panels[submission, task.appeals[submission][1]] if submission in task.appeals else None
        known = task.canaries.get(submission)
        for member, one in self.seats(former, panel):
            if member not in one.scores:
                self.slash_validator(task, submission, member, "silent", "deviating" if known is not None else "silent")
        first = (known, None) if known is not None else self.consensus(task, former)
        last = self.consensus(task, panel)
        appealed = former is not None
        if not appealed:
            last = last if known is None else first
        upheld = appealed and last is not None and not self.same(task, first, last)
        found = last
        if appealed and last is None and known is None:
            found, panel = first, Panel([])  # it stands, and the larger panel is not measured against it
        s.settled_attempt = task.attempt
        self.lost_to_deviation = 0
        if found is None:
            s.state = State.UNSCORED
            facts = {"trainer": s.account, "attempt": task.attempt}
            self.emit("SubmissionUnscored", task, submissionId=submission, **facts)
        else:
            s.score, copied = found
            is_canary = known is not None and not upheld
            self.conclude(task, submission, s, is_canary, bool(copied))
            found = s.score, None if is_canary else copied
            for member, one in self.seats(former, panel):
                if member in one.scores:
                    before = task.taken
                    attempt = task.appeals[submission][1] if one is former else task.attempt
                    self.appraise(task, submission, found, member, one, attempt)
                    self.lost_to_deviation += task.taken - before if one is former else 0
        if appealed:
            self.end_appeal(task, submission, upheld, last is None, known is not None)

    def seats(self, *panels: Panel | None) -> list[tuple[str, Panel]]:
        return [(member, panel) for panel in panels if panel is not None for member in panel.members]

    def same(self, task: Task, first: tuple[int, bool | None] | None, last: tuple[int, bool | None]) -> bool:
        """None: of a canary its creator does not say whether it is a copy."""
        return first is not None and self.agree(task, first[0], last[0]) and first[1] in (None, last[1])

    def end_appeal(self, task: Task, submission: int, upheld: bool, is_open: bool, measured: bool) -> None:
        appellant, bond = task.appeals[submission][0], task.parameters.appeal_bond
        facts = {"submissionId": submission, "appellant": appellant}
        if not upheld and not is_open:
            task.forfeited += bond
            self.emit("AppealRejected", task, assets=bond, **facts)
            return
        reward = 0 if is_open else self.lost_to_deviation // 2
        if upheld and measured:
            lost = task.parameters.bond
            reward += min(lost, bond)
            task.forfeited += lost
            task.parameters = replace(task.parameters, bond=0)
            self.emit("CreatorSlashed", task, submissionId=submission, creator=task.creator, assets=lost)
        task.appellants_paid += reward
        self.owed = appellant, bond + reward
        self.emit("AppealReturned" if is_open else "AppealUpheld", task, assets=bond + reward, **facts)

    def consensus(self, task: Task, panel: Panel | None) -> tuple[int, bool] | None:
        """The median, if there are enough scores and more than half of their stake agrees with it; and whether more
        than half calls the model a copy."""
        if panel is None or len(panel.scores) < task.parameters.quorum:
            return None
        stakes = {member: task.counted(self.validator(task, member)[1]) for member in panel.scores}
        median = rewards.consensus([(panel.scores[one], stakes[one]) for one in stakes], task.parameters.maximise)
        agreeing = sum(stakes[one] for one, score in panel.scores.items() if self.agree(task, median, score))
        copied = 2 * sum(stakes[one] for one in panel.copies) > sum(stakes.values())
        return (median, copied and median not in rewards.VERDICTS) if 2 * agreeing > sum(stakes.values()) else None

    def agree(self, task: Task, a: int, b: int) -> bool:
        return a == b or (
            a not in rewards.VERDICTS and b not in rewards.VERDICTS and abs(a - b) <= task.parameters.slash_tolerance
        )

    def conclude(self, task: Task, submission: int, s: Submission, is_canary: bool, copied: bool) -> None:
        verdicts = {
            rewards.UNOPENABLE: (State.UNOPENABLE, "HeldOutUnopenable", ""),
            rewards.UNAVAILABLE: (State.UNAVAILABLE, "SubmissionUnavailable", "unavailable"),
            rewards.INVALID: (State.INVALID, "SubmissionInvalid", "invalid"),
        }
        facts = {"submissionId": submission, "trainer": s.account}
        if is_canary or copied:
            s.state = State.CANARY if is_canary else State.COPIED
            self.emit("CanarySettled" if is_canary else "SubmissionCopied", task, **facts, score=s.score)
            return
        if s.score not in verdicts:
            s.state = State.SCORED
            self.emit("SubmissionScored", task, **facts, score=s.score, gridScore=task.floor(s.score))
            return
        s.state, event, reason = verdicts[s.score]
        self.emit(event, task, **facts)
        if reason:
            self.slash_trainer(task, submission, reason)

    def appraise(
        self, task: Task, submission: int, found: tuple[int, bool | None], member: str, panel: Panel, attempt: int
    ) -> None:
        p, (consensus, copied), score = task.parameters, found, panel.scores[member]
        right = copied in (None, member in panel.copies)
        if consensus == rewards.UNOPENABLE:
            return
        if consensus in rewards.VERDICTS or score in rewards.VERDICTS:
            if score == consensus and right:
                self.weigh(task, submission, member, attempt, 0)
            elif score == consensus:
                return
            elif rewards.UNAVAILABLE not in (score, consensus):
                self.slash_validator(task, submission, member, "deviating")
        elif abs(score - consensus) <= p.tolerance and right:
            self.weigh(task, submission, member, attempt, abs(score - consensus))
        elif abs(score - consensus) > p.slash_tolerance:
            self.slash_validator(task, submission, member, "deviating")

    def weigh(self, task: Task, submission: int, member: str, attempt: int, distance: int) -> None:
        _, validator = self.validator(task, member)
        weight = rewards.validator_weight(distance, task.parameters.scale, task.counted(validator))
        validator.weight += weight
        facts = {"validator": member, "attempt": attempt, "weight": weight}
        self.emit("ValidatorWeighted", task, submissionId=submission, **facts)

    def slash_trainer(self, task: Task, submission: int, reason: str) -> None:
        s = task.submissions[submission - 1]
        assets = self.slash(task, s, reason)
        facts = {"trainer": s.account, "assets": assets, "reason": ascii32(reason)}
        self.emit("TrainerSlashed", task, submissionId=submission, **facts)

    def slash_validator(self, task: Task, submission: int, account: str, reason: str, rate: str = "") -> None:
        assets = self.slash(task, self.validator(task, account)[1], rate or reason)
        facts = {"validator": account, "assets": assets, "reason": ascii32(reason)}
        self.emit("ValidatorSlashed", task, submissionId=submission, **facts)

    def slash(self, task: Task, who: Participant, reason: str) -> int:
        assets = min(who.stake * PERCENT[reason] // 100, who.stake - who.slashed)
        who.slashed += assets
        task.taken += assets
        task.rewarded += assets if who.account != self.settler else 0
        self.balance += assets
        if assets:
            self.ledger.slash(who.account, assets, self.address)
        return assets

    def pay_settler(self, task: Task, submission: int, before: int, sender: str) -> None:
        """All callers of settle together have a tenth of what others lost, rounded down once."""
        share = task.rewarded * SETTLER_PERCENT // 100 - before * SETTLER_PERCENT // 100
        task.settler_paid += share
        self.pay(sender, share)
        if share:
            self.emit("SettlerPaid", task, submissionId=submission, settler=sender, assets=share)

    def pay(self, account: str, assets: int) -> None:
        self.balance -= assets
        self.received[account] += assets

    def redraw(self, number: int, sender: str) -> None:
        task = self.task(number)
        self.require_phase(task, Phase.SETTLE)
        require(task.pending == 0, "SubmissionsPending", number, task.pending)
        require(task.is_redrawable, "RedrawNotPossible", number)
        again = task.attempt == 1 and task.unscored > 0
        task.attempt += 1
        facts = self.open_attempt(task, again)
        self.emit("TaskRedrawn", task, attempt=task.attempt, **facts)

    def open_attempt(self, task: Task, appealable: bool) -> dict[str, int]:
        facts = self.start_attempt(task, appealable)
        task.patience_ends = task.score_reveal_ends + SEED_PATIENCE
        return facts

    def start_attempt(self, task: Task, appealable: bool) -> dict[str, int]:
        task.seed, task.ticket = NONE, self.block + 1
        task.score_commit_ends = self.now + task.parameters.score_commit_window
        task.score_reveal_ends = task.score_commit_ends + task.parameters.score_reveal_window
        task.challenge_ends = task.score_reveal_ends + (task.parameters.challenge_window if appealable else 0)
        ends = {"scoreCommitEnds": task.score_commit_ends, "scoreRevealEnds": task.score_reveal_ends}
        return {"seedTicket": task.ticket, **ends, "challengeEnds": task.challenge_ends}

    # appeals and canaries

    def appeal(self, number: int, submission: int, sender: str) -> None:
        task = self.task(number)
        s = self.submission(task, submission)
        self.require_phase(task, Phase.CHALLENGE)
        require(submission not in task.appeals, "AlreadyAppealed", number, submission)
        require(task.is_scorable(s), "SubmissionNotScorable", number, submission)
        require(task.is_appealable, "AppealNotPossible", number)
        require((submission, task.attempt) in task.panels, "PanelNotDrawn", number, submission)
        task.appeals[submission] = (sender, task.attempt)
        bond = task.parameters.appeal_bond
        self.balance += bond
        facts = {"appellant": sender, "attempt": task.attempt, "bond": bond}
        self.emit("SubmissionAppealed", task, submissionId=submission, **facts)

    def reveal_canary(self, number: int, submission: int, score: int, salt: bytes, proof: tuple, sender: str) -> None:
        task = self.task(number)
        s = self.submission(task, submission)
        self.require_phase(task, Phase.SCORE_REVEAL)
        require(submission not in task.canaries, "AlreadyRevealed", number, submission)
        require(task.is_scorable(s), "SubmissionNotScorable", number, submission)
        require(task.is_appealable, "AppealNotPossible", number)
        require(submission not in task.appeals, "AlreadyAppealed", number, submission)
        require(abs(score) <= rewards.SCORE_BOUND, "ScoreOutOfRange", score)
        node = rewards.canary_leaf(s.digest, score, salt)
        for other in proof:
            node = keccak(min(node, other) + max(node, other))
        require(node == task.parameters.canary_root != NONE, "WrongCanary", number, submission)
        task.canaries[submission] = score
        self.emit("CanaryRevealed", task, submissionId=submission, score=score)
