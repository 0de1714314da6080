"""Whole lives of tasks. Each ends with every wei accounted for."""

from __future__ import annotations

import pytest
from arena_life import KEY, Life
from reference import WAD
from reference_rewards import INVALID, UNAVAILABLE, UNOPENABLE
from reference_task import Phase, State

GOOD, FAIR, POOR = 95 * 10**7, 90 * 10**7, 80 * 10**7


@pytest.fixture
def life(newborn, stranger):
    life = newborn.fork()
    life.stranger = stranger
    return life


def begin(life: Life, creator, trainers, validators, models: str, **changes) -> None:
    """A task with one submission per letter, each a model's name, and these validators; ends in the reveal phase."""
    life.create(creator, **changes)
    life.register({account: (100 + 10 * i) * WAD for i, account in enumerate(validators)})
    for i, (trainer, model) in enumerate(zip(trainers, models, strict=False)):
        life.commit(trainer, model, (100 + 50 * i) * WAD)
    if models:
        life.until(Phase.REVEAL)


def open_up(life: Life, models: str, creator) -> None:
    """All reveal, the key is released, all panels are drawn."""
    life.reveal(dict(enumerate(models, 1)))
    life.until(Phase.KEY)
    life.release(creator)
    life.draw([i for i, s in enumerate(life.task.submissions, 1) if life.task.is_scorable(s)], life.stranger)


def agreed(validators, scores: dict[int, int]) -> dict:
    """All validators say the same."""
    return dict.fromkeys(validators, scores)


def end(life: Life, outcome: str) -> None:
    """Everybody claims; nothing may be left, and nothing may have come from nowhere."""
    if not life.task.cancelled:
        life.do("finalize", life.number, sender=life.stranger)
    life.check()
    life.claim(life.stranger)
    life.check()
    task = life.task
    assert task.outcome == outcome
    assert life.token.balanceOf(life.arena) == 0
    pots = task.trainer_pot, task.validator_pot
    assert all(pot.paid == pot.assets for pot in pots)
    assert sum(pot.assets for pot in pots) + task.creator_pot + task.settler_paid == (
        task.parameters.bounty + task.parameters.bond + task.taken
    )
    assert life.token.balanceOf(life.staking) == life.staking.totalAssets()


def test_normal(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:3], "ABC")
    life.reveal({1: "A", 2: "B", 3: "C"})
    life.until(Phase.KEY)
    life.release(creator)
    life.draw([1, 2, 3], life.stranger)
    scores = {1: FAIR, 2: GOOD, 3: POOR}
    life.score({v: {i: score + 10 * n for i, score in scores.items()} for n, v in enumerate(validators[:3])})
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.ranking == [2, 1, 3] and life.task.taken == 0
    assert life.model.received[creator.address] == life.task.parameters.bond


def test_delegators_of_winners_are_paid(life, creator, trainers, validators, delegator):
    life.stake(trainers[0], 500 * WAD, delegator)
    begin(life, creator, trainers, validators[:2], "A")
    open_up(life, "A", creator)
    life.score(agreed(validators[:2], {1: GOOD}))
    life.settle(life.stranger)
    end(life, "settled")
    reward = life.task.trainer_pot.paid
    assert life.staking.assetsOf(trainers[0], delegator) - 500 * WAD == reward * 500 // 1500


def test_ties_go_to_the_earlier_commit(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "AB", grid=10**6)
    open_up(life, "AB", creator)
    life.score(agreed(validators[:2], {1: GOOD, 2: GOOD + 10**6 - 1}))
    life.settle(life.stranger, [2, 1])
    end(life, "settled")
    assert life.task.ranking == [1, 2]


def test_lower_is_better(life, creator, trainers, validators):
    """Losses: the worst one falls out of the paid ranks, and the lower median is the greater loss."""
    begin(life, creator, trainers, validators[:2], "ABC", maximise=False, paid_ranks=2, scale=10**10)
    open_up(life, "ABC", creator)
    losses = {1: 12 * 10**8, 2: -3, 3: 7 * 10**8}
    life.score({validators[0]: losses, validators[1]: {i: loss - 1 for i, loss in losses.items()}})
    life.settle(life.stranger, [1, 2, 3])
    assert life.task.submissions[1].score == -4  # of -3 and -4 with stakes 100 and 110
    end(life, "settled")
    assert life.task.ranking == [2, 3] and life.task.submissions[0].weight == 0


def test_copier_reveals_first(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "AAB")
    life.reveal({2: "A", 3: "B"})
    assert life.state(2) == State.REVEALED
    life.reveal({1: "A"})
    assert (life.state(1), life.state(2)) == (State.REVEALED, State.DUPLICATE)
    life.until(Phase.KEY)
    life.release(creator)
    life.draw([1, 3], life.stranger)
    life.score(agreed(validators[:2], {1: GOOD, 3: POOR}))
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.submissions[1].slashed == 75 * WAD and life.task.submissions[1].weight == 0


