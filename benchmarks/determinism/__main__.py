"""Measures by how much evaluations of one model differ between threads, instruction sets and batches.

`python -m benchmarks.determinism [KIND…]` prints a table: our evaluation, and plain torch in float32 beside it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from protocol.specs import write_spec
from protocol.tasks import KINDS, kind
from protocol.tasks.base import Floats
from protocol.tasks.bench import Bench, evaluate_elsewhere
from protocol.tasks.runs import write_model

SSE = {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"}
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
# What is varied against one thread, the processor as it is, and all samples at once: environment, threads, batch.
CASES: dict[str, tuple[dict[str, str], int, int]] = {
    "two threads": ({}, 2, 0),
    "AVX2": (AVX2, 1, 0),
    "SSE": (SSE, 1, 0),
    "batches of 1": ({}, 1, 1),
    "batches of 7": ({}, 1, 7),
}


def main() -> None:
    """Print the table."""
    print("| kind | varied | ours: losses | ours: score | plain float32: losses | plain float32: mean loss |")
    print("|---|---|---:|---:|---:|---:|")
    for name in sys.argv[1:] or KINDS:
        with tempfile.TemporaryDirectory() as place:
            bench = Bench(kind(name), Path(place))
            for case, (environment, threads, batch) in CASES.items():
                print(f"| `{name}` | {case} | {' | '.join(_row(bench, environment, threads, batch))} |", flush=True)


def _row(bench: Bench, environment: dict[str, str], threads: int, batch: int) -> list[str]:
    reference = bench.metrics
    if batch:
        parts = [
            bench.task.evaluate(bench.weights, bench.data.rows(np.arange(at, min(at + batch, len(bench.data)))))
            for at in range(0, len(bench.data), batch)
        ]
        losses, values = (np.concatenate([getattr(p, name) for p in parts]) for name in ("losses", "values"))
    else:
        other = evaluate_elsewhere(bench, environment, threads)
        losses, values = other.losses, other.values
    plain, varied = _plain(bench, {}, 1, 0), _plain(bench, environment, threads, batch)
    distances = (
        np.abs(losses - reference.losses).max(),
        abs(values.mean() - reference.values.mean()),
        np.abs(varied - plain).max(),
        abs(varied.mean() - plain.mean()),
    )
    return [f"{distance:.1e}" if distance else "0" for distance in distances]


def _plain(bench: Bench, environment: dict[str, str], threads: int, batch: int) -> Floats:
    folder = bench.place / "plain"
    write_model(bench.weights, folder / "model")
    write_spec(bench.task.spec, folder / "spec")
    folders = (folder / "spec", folder / "model", bench.folders[1], bench.example.base or "", folder / "losses.npy")
    command = [sys.executable, "-m", "benchmarks.determinism.plain", bench.cls.kind, *map(str, folders)]
    subprocess.run([*command, str(threads), str(batch)], env=os.environ | environment, check=True)
    losses: Floats = np.load(folder / "losses.npy")
    return losses


if __name__ == "__main__":
    main()
