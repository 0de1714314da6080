"""Arena, the evaluation: seeds, panels, committed and revealed scores."""

from indexer.projections import At, on
from indexer.projections.accounts import totals
from indexer.rows import Rows
from indexer.twins import PanelMember, Score, ScoreCommitment, Task, Validator
from protocol.encoding import VERDICTS


@on("Arena.SeedFixed")
def seed_fixed(rows: Rows, at: At, *, task_id: int, attempt: int, seed: str) -> None:
    """From here on nobody can change who is drawn."""
    rows.edit(Task, task_id).seed = seed


@on("Arena.SeedRequested")
def seed_requested(
    rows: Rows,
    at: At,
    *,
    task_id: int,
    attempt: int,
    seed_ticket: int,
    score_commit_ends: int,
    score_reveal_ends: int,
    challenge_ends: int,
) -> None:
    """The old ticket expired unused; the attempt's windows start again."""
    task = rows.edit(Task, task_id)
    task.seed_ticket = seed_ticket
    task.score_commit_ends = score_commit_ends
    task.score_reveal_ends = score_reveal_ends
    task.challenge_ends = challenge_ends


@on("Arena.PanelDrawn")
def panel_drawn(rows: Rows, at: At, *, task_id: int, submission_id: int, attempt: int, validators: list[str]) -> None:
    """Slots count from 0, in the order of the event."""
    for slot, validator in enumerate(validators):
        rows.add(
            PanelMember,
            task_id=task_id,
            submission_id=submission_id,
            attempt=attempt,
            slot=slot,
            validator=validator,
            position=at.position,
        )


@on("Arena.ScoresCommitted")
def scores_committed(
    rows: Rows, at: At, *, task_id: int, validator: str, attempt: int, batch: int, commitment: str
) -> None:
    """A validator binds itself to the scores of a batch of submissions."""
    rows.add(
        ScoreCommitment,
        position=at.position,
        task_id=task_id,
        validator=validator,
        attempt=attempt,
        batch=batch,
        commitment=commitment,
    )


@on("Arena.ScoreRevealed")
def score_revealed(
    rows: Rows,
    at: At,
    *,
    task_id: int,
    submission_id: int,
    validator: str,
    attempt: int,
    score: int,
    report_digest: str,
    copy_of: int,
) -> None:
    """The three lowest numbers are verdicts, no scores."""
    verdict = VERDICTS.get(score)
    rows.add(
        Score,
        task_id=task_id,
        submission_id=submission_id,
        attempt=attempt,
        validator=validator,
        score=None if verdict else score,
        verdict=verdict,
        report_digest=report_digest,
        copy_of=copy_of or None,
        position=at.position,
    )
    rows.edit(Validator, task_id, validator).scores += 1
    totals(rows).scores += 1
