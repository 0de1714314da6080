"""What `validator audit` prints, and how it ends."""

import json
from dataclasses import asdict

import typer

from node.amounts import parse_address
from node.output import ARTIFACT, Output
from node.settings import ClientSettings
from protocol.encoding import VERDICTS, score_value
from protocol.errors import ConfigInvalid
from validator.audit import Audited, Request, audit


def run(output: Output, client: ClientSettings, request: Request) -> None:
    """Audit and print, a line a report; the exit code is that of bad artifacts if one does not hold."""
    if request.validator is not None:
        request = Request(**{**vars(request), "validator": _address(request.validator)})
    found = []
    for audited in audit(client, request):
        found.append(audited)
        if not output.json:
            output.line(_line(audited))
    failed = [each for each in found if not each.holds]
    if output.json:
        output.line(json.dumps([{**asdict(each), "holds": each.holds} for each in found]))
    else:
        _conclude(output, request.task, found, failed)
    if failed:
        raise typer.Exit(ARTIFACT)


def _address(text: str) -> str:
    try:
        return parse_address(text)
    except ValueError as error:
        raise ConfigInvalid(str(error)) from error


def _line(audited: Audited) -> str:
    score = VERDICTS.get(audited.score) or f"{score_value(audited.score):.6f}"
    begin = f"submission {audited.submission}  {audited.validator}  {score:>11}  "
    if audited.holds:
        return begin + (f"holds ({audited.samples} samples)" if audited.samples else "holds")
    which = f" ({', '.join(map(str, audited.deviations[:10]))})" if audited.deviations else ""
    return begin + f"FAILS: {audited.fault}{which}"


def _conclude(output: Output, task: int, found: list[Audited], failed: list[Audited]) -> None:
    output.line(f"{len(found) - len(failed)} of {len(found)} reports hold.")
    for model in sorted({each.model for each in failed}):
        output.line(f"To evaluate all of it: skein validator score {model} --task {task}")
