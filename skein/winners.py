"""The best model of a task, evaluated once more from what everybody can fetch: the proof that the ranking is public."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from protocol import heldout
from protocol.chain import Chain
from protocol.encoding import score
from protocol.specs import MAX_SPEC_BYTES, read_spec
from protocol.store import ArtifactStore, Limits
from protocol.tasks.runs import evaluate_artifact

_DATA_BYTES = 1 << 30


@dataclass(frozen=True)
class Evaluation:
    """A model's score as the chain has it and as it comes out here, value × 1e9, over that many held-out samples."""

    digest: str
    consensus: int
    ours: int
    samples: int


def evaluate_again(chain: Chain, store: ArtifactStore, task_id: int, submission_id: int) -> Evaluation:
    """Fetch specification, model and held-out set by their digests, open the set with the key on chain, score."""
    task, submission = chain.task(task_id), chain.submission(task_id, submission_id)
    terms = task.parameters
    with TemporaryDirectory(prefix="skein-check-") as name:
        place = Path(name)
        spec = read_spec(store.get(terms.spec_digest, place / "spec", Limits(MAX_SPEC_BYTES, 1)))
        model = store.get(submission.digest, place / "model", Limits(spec.limits.max_model_bytes))
        sealed = store.get(terms.held_out_digest, place / "sealed", Limits(_DATA_BYTES))
        data = heldout.decrypt(sealed, bytes.fromhex(task.key[2:]), place / "data")
        metrics = evaluate_artifact(spec, model, data, place / "report")
    return Evaluation(submission.digest, submission.score, score(metrics.score), len(metrics.values))
