"""Dry runs, claims, leaving, and a stake whose key is kept elsewhere."""

from pathlib import Path

import play
import pytest
from network import SKEIN
from operators import operator_shell
from shell import Shell
from world import QUICK, World, write_model

from node import leaving
from node.output import NotFound
from node.program import settle_down
from protocol.artifacts import manifest_of
from protocol.errors import ConfigInvalid, ContractReverted


@pytest.fixture
def operator(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Account 2 at a terminal, with the home and the store of the world's clients."""
    shell = operator_shell(world.network, tmp_path, monkeypatch, 2)
    for name, value in QUICK.items():
        monkeypatch.setenv(f"TRAINER_{name.upper()}", str(value))
    monkeypatch.setenv("TRAINER_EPOCHS", "2")
    return shell


def scored_task(world: World) -> int:
    """A task with a trainer (2) and validators that wait for its end; nobody has claimed."""
    task = world.contest()
    world.work()
    world.pass_to(task, "score_commit_ends")
    return task


def test_a_dry_run_does_everything_but_send(world: World, operator: Shell) -> None:
    task = world.task()
    play.stake(world.network, 2)
    before = world.network.chain(2).nonce()
    told = operator.run("trainer", "run", "--dry-run").stderr
    assert "Would send Arena.commitSubmission for task:1:commit" in told
    assert world.chain.task(task).submission_count == 0
    assert world.network.chain(2).nonce() == before
    operator.run("trainer", "run", "--once")  # the model is there already
    assert world.chain.task(task).submission_count == 1


def test_a_model_made_elsewhere_is_looked_at_then_left_to_the_client(world: World, operator: Shell) -> None:
    task, model = world.task(), write_model(world.root / "elsewhere", 2)
    play.stake(world.network, 2)
    words = ("trainer", "submit", str(task), str(model))
    told = operator.json(*words, "--dry-run")
    assert told["digest"] == manifest_of(model).digest and told["score_on_training_data"] > 0.8
    assert int(told["stake"]) == world.chain.task(task).parameters.min_trainer_stake
    assert operator.json(*words, "--queue") == {name: told[name] for name in told if name != "stake"}
    assert world.chain.task(task).submission_count == 0
    other = write_model(world.root / "another", 3)
    with pytest.raises(ConfigInvalid, match=f"There is another model for task {task}"):
        operator.run("trainer", "submit", str(task), str(other), "--queue")
    operator.run("trainer", "run", "--once")
    assert world.chain.task(task).submission_count == 1


def test_what_was_earned_is_claimed_once(world: World, operator: Shell) -> None:
    task = scored_task(world)
    trainer = world.clients.pop(0)
    world.pass_to(task, "score_reveal_ends")
    for _ in range(3):
        world.work()
    assert world.chain.task(task).finalized
    (told,) = operator.json("trainer", "claim", "--dry-run")
    assert int(told["would_be_claimed"]) > 200 * SKEIN
    assert world.locked(2) > 0
    (claimed,) = operator.json("trainer", "claim", str(task))
    assert claimed["claimed"] == told["would_be_claimed"]
    assert world.locked(2) == 0
    assert operator.json("trainer", "claim") == []
    with pytest.raises(NotFound, match="nothing to claim in task 1"):
        operator.run("trainer", "claim", "1")
    settle_down(trainer)  # a client that slept meanwhile has nothing to claim either
    assert trainer.has_ended(task)


def test_who_leaves_ends_its_tasks_takes_all_out_and_sends_it_away(world: World) -> None:
    task, cold = scored_task(world), world.network.accounts[9].address
    trainer = world.clients[0]
    before = world.chain.token_balance(cold)
    leaving.wish_to_leave(trainer.journal, cold)
    other = world.task()
    world.pass_to(task, "score_reveal_ends")
    for _ in range(3):
        world.work()
    assert world.chain.task(other).submission_count == 0
    assert world.own(2) == 0
    assert not trainer.has_left
    world.network.sleep(int(world.chain.call("Staking", "COOLDOWN")))
    world.work()
    assert trainer.has_left
    assert world.chain.token_balance(world.network.accounts[2].address) == 0
    assert world.chain.token_balance(cold) > before + 1_000_000 * SKEIN  # its wallet, its stake, its reward


def test_the_command_leaves_by_itself_where_no_client_runs(
    world: World, operator: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    play.stake(world.network, 2)
    monkeypatch.setenv("SKEIN_WITHDRAWAL", operator.address(9))
    plan = operator.json("trainer", "exit", "--dry-run")
    assert (plan["tasks"], plan["own_stake"], plan["receiver"]) == ([], str(1000 * SKEIN), operator.address(9))
    with pytest.raises(ConfigInvalid, match="add --yes"):
        operator.run("trainer", "exit")
    assert world.own(2) == 1000
    monkeypatch.setattr("node.leaving.step", _once_out(world, leaving.step))
    operator.run("trainer", "exit", "--yes")
    assert world.own(2) == 0
    assert world.chain.token_balance(operator.address(2)) == 0


def _once_out(world, step):
    """Time passes between two looks."""

    def run(*args):
        done = step(*args)
        world.network.sleep(int(world.chain.call("Staking", "COOLDOWN")))
        return done

    return run


def test_who_stays_is_told_what_leaves_all_the_same(world: World, operator: Shell) -> None:
    trainer = world.trainer(2)
    leaving.wish_to_leave(trainer.journal, None)
    assert "all the same" not in operator.run("trainer", "exit", "--cancel").stdout
    assert not leaving.is_leaving(trainer.journal)
    leaving.wish_to_leave(trainer.journal, None)
    world.work()
    assert world.own(2) == 0
    assert operator.json("trainer", "exit", "--cancel") == {"leaving": False, "requested": str(1000 * SKEIN)}
    assert "1000 SKEIN are on their way out all the same" in operator.run("trainer", "exit", "--cancel").stdout
    play.stake(world.network, 2)
    world.work()
    assert world.own(2) == 1000


def test_stake_that_is_promised_stays_until_its_time_is_over(world: World, operator: Shell) -> None:
    play.stake(world.network, 2)
    world.network.chain(2).send("Staking", "escrow", SKEIN, 30 * 86400)
    assert "has to stay for" in operator.run("trainer", "exit", "--dry-run").stdout
    assert 29 * 86400 < operator.json("trainer", "exit", "--dry-run")["promised"] <= 30 * 86400
    trainer = world.trainer(2)
    leaving.wish_to_leave(trainer.journal, None)
    world.work()
    assert world.own(2) == 2000 and not trainer.has_left
    world.network.sleep(30 * 86400)
    world.work()
    assert world.own(2) == 0


def test_a_wish_to_leave_can_be_taken_back(world: World, operator: Shell) -> None:
    trainer = world.trainer(2)
    leaving.wish_to_leave(trainer.journal, None)
    world.task()
    world.work()
    assert world.chain.task(1).submission_count == 0 and world.own(2) == 0
    journal = trainer.journal
    leaving.wish_to_stay(journal)
    assert not leaving.is_leaving(journal)


def test_a_stake_can_be_put_to_work_by_a_key_that_cannot_take_it(world: World) -> None:
    """The hot key (2) stakes a little of its own, the cold key (9) delegates the rest to its pool."""
    task, hot, cold = world.task(), world.network.chain(2), world.network.chain(9)
    play.stake(world.network, 2, SKEIN)
    staking = world.network.deployment.address("Staking")
    cold.send("SkeinToken", "approve", staking, 2000 * SKEIN)
    cold.send("Staking", "deposit", hot.address, 1000 * SKEIN, cold.address)
    world.entrant(2, task, stake=1900 * SKEIN)
    world.work()
    assert world.chain.submission(task, 1).stake == 1900 * SKEIN  # of which 1,001 are its own
    cold.send("Staking", "distribute", hot.address, 100 * SKEIN)
    assert int(world.chain.call("Staking", "assetsOf", hot.address, cold.address)) > 1049 * SKEIN
    own = int(world.chain.call("Staking", "sharesOf", hot.address, hot.address))
    with pytest.raises(ContractReverted, match="InsufficientShares"):
        hot.send("Staking", "requestWithdrawal", hot.address, own + 1)
    shares = int(world.chain.call("Staking", "sharesOf", hot.address, cold.address))
    cold.send("Staking", "requestWithdrawal", hot.address, shares)
