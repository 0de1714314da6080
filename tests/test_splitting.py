"""What the README of benchmarks/splitting says about splitting stake, with fewer draws."""

from benchmarks.splitting.__main__ import outcome
from protocol.rewards import WAD

DRAWS = 300


def test_a_cap_at_the_size_of_the_others_leaves_nothing_to_gain() -> None:
    rewards = [outcome(0.4, addresses, 5, WAD // 20, DRAWS)[0] for addresses in (1, 4, 8, 16)]
    assert rewards[0] < rewards[1] < rewards[2]
    assert abs(rewards[2] - 1) < 0.05  # in proportion to the stake: what anybody has
    assert rewards[3] < 0.9


def test_a_cap_takes_the_panels_from_a_large_operator() -> None:
    assert outcome(0.4, 1, 5, WAD, DRAWS)[1] > 0.9
    assert outcome(0.4, 1, 5, WAD // 20, DRAWS)[1] == 0
    assert outcome(0.4, 8, 5, WAD // 20, DRAWS)[1] < 0.4
