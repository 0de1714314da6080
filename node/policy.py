"""What a participant decides for itself: which tasks it joins, and with how much stake."""

import shutil
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from node.amounts import format_amount, parse_address, parse_amount
from protocol.calls import Record
from protocol.configuration import Settings
from protocol.errors import StorageFailed


def read_wei(value: Any) -> Any:
    """Token wei of an amount as people write it; what is no text passes."""
    return parse_amount(value) if isinstance(value, str) else value


def _items(value: Any) -> Any:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


Amount = Annotated[int, BeforeValidator(read_wei), Field(ge=0)]
"""Token wei; text is read as SKEIN, such as "12.5"."""
TaskIds = Annotated[frozenset[int], NoDecode, BeforeValidator(_items)]
Names = Annotated[frozenset[str], NoDecode, BeforeValidator(_items)]
Addresses = Annotated[frozenset[Annotated[str, BeforeValidator(parse_address)]], NoDecode, BeforeValidator(_items)]


class Policy(Settings):
    """Choices of one participant. Lists are comma-separated; an empty list of what is allowed allows everything.

    Subclasses name their program by `env_prefix`.
    """

    stake: Amount = 0
    """Stake on a task, SKEIN; 0 for the least that the task takes."""
    max_stake: Amount = 10_000 * 10**18
    """The most stake on one task, SKEIN."""
    auto_stake: Amount = 0
    """How much own stake the pool may be given from the balance, in total, SKEIN."""
    min_bounty: Amount = 0
    """Keep away from tasks with a smaller bounty, SKEIN."""
    kinds: Names = frozenset()
    """Only tasks of these kinds."""
    tasks: TaskIds = frozenset()
    """Only these task ids."""
    deny_tasks: TaskIds = frozenset()
    """Never these task ids."""
    creators: Addresses = frozenset()
    """Only tasks of these creators."""
    deny_creators: Addresses = frozenset()
    """Never tasks of these creators."""
    margin_seconds: Annotated[int, Field(ge=0)] = 60
    """How long before a deadline the last transaction for it is sent; at most a fifth of the phase."""
    min_window_seconds: Annotated[int, Field(ge=1)] = 30
    """Keep away from tasks and federations in which somebody has less time for a duty: who misses it is slashed."""
    spread_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 6.0
    """Seconds within which participants take turns at steps that only one of them can do."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """How many downloads, trainings or evaluations run at the same time."""
    retry_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """The first pause before something that failed is tried again; the pauses grow to a minute."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 256 << 20
    """Below this much free disk space no task is joined; those that were joined go on with what is left."""
    appeal_budget: Amount = 0
    """Bonds for appeals that the client makes by itself, SKEIN: the most that may be out or lost at once; 0: none."""
    keep_days: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 14.0
    """How long files and journal rows of a task are kept after all of it is claimed."""
    keep_bytes: Annotated[int, Field(ge=0)] = 20 << 30
    """Files of such tasks go earlier, the oldest first, where they take more than this."""
    max_download_bytes: Annotated[int, Field(gt=0)] = 8 << 30
    """The largest data set that is fetched."""

    def refusal(self, task_id: int, task: Record) -> str | None:
        """Why the task's record on chain rules it out, or None."""
        if (self.tasks and task_id not in self.tasks) or task_id in self.deny_tasks:
            return "its id is ruled out by the settings."
        if (self.creators and task.creator not in self.creators) or task.creator in self.deny_creators:
            return f"its creator {task.creator} is ruled out by the settings."
        if task.parameters.bounty < self.min_bounty:
            return f"its bounty of {format_amount(task.parameters.bounty)} SKEIN is below the minimum."
        terms = task.parameters
        return self.haste(terms.reveal_window, terms.score_commit_window, terms.score_reveal_window)

    def haste(self, *windows: int) -> str | None:
        """Why these seconds for duties rule it out, or None. A creator of bad will could live on who comes too late."""
        if (shortest := min(windows)) >= self.min_window_seconds:
            return None
        return f"it leaves {shortest} s for a duty, and the least is {self.min_window_seconds} (--min-window-seconds)."

    def margin(self, window: int) -> int:
        """Seconds to keep before the end of a phase of `window` seconds."""
        return min(self.margin_seconds, window // 5)

    def require_space(self, folder: Path) -> None:
        """StorageFailed while the disk of `folder` is nearly full: what was joined needs the rest of it."""
        if shutil.disk_usage(folder).free < self.min_free_bytes:
            raise StorageFailed(
                f"Less than {self.min_free_bytes >> 20} MiB are free in {folder}, so no task is joined: free some, or "
                "lower --min-free-bytes."
            )
