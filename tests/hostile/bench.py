"""A validator's evaluations of one task, from a digest to a report: the part of it that strangers reach."""

from dataclasses import dataclass
from pathlib import Path

from samples import CANCER
from world import KEY

from protocol.errors import ArtifactMissing, DigestMismatch
from protocol.reports import Evaluation, Verdict, read_report
from protocol.specs import spec_digest, write_spec
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
    store = DirectoryStore(root / "store")
    held_out = store.put(sealed)
    spec = CANCER.model_copy(update={"held_out_digest": held_out, "limits": _LIMITS})
    case = Case(root / "task", spec, spec_digest(spec), held_out)
    write_spec(spec, case.spec_folder)
    return Bench(store, case, Evaluations(store, sandbox, 1 << 30))
