"""How a training goes: kept as lines of JSON, for TensorBoard where somebody wants that, and drawn in a terminal."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from protocol.staging import local_storage

logger = logging.getLogger(__name__)

FILE = "curve.jsonl"
_WIDTH, _HEIGHT = 76, 14


class Curves:
    """The curve of one training, written as it comes; `tensorboard`: a folder for event files."""

    def __init__(self, folder: Path, tensorboard: Path | None) -> None:
        with local_storage(f"Writing to {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / FILE).open("w", encoding="utf-8")
        self._events = _events(tensorboard) if tensorboard else None

    def add(self, step: int, steps: int, loss: float, score: float) -> None:
        """One more step: loss and score on the rows that were kept aside."""
        with local_storage(f"Writing to {self._file.name}"):
            self._file.write(json.dumps({"step": step, "steps": steps, "loss": loss, "score": score}) + "\n")
            self._file.flush()
        if self._events:
            self._events.add_scalar("kept_aside/loss", loss, step)
            self._events.add_scalar("kept_aside/score", score, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._events:
            self._events.close()


def _events(folder: Path) -> Any:
    from tensorboardX import SummaryWriter  # when it is wanted: it brings protobuf

    with local_storage(f"Writing to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        return SummaryWriter(str(folder), flush_secs=10, write_to_disk=True)


def read_curve(folder: Path) -> list[dict[str, Any]]:
    """The steps of the newest training in a folder; what a kill left half-written is left out."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(dict(json.loads(line)))
        except ValueError:
            break
    return found


def draw(steps: Sequence[Mapping[str, Any]], title: str, width: int = _WIDTH) -> str:
    """Loss and score over the steps, for a terminal."""
    import plotext

    plots = []
    for name in ("loss", "score"):
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.plot_size(width, _HEIGHT)
        points = [(step["step"], step[name]) for step in steps if math.isfinite(step[name])]
        plotext.plot([x for x, _ in points], [y for _, y in points], marker="braille")
        plotext.title(f"{title}: {name} on the rows kept aside")
        plots.append(plotext.uncolorize(plotext.build()))
    return "\n".join(plots)
