"""Arena, the end of a task: results, slashes, weights, pots and claims."""

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.projections.texts import word_text
from indexer.rows import Rows
from indexer.twins import Lock, Payout, Score, Slash, Submission, Task, Validator
from indexer.units import ZERO_DIGEST


def _settle(rows: Rows, at: At, task_id: int, submission_id: int, state: str) -> Submission:
    """One submission less to be settled."""
    task = rows.edit(Task, task_id)
    task.pending -= 1
    submission = rows.edit(Submission, task_id, submission_id)
    submission.state = state
    # What nobody scores can be settled before the first attempt, and counts as settled in it.
    submission.settled_attempt = 1 if state in ("unrevealed", "duplicate") else task.attempt
    submission.settled_at = at.timestamp
    return submission


@on("Arena.SubmissionUnrevealed")
def submission_unrevealed(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str) -> None:
    """Committed and never revealed."""
    _settle(rows, at, task_id, submission_id, "unrevealed")


@on("Arena.SubmissionScored")
def submission_scored(
    rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, score: int, grid_score: int
) -> None:
    """The panel agreed on a score; it is ranked by its place on the grid."""
    submission = _settle(rows, at, task_id, submission_id, "scored")
    submission.score = score
    task = rows.edit(Task, task_id)
    submission.grid_score = grid_score
    submission.rank_key = -grid_score if task.maximise else grid_score


@on("Arena.SubmissionInvalid")
def submission_invalid(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str) -> None:
    """The panel found that the model breaks the specification."""
    _settle(rows, at, task_id, submission_id, "invalid")


@on("Arena.SubmissionUnavailable")
def submission_unavailable(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str) -> None:
    """The panel could not get the model anywhere."""
    _settle(rows, at, task_id, submission_id, "unavailable")


@on("Arena.SubmissionCopied")
def submission_copied(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, score: int) -> None:
    """The panel found it nearly equal to an earlier commit: it has a score and no rank."""
    submission = _settle(rows, at, task_id, submission_id, "copied")
    submission.score = score
    rows.edit(Task, task_id).revealed_stake -= submission.stake


@on("Arena.CanarySettled")
def canary_settled(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, score: int) -> None:
    """Its panel was measured by it; it takes no part in the contest."""
    submission = _settle(rows, at, task_id, submission_id, "canary")
    submission.score = score
    task = rows.edit(Task, task_id)
    task.revealed_count -= 1
    task.revealed_stake -= submission.stake


@on("Arena.SubmissionUnscored")
def submission_unscored(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, attempt: int) -> None:
    """Too few of the panel revealed."""
    _settle(rows, at, task_id, submission_id, "unscored")
    rows.edit(Task, task_id).unscored += 1


@on("Arena.HeldOutUnopenable")
def held_out_unopenable(rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str) -> None:
    """The panel says that the released key opens nothing."""
    _settle(rows, at, task_id, submission_id, "unopenable")
    rows.edit(Task, task_id).unopenable += 1


def _announce(
    rows: Rows, at: At, task_id: int, submission_id: int, operator: str, assets: int, role: str, reason: str
) -> None:
    """The slash with its reason; the ledger's event, which follows unless nothing is left to take, adds the parts."""
    rows.edit(Task, task_id).slashed += assets
    rows.add(
        Slash,
        position=at.position,
        operator=operator,
        module=at.address,
        assets=assets,
        task_id=task_id,
        submission_id=submission_id,
        role=role,
        reason=reason,
    )
    if assets:
        rows.ensure(Lock, operator, at.address).announced_slash = at.position


@on("Arena.TrainerSlashed")
def trainer_slashed(
    rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, assets: int, reason: str
) -> None:
    """For a duplicate this is the only sign that it was settled."""
    cause = word_text(rows, reason)
    if cause == "duplicate":
        _settle(rows, at, task_id, submission_id, "duplicate")
    rows.edit(Submission, task_id, submission_id).slashed += assets
    _announce(rows, at, task_id, submission_id, trainer, assets, "trainer", cause)


@on("Arena.ValidatorSlashed")
def validator_slashed(
    rows: Rows, at: At, *, task_id: int, submission_id: int, validator: str, assets: int, reason: str
) -> None:
    """Silent, or too far from the consensus."""
    rows.edit(Validator, task_id, validator).slashed += assets
    _announce(rows, at, task_id, submission_id, validator, assets, "validator", word_text(rows, reason))


