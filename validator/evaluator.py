"""What runs inside the sandbox: reads the held-out set and the model, evaluates, writes the report.

The only code that touches a stranger's tensors. Whatever it raises that is no verdict is tried on a blank model before
it counts against a model. It leaves in the output folder: `stage` (what was being read when it
ended), `result.json` ({"verdict": "scored" | "sampled" | "invalid" | "unopenable" | "supported" | "unsupported",
"reason": text}), and for a scored model the folder `report`.
"""

import importlib
import json
import pkgutil
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from protocol import tasks
from protocol.copies import distance
from protocol.errors import ModelInvalid, SpecInvalid, TaskFailed
from protocol.reports import write_report
from protocol.specs import read_spec, spec_digest
from protocol.tasks.base import Indices, Task
from protocol.tasks.runs import read_model
from validator.outputs import HELD_OUT, MODEL, REPORT_FOLDER, RESULT_FILE, STAGE_FILE

# All kinds are loaded before the first job comes, since every job is a fork of this process and then cannot load much.
for _kind in pkgutil.iter_modules(tasks.__path__):
    importlib.import_module(f"{tasks.__name__}.{_kind.name}")
for _name in tasks.installed():
    with suppress(SpecInvalid):  # then no task of that kind can be evaluated, and each says so
        tasks.kind(_name)


def run(job: dict[str, Any], output: Path) -> None:
    """Evaluate {"spec", "held_out", "model" (folders), "digest"}; without "model", a blank one.

    With "sample" (how many) and "seed", evaluate only as many samples, and put them into the result: {"total": number
    of samples in the held-out set, "rows": [[index, loss, value]], "spread": that of the metric}.
    With "other" (a model's folder) instead of "held_out", say how far the model is from it: {"distance": billionths}.
    With {"spec"} alone, say whether it can be followed. "base": the folder of the base model, where there is one.
    """
    try:
        task = tasks.load(read_spec(Path(job["spec"])), Path(job["base"]) if "base" in job else None)
        if "base" in job and "held_out" not in job:
            task.check_base()
    except (SpecInvalid, TaskFailed) as error:
        return _conclude(output, "unsupported", str(error))
    if "other" in job:
        return _compare(task, job, output)
    return _evaluate(task, job, output) if "held_out" in job else _conclude(output, "supported")


def _compare(task: Task[Any], job: dict[str, Any], output: Path) -> None:
    (output / STAGE_FILE).write_text(MODEL)
    try:
        model = read_model(task, Path(job["model"])) if "model" in job else task.blank()
        other = read_model(task, Path(job["other"]))
    except ModelInvalid as error:
        return _conclude(output, "invalid", error.reason)
    return _conclude(output, "compared", distance=distance(model, other))


def _evaluate(task: Task[Any], job: dict[str, Any], output: Path) -> None:
    (output / STAGE_FILE).write_text(HELD_OUT)
    try:
        data = task.load(Path(job["held_out"]))
    except TaskFailed as error:
        return _conclude(output, "unopenable", error.reason)
    (output / STAGE_FILE).write_text(MODEL)
    try:
        weights = read_model(task, Path(job["model"])) if "model" in job else task.blank()
        indices = _chosen(job, len(data))
        metrics = task.evaluate(weights, data if indices is None else data.rows(indices))
    except (ModelInvalid, TaskFailed) as error:
        return _conclude(output, "invalid", error.reason)
    if indices is not None:
        rows = [
            list(row) for row in zip(indices.tolist(), metrics.losses.tolist(), metrics.values.tolist(), strict=True)
        ]
        return _conclude(output, "sampled", total=len(data), rows=rows, spread=task.metrics[task.spec.metric].spread)
    write_report(
        output / REPORT_FOLDER,
        spec=spec_digest(task.spec),
        model=job["digest"],
        metric=task.spec.metric,
        losses=metrics.losses,
        values=metrics.values,
    )
    return _conclude(output, "scored")


def _chosen(job: dict[str, Any], total: int) -> Indices | None:
    """The samples to evaluate, in their order; None for all."""
    if "sample" not in job:
        return None
    chosen = random.Random(job["seed"]).sample(range(total), min(job["sample"], total))
    return np.array(sorted(chosen), np.int64)


def _conclude(output: Path, verdict: str, reason: str = "", **more: Any) -> None:
    result = {"verdict": verdict, "reason": reason[:1000], **more}
    (output / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")
