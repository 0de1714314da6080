"""The files for running an indexer name what there is: settings, figures, files. (Docker itself is not needed.)"""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from indexing import Indexed, serving
from life import Life, stake
from network import Network

from indexer.pulse import Pulse
from indexer.reader import Reader
from indexer.settings import IndexerSettings
from indexer.sync import Sync

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "indexer" / "deploy"


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_services_are_told_settings_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"INDEXER_{each.name.upper()}" for each in fields(IndexerSettings)}
    for name in ("sync", "api"):
        told = compose()["services"][name]["environment"]
        assert set(told) <= known, name
        for key, value in told.items():
            monkeypatch.setenv(key, re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)?\}", r"\1", str(value)) or "x")
        settings = IndexerSettings.from_environment()
        assert settings.database_url.startswith("postgresql+psycopg://") and settings.log_json


def test_files_that_are_mounted_or_copied_exist() -> None:
    for service in compose()["services"].values():
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (DEPLOY / volume.split(":")[0]).is_file(), volume
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line


def test_every_variable_is_in_the_example() -> None:
    asked = re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text())
    given = re.findall(r"^(\w+)=", (DEPLOY / "environment.example").read_text(), re.MULTILINE)
    assert set(asked) <= set(given)


def test_board_and_alerts_ask_for_figures_that_there_are(network: Network, tmp_path: Path) -> None:
    with Indexed(network, tmp_path / "index.db") as indexed:
        pulse = Pulse(indexed.engine, indexed.endpoints)
        indexed.follower = Sync(Reader(indexed.endpoints, network.deployment), indexed.index, pulse)
        stake(Life(network))
        indexed.sync()
        with serving(indexed.url) as client:
            client.get("/status")
            given = set(re.findall(r"^(\w+)(?:\{| )", client.get("/metrics").text, re.MULTILINE))
    board = orjson.loads((DEPLOY / "grafana" / "board.json").read_bytes())
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(asked) > 15 and len(rules) > 4
    for expression in asked + [rule["expr"] for rule in rules]:
        names = set(re.findall(r"\b(?:skein|process)_\w+", expression))
        assert names and names <= given, expression


def test_the_health_check_is_one_that_passes(lived: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, program = compose()["services"]["api"]["healthcheck"]["test"]
    with serving(lived.url) as client:
        exec(program.replace("http://127.0.0.1:8300", str(client.base_url).rstrip("/")), {})
        with pytest.raises(OSError):
            exec(program.replace("http://127.0.0.1:8300/healthz", f"{str(client.base_url).rstrip('/')}/nothing"), {})
        assert httpx.get(f"{str(client.base_url).rstrip('/')}/healthz").status_code == 200
