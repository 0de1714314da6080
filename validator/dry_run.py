"""An evaluation without a stake: what `validator score` does."""

import re
import tempfile
from pathlib import Path
from typing import Any

from node.output import NotFound
from node.settings import ClientSettings
from protocol.calls import Record
from protocol.errors import ConfigInvalid
from protocol.reports import Verdict, read_report
from protocol.specs import MAX_SPEC_BYTES, check_parameters, read_spec
from protocol.store import ArtifactStore, Limits, open_store
from validator.evaluation import Case, Evaluations
from validator.sandbox import Sandbox
from validator.settings import ValidatorSettings


def evaluate(client: ClientSettings, task_id: int, digest: str, data: Path | None = None) -> dict[str, Any]:
    """Evaluate a model of a task on its opened held-out set, or on the data set in the folder `data`.

    NotFound, ConfigInvalid while the held-out set is sealed, errors of stores and sandbox.
    """
    if not re.fullmatch(r"0x[0-9a-f]{64}", digest):
        raise ConfigInvalid(f"{digest!r} is not a digest: 0x and 64 lower-case hexadecimal digits.")
    task = find_task(client, task_id)
    if data is None and not int(task.key, 16):
        raise ConfigInvalid(
            f"The held-out set of task {task_id} is still sealed: wait for its key, or evaluate on data of your own "
            "with --data."
        )
    store, sandbox = open_store(client.store), Sandbox()
    try:
        with tempfile.TemporaryDirectory(prefix="skein-") as scratch:
            case = case_of(store, task, Path(scratch), data)
            evaluations = Evaluations(store, sandbox, ValidatorSettings().max_download_bytes)
            return _told(evaluations.assess(case, digest, task.key).report)
    finally:
        sandbox.close()


def find_task(client: ClientSettings, task_id: int) -> Record:
    """The task; NotFound."""
    chain = client.chain()
    count = int(chain.call("Arena", "taskCount"))
    if task_id > count:
        raise NotFound(f"Task {task_id} does not exist; there are {count}.")
    return chain.task(task_id)


def case_of(store: ArtifactStore, task: Record, folder: Path, data: Path | None = None) -> Case:
    """What evaluations of the task need, in `folder`; errors of the store, SpecInvalid."""
    parameters = task.parameters
    spec = read_spec(store.get(parameters.spec_digest, folder / "spec", Limits(MAX_SPEC_BYTES, 1)))
    check_parameters(spec, parameters)
    return Case(folder, spec, parameters.spec_digest, parameters.held_out_digest, data)


def _told(folder: Path) -> dict[str, Any]:
    found = read_report(folder)
    if isinstance(found, Verdict):
        return {"verdict": found.verdict, "reason": found.reason}
    return {
        "verdict": "scored",
        "metric": found.report.metric,
        "score": found.report.score / 10**9,
        "mean_loss": float(found.losses.mean()),
        "samples": found.report.samples,
    }
