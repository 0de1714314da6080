"""`init` and `doctor`: from nothing to a client that can be left alone."""

import json
import os
import tomllib
from pathlib import Path

import play
import pytest
from network import SKEIN, Network
from operators import operator_shell
from shell import PASSWORD, Shell

from node import keys
from node.checks import Common
from node.doctor import Finding, Level, examine
from node.locks import lock_account
from node.policy import Policy
from node.settings import ClientSettings
from protocol.configuration import refuse_unknown_settings
from protocol.errors import ConfigInvalid
from trainer.federated.settings import MemberSettings
from trainer.settings import TrainerClient, TrainerSettings

DEAD = "http://127.0.0.1:1"


@pytest.fixture
def operator(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return operator_shell(network, tmp_path, monkeypatch, 2)


def examined() -> dict[str, list[Finding]]:
    """The findings of the common checks, by their check."""
    found: dict[str, list[Finding]] = {}
    for each in examine(Common(ClientSettings.read(), Policy.read()).checks()):
        found.setdefault(each.check, []).append(each)
    return found


def worst(found: dict[str, list[Finding]]) -> dict[str, Level]:
    return {name: max((each.level for each in listed), key=list(Level).index) for name, listed in found.items()}


def test_a_healthy_validator_has_no_fault(operator: Shell) -> None:
    play.stake(operator.network, 2)
    play.create_task(operator.network)
    found = json.loads(operator.run("validator", "doctor", "--json").stdout)["findings"]
    bad = {each["check"] for each in found if each["level"] != "ok"}
    assert bad <= {"withdrawal", "store", "clock", "disk"}  # no cold key; the task's specification was never published
    good = {each["check"] for each in found} - bad
    assert {"endpoints", "contracts", "key", "gas money", "stake", "journal", "sandbox"} <= good


def test_what_to_mend_is_said_in_sentences(operator: Shell) -> None:
    told = operator.run("trainer", "doctor", code=3).stdout
    assert "FAIL stake" in told
    assert "→ `skein stake deposit 100`, or allow deposits with --auto-stake" in told
    assert "ok   training" in told


def test_names_that_mean_nothing_and_folders_that_take_nothing_are_said(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TRAINER_KINDS", "tabular,tabluar")
    monkeypatch.setenv("TRAINER_BACKUP", str(tmp_path / "file" / "copies"))
    monkeypatch.setenv("TRAINER_TENSORBOARD", str(tmp_path / "curves"))
    told = operator.run("trainer", "doctor", code=3).stdout
    assert "no kind is called tabluar" in told
    assert f"--backup: Writing to {tmp_path}/file/copies failed: Not a directory" in told
    assert f"--tensorboard {tmp_path}/curves takes files" in told


def test_one_dead_endpoint_of_two_is_a_warning(operator: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEIN_RPC_URL", f"{operator.network.rpc_url},{DEAD}")
    assert [each.level for each in examined()["endpoints"]] == [Level.OK, Level.WARNING]


def test_without_a_chain_everything_else_is_examined(operator: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEIN_RPC_URL", DEAD)
    monkeypatch.setattr("protocol.rpc.time.monotonic", iter(range(10**9)).__next__)  # its patience is over at once
    found = examined()
    levels = worst(found)
    assert levels["endpoints"] == levels["gas money"] == levels["journal"] == Level.FAULT
    assert {each.code for each in found["endpoints"] if each.level == Level.FAULT} == {4}
    assert levels["key"] == levels["versions"] == Level.OK


def test_a_poor_account_with_an_open_key_file_hears_of_both(operator: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    path = operator.home / "keystores" / "poor.json"
    keys.create_keystore(path, PASSWORD, work=1024)
    path.chmod(0o644)
    monkeypatch.setenv("SKEIN_KEYSTORE", str(path))
    found = examined()
    assert found["gas money"][0].level == Level.FAULT
    assert found["key"][0].advice == f"chmod 600 {path}"


def test_a_running_client_and_a_store_that_is_no_place(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (operator.home / "file").write_text("")
    monkeypatch.setenv("SKEIN_STORE", f"dir:{operator.home / 'file'}")
    chain = operator.network.chain()
    with lock_account(chain, keys.address_in(Path(os.environ["SKEIN_KEYSTORE"])), tmp_path):
        found = examined()
    assert found["key"][-1].found == "a client is running with it"
    assert found["store"][0].code == 6 and "Not a directory" in found["store"][0].found


def test_contracts_that_are_not_there(operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = operator.network.deployment_path.read_text()
    wrong = tmp_path / "wrong.json"
    wrong.write_text(text.replace(operator.network.deployment.address("Arena"), "0x" + "12" * 20))
    monkeypatch.setenv("SKEIN_DEPLOYMENT", str(wrong))
    assert examined()["contracts"][0].found.startswith("there is no Arena")


def test_init_makes_the_settings_file_that_is_named(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "etc" / "config.toml"
    monkeypatch.setenv("SKEIN_CONFIG", "")  # put back at the end: --config sets it
    for program in ("validator", "trainer"):
        words = ("--config", str(config), program, "init")
        assert f"[{program}]" in operator.run(*words, "--dry-run").stdout
        assert config.exists() == (program == "trainer")
        told = operator.run(*words).stdout
        assert f"Then: skein --config {config} {program} doctor" in told
    assert {"skein", "validator", "trainer"} == tomllib.loads(config.read_text()).keys()
    with pytest.raises(ConfigInvalid, match="There is no settings file"):
        operator.run("--config", str(tmp_path / "other.toml"), "trainer", "status")


def test_init_makes_a_key_and_settings_that_the_programs_read(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, cold = tmp_path / "config.toml", operator.address(5)
    config.write_text("# mine\n")
    monkeypatch.setenv("SKEIN_CONFIG", str(config))
    monkeypatch.delenv("SKEIN_KEYSTORE")
    monkeypatch.setattr(keys, "_WORK", 1024)
    words = ("trainer", "init", "--name", "t1", "--min-bounty", "12.5", "--tasks", "1,2", "--withdrawal", cold)
    assert "min_bounty" in operator.run(*words, "--dry-run").stdout
    assert config.read_text() == "# mine\n"
    made = operator.json(*words)
    assert made["address"] == keys.address_in(operator.home / "keystores" / "t1.json")
    tables = tomllib.loads(config.read_text())
    assert tables["skein"]["rpc_url"] == operator.network.rpc_url
    assert tables["trainer"]["withdrawal"] == cold
    assert config.read_text().startswith("# mine\n")
    assert "password" not in config.read_text()
    read = TrainerSettings.read()
    assert (read.min_bounty, read.tasks) == (12.5 * SKEIN, {1, 2})
    assert TrainerClient.read().keystore == Path(made["key_file"])
    assert ClientSettings.read().keystore is None  # the validator beside it has a key of its own
    with pytest.raises(ConfigInvalid, match=r"has a table \[trainer\] already"):
        operator.run(*words)


def test_options_go_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.toml").write_text(
        "[trainer]\nstake = 1\nmax_stake = 2.5\nkinds = ['a', 'b']\n[skein]\nlog_json = true\n"
    )
    monkeypatch.setenv("SKEIN_CONFIG", str(tmp_path / "c.toml"))
    monkeypatch.setenv("TRAINER_STAKE", "3")
    assert TrainerSettings.read(stake="4").stake == 4 * SKEIN
    read = TrainerSettings.read()
    assert (read.stake, read.max_stake, read.kinds) == (3 * SKEIN, 2.5 * SKEIN, {"a", "b"})
    assert ClientSettings.read().log_json


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stake = 1", "has stake outside a table"),
        ("[trainer", "is not TOML"),
        ("[trainer]\nmax_steak = 1", "has trainer.max_steak, which is no setting"),
        ("[skein]\nrpc = 'x'", "has skein.rpc, which is no setting"),
        ("[traner]\nmax_stake = 1", "has a table [traner], which no program reads"),
        ("[trainer]\nmin_bounty = true", "TRAINER_MIN_BOUNTY cannot be 'true'"),
        ("[trainer]\nstake = 'much'", "TRAINER_STAKE cannot be 'much'"),
    ],
)
def test_a_bad_settings_file_is_named(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    (tmp_path / "c.toml").write_text(text)
    monkeypatch.setenv("SKEIN_CONFIG", "")  # put back at the end: --config sets it
    with pytest.raises(ConfigInvalid) as raised:
        operator.run("--config", str(tmp_path / "c.toml"), "trainer", "run", "--once")
    assert told in str(raised.value)


def test_commands_that_share_a_table_take_one_another_s_settings(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.toml").write_text("[trainer]\ntrials = 2\nagain = true\n[validator]\nstake = 1\n")
    monkeypatch.setenv("SKEIN_CONFIG", str(tmp_path / "c.toml"))
    refuse_unknown_settings(TrainerClient, TrainerSettings)
    refuse_unknown_settings(TrainerClient, MemberSettings)
    assert TrainerSettings.read().trials == 2 and MemberSettings.read().again


def test_the_wallet_refuses_mistyped_settings_too(
    operator: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.toml").write_text("[skein]\nmax_fee_gwey = 5\n")
    monkeypatch.setenv("SKEIN_CONFIG", str(tmp_path / "c.toml"))
    with pytest.raises(ConfigInvalid, match=r"has skein\.max_fee_gwey, which is no setting"):
        operator.run("task", "list")


def test_a_settings_file_that_is_not_there_is_named(operator: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEIN_CONFIG", "")
    with pytest.raises(ConfigInvalid, match="There is no settings file"):
        operator.run("--config", "nowhere.toml", "trainer", "status")
