"""What the evaluator leaves in its output folder; it loads torch, and this is what others need to know of it."""

import json
from pathlib import Path
from typing import Any

from validator.sandbox import SandboxUnavailable

STAGE_FILE = "stage"
RESULT_FILE = "result.json"
REPORT_FOLDER = "report"
HELD_OUT, MODEL = "held-out set", "model"  # the stages

_RESULT_BYTES = 64 * 1024


def read_result(output: Path) -> dict[str, Any]:
    """What it has found; SandboxUnavailable if it left nothing that can be read."""
    try:
        return dict(json.loads(_read_small(output / RESULT_FILE)))
    except ValueError as error:
        raise SandboxUnavailable(f"The evaluation left no readable result: {error}.") from error


def read_stage(output: Path) -> str:
    """What it was reading when it ended, or ""."""
    return _read_small(output / STAGE_FILE)


def _read_small(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_RESULT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