def test_three_copies_in_the_worst_order(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "AAA")
    life.reveal({3: "A", 2: "A", 1: "A"})
    assert [life.state(i) for i in (1, 2, 3)] == [State.REVEALED, State.DUPLICATE, State.DUPLICATE]
    life.check()
    life.until(Phase.VOID)
    life.settle(life.stranger)
    end(life, "void")
    assert life.task.trainer_pot.weights == {1: 100 * WAD}


def test_nobody_joins(life, creator):
    life.create(creator)
    life.do("fundTask", life.number, 7, sender=life.stranger)
    life.until(Phase.ABANDONED)
    end(life, "abandoned")
    assert life.model.received[creator.address] == 1100 * WAD + 7


def test_only_validators_join(life, creator, validators):
    begin(life, creator, [], validators[:3], "")
    life.until(Phase.ABANDONED)
    end(life, "abandoned")


def test_too_few_validators(life, creator, trainers, validators):
    life.create(creator)
    life.register({validators[0]: 20 * WAD})
    life.commit(trainers[0], "A", 10 * WAD)
    life.until(Phase.ABANDONED)
    end(life, "abandoned")


def test_cancelled(life, creator):
    life.create(creator)
    life.do("fundTask", life.number, 1, sender=life.stranger)
    life.do("cancelTask", life.number, sender=creator)
    end(life, "")
    assert life.model.received[creator.address] == 1100 * WAD + 1


def test_no_key(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "ABBC")
    life.reveal({1: "A", 2: "B", 3: "B"})  # C stays hidden
    life.until(Phase.VOID)
    life.refused("WrongPhase", "settle", life.number, 1, sender=life.stranger)
    life.settle(life.stranger)
    end(life, "void")
    assert life.state(1) == State.REVEALED
    assert set(life.task.trainer_pot.weights) == {1, 2}
    assert life.task.trainer_pot.assets == 100 * WAD + (200 * WAD // 2 + 250 * WAD // 10) * 9 // 10


def test_wrong_key(life, creator, trainers, validators):
    """A wrong key changes nothing; the right one may come from anyone who knows it."""
    begin(life, creator, trainers, validators[:2], "A")
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.refused("WrongKey", "releaseKey", life.number, b"\x54" * 32, sender=creator)
    assert life.task.phase(life.now) == Phase.KEY
    life.release(life.stranger, KEY)
    life.draw([1], life.stranger)
    life.score(agreed(validators[:2], {1: GOOD}))
    life.settle(life.stranger)
    end(life, "settled")


def test_key_opens_nothing(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:3], "ABC")
    open_up(life, "ABC", creator)
    said = agreed(validators[:2], dict.fromkeys((1, 2, 3), UNOPENABLE))
    life.score(said | {validators[2]: {1: GOOD}})  # one invents a score, and is silent about the others
    life.settle(life.stranger)
    end(life, "void")
    assert {life.state(i) for i in (1, 2, 3)} == {State.UNOPENABLE}
    assert life.model.received[creator.address] == 1000 * WAD
    assert life.task.trainer_pot.assets == 100 * WAD + 12 * WAD * 9 // 10  # the bond, and two silences


def test_one_of_three_panels_cannot_open_the_set(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "ABC")
    open_up(life, "ABC", creator)
    life.score(agreed(validators[:2], {1: UNOPENABLE, 2: GOOD, 3: FAIR}))
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.submissions[0].slashed == 0 and life.task.ranking == [2, 3]


def test_all_validators_silent(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:3], "AB")
    open_up(life, "AB", creator)
    life.until(Phase.SETTLE)
    life.settle(life.stranger)
    life.refused("RedrawPossible", "finalize", life.number, sender=life.stranger)
    life.do("redraw", life.number, sender=life.stranger)
    life.check()
    life.mine(2)
    life.draw([1, 2], life.stranger)
    life.until(Phase.SETTLE)
    life.settle(life.stranger)
    life.refused("RedrawNotPossible", "redraw", life.number, sender=life.stranger)
    end(life, "failed")
    assert life.task.submissions[0].slashed == 0
    assert [v.slashed for v in life.task.validators] == [20 * WAD, 22 * WAD, 24 * WAD]  # four times 5 %
    assert life.task.trainer_pot.weights == {1: 100 * WAD, 2: 150 * WAD}


def test_second_attempt_succeeds(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "AB")
    open_up(life, "AB", creator)
    life.score({validators[0]: {1: GOOD, 2: FAIR}, validators[1]: {1: GOOD}})
    life.settle(life.stranger)
    assert (life.state(1), life.state(2)) == (State.SCORED, State.UNSCORED)
    life.do("redraw", life.number, sender=life.stranger)
    life.mine(2)
    life.draw([2], life.stranger)
    life.score(agreed(validators[:2], {2: FAIR}))
    life.check()
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.ranking == [1, 2] and life.task.validators[1].slashed == 55 * WAD // 10


