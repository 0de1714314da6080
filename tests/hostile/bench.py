"""A validator's evaluations of one task, from a digest to a report: the part of it that strangers reach."""

from dataclasses import dataclass
from pathlib import Path

from samples import CANCER
from world import KEY

from protocol.artifacts import manifest_of
from protocol.errors import ArtifactMissing, DigestMismatch
from protocol.reports import Evaluation, Verdict, read_report
from protocol.specs import TaskSpec, spec_digest, write_spec
from protocol.store import DirectoryStore
from validator.evaluation import Case, Evaluations
from validator.sandbox import Sandbox

_LIMITS = CANCER.limits.model_copy(update={"max_model_bytes": 64 << 20})


@dataclass
class Bench:
    """`store` is where its artifacts come from."""

    store: DirectoryStore
    case: Case
    evaluations: Evaluations

    def judge(self, digest: str) -> Evaluation | Verdict:
        """As `ArenaValidator` does: what no store gives until the deadline is unavailable."""
        try:
            finding = self.evaluations.assess(self.case, digest, "0x" + KEY.hex())
        except (ArtifactMissing, DigestMismatch) as error:
            finding = self.evaluations.give_up(self.case, digest, str(error))
        return read_report(finding.report)


def open_bench(root: Path, sandbox: Sandbox, sealed: Path) -> Bench:
    """A bench for a task with this sealed held-out set."""
    spec = CANCER.model_copy(update={"held_out_digest": manifest_of(sealed).digest, "limits": _LIMITS})
    return open_desk(root, sandbox, sealed, spec)


def open_desk(root: Path, sandbox: Sandbox, sealed: Path, spec: TaskSpec, base: Path | None = None) -> Bench:
    """The same for a task of any kind; its specification names the sealed set, and the base model if there is one."""
    store = DirectoryStore(root / "store")
    for folder in filter(None, (sealed, base)):
        store.put(folder)
    case = Case(root / "task", spec, spec_digest(spec), spec.held_out_digest)
    write_spec(spec, case.spec_folder)
    return Bench(store, case, Evaluations(store, sandbox, 1 << 30))
