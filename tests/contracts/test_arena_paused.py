"""Claims while owner and guardian do their worst."""

from __future__ import annotations

from brownie import chain
from reference import DAY, WAD


def test_claims_go_on_under_the_worst_of_owners(newborn, staking, arena, owner, trainers, validators, creator):
    """The arena is forbidden and all entries are paused in the midst of a task: it ends, and everybody is paid."""
    life = newborn.fork()
    life.create(creator)
    life.register(dict.fromkeys(validators[:4], 20 * WAD))
    life.commit(trainers[0], "A", 100 * WAD)
    staking.setModule(arena, False, {"from": owner})
    staking.setGuardian(owner, {"from": owner})
    staking.pauseEntries(14 * DAY, {"from": owner})
    chain.mine(timestamp=arena.task(1)[4] + 10**6)  # nobody reveals
    arena.settle(1, 1, {"from": owner})
    arena.finalize(1, {"from": owner})
    arena.claimSubmission(1, 1, {"from": owner})
    for account in validators[:4]:
        arena.claimValidator(1, account, {"from": owner})
    arena.claimCreator(1, {"from": owner})
    assert all(staking.lockedBy(account, arena) == 0 for account in [trainers[0], *validators[:4]])