def test_invented_scores(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:3], "AB")
    open_up(life, "AB", creator)
    said = agreed(validators[:2], {1: GOOD, 2: FAIR})
    life.score(said | {validators[2]: {1: POOR, 2: FAIR + 10**6}})  # the second lies in the grey zone
    life.settle(life.stranger)
    end(life, "settled")
    liar = life.task.validators[2]
    assert (liar.slashed, liar.weight) == (12 * WAD, 0)


def test_votes_against_the_verdict(life, creator, trainers, validators):
    """One model is invalid, one unavailable, one good; the third validator is wrong about each in its own way."""
    begin(life, creator, trainers, validators[:3], "ABCD")
    open_up(life, "ABCD", creator)
    said = agreed(validators[:2], {1: INVALID, 2: UNAVAILABLE, 3: GOOD, 4: GOOD})
    life.score(said | {validators[2]: {1: GOOD, 2: GOOD, 3: INVALID, 4: UNAVAILABLE}})
    life.settle(life.stranger)
    assert [life.state(i) for i in (1, 2, 3)] == [State.INVALID, State.UNAVAILABLE, State.SCORED]
    end(life, "settled")
    assert [s.slashed for s in life.task.submissions] == [10 * WAD, 15 * WAD, 0, 0]
    assert life.task.validators[2].slashed == 24 * WAD  # for 1 and 3


def test_no_model_is_any_good(life, creator, trainers, validators):
    """The validators did their work; the trainers' part of the bounty goes back."""
    begin(life, creator, trainers, validators[:2], "AB")
    open_up(life, "AB", creator)
    life.score(agreed(validators[:2], {1: INVALID, 2: INVALID}))
    life.settle(life.stranger)
    end(life, "settled")
    trainers_part = 1000 * WAD * (10 * 460 + 80 * 250) // 46000  # stakes of 250 and 210
    assert life.model.received[creator.address] == 100 * WAD + trainers_part
    assert life.task.validator_pot.assets == 1000 * WAD - trainers_part + 25 * WAD * 9 // 10


def test_nobody_reveals(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "AB")
    life.until(Phase.SETTLE)
    life.refused("WrongPhase", "drawPanel", life.number, 1, sender=life.stranger)  # no attempt was opened
    life.settle(life.stranger)
    end(life, "failed")
    assert life.task.validator_pot.assets == 25 * WAD * 9 // 10
    assert life.task.validator_pot.weights == {1: 100 * WAD, 2: 110 * WAD}


def test_one_does_not_reveal(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "AB")
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.settle(life.stranger)  # at once, before anything is scored
    assert life.state(2) == State.UNREVEALED
    life.release(creator)
    life.draw([1], life.stranger)
    life.score(agreed(validators[:2], {1: GOOD}))
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.submissions[1].slashed == 15 * WAD


def test_expired_seed_is_renewed(life, creator, trainers, validators):
    begin(life, creator, trainers, validators[:2], "A", score_commit_window=2000)
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.do("releaseKey", life.number, KEY, sender=creator)
    life.refused("SeedStillValid", "renewSeed", life.number, sender=life.stranger)
    life.mine(300)
    life.refused("SeedExpired", "drawPanel", life.number, 1, sender=life.stranger)
    life.refused("SeedExpired", "commitScores", life.number, 0, b"\x01" * 32, sender=validators[0])
    old = life.task.score_commit_ends
    life.do("renewSeed", life.number, sender=life.stranger)
    assert life.task.score_commit_ends > old
    life.mine(2)
    life.draw([1], life.stranger)
    life.mine(300)
    life.refused("SeedStillValid", "renewSeed", life.number, sender=life.stranger)  # it was used
    life.score(agreed(validators[:2], {1: GOOD}))
    life.settle(life.stranger)
    end(life, "settled")


def test_seed_expires_until_the_settle_phase(life, creator, trainers, validators):
    """Nobody drew in time, so nobody could score: the attempt begins again, and no one is slashed for it."""
    begin(life, creator, trainers, validators[:2], "A")
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.release(creator)
    life.mine(300)
    life.until(Phase.SETTLE)
    life.refused("PanelNotDrawn", "settle", life.number, 1, sender=life.stranger)
    life.do("renewSeed", life.number, sender=life.stranger)
    assert life.task.phase(life.now) == Phase.SCORE_COMMIT
    life.mine(2)
    life.draw([1], life.stranger)
    life.score(agreed(validators[:2], {1: GOOD}))
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.taken == 0


def test_more_validators_than_places(life, creator, trainers, validators):
    begin(life, creator, trainers, validators, "ABC")
    open_up(life, "ABC", creator)
    panels = [panel.members for panel in life.task.panels.values()]
    assert all(len(set(panel)) == 3 for panel in panels) and len(set(map(tuple, panels))) > 1
    life.score(agreed(validators, {1: GOOD, 2: FAIR, 3: POOR}))
    life.settle(life.stranger)
    end(life, "settled")
    assert life.task.taken == 0
