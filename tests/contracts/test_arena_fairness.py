"""What keeps a task fair: the share cap, and a way out when there is no seed."""

from __future__ import annotations

from arena_life import KEY
from reference import WAD
from reference_task import Phase, State

GOOD, FAIR = 95 * 10**7, 90 * 10**7


def test_the_share_cap(newborn, creator, trainers, validators, stranger):
    """A validator with four fifths of the stake counts as one of three, and so do trainers; all of it is slashed."""
    life = newborn.fork()
    life.create(creator, max_share=WAD // 3)
    life.register({validators[0]: 800 * WAD, validators[1]: 100 * WAD, validators[2]: 100 * WAD})
    assert [life.task.counted(v) for v in life.task.validators] == [1000 * (WAD // 3), 100 * WAD, 100 * WAD]
    for trainer, label, stake in zip(trainers, "ABC", (800, 200, 200), strict=False):
        life.commit(trainer, label, stake * WAD)
    life.unseal({1: "A", 2: "B", 3: "C"}, creator)
    life.draw([1, 2, 3], stranger)
    life.score({v: dict.fromkeys((1, 2, 3), s) for v, s in zip(validators, (FAIR, GOOD, GOOD), strict=False)})
    life.settle(stranger)
    assert life.state(1) == State.SCORED and life.task.submissions[0].score == FAIR  # 333 of 533 is still most
    assert life.task.validators[1].slashed == 30 * WAD  # a tenth for each of three models
    life.do("finalize", life.number, sender=stranger)
    life.check()
    weights = [s.weight for s in life.task.submissions]
    assert round(weights[0] / weights[1], 3) == round(2**0.5 / 0.85, 3)
    life.claim(stranger)
    life.check()


def test_a_source_of_seeds_that_fails_for_ever_locks_nothing(newborn, creator, trainers, validators, stranger):
    """A week after the deadlines of an attempt without a seed its submissions are unscored; nobody is slashed."""
    life = newborn.fork()
    life.create(creator)
    life.register(dict.fromkeys(validators[:3], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.do("releaseKey", life.number, KEY, sender=creator)
    for verb in ("redraw", "finalize"):
        life.after(life.task.score_reveal_ends + 7 * 24 * 3600 - 1)
        life.refused("PanelNotDrawn", "settle", life.number, 1, sender=stranger)
        life.do("settle", life.number, 1, sender=stranger)
        assert life.state(1) == State.UNSCORED
        life.do(verb, life.number, sender=stranger)
    assert life.task.outcome == "failed" and life.task.taken == 0
    life.claim(stranger)
    life.check()


def test_scores_at_the_bounds_are_ranked(newborn, creator, trainers, validators, stranger):
    """The best score, floored to the largest odd grid, has the number of the verdict INVALID: it stays first."""
    life = newborn.fork()
    life.create(creator, maximise=False, scale=2**62, tolerance=0, slash_tolerance=0, grid=2**62 - 1)
    life.register(dict.fromkeys(validators[:2], 20 * WAD))
    for trainer, label in zip(trainers, "AB", strict=False):
        life.commit(trainer, label, 10 * WAD)
    life.unseal({1: "A", 2: "B"}, creator)
    life.draw([1, 2], stranger)
    life.score({validator: {1: 0, 2: -(2**62)} for validator in validators[:2]})
    life.settle(stranger)
    assert life.task.ranking == [2, 1]
    life.check()
