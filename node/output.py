"""What a program says to its user: tables or JSON on standard output, one sentence on standard error, an exit code."""

import errno
import json
import os
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
import typer
from rich.console import Console
from rich.table import Table

from node.extras import extra_with
from protocol.errors import (
    ArtifactError,
    ChainUnavailable,
    ConfigInvalid,
    ContractReverted,
    ModelInvalid,
    ProtocolError,
    SpecInvalid,
    StorageFailed,
    TaskFailed,
)
from protocol.logs import tell_error, wants_json
from protocol.rpc import RequestRefused

OK, UNEXPECTED, USAGE, CONFIG, CHAIN, REVERTED, ARTIFACT, NOT_FOUND = range(8)
"""Exit codes, the same for every command."""
INTERRUPTED, NOT_READ = 130, 141


_WIDE = 1000  # columns


class NotFound(ProtocolError):
    """What the user asked for does not exist."""


_CODES: tuple[tuple[type[ProtocolError], int], ...] = (
    (NotFound, NOT_FOUND),
    (ConfigInvalid, CONFIG),
    (StorageFailed, CONFIG),
    (ChainUnavailable, CHAIN),
    (RequestRefused, CHAIN),
    (ContractReverted, REVERTED),
    (ArtifactError, ARTIFACT),
    (SpecInvalid, ARTIFACT),
    (ModelInvalid, ARTIFACT),
    (TaskFailed, ARTIFACT),
)


class Output:
    """Results for people or, with `json`, for programs. Standard output carries nothing but results."""

    def __init__(self, json: bool = False) -> None:
        self.json = json
        # what is read by programs is not broken into lines: a hash stays one word
        self._console = Console(width=None if sys.stdout.isatty() else _WIDE)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Rows under headings; as JSON a list of objects. Numbers are set to the right."""
        listed = [list(row) for row in rows]
        if self.json:
            self.line(json.dumps([dict(zip(columns, row, strict=True)) for row in listed], default=str))
            return
        if title:
            self.line(title)
        table = Table(box=None, pad_edge=False, show_header=any(columns))
        for at, column in enumerate(columns):
            right = bool(listed) and all(_is_number(row[at]) for row in listed)
            table.add_column(column, justify="right" if right else "left", overflow="fold")
        for row in listed:
            table.add_row(*(click.unstyle(str(cell)) for cell in row))
        self._console.print(table, markup=False)

    def record(self, values: Mapping[str, Any]) -> None:
        """Named values; as JSON one object."""
        if self.json:
            self.line(json.dumps(dict(values), default=str))
        else:
            self.table("", ("", ""), [(name.replace("_", " "), value) for name, value in values.items()])

    def line(self, text: str) -> None:
        """Text as it is, however long."""
        click.echo(text)


def _is_number(cell: Any) -> bool:
    return str(cell).removeprefix("-").removeprefix("+").replace(",", "").replace(".", "").isdigit() or cell == "–"


def exit_code(error: BaseException) -> int:
    """The exit code that an error ends a command with."""
    if isinstance(error, ContractReverted) and error.error.startswith("Unknown"):
        return NOT_FOUND
    if _is_of_a_file(error) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return CONFIG
    return next((code for kind, code in _CODES if isinstance(error, kind)), UNEXPECTED)


def run_cli(app: typer.Typer) -> NoReturn:
    """Run a command line to its end: every error becomes one sentence and an exit code, never a stack trace.

    SKEIN_DEBUG=1 shows the stack trace of errors all the same.
    """
    _open_standard_streams()
    try:
        result = typer.main.get_command(app).main(standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        if wants_json():
            tell_error(error.exit_code, error.format_message())
        else:
            error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:  # click makes the one into the other
        if not isinstance(error.__context__ if isinstance(error, SystemExit) else error, BrokenPipeError):
            raise
        _forget_output()  # whoever read it has seen enough
        sys.exit(NOT_READ)
    except Exception as error:
        code = report(error)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _forget_output()  # what could not be written would be tried again at the end
        sys.exit(code)
    if result == INTERRUPTED:
        click.echo("Interrupted.", err=True)
    sys.exit(result if isinstance(result, int) else OK)


def _open_standard_streams() -> None:
    """Streams that whoever started us has closed lead nowhere; else the next file that is opened would be one."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
            if (opened := getattr(sys, name).fileno()) != number:
                os.dup2(opened, number)


def _forget_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_of_a_file(error: BaseException) -> bool:
    """Whether the operating system refused a file or directory: its owner can mend it, we cannot."""
    return isinstance(error, OSError) and bool(error.filename) and bool(error.strerror)


def report(error: Exception) -> int:
    """Say on standard error what went wrong; returns the exit code."""
    if os.environ.get("SKEIN_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, ModuleNotFoundError) and (extra := extra_with(error.name or "")):
        error = ConfigInvalid(f"This needs {error.name}: install it with pip install '.[{extra}]'.")
    code = exit_code(error)
    text = str(error)
    if isinstance(error, OSError) and _is_of_a_file(error):
        text = f"{error.filename} cannot be used: {error.strerror}."
    elif isinstance(error, OSError) and error.errno == errno.ENOSPC:
        text = f"What there is to say cannot be written: {error.strerror}."
    elif not isinstance(error, ProtocolError):
        text = f"Unexpected {type(error).__name__}: {text or 'no reason given'} (SKEIN_DEBUG=1 shows where)."
    tell_error(code, text)
    return code
