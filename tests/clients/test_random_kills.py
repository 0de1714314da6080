"""kill -9 at any moment, not only between steps, comes to the same end; and so does the loss of everything on disk."""

import os
import random
import shutil
import signal
import time
from functools import partial

import pytest
from clients.test_kill import PROGRAMS, assert_paid, make, prepare
from killer import short_life
from world import World

KILLS = 8  # of each client in each phase
UNTOUCHED = 120.0  # seconds


def live_on(world: World, account: int, dice: random.Random) -> int:
    """Lives of random length, the longest about as long as an untouched one; then one to the end. How many died."""
    started, deaths = time.monotonic(), 0
    for _ in range(KILLS):
        whole = max(time.monotonic() - started, 1.0) if deaths else 2.0
        deaths += short_life(partial(make, world, account), dice.uniform(0, min(whole, 4.0))) == -signal.SIGKILL
        started = time.monotonic()
    assert short_life(partial(make, world, account), UNTOUCHED) == 0
    return deaths


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("lost", ["nothing", "the disk"])
def test_killed_at_any_moment_they_come_to_the_same_end(world: World, lost: str) -> None:
    seed = int(os.environ.get("SKEIN_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SKEIN_TEST_SEED={seed}")
    dice, task, deaths = random.Random(seed), prepare(world), 0
    for deadline in ("commit_ends", "reveal_ends", "key", "score_commit_ends", "score_reveal_ends", ""):
        for account in PROGRAMS:
            deaths += live_on(world, account, dice)
            if lost == "the disk" and not (account == 2 and deadline in ("commit_ends", "reveal_ends")):
                # but for the model, which this trainer was given ready-made: nothing can make that one again
                shutil.rmtree(world.means(account).work)
        if deadline == "key":
            world.release(task)
        elif deadline:
            world.pass_to(task, deadline)
    for account in (*PROGRAMS, *PROGRAMS):
        live_on(world, account, dice)
    assert_paid(world, task)
    assert deaths > KILLS
