"""The arena driven beside its reference model by random walks: same answers, same refusals, same events at every step.

A walk leads two tasks at once, over the same pools. Some steps do one thing, mostly at the wrong moment; others do what
all honest people would do now, so that walks come far. In the end every task is led out by strangers' calls alone, and
nothing may be left.

The walks are drawn by seed and not by Hypothesis, which spends most of its examples on short and repetitive ones; the
seed of a failing walk is its name.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random

import pytest
from arena_life import Life, digest_of
from reference_rewards import INVALID, UNAVAILABLE, UNOPENABLE, canary_leaf
from reference_task import Phase

WALKS = int(os.environ.get("SKEIN_WALKS", "6"))  # for example 100, after a change of the arena
STEPS = 40
PERIOD = 1000
UNIT = 10**9 + 7  # a stake that divides badly
TRUTH = 10**6
SCORES = [TRUTH, TRUTH + 1, TRUTH + 50, TRUTH - 51, 0, -TRUTH, INVALID, UNAVAILABLE, UNOPENABLE]
FIXED = {
    **dict.fromkeys(("min_trainer_stake", "min_validator_stake"), 1),
    **dict.fromkeys(("commit_window", "reveal_window", "key_window"), PERIOD),
    **dict.fromkeys(("score_commit_window", "score_reveal_window"), PERIOD),
    "scale": 10**6,
    "slash_tolerance": 100,
}
SINGLE = ["commit", "register", "reveal", "fund", "cancel", "release", "say", "open", "anyone", "claim", "mine", "wait"]
SINGLE += ["appeal", "tell"]
HONEST = {
    Phase.COMMIT: "all_join",
    Phase.REVEAL: "all_reveal",
    Phase.KEY: "all_release",
    Phase.SCORE_COMMIT: "all_say",
    Phase.SCORE_REVEAL: "all_open",
    Phase.CHALLENGE: "some_appeal",
    Phase.SETTLE: "all_settle",
    Phase.VOID: "all_settle",
}


class Walk:
    def __init__(self, life: Life, seed: int, creator, trainers, validators, stranger):
        self.life, self.random = life, Random(seed)
        self.creator, self.trainers, self.validators, self.stranger = creator, trainers, validators[:5], stranger
        self.labels, self.batches = {}, {}
        self.refused = Counter()
        for _ in range(2):
            life.create(creator, **FIXED, **self.parameters())

    def parameters(self) -> dict:
        choice, panel_size = self.random.choice, self.random.randint(1, 4)
        appeals = {
            "challenge_window": PERIOD,
            "appeal_panel_size": panel_size + choice([1, 2]),
            "appeal_bond": choice([1, UNIT]),
            "canary_root": choice([bytes(32), canary_leaf(digest_of("C"), choice([TRUTH, 0]), self.life.salt)]),
        }
        return choice([{}, appeals]) | {
            "bounty": choice([1, 99, 10**12 + 7]),
            "bond": choice([10**12, 10**12 + 3]),
            "tolerance": choice([0, 1, 50]),
            "grid": choice([1, 7, 100]),
            "panel_size": panel_size,
            "quorum": self.random.randint(1, min(2, panel_size)),
            "paid_ranks": choice([1, 2, 3]),
            "maximise": choice([True, False]),
            "max_share": choice([10**18, 10**18, 3 * 10**17, 10**18 // 64]),
        }

    def step(self) -> None:
        self.life.number = self.random.choice([1, 2])
        if self.random.random() < 0.6:
            getattr(self, self.random.choice(SINGLE))()
        else:
            getattr(self, HONEST.get(self.life.task.phase(self.life.now + 1), "claim"))()
            self.next_phase()
        assert self.life.token.balanceOf(self.life.arena) == self.life.model.balance
        assert self.life.token.balanceOf(self.life.staking) == self.life.model.ledger.total

    def do(self, verb: str, *args, sender) -> bool:
        done = self.life.do(verb, *args, sender=sender)[1] is not None
        if not done:
            self.refused[self.life.refusal] += 1
        return done

    # one thing

    def someone(self, people):
        return self.random.choice(people)

    def submission(self) -> int:
        return self.random.randint(0, len(self.life.task.submissions) + 1)

    def stake(self) -> int:
        return self.random.choice([0, 1, 10, UNIT, 3 * UNIT, 10**24])

    def commit(self) -> None:
        trainer = self.someone([*self.trainers, self.validators[0]])
        label = self.labels.setdefault((self.life.number, trainer.address), self.random.choice("AAB"))
        self.life.commit(trainer, label, self.stake())

    def register(self) -> None:
        account = self.someone([*self.validators, self.trainers[0]])
        self.do("registerValidator", self.life.number, self.stake(), sender=account)

    def reveal(self) -> None:
        args = (self.submission(), digest_of(self.random.choice("AB")), self.life.salt)
        self.do("revealSubmission", self.life.number, *args, sender=self.someone(self.trainers))

    def fund(self) -> None:
        self.do("fundTask", self.life.number, self.random.choice([0, 1, 10**6]), sender=self.stranger)

    def cancel(self) -> None:
        self.do("cancelTask", self.life.number, sender=self.someone([self.creator, self.stranger]))

    def release(self) -> None:
        self.do("releaseKey", self.life.number, digest_of("?"), sender=self.creator)

    def say(self, account=None) -> None:
        """Commits to scores of all submissions that it was drawn for; most validators say the truth."""
        task, account = self.life.task, account or self.someone(self.validators)
        drawn = [number for number, attempt in task.panels if attempt == task.attempt]
        said = {number: TRUTH if self.random.random() < 0.6 else self.random.choice(SCORES) for number in drawn}
        copies = {number: self.random.randint(0, number) for number in drawn if self.random.random() < 0.3}
        entries = self.life.entries(account, said, copies)
        if self.do("commitScores", task.number, 0, self.life.commitment(account, entries), sender=account):
            self.batches[task.number, task.attempt, account.address] = entries

    def open(self, account=None) -> None:
        task, account = self.life.task, account or self.someone(self.validators)
        entries = self.batches.get((task.number, task.attempt, account.address), [])
        self.do("revealScores", task.number, 0, entries, self.life.salt, sender=account)

    def anyone(self) -> None:
        verb = self.random.choice(["drawPanel", "settle", "renewSeed", "redraw", "finalize"])
        numbers = [self.life.number, *([self.submission()] if verb in ("drawPanel", "settle") else [])]
        self.do(verb, *numbers, sender=self.stranger)

    def appeal(self) -> None:
        self.do("appeal", self.life.number, self.submission(), sender=self.someone(self.trainers))

    def tell(self, submission: int | None = None) -> None:
        submission = submission or self.submission()
        args = (submission, self.random.choice([TRUTH, 0]), self.life.salt, [])
        self.do("revealCanary", self.life.number, *args, sender=self.creator)

    def claim(self) -> None:
        number = self.life.number
        self.do("claimSubmission", number, self.submission(), sender=self.stranger)
        self.do("claimValidator", number, self.someone(self.validators).address, sender=self.stranger)
        self.do("claimCreator", number, sender=self.stranger)

    def mine(self) -> None:
        self.life.mine(self.random.choice([1, 1, 2, 2, 256]))

    def wait(self) -> None:
        self.life.now += self.random.randint(0, PERIOD // 4)

    # what all honest people would do

    def each(self, *phases: Phase):
        for task in self.life.model.tasks:
            if task.phase(self.life.now + 1) in phases:
                self.life.number = task.number
                yield task

    def all_join(self) -> None:
        for task in self.each(Phase.COMMIT):
            self.life.register({account: UNIT + i for i, account in enumerate(self.validators[:4])})
            for i, trainer in enumerate(self.trainers[:4]):
                label = self.labels.setdefault((task.number, trainer.address), "ABCA"[i])
                self.life.commit(trainer, label, UNIT * (i + 1))

    def all_reveal(self) -> None:
        for task in self.each(Phase.REVEAL):
            labels = {number: self.labels[task.number, s.account] for number, s in enumerate(task.submissions, 1)}
            for number in self.random.sample(sorted(labels), len(labels)):
                self.life.reveal({number: labels[number]})

    def all_release(self) -> None:
        for _ in self.each(Phase.KEY):
            if self.random.random() < 0.8:
                self.life.release(self.creator)

    def all_draw(self) -> None:
        for task in self.each(Phase.SCORE_COMMIT, Phase.SCORE_REVEAL, Phase.CHALLENGE, Phase.SETTLE):
            late = self.life.now >= task.score_commit_ends or self.life.model.block > task.ticket + 250
            if task.seed == bytes(32) and late:
                self.do("renewSeed", task.number, sender=self.stranger)
                self.life.mine(2)
            for number in self.undrawn(task):
                self.do("drawPanel", task.number, number, sender=self.stranger)

    def undrawn(self, task) -> list[int]:
        scorable = [number for number, s in enumerate(task.submissions, 1) if task.is_scorable(s)]
        return [number for number in scorable if (number, task.attempt) not in task.panels]

    def all_say(self) -> None:
        self.all_draw()
        for _ in self.each(Phase.SCORE_COMMIT):
            for account in self.validators:
                self.say(account)

    def all_open(self) -> None:
        for task in self.each(Phase.SCORE_REVEAL):
            for account in self.validators:
                self.open(account)
            for number, s in enumerate(task.submissions, 1):
                if s.digest == digest_of("C") and task.parameters.canary_root != bytes(32):
                    self.tell(number)

    def some_appeal(self) -> None:
        for task in self.each(Phase.CHALLENGE):
            for number, _ in enumerate(task.submissions, 1):
                if self.random.random() < 0.5:
                    self.do("appeal", task.number, number, sender=self.someone(self.trainers))

    def all_settle(self) -> None:
        self.all_draw()
        for task in self.each(Phase.VOID, Phase.SETTLE):
            self.life.settle(self.stranger)
            self.do("redraw" if task.is_redrawable else "finalize", task.number, sender=self.stranger)

    def next_phase(self) -> None:
        """To its first second, the last before it, or not at all."""
        ends = [end for task in self.life.model.tasks for end in self.deadlines(task) if end > self.life.now + 2]
        if ends and self.random.random() < 0.8:
            self.life.after(min(ends) - self.random.choice([0, 0, 1]))

    def deadlines(self, task) -> list[int]:
        scoring = [task.score_commit_ends, task.score_reveal_ends, task.challenge_ends]
        return [task.commit_ends, task.reveal_ends, *(scoring if task.attempt else [task.key_ends])]

    # the way out of whatever state a task is in, by calls that anyone can make

    def lead_out(self, task) -> None:
        while not (task.outcome or task.cancelled):
            phase = task.phase(self.life.now + 1)
            if phase in (Phase.SETTLE, Phase.VOID, Phase.ABANDONED):
                self.close(task, phase)
            elif phase == Phase.SCORE_COMMIT and task.seed == bytes(32):
                self.life.mine(2)
                for number in self.undrawn(task):
                    self.do("drawPanel", task.number, number, sender=self.stranger)
                self.life.after(max(self.life.now + 1, task.score_commit_ends))
            else:
                self.life.after(min(end for end in self.deadlines(task) if end > self.life.now + 1))
        for number, s in enumerate(task.submissions, 1):
            if not s.claimed:
                self.do("claimSubmission", task.number, number, sender=self.stranger)
        for v in task.validators:
            if not v.claimed:
                self.do("claimValidator", task.number, v.account, sender=self.stranger)
        if not task.creator_claimed:
            self.do("claimCreator", task.number, sender=self.stranger)

    def close(self, task, phase: Phase) -> None:
        if phase == Phase.SETTLE and task.attempt and not self.panels_are_drawn(task):
            return
        if phase != Phase.ABANDONED:
            self.life.settle(self.stranger)
        assert self.do("redraw" if task.is_redrawable else "finalize", task.number, sender=self.stranger)

    def panels_are_drawn(self, task) -> bool:
        """In the end; but where nobody used the seed in time the attempt begins anew."""
        self.life.mine(2)
        if task.seed == bytes(32) and self.do("renewSeed", task.number, sender=self.stranger):
            return False
        for number in self.undrawn(task):
            self.do("drawPanel", task.number, number, sender=self.stranger)
        return True


@pytest.mark.parametrize("seed", range(WALKS))
def test_walk(newborn, creator, trainers, validators, stranger, seed):
    life = newborn.fork()
    walk = Walk(life, seed, creator, trainers, validators, stranger)
    for _ in range(STEPS):
        walk.step()
    life.check()
    for task in life.model.tasks:
        life.number = task.number
        walk.lead_out(task)
    life.check()
    assert life.token.balanceOf(life.arena) == 0
    assert all(pool.locked == 0 for pool in life.model.ledger.pools.values())
    assert walk.refused
