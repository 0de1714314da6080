"""What `validator audit` prints, and how it ends."""

import json
from dataclasses import asdict

import typer

from node.amounts import format_amount, format_duration, parse_address
from node.output import ARTIFACT, Output
from node.settings import ClientSettings
from protocol import phases
from protocol.chain import Chain
from protocol.encoding import VERDICTS, score_value
from protocol.errors import ConfigInvalid
from protocol.phases import Phase
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
    appeals = {each.submission: _appeal(client.chain(), request.task, each.submission) for each in failed}
    if output.json:
        advice = [None if each.holds else appeals[each.submission] for each in found]
        told = [{**asdict(each), "holds": each.holds, "appeal": how} for each, how in zip(found, advice, strict=True)]
        output.line(json.dumps(told))
    else:
        _conclude(output, request.task, found, failed)
        for how in appeals.values():
            output.line(how)
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


def _conclude(output: Output, task_id: int, found: list[Audited], failed: list[Audited]) -> None:
    output.line(f"{len(found) - len(failed)} of {len(found)} reports hold.")
    for model in sorted({each.model for each in failed}):
        output.line(f"To evaluate all of it: skein validator score {model} --task {task_id}")


def _appeal(chain: Chain, task_id: int, submission: int) -> str:
    """How the result of a submission can be appealed, or that it cannot."""
    task, now, command = chain.task(task_id), chain.now(), f"skein task appeal {task_id} {submission}"
    terms, phase = task.parameters, phases.phase(task, now)
    bond, left = format_amount(terms.appeal_bond), format_duration(max((phases.deadline(task, now) or now) - now, 0))
    if not terms.challenge_window or task.validator_count <= terms.panel_size:
        return f"The result of submission {submission} cannot be appealed: the task has no larger panel, or no time."
    if chain.call("Arena", "appealOf", task_id, submission).attempt:
        return f"The result of submission {submission} was appealed already."
    if phase in (Phase.SCORE_COMMIT, Phase.SCORE_REVEAL):
        return f"To appeal it, with a bond of {bond} SKEIN, once all scores are revealed: {command}"
    if phase is Phase.CHALLENGE:
        return f"To appeal it, with a bond of {bond} SKEIN, within {left}: {command}"
    return f"The result of submission {submission} can be appealed no more."
