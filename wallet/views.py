"""Tasks for reading: as JSON documents and as rows of tables."""

from collections.abc import Container, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from node.amounts import format_amount, format_duration, round_amount
from protocol.calls import Record
from protocol.encoding import score_value
from protocol.errors import ArtifactError, SpecInvalid
from protocol.phases import SubmissionState, deadline
from protocol.specs import MAX_SPEC_BYTES, TaskSpec, read_spec
from protocol.store import ArtifactStore, Limits
from wallet.tasks import Task, words

# uint128 and uint256 members: JSON readers that know only doubles would round them
_LARGE = {
    "max_share",
    "appeal_bond",
    "bounty",
    "bond",
    "min_trainer_stake",
    "min_validator_stake",
    "trainer_stake",
    "validator_stake",
    "stake",
}
_LARGE |= {"revealed_stake", "slashed", "trainer_pot", "validator_pot", "creator_pot", "settler_paid"}
_LARGE |= {"trainer_weight", "validator_weight", "weight", "emission"}


def left(task: Task) -> str:
    """How long the present phase lasts."""
    ends = deadline(task.record, task.now)
    return "–" if ends is None else format_duration(max(0, ends - task.now))


def find_spec(store: ArtifactStore, task: Task) -> TaskSpec | None:
    """The task's specification, if a store has a good one."""
    with TemporaryDirectory(prefix="skein-spec-") as name:
        try:
            digest = task.record.parameters.spec_digest
            return read_spec(store.get(digest, Path(name) / "spec", Limits(MAX_SPEC_BYTES, 1)))
        except (ArtifactError, SpecInvalid):
            return None


def task_facts(task: Task, spec: TaskSpec | None) -> dict[str, str]:
    """What a person wants to know first."""
    record, terms = task.record, task.record.parameters
    facts = {"title": spec.title, "about": spec.description, "kind": spec.kind, "metric": spec.metric} if spec else {}
    facts |= {
        "specification": terms.spec_digest,
        "creator": record.creator,
        "phase": words(task.phase),
        "ends in": left(task),
        "bounty": f"{format_amount(terms.bounty)} SKEIN",
        "bond": f"{format_amount(terms.bond)} SKEIN",
        "stakes": f"at least {format_amount(terms.min_trainer_stake)} SKEIN to train, "
        f"{format_amount(terms.min_validator_stake)} SKEIN to validate",
        "appeals": _appeals(terms),
        "validators": f"{record.validator_count}, of them {terms.panel_size} per submission, {terms.quorum} needed",
        "slashed so far": f"{format_amount(record.slashed)} SKEIN",
    }
    return {name: value for name, value in facts.items() if value}


def _appeals(terms: Record) -> str:
    if not terms.challenge_window:
        return ""
    return (
        f"for {format_duration(terms.challenge_window)}, with a bond of {format_amount(terms.appeal_bond)} SKEIN, "
        f"to {terms.appeal_panel_size} validators"
    )


def submission_rows(task: Task, submissions: Sequence[Record], ranking: Sequence[int]) -> list[tuple[Any, ...]]:
    """Ranked ones first, then by number."""
    order = [*ranking, *(number for number in range(1, len(submissions) + 1) if number not in ranking)]
    return [_submission_row(number, submissions[number - 1], ranking) for number in order]


def _submission_row(number: int, record: Record, ranking: Sequence[int]) -> tuple[Any, ...]:
    rank = str(ranking.index(number) + 1) if number in ranking else "–"
    scored = record.state == SubmissionState.SCORED
    score = f"{score_value(record.score):.6f}" if scored else "–"
    state = words(SubmissionState(record.state))
    return rank, number, record.trainer, state, score, round_amount(record.stake), round_amount(record.slashed)


def task_document(
    task: Task,
    spec: TaskSpec | None = None,
    submissions: Sequence[Record] | None = None,
    ranking: Sequence[int] = (),
) -> dict[str, Any]:
    """The whole record as JSON; amounts and weights as decimal strings."""
    document: dict[str, Any] = {
        "task": task.id,
        "phase": words(task.phase),
        "deadline": deadline(task.record, task.now),
    }
    document |= exact(task.record.to_dict(), _LARGE)
    if spec:
        document["specification"] = spec.model_dump(mode="json")
    if submissions is not None:
        document["submissions"] = [
            {"submission": number, **exact(record.to_dict(), _LARGE), "state": words(SubmissionState(record.state))}
            for number, record in enumerate(submissions, start=1)
        ]
        document["ranking"] = list(ranking)
    return document


def exact(members: dict[str, Any], large: Container[str]) -> dict[str, Any]:
    """A record for JSON: the members named in `large`, at any depth, as decimal strings."""
    return {name: _exact_member(name, value, large) for name, value in members.items()}


def _exact_member(name: str, value: Any, large: Container[str]) -> Any:
    if isinstance(value, dict):
        return exact(value, large)
    return str(value) if name in large else value
