"""Attacks on a task, each alone: what the attacker tries, and what it comes to."""

from __future__ import annotations

import pytest
from appealing import GOOD, opened, panel
from arena_life import digest_of, undone
from brownie import web3
from brownie.exceptions import VirtualMachineError
from reference import WAD
from reference_task import Phase, State

FAIR = 90 * 10**7


def test_settlement_by_a_stranger_with_too_little_gas(newborn, creator, trainers, validators, stranger):
    """Whatever gas a stranger gives, a settlement happens as a whole or not at all, and the next one can do it."""
    life = opened(newborn.fork(), creator, trainers, validators, stranger)
    number = life.number
    life.score({life.people[v.account]: dict.fromkeys((1, 2, 3), GOOD) for v in life.task.validators})
    with undone():
        life.tick()
        cost = life.arena.settle(number, 1, {"from": stranger}).gas_used
    for part in (0.2, 0.4, 0.6, 0.8):
        life.tick()
        call = {"from": stranger, "gas_limit": int(cost * part), "allow_revert": True}
        with pytest.raises(VirtualMachineError):
            life.arena.settle(number, 1, call)
        life.check()
    life.do("settle", number, 1, sender=stranger)
    life.check()


def test_reveal_griefing(newborn, creator, trainers, validators, stranger):
    """A validator that never reveals, or reveals in the last second, holds nobody up; silence costs."""
    life = opened(newborn.fork(), creator, trainers, validators, stranger)
    drawn = panel(life, 1)
    entries = {account: life.entries(account, {1: GOOD}) for account in drawn}
    for account, some in entries.items():
        life.do("commitScores", life.number, 0, life.commitment(account, some), sender=account)
    life.after(life.task.score_reveal_ends - 1)
    life.do("revealScores", life.number, 0, entries[drawn[0]], life.salt, sender=drawn[0])
    life.refused("WrongPhase", "revealScores", life.number, 0, entries[drawn[1]], life.salt, sender=drawn[1])
    life.until(Phase.SETTLE)
    life.settle(stranger, [1])
    by_account = {v.account: v for v in life.task.validators}
    silent = [by_account[account.address] for account in drawn[1:]]
    assert [v.slashed for v in silent] == [v.stake // 20 for v in silent]
    assert by_account[drawn[0].address].slashed == 0
    life.check()


def test_a_trainer_that_reveals_in_the_last_second_is_in(newborn, creator, trainers, validators, stranger):
    """And nobody can keep another from it: the reveal is the trainer's own, and costs no one else anything."""
    life = newborn.fork()
    life.create(creator)
    life.register(dict.fromkeys(validators[:3], 20 * WAD))
    life.commit(trainers[0], "A", 50 * WAD)
    life.until(Phase.REVEAL)
    life.refused("Unauthorized", "revealSubmission", life.number, 1, digest_of("A"), life.salt, sender=stranger)
    life.after(life.task.reveal_ends - 1)
    life.reveal({1: "A"})
    assert life.state(1) == State.REVEALED


def test_slash_front_running_by_unbonding(newborn, creator, trainers, validators, stranger, staking):
    """A liar asks for all its stake back before it is slashed: the lock holds it, and the slash reaches it."""
    life = opened(newborn.fork(), creator, trainers, validators, stranger)
    liar = panel(life, 1)[0]
    said = {life.people[v.account]: dict.fromkeys((1, 2, 3), GOOD) for v in life.task.validators}
    said[liar] = {1: FAIR, 2: GOOD, 3: GOOD}
    life.score(said, until=Phase.CHALLENGE)
    life.tick()
    shares = staking.sharesOf(liar, liar)
    staking.requestWithdrawal(liar, shares, {"from": liar})
    life.model.ledger.request(liar.address, shares, liar.address, life.now)
    life.until(Phase.SETTLE)
    life.settle(stranger)
    lied = next(v for v in life.task.validators if v.account == liar.address)
    assert lied.slashed == lied.stake // 10
    pool = life.model.ledger.pools[liar.address]
    assert pool.own.exiting == 1000 * WAD - lied.slashed
    life.check()


def test_seeds_and_timestamps_leave_one_chance(newborn, creator, trainers, validators, stranger):
    """Who releases the key picks a moment, and nothing else: the block that decides comes after it, the stakes are
    locked before it, and neither a second release nor a renewal gives another seed while the first can be had."""
    life = newborn.fork()
    life.create(creator)
    life.register({account: (20 + i) * WAD for i, account in enumerate(validators[:5])})
    life.commit(trainers[0], "A", 50 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({1: "A"})
    life.until(Phase.KEY)
    life.do("releaseKey", life.number, b"\x53" * 32, sender=creator)
    assert life.task.ticket > web3.eth.block_number
    life.refused("WrongPhase", "releaseKey", life.number, b"\x53" * 32, sender=creator)
    life.refused("SeedStillValid", "renewSeed", life.number, sender=creator)
    life.refused("WrongPhase", "registerValidator", life.number, 10**24, sender=validators[6])
    life.mine(2)
    life.refused("SeedStillValid", "renewSeed", life.number, sender=creator)
    life.draw([1], stranger)
    drawn = life.task.panels[1, 1].members
    life.mine(300)
    life.refused("SeedStillValid", "renewSeed", life.number, sender=creator)  # it is fixed
    life.refused("PanelAlreadyDrawn", "drawPanel", life.number, 1, sender=creator)
    assert life.task.panels[1, 1].members == drawn


def test_two_tasks_never_share_a_validators_stake(newborn, creator, trainers, validators, stranger):
    """Slashed to nothing in one task, a validator still answers with its whole lock in the other."""
    life = newborn.fork()
    first, second = life.create(creator), life.create(creator)
    for number in (first, second):
        life.number = number
        life.register({validators[0]: 500 * WAD, validators[1]: 30 * WAD, validators[2]: 480 * WAD})
        life.commit(trainers[number - first], "A", 50 * WAD)
    life.refused("AlreadyJoined", "registerValidator", second, WAD * 20, sender=validators[0])
    third = life.create(creator)
    life.number = third
    life.refused("InsufficientStake", "registerValidator", third, WAD * 20, sender=validators[0])
    for number in (first, second):
        life.number = number
        life.until(Phase.REVEAL) if number == first else None
        life.reveal({1: "A"})
    for number in (first, second):
        life.number = number
        life.until(Phase.KEY) if number == first else None
        life.release(creator)
        life.draw([1], stranger)
    life.number = second
    life.until(Phase.SETTLE)  # nobody says a word in either
    for number in (first, second):
        life.number = number
        life.settle(stranger)
    for task in life.model.tasks[first - 1 : second]:
        assert [v.slashed for v in task.validators] == [v.stake // 20 for v in task.validators]
    life.check()


def released(life, creator, trainers, validators, **changes):
    """A model is to be scored by three validators; the seed is there, and nobody has used it."""
    life.create(creator, **changes)
    life.register(dict.fromkeys(validators[:3], 20 * WAD))
    life.commit(trainers[0], "A", 10 * WAD)
    life.unseal({1: "A"}, creator)
    return life


def test_a_seed_that_comes_too_late_makes_nobody_silent(newborn, creator, trainers, validators, stranger):
    """Whoever first uses a seed when scores can no longer be committed would have all of the panel slashed: a creator
    could choose a window shorter than the source's delay and share out the stakes of its validators."""
    life = released(newborn.fork(), creator, trainers, validators)
    number = life.number
    life.refused("SeedStillValid", "renewSeed", number, sender=stranger)
    life.after(life.task.score_commit_ends)
    life.refused("WrongPhase", "drawPanel", number, 1, sender=creator)
    with pytest.raises(VirtualMachineError):
        life.arena.previewPanel(number, 1)
    life.do("renewSeed", number, sender=stranger)
    life.mine(2)
    life.draw([1], stranger)
    life.score({account: {1: GOOD} for account in validators[:3]})
    life.settle(stranger)
    life.do("finalize", number, sender=stranger)
    assert life.task.outcome == "settled" and life.task.taken == 0
    life.check()


def test_nobody_keeps_a_task_open_by_new_seeds(newborn, creator, trainers, validators, stranger):
    """Renewals end a week after the attempt's first deadlines, however often somebody asks for them."""
    life = released(newborn.fork(), creator, trainers, validators, score_commit_window=300_000)
    number, patience = life.number, life.task.patience_ends
    while life.now + 1 < patience:
        life.after(min(life.task.score_commit_ends, patience - 1))
        life.do("renewSeed", number, sender=stranger)
        assert life.task.patience_ends == patience
        life.now = life.task.score_commit_ends - 1
    life.refused("SeedOverdue", "renewSeed", number, sender=stranger)
    life.until(Phase.SETTLE)
    life.do("settle", number, 1, sender=stranger)
    assert life.state(1) == State.UNSCORED and life.task.taken == 0
    life.do("redraw", number, sender=stranger)
    assert life.task.patience_ends == life.task.score_reveal_ends + 7 * 24 * 3600
    life.check()
