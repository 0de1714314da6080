"""The files of deploy/ fit the programs: what they name exists."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from indexer.settings import IndexerSettings
from node.metrics import REGISTRY
from skein.cli import app
from trainer.settings import TrainerClient, TrainerSettings
from validator.settings import ValidatorClient, ValidatorSettings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
OTHERS = {"SKEIN_CONFIG"}  # no setting: it says where the settings are


def variables() -> set[str]:
    clients = (TrainerClient, TrainerSettings, ValidatorClient, ValidatorSettings)
    names = {f"{each.prefix()}{name}".upper() for each in clients for name in each.model_fields}
    return names | {f"INDEXER_{each.name}".upper() for each in fields(IndexerSettings)} | OTHERS


def assert_command(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.get_command(None, word)
        assert command is not None, words


def entries(unit: Path) -> Iterator[tuple[str, str]]:
    for line in unit.read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            yield name, value


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_start_commands_that_exist_with_settings_that_exist(unit: Path) -> None:
    found = list(entries(unit))
    (command,) = [value for name, value in found if name == "ExecStart"]
    assert_command(command.split()[1:])
    assert {value.partition("=")[0] for name, value in found if name == "Environment"} <= variables()
    if shutil.which("systemd-analyze"):
        told = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
        faults = [line for line in told.stderr.splitlines() if unit.name in line and "not executable" not in line]
        assert faults == []


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


@pytest.mark.parametrize("name", ["trainer", "validator", "indexer", "api"])
def test_containers_run_commands_that_exist_with_settings_that_exist(name: str) -> None:
    service = services()[name]
    assert_command(service["command"])
    assert service["environment"].keys() <= variables()


def test_containers_refer_to_what_is_there_and_listen_on_the_loopback_alone() -> None:
    composition = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in services().values():
        assert set(service.get("secrets", [])) <= composition["secrets"].keys()
        mounts = [volume.rsplit(":", 2)[0] for volume in service.get("volumes", [])]
        assert {mount for mount in mounts if mount.isalnum()} <= composition["volumes"].keys()
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert service["profiles"]
    image = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\w+) \1$", image, re.MULTILINE)
    assert all((DEPLOY.parent / folder).is_dir() for folder in copied)
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", image, re.MULTILINE))
    assert {service["build"]["target"] for service in services().values() if "build" in service} <= stages


def test_alerts_and_table_name_metrics_that_exist() -> None:
    known = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    known |= {family.name + end for family in REGISTRY.collect() for end in ("", "_total")}
    for file in (DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "README.md"):
        named = set(re.findall(r"\bskein_[a-z_]+", file.read_text()))
        assert named, file
        assert named <= known, file
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    assert all({"alert", "expr", "annotations"} <= rule.keys() for rule in rules)
