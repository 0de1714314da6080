"""What a validator has to score: the submissions whose panels it was drawn for."""

from dataclasses import dataclass

from node.upkeep import Upkeep
from protocol.calls import Record
from protocol.chain import Chain
from protocol.errors import ContractReverted
from protocol.phases import is_scorable


@dataclass(frozen=True)
class Duty:
    """A submission that this validator was drawn for: its place in the panel, and the model's digest."""

    submission_id: int
    slot: int
    digest: str


class Duties:
    """The duties of the chain's account. Panels that wait for somebody to draw them are drawn on the way."""

    def __init__(self, chain: Chain, upkeep: Upkeep) -> None:
        self._chain = chain
        self._upkeep = upkeep
        self._known: dict[tuple[int, int, str], list[Duty]] = {}

    def of(self, task_id: int, task: Record) -> list[Duty] | None:
        """In the task's present attempt, by submission id; None while its seed is undecided."""
        key = (task_id, task.attempt, task.seed)
        if key in self._known:
            return self._known[key]
        duties, all_drawn = [], True
        for submission_id in self._upkeep.in_my_order(task_id, task.submission_count):
            submission = self._chain.submission(task_id, submission_id)
            if not is_scorable(submission, task.attempt):
                continue
            panel, drawn = self._panel(task_id, task, submission_id)
            if panel is None:
                return None
            all_drawn &= drawn
            if self._chain.address in panel:
                duties.append(Duty(submission_id, panel.index(self._chain.address), submission.digest))
        duties.sort(key=lambda duty: duty.submission_id)
        if all_drawn:
            self._known[key] = duties
        return duties

    def forget(self, task_id: int) -> None:
        """Drop what is in memory of a task that is over."""
        self._known = {key: duties for key, duties in self._known.items() if key[0] != task_id}

    def _panel(self, task_id: int, task: Record, submission_id: int) -> tuple[list[str] | None, bool]:
        """A submission's panel and whether it is drawn for good; draws it if this account is on it."""
        drawn: list[str] = self._chain.call("Arena", "panel", task_id, submission_id)
        if drawn:
            return drawn, True
        panel = self._preview(task_id, task, submission_id)
        if panel is None:
            if self._upkeep.renew_seed(task_id, task) or not self._upkeep.prove_seed(task_id, task):
                return None, False
            panel = self._preview(task_id, task, submission_id)
        if panel is None:
            return None, False
        if self._chain.address in panel:
            self._upkeep.draw(task_id, task, submission_id)
        return panel, False

    def _preview(self, task_id: int, task: Record, submission_id: int) -> list[str] | None:
        """Who would be drawn now; None while there is no seed."""
        try:
            panel: list[str] = self._chain.call("Arena", "previewPanel", task_id, submission_id, block="pending")
        except ContractReverted:
            return None
        return panel
