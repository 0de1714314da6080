"""Trains one model, in a process of its own: `python -I -m trainer.training JOB`.

JOB is a JSON file: {"spec", "data", "output", "search" (folders), "seed", "budget": {name: value}, "trials", "device"},
and "base" (folder) where a model is adapted. What the budget does not name, the task's kind decides, or a search of
"trials" trainings; what a kill leaves of either is in the folder "search". "device" is auto, or torch's name of one.
Standard output carries one JSON object a line: {"step", "steps", "loss", "score"} as it goes on, then {"done": true}
or {"failed": reason}.
With "model" instead of "output" nothing is trained: the model in that folder goes through the gate and is measured on
the data, {"score", "value": as the chain has it, times 1e9}. With "other", the folder of a model, too, it is only told
how far it is from that one, {"distance": billionths}.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from node.jobs import die_with_parent
from protocol import tasks
from protocol.copies import distance
from protocol.errors import ProtocolError
from protocol.reports import mean_score
from protocol.specs import read_spec
from protocol.tasks.base import Progress
from protocol.tasks.runs import read_model, write_model
from trainer.search import Search


def main() -> None:
    """Do the job and end; the last line says how it went."""
    die_with_parent()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA has no deterministic sums
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        _say(**(_check(job) if "model" in job else _train(job)))
    except (ProtocolError, ValueError) as error:  # ValueError: a setting of the training that is out of range
        _say(failed=str(error))


def _train(job: dict[str, Any]) -> dict[str, Any]:
    spec = read_spec(Path(job["spec"]))
    task, chosen = tasks.load(spec, _base(job)), job["budget"]
    budget = replace(tasks.kind(spec.kind).budget, **chosen, device=_device(job.get("device", "auto")))
    data, folder = task.load(Path(job["data"])), Path(job["search"])
    if job.get("trials", 1) > 1:
        trained = Search(job["trials"], chosen.keys(), folder).run(task, data, budget, job["seed"], _tell)
    else:
        trained = task.train(data, replace(budget, checkpoint=folder / "training.pt"), job["seed"], _tell)
    write_model(trained.weights, Path(job["output"]))
    rmtree(folder, ignore_errors=True)
    return {"done": True, "score": trained.best.score}


def _device(wanted: str) -> str:
    import torch

    if wanted != "auto":
        if wanted.startswith("cuda") and not torch.cuda.is_available():
            raise ValueError(f"there is no device {wanted}: torch sees no GPU")
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _check(job: dict[str, Any]) -> dict[str, Any]:
    task = tasks.load(read_spec(Path(job["spec"])), _base(job))
    model = read_model(task, Path(job["model"]))
    if "other" in job:
        return {"done": True, "distance": distance(model, read_model(task, Path(job["other"])))}
    metrics = task.evaluate(model, task.load(Path(job["data"])))
    return {"done": True, "score": metrics.score, "value": mean_score(metrics.values)}


def _base(job: dict[str, Any]) -> Path | None:
    return Path(job["base"]) if "base" in job else None


def _tell(progress: Progress) -> None:
    _say(step=progress.step, steps=progress.steps, loss=progress.loss, score=progress.score)


def _say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
