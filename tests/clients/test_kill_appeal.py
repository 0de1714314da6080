"""kill -9 after every step, of a creator with a canary, trainers of whom one copies, an appellant, the panels.

It ends as it does for programs that live.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import play
import pytest
from killer import deaths_of
from network import FUNDS, SKEIN
from world import KEY, QUICK, World, write_model

from node.participant import Participant
from node.program import settle_down
from protocol.models import write_tensors
from protocol.phases import SubmissionState
from protocol.specs import TaskSpec
from protocol.tasks import load
from protocol.tasks.runs import MODEL_FILE, read_model
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings
from validator.arena import ArenaValidator
from validator.sandbox import Sandbox
from validator.settings import ValidatorSettings
from wallet import tasks
from wallet.actions import carry_out
from wallet.canaries import keep, measured, root_of
from wallet.held_out_keys import HeldOutKeys
from wallet.watch import Watch

CREATOR, AUTHOR, THIEF, CANARY, APPELLANT = 1, 2, 3, 4, 8
VALIDATORS = (5, 6, 7)
BOND = 10 * SKEIN
Lives = Callable[[Callable[[], object]], int]


def untouched(work: Callable[[], object]) -> int:
    work()
    return 0


# --- who takes part


def live(world: World, account: int, sandbox: Sandbox | None) -> None:
    """One life of a client; in its own process a validator starts a sandbox of its own."""
    means = world.means(account)
    client: Participant
    if account in VALIDATORS:
        client = ArenaValidator(means, ValidatorSettings(**QUICK), sandbox or Sandbox())
    else:
        client = ArenaTrainer(means, TrainerSettings(**QUICK))
    settle_down(client)
    if sandbox is None:
        client.close()
    client.journal.close()


def watch(world: World) -> None:
    """One life of the creator's watch."""
    means = world.means(CREATOR)
    watching = Watch(means.chain, means.sender, HeldOutKeys(world.root / "keys"), means.confirmations)
    for _ in range(2):
        watching.tick()
    means.journal.close()


def appeal(world: World, task_id: int) -> None:
    """`skein task appeal`, by somebody who tries again when it says nothing, and hears then that it was done."""
    chain = world.network.chain(APPELLANT)
    if not chain.call("Arena", "appealOf", task_id, 1).attempt:
        carry_out(chain, tasks.appeal(chain, tasks.read(chain, task_id), 1, chain.address))


# --- the task


def prepare(world: World) -> int:
    for account in (AUTHOR, THIEF, CANARY, *VALIDATORS):
        play.stake(world.network, account)
    spec = world.spec(copy_distance=1_000_000)
    write_model(world.root / "canary", CANARY)
    keys, canary = HeldOutKeys(world.root / "keys"), world.root / "canary"
    found = measured([canary], spec, world.root / "held-out", world.root / "scratch")
    keep(keys.keep(KEY).with_suffix(".canaries"), found)
    task = world.task(
        spec,
        panel_size=1,
        quorum=1,
        appeal_panel_size=3,
        appeal_bond=BOND,
        challenge_window=1000,
        canary_root=root_of(found),
    )
    write_model(model_folder(world, AUTHOR, task), AUTHOR)
    write_model(model_folder(world, CANARY, task), CANARY)
    steal(world, spec, model_folder(world, THIEF, task))
    return task


def model_folder(world: World, account: int, task: int) -> Path:
    means = world.means(account)
    means.journal.close()
    return means.work / f"task-{task}" / "model"


def steal(world: World, spec: TaskSpec, folder: Path) -> None:
    """The author's model with a breath of noise."""
    weights = dict(read_model(load(spec), write_model(world.root / "stolen", AUTHOR)))
    weights["layers.0.weight"] = weights["layers.0.weight"] * np.float32(1 + 1e-5)
    write_tensors(folder / MODEL_FILE, weights)


def round_of(world: World, lives: Lives) -> int:
    """Everybody does what is due; how often they died."""
    deaths = 0
    for account in (AUTHOR, THIEF, CANARY, *VALIDATORS):
        deaths += lives(partial(live, world, account, world.sandbox if lives is untouched else None))
    return deaths + lives(partial(watch, world))


def whole_life(world: World, lives: Lives) -> int:
    """From the commits to the claims; how often somebody died."""
    task, deaths = prepare(world), round_of(world, lives)

    def pass_to(deadline: str, rounds: int = 1) -> None:
        nonlocal deaths
        world.network.set_time(max(world.chain.task(task)[deadline], world.network.now() + 1))
        for _ in range(rounds):
            world.network.mine(2)
            deaths += round_of(world, lives)

    pass_to("commit_ends")
    pass_to("reveal_ends", 2)  # the key, then the panels
    pass_to("score_commit_ends")
    pass_to("score_reveal_ends")
    deaths += lives(partial(appeal, world, task))
    pass_to("challenge_ends", 3)  # settled, drawn again, scored
    pass_to("score_commit_ends")
    pass_to("score_reveal_ends")
    pass_to("challenge_ends", 3)  # settled, finalized, claimed
    assert_over(world, task)
    return deaths


def assert_over(world: World, task: int) -> None:
    """Every stake is free again; the author and the validators have earned, the bond of the appellant is the task's."""
    record, chain = world.chain.task(task), world.chain
    states = world.states(task)
    found = {chain.submission(task, number).trainer: state for number, state in enumerate(states, start=1)}
    expected = {AUTHOR: "SCORED", THIEF: "COPIED", CANARY: "CANARY"}
    assert {world.network.accounts[a].address: SubmissionState[name] for a, name in expected.items()} == found
    assert record.finalized and record.creator_claimed and record.attempt == 2 and record.appealed == 0
    assert [world.locked(account) for account in (AUTHOR, THIEF, CANARY, *VALIDATORS)] == [0] * 6
    assert [world.own(THIEF), world.own(CANARY)] == [1000, 1000] and world.own(AUTHOR) > 1000
    assert min(world.own(account) for account in VALIDATORS) >= 1000 and record.slashed == BOND
    assert chain.token_balance(world.network.accounts[APPELLANT].address) == FUNDS - BOND


def test_it_ends_well_for_who_lives(world: World) -> None:
    assert whole_life(world, untouched) == 0


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_killed_after_every_step_it_ends_alike(world: World) -> None:
    deaths = whole_life(world, deaths_of)
    print(f"{deaths} deaths")
    assert deaths >= 60
