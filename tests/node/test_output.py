"""What users and scripts get to see: tables, JSON, sentences and exit codes."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from node.extras import extra_with
from node.output import NotFound, Output, exit_code
from protocol.errors import (
    ArtifactMissing,
    ChainUnavailable,
    ConfigInvalid,
    ContractReverted,
    DigestMismatch,
    ModelInvalid,
    SpecInvalid,
    StorageFailed,
    TaskFailed,
)
from protocol.rpc import RequestRefused

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, typer
from node.output import run_cli
from protocol.errors import *
app = typer.Typer()
@app.command()
def fail(what: str, json: bool = False) -> None:
    print("result")
    if what == "exit": raise typer.Exit(9)
    if what == "interrupt": raise KeyboardInterrupt
    if what == "many":
        for _ in range(100000): print("line")
    if what != "nothing": raise eval(what)
run_cli(app)
"""


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, *args]
    env = {**os.environ, "SKEIN_DEBUG": "", **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("nothing", 0, ""),
        ("exit", 9, ""),
        ("interrupt", 130, "Interrupted.\n"),
        ("ConfigInvalid('Set X.')", 3, "Error: Set X.\n"),
        ("PermissionError(13, 'Permission denied', '/x')", 3, "Error: /x cannot be used: Permission denied.\n"),
        (
            "ModuleNotFoundError('no torch', name='torch.nn')",
            3,
            "Error: This needs torch.nn: install it with pip install '.[node]'.\n",
        ),
        (
            "ModuleNotFoundError('no such', name='nonsense')",
            1,
            "Error: Unexpected ModuleNotFoundError: no such (SKEIN_DEBUG=1 shows where).\n",
        ),
        ("ZeroDivisionError('oops')", 1, "Error: Unexpected ZeroDivisionError: oops (SKEIN_DEBUG=1 shows where).\n"),
    ],
)
def test_commands_end_with_a_sentence_and_a_code(what: str, code: int, said: str) -> None:
    done = run(what)
    assert (done.returncode, done.stderr, done.stdout) == (code, said, "result\n")


def test_wrong_usage_is_2_and_names_the_option() -> None:
    done = run("nothing", "--jsno")
    assert done.returncode == 2
    assert "--jsno" in done.stderr
    assert "Traceback" not in done.stderr


def test_scripts_get_wrong_usage_as_json() -> None:
    done = run("nothing", "--jsno", "--json")
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert error["code"] == 2 and "--jsno" in error["message"]


def test_scripts_get_errors_as_json() -> None:
    done = run("ContractReverted('WrongPhase', {'actual': 3}, 'Arena')", "--json")
    assert done.returncode == 5
    assert json.loads(done.stderr) == {"error": {"code": 5, "message": "Arena refused: WrongPhase(actual=3)."}}


def test_the_stack_trace_is_there_for_who_wants_it() -> None:
    assert "Traceback" in run("ZeroDivisionError()", SKEIN_DEBUG="1").stderr


def test_a_reader_that_has_seen_enough_hears_no_complaint() -> None:
    command = f"{sys.executable} -c '{PROGRAM}' many | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("result\n141\n", "")


@pytest.mark.parametrize(
    ("redirected", "what", "code", "said"),
    [
        (">/dev/full", "nothing", 3, "Error: What there is to say cannot be written: No space left on device.\n"),
        (">&-", "nothing", 0, ""),
        ("<&- >&-", 'ConfigInvalid("Set X.")', 3, "Error: Set X.\n"),
        ("<&- 2>&- >&-", "nothing", 0, ""),
    ],
)
def test_output_that_leads_nowhere(redirected: str, what: str, code: int, said: str) -> None:
    command = f"{sys.executable} -c '{PROGRAM}' '{what}' {redirected}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigInvalid(), 3),
        (StorageFailed(), 3),
        (ChainUnavailable(), 4),
        (RequestRefused("eth_call", {"code": -32000, "message": "no"}), 4),
        (ContractReverted("WrongPhase"), 5),
        (ArtifactMissing(), 6),
        (DigestMismatch(), 6),
        (SpecInvalid(), 6),
        (ModelInvalid("NaN"), 6),
        (TaskFailed("classification", "no rows"), 6),
        (ContractReverted("UnknownTask"), 7),
        (NotFound(), 7),
        (RuntimeError(), 1),
    ],
)
def test_exit_codes(error: Exception, code: int) -> None:
    assert exit_code(error) == code


ROWS = [("alice", "1,000.5", "[red]x[/red]"), ("bob", "-2", "y")]


def test_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table("Balances", ("name", "SKEIN", "note"), ROWS)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "Balances"
    assert lines[1].split() == ["name", "SKEIN", "note"]
    assert lines[2].split() == ["alice", "1,000.5", "[red]x[/red]"]
    assert lines[3].index("-2") + 2 == lines[2].index("1,000.5") + 7  # to the right


def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True).table("Balances", ("name", "SKEIN", "note"), ROWS)
    assert json.loads(capsys.readouterr().out)[0] == {"name": "alice", "SKEIN": "1,000.5", "note": "[red]x[/red]"}
    Output(json=True).record({"address": "0x1", "path": Path("/a")})
    assert json.loads(capsys.readouterr().out) == {"address": "0x1", "path": "/a"}


def test_records_and_long_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    Output().record({"own_stake": 5, "address": "0x" + "ab" * 20})
    assert "own stake" in capsys.readouterr().out
    Output().line("x" * 500)
    assert capsys.readouterr().out == "x" * 500 + "\n"


def test_a_hash_stays_one_word_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table("T" * 100, ("step", "transaction"), [("x" * 80, "0x" + "ab" * 32)])
    assert [line.split() for line in capsys.readouterr().out.splitlines()][::2] == [
        ["T" * 100],
        ["x" * 80, "0x" + "ab" * 32],
    ]


def test_an_empty_table_is_its_headings(capsys: pytest.CaptureFixture[str]) -> None:
    Output().table("", ("a", "b"), [])
    assert capsys.readouterr().out.split() == ["a", "b"]


def test_every_package_of_an_extra_is_known_by_its_module() -> None:
    modules = {"scikit-learn": "sklearn"}
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for extra in extras.keys() - {"dev"}:
        for line in extras[extra]:
            package = re.split(r"[^\w-]", line)[0]
            assert extra_with(modules.get(package, package)) == extra
