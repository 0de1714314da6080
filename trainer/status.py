"""What `trainer status` shows: the stake, and every submission that is not claimed yet."""

import json
from typing import Any

from node import status
from node.journal import Journal
from node.keys import address_in
from node.operator import Claim
from node.output import NotFound, Output
from node.settings import ClientSettings
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS, score_value
from protocol.phases import Phase, SubmissionState
from trainer.curves import draw, read_curve

COLUMNS = ["task", "phase", "time_left", "submission", "state", "score", "stake", "slashed", "claimable", "next"]
_SCORED = (SubmissionState.SCORED, SubmissionState.INVALID, SubmissionState.UNAVAILABLE, SubmissionState.UNOPENABLE)


def submissions(chain: Chain, address: str, everything: bool = False) -> list[dict[str, Any]]:
    """The trainer's submissions, the newest first; with `everything` those that are over too."""
    rows = []
    for task_id, task, phase in status.tasks(chain):
        submission_id = chain.call("Arena", "submissionOf", task_id, address)
        if not submission_id:
            continue
        submission = chain.submission(task_id, submission_id)
        if everything or not submission.claimed:
            rows.append(_row(chain, address, (task_id, task, phase), submission_id, submission))
    return rows


def _row(
    chain: Chain, address: str, found: tuple[int, Record, Phase], submission_id: int, submission: Record
) -> dict[str, Any]:
    task_id, task, phase = found
    return {
        "task": task_id,
        "phase": phase.name.lower(),
        "time_left": status.time_left(chain, task),
        "submission": submission_id,
        "state": SubmissionState(submission.state).name.lower(),
        "score": _score(submission),
        "stake": int(submission.stake),
        "slashed": int(submission.slashed),
        "claimable": int(chain.call("Arena", "claimable", task_id, submission_id, address)),
        "next": _next(phase, submission),
    }


def _score(submission: Record) -> float | str | None:
    if submission.state not in _SCORED:
        return None
    return VERDICTS.get(submission.score) or score_value(submission.score)


def _next(phase: Phase, submission: Record) -> str | None:
    """What the trainer has to do; what only has to be waited for is None."""
    if phase == Phase.REVEAL and submission.state == SubmissionState.COMMITTED:
        return "reveal"
    if phase == Phase.FINALIZED and not submission.claimed:
        return "claim"
    return None


def engaged(chain: Chain) -> list[int]:
    """Tasks with a submission of the chain's account that are not claimed yet."""
    return [row["task"] for row in submissions(chain, chain.address)]


def claims(chain: Chain) -> list[Claim]:
    """What finished tasks hold for the chain's account as a trainer."""
    return [
        (row["task"], row["claimable"], "claimSubmission", (row["task"], row["submission"]))
        for row in submissions(chain, chain.address)
        if row["phase"] == Phase.FINALIZED.name.lower()
    ]


def show_curve(client: ClientSettings, task_id: int, output: Output) -> None:
    """Print the curve of a client's training, as JSON or drawn. NotFound if there is none yet."""
    with Journal.open_for(client.home, client.chain(), address_in(client.key_file())) as journal:
        steps = read_curve(journal.folder / f"task-{task_id}" / "curve")
    if not steps:
        raise NotFound(f"There is no training for task {task_id} here, or it has not finished a step.")
    output.line(json.dumps(steps) if output.json else draw(steps, f"task {task_id}"))
