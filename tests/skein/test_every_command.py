"""A walk over all commands: what each can be asked for, and the exit codes that it ends with when it cannot work."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from network import Network
from operators import operator_shell
from shell import Shell, ends_with

from protocol.rpc import Rpc
from skein.cli import app

DEAD = "http://127.0.0.1:1"
SOMEBODY = "0x1111111111111111111111111111111111111111"
# A value for each argument that must be given, by its name; other numbers are 99, which is nobody's.
VALUES = {"to": SOMEBODY, "operator": SOMEBODY, "address": SOMEBODY, "digest": "0x" + "11" * 32, "amount": "1"}
VALUES |= {
    "percent": "5",
    "duration": "8d",
    "name": "somebody",
    "support": "for",
    "change": "end-pause",
    "kind": "image",
}
VALUES |= {"requests": "99", "withdrawals": "99", "members": SOMEBODY, "member": SOMEBODY, "file": "nowhere.toml"}
VALUES |= {"token": SOMEBODY, "model": "nowhere", "source": "nowhere", "folder": "nowhere", "copy": "nowhere.db"}
# They run until they are told to stop, and wait for a chain that does not answer; what they say is their log.
WAITS = {"trainer run", "trainer join", "validator run", "indexer run", "indexer sync", "indexer serve", "task watch"}
WAITS |= {"federation watch", "localnet", "demo"}
# They send nothing.
READS = {"account list", "account show", "stake show", "task list", "task show", "federation list", "federation show"}
READS |= {"gov list", "gov show", "trainer status", "trainer doctor", "trainer practice", "trainer curve"}
READS |= {"indexer rebuild", "indexer backup", "indexer verify", "indexer status"}
READS |= {"trainer privacy", "validator score", "validator status", "validator doctor", "validator audit"}
# They write files of this machine, and a store.
WRITES = {"account new", "account import", "kind list", "kind check", "kind example", "kind base", "simulate"}
WRITES |= {"federation example", "trainer first-model"}
# They send.
SENDS = {"account send", "stake deposit", "stake delegate", "stake exit", "stake withdraw", "stake commission"}
SENDS |= {"stake lock", "stake unlock", "stake vault", "task create", "task fund", "task cancel", "task release-key"}
SENDS |= {"stake vault-deposit", "stake vault-exit", "stake vault-claim"}
SENDS |= {"task settle", "task appeal", "task finalize", "task claim", "federation create", "federation fund"}
SENDS |= {"federation invite", "federation push", "federation leave", "federation claim", "federation end"}
SENDS |= {"gov propose", "gov vote", "gov carry-on", "gov delegate", "trainer run", "trainer submit", "trainer claim"}
SENDS |= {"trainer exit", "trainer join", "task watch", "validator run", "validator claim", "validator exit"}
SENDS |= {"stake reward", "task sponsor", "federation add-stake", "gov cancel", "gov pause", "gov advance"}
ASKS = {"trainer exit", "validator exit"}  # those that ask before they act
# Need no chain; the doctors go on without one (tests/clients/test_doctor.py).
OFFLINE = WRITES | {"trainer init", "validator init", "trainer curve", "trainer doctor", "validator doctor"}
READ_A_FILE = {"task create", "federation create"}  # first, and here it is not there
MORE = {"stake exit": ["1"], "stake vault-exit": ["1"]}  # an amount or --all


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))
PROGRAMS = {name: command for name, command in COMMANDS.items() if not name.startswith("indexer ")}
ASKING_THE_CHAIN = [name for name in PROGRAMS if name not in WAITS | OFFLINE]


def options(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


def line(name: str, *more: str) -> list[str]:
    """The command with a value for all that it needs."""
    needed = [each for each in COMMANDS[name].params if isinstance(each, click.Argument) and each.required]
    values = [VALUES.get(each.name or "", "99") for each in needed]
    required = [each for each in COMMANDS[name].params if isinstance(each, click.Option) and each.required]
    given = [word for each in required for word in (each.opts[0], VALUES.get(each.name or "", "99"))]
    return [*name.split(), *values, *given, *MORE.get(name, []), *more]


@pytest.fixture
def operator(module_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = operator_shell(module_network, tmp_path, monkeypatch, 2)
    monkeypatch.chdir(tmp_path)
    return shell


def test_the_lists_name_commands_that_there_are() -> None:
    assert (WAITS | READS | WRITES | SENDS | ASKS | OFFLINE) - COMMANDS.keys() == set()


def test_help_is_plain_text() -> None:
    for name, each in COMMANDS.items():
        told = each.get_help(click.Context(each))
        assert "\\[" not in told and each.help, name


@pytest.mark.parametrize("name", sorted((READS | WRITES | SENDS) - WAITS))
def test_what_a_command_finds_can_be_had_as_json(name: str) -> None:
    assert "--json" in options(name)


@pytest.mark.parametrize("name", sorted(SENDS))
def test_what_a_command_sends_can_be_looked_at_before(name: str) -> None:
    assert "--dry-run" in options(name)


@pytest.mark.parametrize("name", sorted(ASKS))
def test_a_command_that_asks_goes_on_without_where_nobody_is(name: str) -> None:
    assert "--yes" in options(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_a_usage_error(name: str) -> None:
    assert ends_with([*line(name), "--no-such-option"]) == 2


@pytest.mark.deep
@pytest.mark.parametrize("name", ASKING_THE_CHAIN)
def test_without_a_chain_the_code_says_so(operator: Shell, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SKEIN_RPC_URL", DEAD)
    monkeypatch.setattr(Rpc.__init__, "__defaults__", (None, 10.0, 0.0))  # no patience
    assert ends_with(line(name)) == (3 if name in READ_A_FILE else 4)


@pytest.mark.deep
@pytest.mark.parametrize("name", ASKING_THE_CHAIN)
def test_without_contracts_the_code_says_so(operator: Shell, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SKEIN_DEPLOYMENT", "nowhere.json")
    assert ends_with(line(name)) == 3
