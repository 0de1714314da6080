"""In which phase a task is, as SQL: `protocol.phases.phase` over the rows of `task`, at a block's time."""

from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, literal, null, or_

from indexer.tables import Task
from indexer.types import INT64
from protocol.phases import Phase

# The phases of tasks that go on: what the index `task_open` holds.
OPEN = {phase.name.lower() for phase in Phase} - {"none", "finalized", "cancelled"}

_task: Any = Task.__table__.c  # type: ignore[attr-defined]
# The time at which a statement asks: the timestamp of the block that it reads.
NOW = bindparam("now", type_=INT64)


def _when(*cases: tuple[ColumnElement[bool], str], otherwise: str) -> ColumnElement[str]:
    return case(*((condition, literal(name)) for condition, name in cases), else_=literal(otherwise))


PHASE = _when(
    (_task.cancelled, "cancelled"),
    (_task.finalized, "finalized"),
    (_task.commit_ends > NOW, "commit"),
    (or_(_task.submission_count == 0, _task.validator_count < _task.quorum), "abandoned"),
    (_task.reveal_ends > NOW, "reveal"),
    (and_(_task.attempt == 0, _task.revealed_count == 0), "settle"),
    (and_(_task.attempt == 0, _task.key_ends > NOW), "key"),
    (_task.attempt == 0, "void"),
    (_task.score_commit_ends > NOW, "score_commit"),
    (_task.score_reveal_ends > NOW, "score_reveal"),
    (_task.challenge_ends > NOW, "challenge"),
    otherwise="settle",
)

_TIMED = ("commit", "reveal", "key", "score_commit", "score_reveal", "challenge")
# When the phase ends; null for one that ends with an action and not with time.
PHASE_ENDS = case(
    {name: getattr(_task, f"{name}_ends") for name in _TIMED},
    value=PHASE,
    else_=null(),
)
