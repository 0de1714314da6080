"""`doctor`: everything that can be found out before money is at stake, and what to do about it.

A check is a function that yields findings. What it raises is a finding as well: nothing ends the examination.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

import typer

from node.output import CONFIG, Output, exit_code
from protocol.errors import ProtocolError


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"  # it works, until something happens
    FAULT = "fault"  # the client cannot do its work


@dataclass(frozen=True)
class Finding:
    """What was found out; `advice` is what to do, `code` the exit code of a fault."""

    check: str
    level: Level
    found: str
    advice: str = ""
    code: int = CONFIG


Check = Callable[[], Iterable[Finding]]


def ok(check: str, found: str) -> Finding:
    return Finding(check, Level.OK, found)


def warning(check: str, found: str, advice: str) -> Finding:
    return Finding(check, Level.WARNING, found, advice)


def fault(check: str, found: str, advice: str, code: int = CONFIG) -> Finding:
    return Finding(check, Level.FAULT, found, advice, code)


def examine(checks: Mapping[str, Check]) -> Iterator[Finding]:
    """The findings of all checks, as they are made."""
    for name, check in checks.items():
        try:
            yield from check()
        except ProtocolError as error:
            yield Finding(name, Level.FAULT, str(error), "", exit_code(error))
        except Exception as error:  # a check that breaks must not hide what the others find
            yield Finding(name, Level.FAULT, f"could not be examined: {type(error).__name__}: {error}", "", 1)


def show(output: Output, findings: Iterable[Finding]) -> int:
    """Print the findings; returns the exit code: that of the first fault, or 0."""
    found = list(findings)
    if output.json:
        output.line(json.dumps({"findings": [asdict(each) for each in found]}))
    for each in [] if output.json else found:
        advice = f"\n{'':18}→ {each.advice}" if each.advice else ""
        output.line(f"{_MARKS[each.level]} {each.check:15} {each.found}{advice}")
    return next((each.code for each in found if each.level is Level.FAULT), 0)


def report(output: Output, checks: Mapping[str, Check]) -> None:
    """Examine, print, and end with the exit code of the first fault."""
    if code := show(output, examine(checks)):
        raise typer.Exit(code)


_MARKS = {Level.OK: "ok  ", Level.WARNING: "warn", Level.FAULT: "FAIL"}
