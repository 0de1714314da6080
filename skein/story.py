"""What happens on the chain, told in sentences: read from the indexer's API, event by event."""

from collections.abc import Callable, Iterator
from typing import Any

from node.amounts import round_amount
from protocol.encoding import VERDICTS, ascii32, score_value
from skein.api import Api
from skein.cast import Cast

Line = tuple[int, str]  # block, sentence

_SENTENCES: dict[str, str] = {
    "Staking.Deposited": "{funder} deposits {assets} into the pool of {operator}",
    "Arena.TaskCreated": "{creator} creates task {task_id}: {title}",
    "Arena.ValidatorRegistered": "{validator} joins task {task_id} with {stake}",
    "Arena.SubmissionCommitted": "{trainer} commits to model {submission_id} of task {task_id} with {stake}",
    "Arena.SubmissionRevealed": "{trainer} reveals model {submission_id} of task {task_id}",
    "Arena.SubmissionDuplicated": "model {submission_id} of task {task_id} is a copy of model {original_id}",
    "Arena.KeyReleased": "{sender} opens the held-out set of task {task_id}",
    "Arena.PanelDrawn": "the panel for model {submission_id} of task {task_id} is drawn: {validators}",
    "Arena.ScoresCommitted": "{validator} commits to its scores in task {task_id}",
    "Arena.ScoreRevealed": "{validator} scores model {submission_id} of task {task_id}: {score}",
    "Arena.SubmissionScored": "model {submission_id} of task {task_id} by {trainer} scores {score}",
    "Arena.SubmissionUnscored": "model {submission_id} of task {task_id} has too few scores",
    "Arena.SubmissionUnrevealed": "model {submission_id} of task {task_id} was never revealed",
    "Arena.SubmissionInvalid": "model {submission_id} of task {task_id} breaks its specification",
    "Arena.SubmissionUnavailable": "model {submission_id} of task {task_id} cannot be had",
    "Arena.TrainerSlashed": "{trainer} loses {assets} in task {task_id}: {reason}",
    "Arena.ValidatorSlashed": "{validator} loses {assets} in task {task_id}: {reason}",
    "Arena.TaskRedrawn": "task {task_id} gets a second evaluation",
    "Arena.TaskFinalized": "task {task_id} is final: {outcome}",
    "Arena.RewardClaimed": "{operator} earns {reward} in task {task_id}",
    "Arena.CreatorClaimed": "{creator} gets {assets} back from task {task_id}",
}
_AMOUNTS = {"assets", "stake", "reward"}
_TEXTS = {"reason", "outcome"}


class Story:
    """Reads on from where it was; after a reorganisation of the chain, what is new in the new branch."""

    def __init__(self, api: Api, cast: Cast, titles: Callable[[str], str]) -> None:
        """`titles`: the title of a task by its specification's digest."""
        self._api = api
        self._cast = cast
        self._titles = titles
        self._from = 0
        self._told: set[tuple[str, int]] = set()

    def news(self) -> Iterator[Line]:
        """The sentences that were not told yet."""
        for event in self._api.all("/events", from_block=self._from, order="position"):
            place = (event["block_hash"], event["log_index"])
            if place in self._told:
                continue
            self._told.add(place)
            self._from = max(self._from, event["block_number"] - 64)
            if (sentence := _SENTENCES.get(event["name"] or "")) is not None:
                yield event["block_number"], self._fill(sentence, event["args"])

    def _fill(self, sentence: str, args: dict[str, Any]) -> str:
        values = {name: self._shown(name, value) for name, value in args.items()}
        if "spec_digest" in args:
            values["title"] = self._titles(args["spec_digest"])
        return sentence.format(**values)

    def _shown(self, name: str, value: Any) -> Any:
        if name in _AMOUNTS:
            return f"{round_amount(int(value), 2)} SKEIN"
        if name in _TEXTS:
            return ascii32(value)
        if name == "score":
            return VERDICTS.get(int(value)) or f"{score_value(int(value)):.4f}"
        if name == "validators":
            return ", ".join(map(self._cast.name_of, value))
        return self._cast.name_of(value) if isinstance(value, str) and len(value) == 42 else value
