"""Trains one model, in a process of its own: `python -I -m trainer.training JOB`.

JOB is a JSON file: {"spec", "data", "output" (folders), "seed", "budget": {name: value}}, and "base" (folder)
where a model is adapted. What the budget does not name, the task's kind decides. Standard output carries one JSON
object a line: {"step", "steps", "loss", "score"} as it goes on, then {"done": true} or {"failed": reason}.
With "model" instead of "output" nothing is trained: the model in that folder goes through the gate and is measured on
the training data, {"score"}.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from node.jobs import die_with_parent
from protocol import tasks
from protocol.errors import ProtocolError
from protocol.specs import read_spec
from protocol.tasks.base import Progress
from protocol.tasks.runs import read_model, train_artifact


def main() -> None:
    """Do the job and end; the last line says how it went."""
    die_with_parent()
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        _say(**(_check(job) if "model" in job else _train(job)))
    except (ProtocolError, ValueError) as error:  # ValueError: a setting of the training that is out of range
        _say(failed=str(error))


def _train(job: dict[str, Any]) -> dict[str, Any]:
    spec = read_spec(Path(job["spec"]))
    budget = replace(tasks.kind(spec.kind).budget, **job["budget"])
    trained = train_artifact(spec, Path(job["data"]), Path(job["output"]), budget, job["seed"], _tell, _base(job))
    return {"done": True, "score": trained.best.score}


def _check(job: dict[str, Any]) -> dict[str, Any]:
    task = tasks.load(read_spec(Path(job["spec"])), _base(job))
    metrics = task.evaluate(read_model(task, Path(job["model"])), task.load(Path(job["data"])))
    return {"done": True, "score": metrics.score}


def _base(job: dict[str, Any]) -> Path | None:
    return Path(job["base"]) if "base" in job else None


def _tell(progress: Progress) -> None:
    _say(step=progress.step, steps=progress.steps, loss=progress.loss, score=progress.score)


def _say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
