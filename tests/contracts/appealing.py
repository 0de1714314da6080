"""What the tests of appeals, copies and canaries have in common."""

from __future__ import annotations

from arena_life import digest_of
from reference import WAD
from reference_rewards import canary_leaf
from reference_task import Phase

GOOD, FAIR = 95 * 10**7, 90 * 10**7
BOND = 7 * WAD
APPEALS = {"challenge_window": 1000, "appeal_panel_size": 5, "appeal_bond": BOND}


def opened(life, creator, trainers, validators, stranger, models="ABC", **changes):
    """A task with a model for each letter and five validators, of whom three are drawn for each model."""
    life.create(creator, **APPEALS | changes)
    life.register({account: (20 + i) * WAD for i, account in enumerate(validators[:5])})
    for trainer, label in zip(trainers, models, strict=False):
        life.commit(trainer, label, 50 * WAD)
    life.unseal(dict(enumerate(models, 1)), creator)
    life.draw(list(range(1, len(models) + 1)), stranger)
    return life


def panel(life, submission, attempt=1):
    return [life.people[member] for member in life.task.panels[submission, attempt].members]


def say(life, score, submissions=(1, 2, 3), other=None, copies=None, until=Phase.CHALLENGE):
    """Everybody says the same about all; `other` are {submission: score} of what everybody says of some."""
    said = dict.fromkeys(submissions, score) | (other or {})
    accounts = [life.people[v.account] for v in life.task.validators]
    life.score(dict.fromkeys(accounts, said), {account: copies or {} for account in accounts}, until)


def score_around(life, entries, between):
    """Validators commit to their entries, {account: entries}; `between` happens; they reveal."""
    for account, some in entries.items():
        life.do("commitScores", life.number, 0, life.commitment(account, some), sender=account)
    life.until(Phase.SCORE_REVEAL)
    between()
    for account, some in entries.items():
        life.do("revealScores", life.number, 0, some, life.salt, sender=account)


def by_all(life, *said):
    """The same entries of every validator that is registered."""
    accounts = [life.people[v.account] for v in life.task.validators]
    return {account: life.entries(account, *said) for account in accounts}


def decide(life, stranger, score, submissions=(1,), copies=None):
    """The next attempt, in which everybody says the same; all is settled."""
    life.until(Phase.SETTLE)
    life.settle(stranger)
    life.do("redraw", life.number, sender=stranger)
    life.mine(2)
    life.draw(list(submissions), stranger)
    say(life, score, submissions, copies=copies, until=Phase.SETTLE)
    life.settle(stranger)
    life.check()


def finish(life, stranger):
    life.do("finalize", 1, sender=stranger)
    life.claim(stranger)
    life.check()
    assert life.token.balanceOf(life.arena) == 0


def canaries(life, creator, trainers, validators, stranger, score=GOOD, **changes):
    """A task whose third model is a canary of this score."""
    leaf = canary_leaf(digest_of("C"), score, life.salt)
    return opened(life, creator, trainers, validators, stranger, canary_root=leaf, **changes)


def tell(life, sender, score=GOOD, submission=3):
    return life.do("revealCanary", life.number, submission, score, life.salt, [], sender=sender)
