"""What a task comes to, in plain integers: consensus, slashes, pots and claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import reference_rewards as rewards
from reference import Ledger, Refused, require
from reference_task import NONE, Panel, Participant, Phase, Pot, State, Submission, Task, ascii32

PERCENT = {"unrevealed": 10, "duplicate": 50, "invalid": 10, "unavailable": 10, "silent": 5, "deviating": 10}
SETTLER_PERCENT = 10
SEED_PATIENCE = 7 * 24 * 3600


class Settlement:
    """What the verbs that end a task do, and what all verbs need."""

    def __init__(self, ledger: Ledger, address: str, chain_id: int, block_hash: Callable[[int], bytes]):
        self.ledger, self.address, self.chain_id, self.block_hash = ledger, address, chain_id, block_hash
        self.tasks: list[Task] = []
        self.now = self.block = 0
        self.balance = 0
        self.received: Counter[str] = Counter()  # what settlers and creators got
        self.events: list[tuple[str, dict]] = []
        self.settler = ""  # the caller of settle

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
        self.settler = sender
        if s.state == State.COMMITTED:
            s.state, s.settled_attempt = State.UNREVEALED, 1
            self.emit("SubmissionUnrevealed", task, submissionId=submission, trainer=s.account)
            self.slash_trainer(task, submission, "unrevealed")
        elif s.state == State.DUPLICATE and s.settled_attempt == 0:
            s.settled_attempt = 1
            self.slash_trainer(task, submission, "duplicate")
        else:
            require(task.is_scorable(s), "AlreadySettled", number, submission)
            require(phase == Phase.SETTLE, "WrongPhase", number, int(phase))
            self.settle_scored(task, submission, s)
        self.pay_settler(task, submission, before, sender)

    def settle_scored(self, task: Task, submission: int, s: Submission) -> None:
        hopeless = task.seed == NONE and self.now >= task.score_reveal_ends + SEED_PATIENCE
        drawn = (submission, task.attempt) in task.panels
        require(drawn or hopeless, "PanelNotDrawn", task.number, submission)
        panel = task.panels.get((submission, task.attempt), Panel([]))
        for member in panel.members:
            if member not in panel.scores:
                self.slash_validator(task, submission, member, "silent")
        s.settled_attempt = task.attempt
        found = self.consensus(task, panel)
        if found is None:
            s.state = State.UNSCORED
            facts = {"trainer": s.account, "attempt": task.attempt}
            self.emit("SubmissionUnscored", task, submissionId=submission, **facts)
            return
        s.score = found
        self.conclude(task, submission, s)
        for member in panel.members:
            if member in panel.scores:
                self.appraise(task, submission, s.score, member, panel.scores[member])

    def consensus(self, task: Task, panel: Panel) -> int | None:
        """The median, if there are enough scores and more than half of their stake agrees with it."""
        if len(panel.scores) < task.parameters.quorum:
            return None
        votes = [(score, task.counted(self.validator(task, member)[1])) for member, score in panel.scores.items()]
        median = rewards.consensus(votes, task.parameters.maximise)
        agreeing = sum(stake for score, stake in votes if self.agree(task, median, score))
        return median if 2 * agreeing > sum(stake for _, stake in votes) else None

    def agree(self, task: Task, a: int, b: int) -> bool:
        return a == b or (
            a not in rewards.VERDICTS and b not in rewards.VERDICTS and abs(a - b) <= task.parameters.slash_tolerance
        )

    def conclude(self, task: Task, submission: int, s: Submission) -> None:
        verdicts = {
            rewards.UNOPENABLE: (State.UNOPENABLE, "HeldOutUnopenable", ""),
            rewards.UNAVAILABLE: (State.UNAVAILABLE, "SubmissionUnavailable", "unavailable"),
            rewards.INVALID: (State.INVALID, "SubmissionInvalid", "invalid"),
        }
        facts = {"submissionId": submission, "trainer": s.account}
        if s.score not in verdicts:
            s.state = State.SCORED
            self.emit("SubmissionScored", task, **facts, score=s.score, gridScore=task.floor(s.score))
            return
        s.state, event, reason = verdicts[s.score]
        self.emit(event, task, **facts)
        if reason:
            self.slash_trainer(task, submission, reason)

    def appraise(self, task: Task, submission: int, consensus: int, member: str, score: int) -> None:
        p = task.parameters
        if consensus == rewards.UNOPENABLE:
            return
        if consensus in rewards.VERDICTS or score in rewards.VERDICTS:
            if score == consensus:
                self.weigh(task, submission, member, 0)
            elif rewards.UNAVAILABLE not in (score, consensus):
                self.slash_validator(task, submission, member, "deviating")
        elif abs(score - consensus) <= p.tolerance:
            self.weigh(task, submission, member, abs(score - consensus))
        elif abs(score - consensus) > p.slash_tolerance:
            self.slash_validator(task, submission, member, "deviating")

    def weigh(self, task: Task, submission: int, member: str, distance: int) -> None:
        _, validator = self.validator(task, member)
        weight = rewards.validator_weight(distance, task.parameters.scale, task.counted(validator))
        validator.weight += weight
        self.emit("ValidatorWeighted", task, submissionId=submission, validator=member, weight=weight)

    def slash_trainer(self, task: Task, submission: int, reason: str) -> None:
        s = task.submissions[submission - 1]
        assets = self.slash(task, s, reason)
        facts = {"trainer": s.account, "assets": assets, "reason": ascii32(reason)}
        self.emit("TrainerSlashed", task, submissionId=submission, **facts)

    def slash_validator(self, task: Task, submission: int, account: str, reason: str) -> None:
        assets = self.slash(task, self.validator(task, account)[1], reason)
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
        task.attempt += 1
        facts = self.start_attempt(task)
        self.emit("TaskRedrawn", task, attempt=task.attempt, **facts)

    def start_attempt(self, task: Task) -> dict[str, int]:
        task.seed, task.ticket = NONE, self.block + 1
        task.score_commit_ends = self.now + task.parameters.score_commit_window
        task.score_reveal_ends = task.score_commit_ends + task.parameters.score_reveal_window
        ends = {"scoreCommitEnds": task.score_commit_ends, "scoreRevealEnds": task.score_reveal_ends}
        return {"seedTicket": task.ticket, **ends}

    # finalize

    def finalize(self, number: int, sender: str) -> None:
        task = self.task(number)
        phase = task.phase(self.now)
        bounty, bond = task.parameters.bounty, task.parameters.bond
        if phase == Phase.ABANDONED:
            self.close(task, "abandoned", creator=bounty + bond)
            return
        self.require_phase(task, Phase.VOID, Phase.SETTLE)
        require(task.pending == 0, "SubmissionsPending", number, task.pending)
        require(not task.is_redrawable, "RedrawPossible", number)
        revealed = {i: s.stake for i, s in enumerate(task.submissions, 1) if s in task.unique}
        unopenable = task.count(State.UNOPENABLE)
        agreed = unopenable + sum(map(task.count, (State.SCORED, State.INVALID, State.UNAVAILABLE)))
        if phase == Phase.VOID or 2 * unopenable > agreed:
            self.close(task, "void", Pot(bond + task.slashed, revealed), creator=bounty)
        elif agreed:
            self.reward(task)
        elif revealed:
            self.close(task, "failed", Pot(task.slashed, revealed), creator=bounty + bond)
        else:
            stakes = {index: v.stake for index, v in enumerate(task.validators, 1)}
            self.close(task, "failed", validators=Pot(task.slashed, stakes), creator=bounty + bond)

    def reward(self, task: Task) -> None:
        bounty, bond, total = task.parameters.bounty, task.parameters.bond, task.parameters.bounty + task.slashed
        stakes = sum(s.stake for s in task.submissions), sum(v.stake for v in task.validators)
        weights = {index: v.weight for index, v in enumerate(task.validators, 1)}
        for rank, submission in enumerate(task.ranking, 1):
            s = task.submissions[submission - 1]
            s.weight = rewards.rank_weight(rank, task.counted(s))
            facts = {"trainer": s.account, "rank": rank, "weight": s.weight}
            self.emit("SubmissionRanked", task, submissionId=submission, **facts)
        if not task.ranking:
            unearned = rewards.trainer_part(bounty, *stakes)
            self.close(task, "settled", validators=Pot(total - unearned, weights), creator=bond + unearned)
            return
        part = rewards.trainer_part(total, *stakes)
        ranked = {number: task.submissions[number - 1].weight for number in task.ranking}
        self.close(task, "settled", Pot(part, ranked), Pot(total - part, weights), bond)

    def close(
        self, task: Task, outcome: str, trainers: Pot | None = None, validators: Pot | None = None, creator: int = 0
    ) -> None:
        task.outcome, task.creator_pot = outcome, creator
        task.trainer_pot, task.validator_pot = trainers or Pot(), validators or Pot()
        pots = {"trainer": task.trainer_pot, "validator": task.validator_pot}
        facts = {f"{side}Pot": pot.assets for side, pot in pots.items()}
        facts |= {f"{side}Weight": pot.weight for side, pot in pots.items()}
        self.emit("TaskFinalized", task, outcome=ascii32(outcome), creatorPot=creator, **facts)

    # claim

    def claim_submission(self, number: int, submission: int, sender: str) -> int:
        task = self.task(number)
        s = self.submission(task, submission)
        self.require_open(task, s.account, s.claimed)
        return self.pay_out(task, submission, s, task.trainer_pot.take(submission))

    def claim_validator(self, number: int, account: str, sender: str) -> int:
        task = self.task(number)
        index, v = self.validator(task, account)
        self.require_open(task, account, v.claimed)
        return self.pay_out(task, 0, v, task.validator_pot.take(index))

    def require_open(self, task: Task, account: str, claimed: bool) -> None:
        self.require_phase(task, Phase.FINALIZED)
        require(not claimed, "AlreadyClaimed", task.number, account)

    def pay_out(self, task: Task, submission: int, who: Participant, reward: int) -> int:
        who.claimed = True
        unlocked = who.stake - who.slashed
        if unlocked:
            self.ledger.pool(who.account).unlock(self.address, unlocked)
        if reward:
            self.ledger.distribute(who.account, reward, self.now)
        self.balance -= reward
        facts = {"operator": who.account, "reward": reward, "unlocked": unlocked}
        self.emit("RewardClaimed", task, submissionId=submission, **facts)
        return reward

    def claim_creator(self, number: int, sender: str) -> int:
        task = self.task(number)
        self.require_phase(task, Phase.FINALIZED, Phase.CANCELLED)
        require(not task.creator_claimed, "AlreadyClaimed", number, task.creator)
        task.creator_claimed = True
        self.pay(task.creator, task.creator_pot)
        self.emit("CreatorClaimed", task, creator=task.creator, assets=task.creator_pot)
        return task.creator_pot
