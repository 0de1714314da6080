"""In which phase a task is, from its record and the time: what `Arena.phase` computes, without asking the chain.

A view on a node answers for its newest block, whose time lags behind what the next transaction will see; clients ask
here, with `Chain.now()`.
"""

from enum import IntEnum

from protocol.calls import Record


class Phase(IntEnum):
    """IArena.Phase."""

    NONE = 0
    COMMIT = 1
    ABANDONED = 2
    REVEAL = 3
    KEY = 4
    VOID = 5
    SCORE_COMMIT = 6
    SCORE_REVEAL = 7
    CHALLENGE = 8
    SETTLE = 9
    FINALIZED = 10
    CANCELLED = 11


class SubmissionState(IntEnum):
    """IArena.SubmissionState."""

    NONE = 0
    COMMITTED = 1
    REVEALED = 2
    DUPLICATE = 3
    UNREVEALED = 4
    SCORED = 5
    INVALID = 6
    UNAVAILABLE = 7
    UNSCORED = 8
    UNOPENABLE = 9
    COPIED = 10
    CANARY = 11


def is_scorable(submission: Record, attempt: int) -> bool:
    """Whether a submission waits for its panel's scores in an attempt of its task, or for its appeal to be drawn."""
    if submission.state == SubmissionState.REVEALED:
        return attempt > 0
    return bool(submission.state == SubmissionState.UNSCORED and submission.settled_attempt == 1 < attempt)


def phase(task: Record, now: int) -> Phase:
    """The phase of a task (`Chain.task`) at a time, seconds; the time that a transaction would see is `Chain.now()`."""
    if task.finalized or task.cancelled:
        return Phase.CANCELLED if task.cancelled else Phase.FINALIZED
    if task.commit_ends == 0:  # there is no such task
        return Phase.NONE
    if now < task.commit_ends:
        return Phase.COMMIT
    if task.submission_count == 0 or task.validator_count < task.parameters.quorum:
        return Phase.ABANDONED
    if now < task.reveal_ends:
        return Phase.REVEAL
    return _after_reveals(task, now)


def _after_reveals(task: Record, now: int) -> Phase:
    if task.attempt == 0 and task.revealed_count == 0:
        return Phase.SETTLE
    if task.attempt == 0:  # the key has not been released
        return Phase.KEY if now < task.key_ends else Phase.VOID
    if now < task.score_commit_ends:
        return Phase.SCORE_COMMIT
    if now < task.score_reveal_ends:
        return Phase.SCORE_REVEAL
    return Phase.CHALLENGE if now < task.challenge_ends else Phase.SETTLE


_ENDS = {
    Phase.COMMIT: "commit_ends",
    Phase.REVEAL: "reveal_ends",
    Phase.KEY: "key_ends",
    Phase.SCORE_COMMIT: "score_commit_ends",
    Phase.SCORE_REVEAL: "score_reveal_ends",
    Phase.CHALLENGE: "challenge_ends",
}


def deadline(task: Record, now: int) -> int | None:
    """When the phase at `now` ends, seconds; None for a phase that ends with an action and not with time."""
    name = _ENDS.get(phase(task, now))
    return None if name is None else int(task[name])
