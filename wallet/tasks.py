"""Tasks on the chain: what a creator, or anyone, can do with them. Functions here build actions; nothing is sent."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.amounts import format_amount
from node.output import NotFound
from protocol.calls import Record
from protocol.chain import Chain
from protocol.errors import ConfigInvalid
from protocol.phases import Phase, SubmissionState, is_scorable, phase
from protocol.seeds import is_seed_missed, seed_proof
from wallet.actions import Action, Call, Figure, with_approval
from wallet.stakes import wallet_figure
from wallet.units import require_some

_UNSETTLED = (SubmissionState.COMMITTED, SubmissionState.DUPLICATE)
_SCORED_LATER = (SubmissionState.REVEALED, SubmissionState.UNSCORED)
_AFTER_REVEAL = (Phase.KEY, Phase.VOID, Phase.SCORE_COMMIT, Phase.SCORE_REVEAL, Phase.CHALLENGE, Phase.SETTLE)


@dataclass(frozen=True)
class Task:
    """A task at one moment: its record on chain, and the phase at the chain's time `now`."""

    id: int
    record: Record
    phase: Phase
    now: int


def words(state: Phase | SubmissionState) -> str:
    """SCORE_COMMIT is "score commit" to people."""
    return state.name.lower().replace("_", " ")


def read(chain: Chain, task_id: int) -> Task:
    """The task; NotFound when there is none with this number."""
    count = int(chain.call("Arena", "taskCount"))
    if not 1 <= task_id <= count:
        raise NotFound(f"Task {task_id} does not exist: there are {count} tasks.")
    return _read(chain, task_id)


def _read(chain: Chain, task_id: int) -> Task:
    record, now = chain.task(task_id), chain.now()
    return Task(task_id, record, phase(record, now), now)


def newest(chain: Chain, limit: int) -> list[Task]:
    """The newest tasks, newest first."""
    count = int(chain.call("Arena", "taskCount"))
    return [_read(chain, task_id) for task_id in range(count, max(0, count - limit), -1)]


def submissions(chain: Chain, task: Task) -> list[Record]:
    """The records of all submissions; the first has id 1."""
    return [chain.submission(task.id, each) for each in range(1, task.record.submission_count + 1)]


def fund(chain: Chain, funder: str, task: Task, assets: int) -> Action:
    """Add to the bounty."""
    expect(task, "be funded", Phase.COMMIT)
    require_some(assets)
    call = Call(f"add {format_amount(assets)} SKEIN to the bounty", "Arena", "fundTask", (task.id, assets))
    bounty = Figure("bounty", "Arena", "task", (task.id,), lambda record: int(record.parameters.bounty))
    return Action(with_approval(chain, funder, "Arena", assets, call), (wallet_figure(funder), bounty))


def cancel(task: Task, creator: str) -> Action:
    """Take the task back and claim bounty and bond."""
    expect(task, "be cancelled", Phase.COMMIT)
    if task.record.creator != creator:
        raise ConfigInvalid(f"Only its creator {task.record.creator} can cancel task {task.id}.")
    if task.record.submission_count or task.record.validator_count:
        raise ConfigInvalid(f"Task {task.id} cannot be cancelled any more: somebody has joined it.")
    calls = (
        Call(f"cancel task {task.id}", "Arena", "cancelTask", (task.id,)),
        Call("claim bounty and bond", "Arena", "claimCreator", (task.id,), done_if="AlreadyClaimed"),
    )
    return Action(calls, (wallet_figure(creator),))


def release_key(task: Task, key: str) -> Action:
    """Open the held-out set."""
    expect(task, "have its key released", Phase.KEY)
    return Action((Call(f"release the key of task {task.id}", "Arena", "releaseKey", (task.id, key)),))


def settle(chain: Chain, task: Task, caller: str) -> Action:
    """Settle every submission that can be settled now; panels that nobody drew are drawn first. Where nobody could be
    drawn in time the attempt begins anew."""
    expect(task, "be settled", *_AFTER_REVEAL)
    calls = tuple(_settlements(chain, task))
    if not calls:
        raise ConfigInvalid(f"Task {task.id} has nothing to settle now.")
    return Action(calls, (wallet_figure(caller),))


def _settlements(chain: Chain, task: Task) -> Iterator[Call]:
    has_seed = int(task.record.seed, 16) != 0
    anew = task.phase is Phase.SETTLE and task.record.attempt and is_seed_missed(chain, task.record, task.now)
    if task.phase is Phase.SCORE_COMMIT and not has_seed:
        yield from _first_draw(chain, task)
    for identity, record in enumerate(submissions(chain, task), start=1):
        waits = record.settled_attempt == 0
        if record.state in _SCORED_LATER and task.phase is Phase.SETTLE and not anew:
            waits = is_scorable(record, task.record.attempt) and not _is_appealed(chain, task, identity)
            if waits and has_seed and not chain.call("Arena", "panel", task.id, identity):
                what = f"draw the panel of submission {identity}"
                yield Call(what, "Arena", "drawPanel", (task.id, identity), done_if="PanelAlreadyDrawn")
        elif record.state not in _UNSETTLED:
            continue
        if waits:
            yield Call(
                f"settle submission {identity}", "Arena", "settle", (task.id, identity), done_if="AlreadySettled"
            )
    if anew:
        what = "ask for a new seed, since nobody used the last one in time"
        yield Call(what, "Arena", "renewSeed", (task.id,), done_if="SeedStillValid")


