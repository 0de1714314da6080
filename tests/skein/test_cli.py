"""`skein` finds every program, and loads none that is not asked for."""

import subprocess
import sys

import click
import pytest
from typer.testing import CliRunner

from skein.cli import MOUNTS, app


@pytest.mark.parametrize("name", list(MOUNTS))
def test_every_program_is_mounted_and_says_what_it_does(name: str) -> None:
    command = MOUNTS[name].load()
    assert isinstance(command, click.Command)
    assert command.get_short_help_str()
    told = CliRunner().invoke(app, [name, "--help"])
    assert told.exit_code == 0 and f"Usage: root {name}" in told.stdout


def test_help_lists_them_all() -> None:
    told = CliRunner().invoke(app, ["--help"]).stdout
    assert all(f"  {name} " in told for name in MOUNTS)


def test_an_unknown_program_is_a_usage_error() -> None:
    told = CliRunner().invoke(app, ["miner"])
    assert told.exit_code == 2 and "No such command 'miner'" in told.stderr


@pytest.mark.parametrize(("name", "absent"), [("stake", "fastapi"), ("trainer", "torch"), ("indexer", "wallet")])
def test_a_program_loads_nothing_that_it_does_not_need(name: str, absent: str) -> None:
    program = f"""
import sys
from typer.testing import CliRunner
from skein.cli import app
CliRunner().invoke(app, [{name!r}, "--help"])
sys.exit({absent!r} in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
