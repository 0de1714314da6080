"""Panels and scores: what each verb refuses, in the order of its checks, then what it does."""

from __future__ import annotations

import pytest
from arena_life import KEY, digest_of
from reference import WAD
from reference_rewards import INVALID, SCORE_BOUND
from reference_task import Phase, State

SOME = b"\x0c" * 32
REPORT = digest_of("report")


@pytest.fixture(scope="module")
def opened(newborn, creator, trainers, validators):
    """Four models, the third one a copy of the first and the fourth never revealed; five validators; the key is out."""
    life = newborn
    life.create(creator)
    life.register({account: (20 + 7 * i) * WAD for i, account in enumerate(validators[:5])})
    for trainer, label in zip(trainers, "ABAC", strict=False):
        life.commit(trainer, label, 10 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A", 2: "B", 3: "A"})
    life.until(Phase.KEY)
    life.do("releaseKey", 1, KEY, sender=creator)
    return life


@pytest.fixture
def life(opened):
    return opened.fork()


@pytest.fixture
def drawn(life, stranger):
    life.mine(2)
    life.draw([1, 2], stranger)
    return life


@pytest.fixture
def seated(drawn, validators):
    """A member of the first submission's panel, its slot there, and a validator who has no seat in it."""
    members = drawn.task.panels[1, 1].members
    people = {account.address: account for account in validators[:5]}
    return people[members[1]], 1, next(account for address, account in people.items() if address not in members)


def test_draw(life, stranger):
    life.refused("UnknownTask", "drawPanel", 2, 1, sender=stranger)
    life.refused("UnknownSubmission", "drawPanel", 1, 5, sender=stranger)
    life.refused("SubmissionNotScorable", "drawPanel", 1, 3, sender=stranger)  # a duplicate
    life.refused("SubmissionNotScorable", "drawPanel", 1, 4, sender=stranger)  # never revealed


def test_draw_before_the_key(newborn, creator, trainers, validators, stranger):
    life = newborn.fork()
    number = life.create(creator)
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    life.refused("WrongPhase", "drawPanel", number, 1, sender=stranger)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.refused("WrongPhase", "drawPanel", number, 1, sender=stranger)
    life.refused("WrongPhase", "renewSeed", number, sender=stranger)


def test_draw_waits_for_the_seed(life, stranger, validators):
    life.refused("SeedNotReady", "drawPanel", 1, 1, sender=stranger)  # in the very block that decides it
    life.do("drawPanel", 1, 1, sender=stranger)
    assert len(life.task.panels[1, 1].members) == 3
    life.check()
    life.refused("PanelAlreadyDrawn", "drawPanel", 1, 1, sender=stranger)


def test_preview_is_what_is_drawn(life, stranger, arena):
    life.mine(2)
    preview = [arena.previewPanel(1, submission) for submission in (1, 2)]
    life.draw([2], stranger)
    assert arena.previewPanel(1, 1) == preview[0]  # by the seed that is fixed now
    life.draw([1], stranger)
    assert [tuple(arena.panel(1, submission)) for submission in (1, 2)] == [tuple(one) for one in preview]


def test_panels_can_be_drawn_until_settled(life, stranger):
    """One draw keeps the seed; the others may follow in any later phase."""
    life.mine(2)
    life.draw([1], stranger)
    life.mine(400)
    life.until(Phase.SETTLE)
    life.draw([2], stranger)
    life.settle(stranger, [2])
    life.refused("SubmissionNotScorable", "drawPanel", 1, 2, sender=stranger)


def test_renew_seed(life, stranger):
    life.refused("UnknownTask", "renewSeed", 2, sender=stranger)
    life.refused("SeedStillValid", "renewSeed", 1, sender=stranger)
    life.mine(life.task.ticket + 255 - life.model.block)
    life.refused("SeedStillValid", "renewSeed", 1, sender=stranger)  # the last block in which it can be proved
    life.do("renewSeed", 1, sender=stranger)
    assert life.task.ticket == life.model.block + 1
    life.check()


def test_commit_scores(life, validators, stranger, arena):
    first = validators[0]
    life.refused("UnknownTask", "commitScores", 2, 0, SOME, sender=first)
    life.refused("UnknownValidator", "commitScores", 1, 0, SOME, sender=stranger)
    life.refused("InvalidParameter", "commitScores", 1, 0, bytes(32), sender=first)

    life.do("commitScores", 1, 0, SOME, sender=first)
    assert life.task.seed != bytes(32) and not life.task.panels  # the first commitment decides the seed
    assert bytes(arena.scoresCommitmentOf(1, 1, first, 0)) == SOME
    assert arena.scoreAt(1, 1, 32) == (False, 0, False)  # no panel is that large
    life.check()
    life.refused("AlreadyCommitted", "commitScores", 1, 0, SOME, sender=first)
    life.do("commitScores", 1, 2**255, SOME, sender=first)

    life.after(life.task.score_commit_ends - 1)
    life.do("commitScores", 1, 0, SOME, sender=validators[1])
    life.refused("WrongPhase", "commitScores", 1, 0, SOME, sender=validators[2])


def test_commit_scores_waits_for_the_seed(life, validators):
    life.refused("SeedNotReady", "commitScores", 1, 0, SOME, sender=validators[0])


def reveal(life, account, entries, batch=0):
    """Commits to entries, as if panels were known, and stands ready to reveal them."""
    life.do("commitScores", 1, batch, life.commitment(account, entries, batch), sender=account)
    life.until(Phase.SCORE_REVEAL)
    return 1, batch, entries, life.salt


def test_reveal_scores(drawn, seated, stranger, validators):
    life, account = drawn, seated[0]
    entries = life.entries(account, {1: 5 * 10**8, 2: INVALID})
    life.do("commitScores", 1, 0, life.commitment(account, entries), sender=account)
    args = (1, 0, entries, life.salt)
    life.refused("WrongPhase", "revealScores", *args, sender=account)
    life.until(Phase.SCORE_REVEAL)
    life.refused("UnknownTask", "revealScores", 2, *args[1:], sender=account)
    life.refused("UnknownValidator", "revealScores", *args, sender=stranger)
    life.refused("CommitmentMismatch", "revealScores", 1, 0, entries[:1] * 2, life.salt, sender=account)
    life.refused("CommitmentMismatch", "revealScores", 1, 0, entries, SOME, sender=account)
    life.refused("CommitmentMismatch", "revealScores", 1, 1, entries, life.salt, sender=account)
    other = next(one for one in validators[:5] if one != account)
    life.refused("CommitmentMismatch", "revealScores", *args, sender=other)  # copied entries

    life.do("revealScores", *args, sender=account)
    assert life.task.panels[1, 1].scores == {account.address: 5 * 10**8}
    life.check()
    life.refused("AlreadyRevealed", "revealScores", *args, sender=account)  # a batch opens once


def test_reveal_scores_until_the_last_second(drawn, seated):
    account = seated[0]
    args = reveal(drawn, account, drawn.entries(account, {1: 1}))
    drawn.after(drawn.task.score_reveal_ends)
    drawn.refused("WrongPhase", "revealScores", *args, sender=account)


def test_a_copied_commitment_opens_for_nobody_else(drawn, seated, validators):
    account, _, outsider = seated
    entries = drawn.entries(account, {1: 1})
    copied = drawn.commitment(account, entries)
    drawn.do("commitScores", 1, 0, copied, sender=account)
    drawn.do("commitScores", 1, 0, copied, sender=outsider)
    drawn.until(Phase.SCORE_REVEAL)
    drawn.do("revealScores", 1, 0, entries, drawn.salt, sender=account)
    drawn.refused("CommitmentMismatch", "revealScores", 1, 0, entries, drawn.salt, sender=outsider)


def test_reveal_of_a_panel_that_was_not_drawn(life, validators):
    life.mine(2)
    args = reveal(life, validators[0], [(1, 0, 1, REPORT, 0)])
    life.refused("PanelNotDrawn", "revealScores", *args, sender=validators[0])


@pytest.mark.parametrize("submission", [0, 3, 99])
def test_reveal_of_a_submission_that_has_no_panel(drawn, seated, submission):
    args = reveal(drawn, seated[0], [(submission, 0, 1, REPORT, 0)])
    drawn.refused("PanelNotDrawn", "revealScores", *args, sender=seated[0])


def test_reveal_from_another_seat(drawn, seated):
    account, slot, _ = seated
    args = reveal(drawn, account, [(1, (slot + 1) % 3, 1, REPORT, 0)])
    drawn.refused("NotOnPanel", "revealScores", *args, sender=account)


@pytest.mark.parametrize("slot", [0, 3, 255])
def test_reveal_without_a_seat(drawn, seated, slot):
    outsider = seated[2]
    args = reveal(drawn, outsider, [(1, slot, 1, REPORT, 0)])
    drawn.refused("NotOnPanel", "revealScores", *args, sender=outsider)


def test_a_submission_belongs_to_one_batch(drawn, seated):
    """Else one could commit to several scores of it and reveal the fitting one."""
    account = seated[0]
    args = reveal(drawn, account, drawn.entries(account, {1: 1}), batch=1)
    drawn.refused("WrongBatch", "revealScores", *args, sender=account)


@pytest.mark.parametrize("score", [2**63 - 1, SCORE_BOUND + 1, -SCORE_BOUND - 1, INVALID + 1])
def test_reveal_of_a_score_out_of_range(drawn, seated, score):
    account, slot, _ = seated
    args = reveal(drawn, account, [(1, slot, score, REPORT, 0)])
    drawn.refused("ScoreOutOfRange", "revealScores", *args, sender=account)


def test_reveal_of_two_scores_for_one_submission(drawn, seated):
    account, slot, _ = seated
    args = reveal(drawn, account, [(1, slot, 1, REPORT, 0), (1, slot, 2, REPORT, 0)])
    drawn.refused("AlreadyRevealed", "revealScores", *args, sender=account)


def test_the_extremes_can_be_revealed(drawn, validators):
    """And the distance between them does not overflow."""
    stakes = {v.account: v.stake for v in drawn.task.validators}
    members = sorted(drawn.task.panels[1, 1].members, key=stakes.get)
    people = [drawn.people[address] for address in members]
    scores = dict(zip(people, (-SCORE_BOUND, SCORE_BOUND, SCORE_BOUND), strict=True))
    drawn.score({account: {1: score} for account, score in scores.items()})
    drawn.settle(people[0], [1])
    assert drawn.state(1) == State.SCORED
    drawn.check()


def test_an_empty_batch_is_nothing(drawn, validators):
    args = reveal(drawn, validators[0], [])
    for _ in range(2):
        drawn.do("revealScores", *args, sender=validators[0])
    drawn.check()
