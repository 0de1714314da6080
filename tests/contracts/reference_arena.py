"""The arena in plain integers: slow, obvious, and written from the interface's words rather than its code.

A verb that the arena must refuse raises Refused with the error that the arena must give; one that it must carry out
appends the events that it must emit to `events`. Stake is held by the reference of the stake ledger.
"""

from __future__ import annotations

from dataclasses import replace

import reference_rewards as rewards
from eth_utils import keccak
from reference import WAD, require
from reference_settlement import Settlement
from reference_task import NONE, Panel, Parameters, Participant, Phase, State, Submission, Task, ascii32

BATCH_SIZE = 256


class Arena(Settlement):
    """Before a verb is called, `now` and `block` must be those of its transaction."""

    # creators

    def create_task(self, parameters: tuple, sender: str) -> int:
        p = Parameters(*parameters)
        for name, holds in p.bounds().items():
            require(holds, "InvalidParameter", ascii32(name))
        ends = [self.now + p.commit_window, self.now + p.commit_window + p.reveal_window]
        task = Task(len(self.tasks) + 1, p, sender, *ends, ends[1] + p.key_window)
        self.tasks.append(task)
        self.balance += p.bounty + p.bond
        facts = {"commitEnds": task.commit_ends, "revealEnds": task.reveal_ends, "keyEnds": task.key_ends}
        self.emit("TaskCreated", task, creator=sender, specDigest=p.spec_digest, parameters=parameters, **facts)
        return task.number

    def fund_task(self, number: int, assets: int, sender: str) -> None:
        task = self.task(number)
        self.require_phase(task, Phase.COMMIT)
        require(assets > 0, "ZeroAmount")
        task.parameters = replace(task.parameters, bounty=task.parameters.bounty + assets)
        self.balance += assets
        self.emit("TaskFunded", task, funder=sender, assets=assets)

    def cancel_task(self, number: int, sender: str) -> None:
        task = self.task(number)
        require(sender == task.creator, "Unauthorized", sender)
        self.require_phase(task, Phase.COMMIT)
        require(not task.submissions and not task.validators, "TaskNotEmpty", number)
        task.cancelled = True
        task.creator_pot = task.parameters.bounty + task.parameters.bond
        self.emit("TaskCancelled", task, creator=sender)

    def release_key(self, number: int, key: bytes, sender: str) -> None:
        task = self.task(number)
        self.require_phase(task, Phase.KEY)
        require(keccak(key) == task.parameters.key_hash, "WrongKey", task.parameters.key_hash, keccak(key))
        task.key, task.attempt = key, 1
        facts = self.open_attempt(task, True)
        self.emit("KeyReleased", task, sender=sender, key=key, **facts)

    # trainers

    def require_newcomer(self, task: Task, account: str) -> None:
        joined = {one.account for one in [*task.submissions, *task.validators]}
        require(account not in joined, "AlreadyJoined", task.number, account)

    def commit_submission(self, number: int, stake: int, commitment: bytes, sender: str) -> int:
        task = self.task(number)
        self.require_phase(task, Phase.COMMIT)
        least = task.parameters.min_trainer_stake
        require(stake >= least, "InsufficientStake", least, stake)
        require(commitment != NONE, "InvalidParameter", ascii32("commitment"))
        self.require_newcomer(task, sender)
        self.ledger.lock(sender, stake, self.address)
        task.submissions.append(Submission(sender, stake, commitment=commitment))
        submission = len(task.submissions)
        facts = {"trainer": sender, "stake": stake, "commitment": commitment}
        self.emit("SubmissionCommitted", task, submissionId=submission, **facts)
        return submission

    def reveal_submission(self, number: int, submission: int, digest: bytes, salt: bytes, sender: str) -> None:
        task = self.task(number)
        s = self.submission(task, submission)
        self.require_phase(task, Phase.REVEAL)
        require(sender == s.account, "Unauthorized", sender)
        require(s.state == State.COMMITTED, "AlreadyRevealed", number, submission)
        require(digest != NONE, "InvalidParameter", ascii32("digest"))
        opened = rewards.submission_commitment(self.chain_id, self.address, number, sender, digest, salt)
        require(opened == s.commitment, "CommitmentMismatch", s.commitment, opened)
        task.reveals_hash = rewards.hashed(["bytes32", "uint256", "bytes32"], task.reveals_hash, submission, digest)
        s.state, s.digest = State.REVEALED, digest
        self.emit("SubmissionRevealed", task, submissionId=submission, trainer=sender, digest=digest)
        self.mark_duplicate(task, submission, s)

    def mark_duplicate(self, task: Task, number: int, s: Submission) -> None:
        """Of the two that now have one digest, the later commit is the duplicate."""
        for other, theirs in enumerate(task.submissions, 1):
            if other != number and theirs.digest == s.digest and theirs.state == State.REVEALED:
                first, second = sorted((other, number))
                task.submissions[second - 1].state = State.DUPLICATE
                self.emit("SubmissionDuplicated", task, submissionId=second, originalId=first)

    # validators

    def register_validator(self, number: int, stake: int, sender: str) -> int:
        task = self.task(number)
        self.require_phase(task, Phase.COMMIT)
        least = task.parameters.min_validator_stake
        require(stake >= least, "InsufficientStake", least, stake)
        self.require_newcomer(task, sender)
        self.ledger.lock(sender, stake, self.address)
        task.validators.append(Participant(sender, stake))
        self.emit("ValidatorRegistered", task, validator=sender, validatorIndex=len(task.validators), stake=stake)
        return len(task.validators)

    def require_scoring(self, task: Task) -> None:
        phase = task.phase(self.now)
        scoring = task.attempt > 0 and Phase.SCORE_COMMIT <= phase <= Phase.SETTLE
        require(scoring, "WrongPhase", task.number, int(phase))

    def fix_seed(self, task: Task) -> None:
        if task.seed != NONE:
            return
        self.require_phase(task, Phase.SCORE_COMMIT)
        require(self.block > task.ticket, "SeedNotReady", task.ticket)
        require(self.block <= task.ticket + 256, "SeedExpired", task.ticket)
        types = ["bytes32", "uint256", "uint256", "bytes32"]
        raw = self.block_hash(task.ticket)
        task.seed = rewards.hashed(types, raw, task.number, task.attempt, task.reveals_hash)
        self.emit("SeedFixed", task, attempt=task.attempt, seed=task.seed)

    def draw_panel(self, number: int, submission: int, sender: str) -> None:
        task = self.task(number)
        s = self.submission(task, submission)
        self.require_scoring(task)
        require(task.is_scorable(s), "SubmissionNotScorable", number, submission)
        require((submission, task.attempt) not in task.panels, "PanelAlreadyDrawn", number, submission)
        self.fix_seed(task)
        stakes = [v.stake for v in task.validators]
        cap = -(-sum(stakes) * task.parameters.max_share // WAD)
        places = task.parameters.appeal_panel_size if submission in task.appeals else task.parameters.panel_size
        drawn = rewards.draw(stakes, places, task.seed, submission, cap)
        members = [task.validators[index - 1].account for index in drawn]
        task.panels[submission, task.attempt] = Panel(members)
        self.emit("PanelDrawn", task, submissionId=submission, attempt=task.attempt, validators=members)

    def renew_seed(self, number: int, sender: str) -> None:
        task = self.task(number)
        self.require_scoring(task)
        missed = self.now >= task.score_commit_ends or self.block > task.ticket + 256
        require(task.seed == NONE and missed, "SeedStillValid", task.ticket)
        require(self.now < task.patience_ends, "SeedOverdue", task.patience_ends)
        facts = self.start_attempt(task, task.challenge_ends > task.score_reveal_ends)
        self.emit("SeedRequested", task, attempt=task.attempt, **facts)

    def commit_scores(self, number: int, batch: int, commitment: bytes, sender: str) -> None:
        task = self.task(number)
        self.require_phase(task, Phase.SCORE_COMMIT)
        self.validator(task, sender)
        require(commitment != NONE, "InvalidParameter", ascii32("commitment"))
        key = (task.attempt, sender, batch)
        require(key not in task.commitments, "AlreadyCommitted", number, sender, batch)
        self.fix_seed(task)
        task.commitments[key] = commitment
        facts = {"attempt": task.attempt, "batch": batch, "commitment": commitment}
        self.emit("ScoresCommitted", task, validator=sender, **facts)

    def reveal_scores(self, number: int, batch: int, entries: list[tuple], salt: bytes, sender: str) -> None:
        task = self.task(number)
        self.require_phase(task, Phase.SCORE_REVEAL)
        self.validator(task, sender)
        expected = task.commitments.get((task.attempt, sender, batch), NONE)
        opened = rewards.scores_commitment(
            self.chain_id, self.address, number, task.attempt, sender, batch, entries, salt
        )
        require(opened == expected, "CommitmentMismatch", expected, opened)
        revealed = {key: dict(panel.scores) for key, panel in task.panels.items()}
        copies = []
        for submission, slot, score, report, original in entries:
            key = submission, task.attempt
            require(key in task.panels, "PanelNotDrawn", number, submission)
            require((submission - 1) // BATCH_SIZE == batch, "WrongBatch", submission, batch)
            members = task.panels[key].members
            seated = slot < len(members) and members[slot] == sender
            require(seated, "NotOnPanel", number, submission, sender)
            allowed = score in rewards.VERDICTS or abs(score) <= rewards.SCORE_BOUND
            require(allowed, "ScoreOutOfRange", score)
            require(sender not in revealed[key], "AlreadyRevealed", number, submission)
            revealed[key][sender] = score
            if original:
                earlier = original < submission and task.submissions[original - 1].digest != NONE
                require(earlier, "WrongOriginal", submission, original)
                copies.append(key)
            facts = {"validator": sender, "attempt": task.attempt, "score": score, "reportDigest": report}
            self.emit("ScoreRevealed", task, submissionId=submission, copyOf=original, **facts)
        for key, scores in revealed.items():
            task.panels[key].scores = scores
        for key in copies:
            task.panels[key].copies.add(sender)
