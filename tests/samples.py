"""Small artifacts and tasks that tests are about."""

from pathlib import Path
from typing import Any

from protocol.artifacts import CHUNK_BYTES
from protocol.specs import TaskSpec, make_spec
from protocol.store import Limits

LIMITS = Limits(max_bytes=100_000_000)
FILES = {
    "empty": b"",
    "small.txt": b"hello\n",
    "folder/exact.bin": b"x" * CHUNK_BYTES,
    "folder/large.bin": bytes(range(256)) * 5000,
}


def write_files(directory: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return directory


SPEC_FIELDS: dict[str, Any] = {
    "kind": "classification",
    "title": "Which is it?",
    "description": "Two classes.\nTwo numbers.",
    "metric": "accuracy",
    "maximise": True,
    "scale": 10**9,
    "tolerance": 10**5,
    "slash_tolerance": 5 * 10**6,
    "grid": 10**6,
    "model": {"features": 2, "hidden": [], "classes": 2},
    "training_digest": "0x" + "1" * 64,
    "held_out_digest": "0x" + "2" * 64,
    "limits": {"max_model_bytes": 10**6, "max_seconds": 60, "max_memory_bytes": 2**30},
}


def sample_spec(**fields: Any) -> TaskSpec:
    return make_spec(**SPEC_FIELDS | fields)


CANCER = sample_spec(title="Breast cancer", model={"features": 30, "hidden": [16], "classes": 2})
