"""Which tasks a client joins, and with what stake."""

import logging
from pathlib import Path

import pytest
from network import SKEIN
from operators import operator_shell
from samples import sample_spec
from shell import ends_with
from world import World

from node.journal import Journal
from node.policy import Policy
from protocol.encoding import key_hash
from protocol.errors import ConfigInvalid
from trainer.settings import TrainerSettings
from validator.settings import ValidatorSettings


def joined(world: World, task: int) -> tuple[int, int]:
    record = world.chain.task(task)
    return record.submission_count, record.validator_count


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"min_bounty": 1001 * SKEIN}, "its bounty of 1000 SKEIN is below the minimum"),
        ({"tasks": {2}}, "its id is ruled out"),
        ({"deny_tasks": {1}}, "its id is ruled out"),
        ({"creators": {"0x" + "11" * 20}}, "is ruled out by the settings"),
        ({"kinds": {"causal_lm"}}, "its kind classification is ruled out"),
        ({"max_stake": SKEIN // 2}, "it asks for 1 SKEIN of stake, the limit is 0.5"),
        ({"stake": 1500 * SKEIN}, "`skein stake deposit 500`, or allow deposits with --auto-stake."),
        ({"stake": 1500 * SKEIN, "auto_stake": 1200 * SKEIN}, "or allow more than --auto-stake 1200."),
    ],
)
def test_the_policy_decides_what_is_joined(
    world: World, caplog: pytest.LogCaptureFixture, settings: dict[str, object], told: str
) -> None:
    task = world.task()
    world.entrant(2, task, **settings)
    world.validator(3, **settings)
    with caplog.at_level(logging.INFO):
        world.work()
        world.work()
    assert joined(world, task) == (0, 0)
    kept_away = [record.getMessage() for record in caplog.records if "Kept away" in record.getMessage()]
    assert len(kept_away) == 2  # each says it once
    assert all(told in line for line in kept_away)


def test_missing_stake_is_deposited_up_to_the_limit(world: World) -> None:
    task = world.task()
    world.entrant(2, task, stake=1500 * SKEIN, auto_stake=1500 * SKEIN)
    world.validator(3, stake=1200 * SKEIN, auto_stake=5000 * SKEIN)
    world.work()
    assert joined(world, task) == (1, 1)
    assert (world.own(2), world.own(3)) == (1500, 1200)
    assert (world.locked(2), world.locked(3)) == (1500 * SKEIN, 1200 * SKEIN)


def test_one_account_does_not_score_its_own_contest(world: World, caplog: pytest.LogCaptureFixture) -> None:
    task = world.task()
    world.entrant(2, task)
    world.validator(2)
    with caplog.at_level(logging.INFO):
        world.work()
    assert joined(world, task) == (1, 0)
    assert "this account trains for it" in caplog.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tolerance": 7}, "tolerance: it says 100000, the chain says 7"),
        ({"spec_digest": "0x" + "77" * 32}, "does not have"),
        ({"score_reveal_window": 29}, "it leaves 29 s for a duty, and the least is 30 (--min-window-seconds)"),
        ({"score_commit_window": 30}, "one evaluation may take longer than the time for all"),
    ],
)
def test_tasks_that_do_not_hold_together_are_left_alone(
    world: World, caplog: pytest.LogCaptureFixture, changes: dict[str, object], told: str
) -> None:
    task = world.task(**changes)
    world.validator(3)
    with caplog.at_level(logging.INFO):
        world.work()
    assert joined(world, task) == (0, 0)
    assert told in caplog.text


def test_specifications_that_no_kind_can_follow_are_left_alone(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.task(world.spec(kind="telepathy"))
    world.task(world.spec(held_out_digest="0x" + "55" * 32), key_hash=key_hash(b"a" * 32))
    world.validator(3)
    world.trainer(2, tasks={1})
    with caplog.at_level(logging.INFO):
        world.work()
    assert joined(world, 1) == joined(world, 2) == (0, 0)
    assert caplog.text.count("telepathy is none of classification") == 2
    assert "Could not go on with task=2" in caplog.text  # the held-out set may still be published


def test_settings_are_read_from_texts_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    creator = "0x" + "ab" * 20
    monkeypatch.setenv("TRAINER_CREATORS", f"{creator}, {creator}")
    monkeypatch.setenv("TRAINER_STAKE", "12.5")
    monkeypatch.setenv("TRAINER_EPOCHS", "")
    read = TrainerSettings.read(deny_tasks="3,4", learning_rate="0.1", min_bounty=None)
    assert read.stake == 12.5 * SKEIN
    assert read.deny_tasks == {3, 4}
    assert {address.lower() for address in read.creators} == {creator}
    assert read.budget() == {"learning_rate": 0.1}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"stake": "much"}, "VALIDATOR_STAKE cannot be 'much': \"much\" is not an amount of SKEIN"),
        ({"creators": "0x12"}, "VALIDATOR_CREATORS cannot be '0x12': \"0x12\" is not an address"),
        ({"workers": "0"}, "VALIDATOR_WORKERS cannot be '0'"),
    ],
)
def test_a_bad_setting_is_named(flags: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        ValidatorSettings.read(**flags)
    assert told in str(raised.value)


def test_the_margin_is_at_most_a_fifth_of_a_phase() -> None:
    policy = Policy(margin_seconds=60)
    assert (policy.margin(3600), policy.margin(100), policy.margin(4)) == (60, 20, 0)


def test_a_task_that_ends_too_soon_is_not_trained_for(world: World, caplog: pytest.LogCaptureFixture) -> None:
    task = world.task()
    world.trainer(2)
    world.network.set_time(world.chain.task(task).commit_ends - 50)
    with caplog.at_level(logging.INFO):
        world.work()
    assert joined(world, task) == (0, 0)
    assert "it is too late to train for it" in caplog.text


def test_a_model_that_cannot_be_trained_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.task(world.spec(model=sample_spec().model))  # two features, but the data have thirty
    world.trainer(2)
    with caplog.at_level(logging.INFO):
        world.work()
    assert "Kept away from task=1" in caplog.text
    assert "expected F32 [any, 2]" in caplog.text


def test_nothing_is_joined_on_a_disk_that_is_nearly_full(world: World, caplog: pytest.LogCaptureFixture) -> None:
    task = world.task()
    world.entrant(2, task)
    world.entrant(3, task, min_free_bytes=1 << 60)
    world.validator(4, min_free_bytes=1 << 60)
    with caplog.at_level(logging.WARNING):
        world.work()
    assert joined(world, task) == (1, 0)
    assert caplog.text.count("so no task is joined: free some") == 2


@pytest.mark.parametrize("program", ["trainer", "validator"])
def test_a_run_that_is_to_end_ends_on_a_full_disk(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    world.task()
    shell = operator_shell(world.network, tmp_path / "operator", monkeypatch, 2)
    monkeypatch.setenv(f"{program.upper()}_MIN_FREE_BYTES", str(1 << 60))
    assert ends_with([program, "run", "--once"]) == 3
    Journal.open(shell.home, world.network.chain(2)).close()
    for path in shell.home.rglob("journal.db"):
        path.write_bytes(b"what is left of a file " * 1000)
    assert ends_with([program, "run", "--once"]) == 3
