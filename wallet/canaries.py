"""Canaries: models whose score the creator of a task knows, so that panels which conspire are found out.

They are committed to with the task, submitted from other accounts like anybody's, and told when all scores are bound.
"""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from protocol.artifacts import manifest_of
from protocol.encoding import canary_leaf, canary_proof, canary_root
from protocol.errors import ConfigInvalid, ModelInvalid, StorageFailed, TaskFailed
from protocol.reports import mean_score
from protocol.specs import TaskSpec


@dataclass(frozen=True)
class Canary:
    """A model's digest and its score (value × 1e9) on the held-out set; the salt hides both until they are told."""

    digest: str
    score: int
    salt: str

    @property
    def leaf(self) -> bytes:
        return canary_leaf(self.digest, self.score, bytes.fromhex(self.salt))


def measured(
    models: Sequence[Path], spec: TaskSpec, held_out: Path, scratch: Path, base: Path | None = None
) -> tuple[Canary, ...]:
    """The canaries of these model folders, evaluated on the plain held-out set; ConfigInvalid for what is no model."""
    from protocol.tasks.runs import evaluate_artifact

    found = []
    for number, model in enumerate(models):
        if not model.is_dir():
            raise ConfigInvalid(f"{model} is not the folder of a model.")
        try:
            metrics = evaluate_artifact(spec, model, held_out, scratch / f"canary-{number}", base)
        except (ModelInvalid, TaskFailed) as error:
            raise ConfigInvalid(f"{model} cannot be a canary: {error.reason}.") from error
        digest, score = manifest_of(model).digest, mean_score(metrics.values)
        found.append(Canary(digest, score, secrets.token_bytes(32).hex()))
    if len({canary.digest for canary in found}) < len(found):
        raise ConfigInvalid("Two canaries are the same model: each can be submitted once.")
    return tuple(found)


def root_of(canaries: Sequence[Canary]) -> str:
    """What the task commits to."""
    return canary_root([canary.leaf for canary in canaries])


def proof_of(canaries: Sequence[Canary], canary: Canary) -> list[bytes]:
    """The proof that it is one of them."""
    return canary_proof([each.leaf for each in canaries], list(canaries).index(canary))


def keep(path: Path, canaries: Sequence[Canary]) -> None:
    """Write them durably, readable by their owner alone."""
    if not canaries:
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump([asdict(canary) for canary in canaries], file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageFailed(f"The canaries cannot be kept in {path}: {error.strerror}.") from error


def read(path: Path) -> tuple[Canary, ...]:
    """Those that were kept; none where nothing was."""
    try:
        return tuple(Canary(**each) for each in json.loads(path.read_text()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigInvalid(f"{path} does not hold canaries: {error}.") from error