@on("Arena.ValidatorWeighted")
def validator_weighted(
    rows: Rows, at: At, *, task_id: int, submission_id: int, validator: str, attempt: int, weight: int
) -> None:
    """A score near the consensus earns a part of the validators' pot."""
    task = rows.edit(Task, task_id)
    task.validator_weight += weight
    rows.edit(Validator, task_id, validator).weight += weight
    rows.edit(Score, task_id, submission_id, attempt, validator).weight = weight


@on("Arena.SettlerPaid")
def settler_paid(rows: Rows, at: At, *, task_id: int, submission_id: int, settler: str, assets: int) -> None:
    """Who called settle gets a tenth of the slashes; the task has the rest."""
    task = rows.edit(Task, task_id)
    task.slashed -= assets
    task.settler_paid += assets
    account(rows, settler).earned += assets
    _pay(rows, at, task_id, submission_id, settler, "settler", assets)


@on("Arena.TaskRedrawn")
def task_redrawn(
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
    """The next attempt opens: the second for what had no consensus in the first, all for what was appealed."""
    task = rows.edit(Task, task_id)
    task.attempt = attempt
    again = task.unscored if attempt == 2 else 0
    task.pending, task.unscored, task.appealed = again + task.appealed, task.unscored - again, 0
    task.seed = ZERO_DIGEST
    task.seed_ticket = seed_ticket
    task.score_commit_ends = score_commit_ends
    task.score_reveal_ends = score_reveal_ends
    task.challenge_ends = challenge_ends


@on("Arena.SubmissionRanked")
def submission_ranked(
    rows: Rows, at: At, *, task_id: int, submission_id: int, trainer: str, rank: int, weight: int
) -> None:
    """A paid rank, from 1."""
    submission = rows.edit(Submission, task_id, submission_id)
    submission.rank = rank
    submission.weight = weight


@on("Arena.TaskFinalized")
def task_finalized(
    rows: Rows,
    at: At,
    *,
    task_id: int,
    outcome: str,
    trainer_pot: int,
    validator_pot: int,
    creator_pot: int,
    trainer_weight: int,
    validator_weight: int,
    emission: int,
) -> None:
    """What everybody can claim is fixed. Where there was nothing to rank, the pots are shared by stake."""
    task = rows.edit(Task, task_id)
    task.finalized = True
    task.finalized_at = at.timestamp
    task.outcome = word_text(rows, outcome)
    task.shared_by_stake = task.outcome in ("void", "failed")
    task.trainer_pot, task.validator_pot, task.creator_pot = trainer_pot, validator_pot, creator_pot
    task.trainer_weight, task.validator_weight = trainer_weight, validator_weight
    task.emission = emission
    totals(rows).tasks_finalized += 1


@on("Arena.RewardClaimed")
def reward_claimed(
    rows: Rows, at: At, *, task_id: int, submission_id: int, operator: str, reward: int, unlocked: int
) -> None:
    """The reward went to the operator's pool; no submission means that it is a validator's."""
    claim: Submission | Validator = (
        rows.edit(Submission, task_id, submission_id) if submission_id else rows.edit(Validator, task_id, operator)
    )
    claim.claimed = True
    claim.reward = reward
    role = "trainer" if submission_id else "validator"
    _pay(rows, at, task_id, submission_id or None, operator, role, reward, unlocked)


@on("Arena.CreatorClaimed")
def creator_claimed(rows: Rows, at: At, *, task_id: int, creator: str, assets: int) -> None:
    """The creator takes back its bond, and the bounty that nobody earned."""
    rows.edit(Task, task_id).creator_claimed = True
    _pay(rows, at, task_id, None, creator, "creator", assets)


def _pay(
    rows: Rows,
    at: At,
    task_id: int,
    submission_id: int | None,
    account: str,
    role: str,
    assets: int,
    unlocked: int = 0,
) -> None:
    rows.add(
        Payout,
        position=at.position,
        task_id=task_id,
        submission_id=submission_id,
        account=account,
        role=role,
        assets=assets,
        unlocked=unlocked,
    )
