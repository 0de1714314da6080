"""What `validator status` shows: the stake, and the duties in every task that is not claimed yet."""

from typing import Any

from node import status
from node.operator import Claim
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import batch_of
from protocol.phases import Phase

COLUMNS = ["task", "phase", "time_left", "drawn", "committed", "revealed", "stake", "slashed", "claimable", "next"]
_SCORING = (Phase.SCORE_COMMIT, Phase.SCORE_REVEAL, Phase.CHALLENGE, Phase.SETTLE)


def duties(chain: Chain, address: str, everything: bool = False) -> list[dict[str, Any]]:
    """The tasks that the validator is registered for, the newest first; with `everything` those that are over too."""
    rows = []
    for task_id, task, phase in status.tasks(chain):
        member = chain.validator(task_id, address)
        if member.index and (everything or not member.claimed):
            rows.append(_row(chain, address, (task_id, task, phase), member))
    return rows


def _row(chain: Chain, address: str, found: tuple[int, Record, Phase], member: Record) -> dict[str, Any]:
    task_id, task, phase = found
    drawn, revealed = _drawn(chain, address, task_id, task) if phase in _SCORING else (None, None)
    committed = _has_committed(chain, address, task_id, task)
    return {
        "task": task_id,
        "phase": phase.name.lower(),
        "time_left": status.time_left(chain, task),
        "drawn": drawn,
        "committed": committed,
        "revealed": revealed,
        "stake": int(member.stake),
        "slashed": int(member.slashed),
        "claimable": int(chain.call("Arena", "claimable", task_id, 0, address)),
        "next": _next(phase, member, committed, (drawn or 0) - (revealed or 0)),
    }


def _drawn(chain: Chain, address: str, task_id: int, task: Record) -> tuple[int, int]:
    """For how many submissions the validator was drawn, and how many of their scores it revealed."""
    drawn = revealed = 0
    for submission_id in range(1, task.submission_count + 1):
        panel: list[str] = chain.call("Arena", "panel", task_id, submission_id)
        if address in panel:
            drawn += 1
            revealed += bool(chain.call("Arena", "scoreAt", task_id, submission_id, panel.index(address)).revealed)
    return drawn, revealed


def _has_committed(chain: Chain, address: str, task_id: int, task: Record) -> bool | None:
    """Whether there is a commitment to scores in the present attempt; None before there can be one."""
    if task.attempt == 0:
        return None
    batches = range(batch_of(max(task.submission_count, 1)) + 1)
    words = (chain.call("Arena", "scoresCommitmentOf", task_id, task.attempt, address, batch) for batch in batches)
    return any(int(word, 16) for word in words)


def _next(phase: Phase, member: Record, committed: bool | None, unrevealed: int) -> str | None:
    """What the validator has to do; what only has to be waited for is None."""
    if phase == Phase.SCORE_COMMIT and not committed:
        return "score"
    if phase == Phase.SCORE_REVEAL and committed and unrevealed:
        return "reveal"
    return "claim" if phase == Phase.FINALIZED and not member.claimed else None


def engaged(chain: Chain) -> list[int]:
    """Tasks that the chain's account is registered for and has not claimed yet."""
    return [row["task"] for row in duties(chain, chain.address)]


def claims(chain: Chain) -> list[Claim]:
    """What finished tasks hold for the chain's account as a validator."""
    return [
        (row["task"], row["claimable"], "claimValidator", (row["task"], chain.address))
        for row in duties(chain, chain.address)
        if row["phase"] == Phase.FINALIZED.name.lower()
    ]