def _first_draw(chain: Chain, task: Task) -> Iterator[Call]:
    """It fixes the seed, so that who is silent can be told from who could not know."""
    ticket, attempt = task.record.seed_ticket, task.record.attempt
    if is_seed_missed(chain, task.record, task.now):
        yield Call("ask for a new seed", "Arena", "renewSeed", (task.id,), done_if="SeedStillValid")
        return
    if (proof := seed_proof(chain, ticket)) is not None:
        yield Call("prove the seed of the panels", "Randomness", "prove", (ticket, proof))
    for identity, record in enumerate(submissions(chain, task), start=1):
        if is_scorable(record, attempt):
            what = f"draw the panel of submission {identity}"
            yield Call(what, "Arena", "drawPanel", (task.id, identity), done_if="PanelAlreadyDrawn")
            return


def _is_appealed(chain: Chain, task: Task, submission: int) -> bool:
    """Whether a larger panel will decide in the next attempt."""
    found = chain.call("Arena", "appealOf", task.id, submission)
    return bool(found.attempt and found.attempt == task.record.attempt)


def appeal(chain: Chain, task: Task, submission: int, appellant: str) -> Action:
    """Appeal what the panel of a submission has revealed."""
    expect(task, "have its results appealed", Phase.CHALLENGE)
    terms = task.record.parameters
    if not 1 <= submission <= task.record.submission_count:
        raise ConfigInvalid(f"Task {task.id} has no submission {submission}.")
    if not is_scorable(chain.submission(task.id, submission), task.record.attempt):
        raise ConfigInvalid(f"Submission {submission} of task {task.id} has no result that could be appealed.")
    if chain.call("Arena", "appealOf", task.id, submission).attempt:
        raise ConfigInvalid(
            f"Submission {submission} of task {task.id} was appealed already: the larger panel decides."
        )
    if task.record.validator_count <= terms.panel_size:
        raise ConfigInvalid(f"Task {task.id} has no validators for a larger panel.")
    what = f"appeal the result of submission {submission}, with a bond of {format_amount(terms.appeal_bond)} SKEIN"
    call = Call(what, "Arena", "appeal", (task.id, submission))
    return Action(with_approval(chain, appellant, "Arena", terms.appeal_bond, call), (wallet_figure(appellant),))


def finalize(task: Task) -> Action:
    """Fix what everybody can claim; where another evaluation is due, open that instead."""
    expect(task, "be finalized", Phase.SETTLE, Phase.VOID, Phase.ABANDONED)
    record = task.record
    if task.phase is not Phase.ABANDONED and record.pending:
        raise ConfigInvalid(f"Task {task.id} has {record.pending} submissions to be settled first: skein task settle.")
    if task.phase is Phase.SETTLE and (record.appealed or (record.unscored and record.attempt == 1)):
        return Action((Call("open the next evaluation", "Arena", "redraw", (task.id,)),))
    return Action((Call(f"finalize task {task.id}", "Arena", "finalize", (task.id,)),))


def claim(chain: Chain, task: Task, account: str) -> Action:
    """Claim all that the account has in the task: as trainer, as validator, as creator."""
    expect(task, "be claimed from", Phase.FINALIZED, Phase.CANCELLED)
    calls = tuple(_claims(chain, task, account))
    if not calls:
        raise ConfigInvalid(f"{account} has nothing to claim from task {task.id}.")
    stake = Figure("own stake", "Staking", "assetsOf", (account, account))
    return Action(calls, (wallet_figure(account), stake))


def _claims(chain: Chain, task: Task, account: str) -> Iterator[Call]:
    identity = int(chain.call("Arena", "submissionOf", task.id, account))
    if identity and not chain.submission(task.id, identity).claimed:
        yield Call("claim as trainer", "Arena", "claimSubmission", (task.id, identity), done_if="AlreadyClaimed")
    validator = chain.validator(task.id, account)
    if validator.index and not validator.claimed:
        yield Call("claim as validator", "Arena", "claimValidator", (task.id, account), done_if="AlreadyClaimed")
    if task.record.creator == account and not task.record.creator_claimed:
        yield Call("claim as creator", "Arena", "claimCreator", (task.id,), done_if="AlreadyClaimed")


def expect(task: Task, what: str, *phases: Phase) -> None:
    """ConfigInvalid unless the task is in one of these phases; `what` is what cannot be otherwise ("be funded")."""
    if task.phase not in phases:
        allowed = " or ".join(map(words, phases))
        raise ConfigInvalid(
            f"Task {task.id} cannot {what} now: it is in the phase {words(task.phase)}, not in {allowed}."
        )
