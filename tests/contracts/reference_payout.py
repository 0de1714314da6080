"""Who gets the money of a task, in plain integers: pots and claims."""

from __future__ import annotations

import reference_rewards as rewards
from reference import require
from reference_task import Participant, Phase, Pot, State, Task, ascii32


class Payout:
    """The verbs that end a task; on the records and the tools of Settlement."""

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
        task.emission = self.emission_of(task) if task.attempt else 0
        self.balance += task.emission
        gains = task.slashed + task.emission
        revealed = {task.number_of(s): s.stake for s in task.originals}
        unopenable = task.count(State.UNOPENABLE)
        agreed = unopenable + sum(map(task.count, (State.SCORED, State.INVALID, State.UNAVAILABLE, State.COPIED)))
        weighed = any(v.weight for v in task.validators)
        if phase == Phase.VOID or 2 * unopenable > agreed:
            self.close(task, "void", Pot(bond + gains, revealed), creator=bounty)
        elif weighed:
            self.reward(task)
        elif revealed:
            self.close(task, "failed", Pot(gains, revealed), creator=bounty + bond)
        else:
            stakes = {index: v.stake for index, v in enumerate(task.validators, 1)}
            self.close(task, "failed", validators=Pot(gains, stakes), creator=bounty + bond)

    def reward(self, task: Task) -> None:
        bounty, bond = task.parameters.bounty, task.parameters.bond
        total = bounty + task.slashed + task.emission
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
        facts |= {"creatorPot": creator, "emission": task.emission}
        self.emit("TaskFinalized", task, outcome=ascii32(outcome), **facts)

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
