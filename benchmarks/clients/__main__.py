"""What a validator costs beside the arithmetic itself, measured through the same code that it runs."""

import hashlib
import math
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch.nn import functional

from protocol.artifacts import FileHasher, manifest_of
from protocol.heldout import encrypt
from protocol.models import Tensors, write_tensors
from protocol.specs import TaskSpec, make_spec, spec_digest, write_spec
from protocol.store import DirectoryStore
from protocol.tasks import load
from protocol.tasks.data import Card, Table, write_data
from protocol.tasks.runs import MODEL_FILE
from validator.evaluation import Case, Evaluations
from validator.isolation import Limits
from validator.sandbox import Sandbox

KEY = b"k" * 32
FEATURES, CLASSES = 256, 10
MIB = 1 << 20
app = typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True)


# --- a task of any size


def spec_of(hidden: list[int], held_out: str) -> TaskSpec:
    return make_spec(
        kind="classification",
        title="A task of any size",
        description="",
        metric="log_loss",
        maximise=False,
        scale=10**11,
        tolerance=10**5,
        slash_tolerance=10**6,
        grid=10**5,
        model={"features": FEATURES, "hidden": hidden, "classes": CLASSES},
        training_digest="0x" + "11" * 32,
        held_out_digest=held_out,
        limits={"max_model_bytes": 1 << 30, "max_seconds": 3600, "max_memory_bytes": 8 << 30},
    )


def rows(count: int) -> Table:
    random = np.random.default_rng(1)
    return Table(random.normal(size=(count, FEATURES)).astype(np.float32), random.integers(0, CLASSES, count))


def card() -> Card:
    names = (tuple(f"{kind}{n}" for n in range(count)) for kind, count in (("f", FEATURES), ("c", CLASSES)))
    return Card(name="x", description="", source="", licence="", features=next(names), classes=next(names), rows=1)


def model(spec: TaskSpec, number: int) -> Tensors:
    """A model whose outputs stay small, another one for each number."""
    random = np.random.default_rng(number)
    shapes = {name: tuple(n or 0 for n in kind.shape) for name, kind in load(spec).tensors().items()}
    return {
        name: (random.standard_normal(shape, np.float32) / math.sqrt(shape[-1])).astype(np.float32)
        for name, shape in shapes.items()
    }


class Bench:
    """A task in a store, and a validator's evaluations of it."""

    def __init__(self, root: Path, hidden: list[int], samples: int) -> None:
        self.store = DirectoryStore(root / "store")
        self.data = rows(samples)
        sealed = encrypt(write_data(root / "data", self.data, card()), KEY, root / "sealed")
        self.spec = spec_of(hidden, self.store.put(sealed))
        self.root = root
        self.case = Case(root / "task", self.spec, spec_digest(self.spec), self.spec.held_out_digest)
        write_spec(self.spec, self.case.spec_folder)
        self.sandbox = Sandbox()
        self.evaluations = Evaluations(self.store, self.sandbox, 1 << 34)
        self.judge(self.submit(10**6))  # opens the held-out set, warms the sandbox

    def submit(self, number: int) -> str:
        """Publish a model; its digest."""
        folder = self.root / "models" / str(number)
        write_tensors(folder / MODEL_FILE, model(self.spec, number))
        return self.store.put(folder)

    def judge(self, digest: str) -> None:
        """From a digest to a finding: fetch, verify, confine, load, evaluate, report."""
        assert self.evaluations.assess(self.case, digest, "0x" + KEY.hex()).score > 0


def plain(tensors: Tensors, data: Table, batch: int = 1024) -> float:
    """The mean loss, by the loop that anybody would write, in float64."""
    weights = {name: torch.from_numpy(array).double() for name, array in tensors.items()}
    layers = sum(name.endswith(".weight") for name in weights)
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(data), batch):
            x = (torch.from_numpy(data.x[start : start + batch]).double() - weights["mean"]) * weights["scale"]
            for number in range(layers):
                x = functional.linear(x, weights[f"layers.{number}.weight"], weights[f"layers.{number}.bias"])
                x = x if number == layers - 1 else functional.relu(x)
            total += float(
                functional.cross_entropy(x, torch.from_numpy(data.y[start : start + batch]), reduction="sum")
            )
    return total / len(data)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


# --- figures


@app.command()
def overhead(
    samples: Annotated[list[int] | None, typer.Option(min=100, help="Rows of the held-out set.")] = None,
    width: Annotated[int, typer.Option(min=8, help="Of the two hidden layers.")] = 512,
    runs: Annotated[
        int, typer.Option(min=3, help="Pairs of an evaluation and a plain loop, one after the other.")
    ] = 15,
) -> None:
    """From digest to finding, against a plain loop over tensors that are in memory already; both float64, one thread.

    Of processor seconds, those of forking and confining included. A machine's speed wanders by more than what is
    measured, so each evaluation is compared with the plain loops right before and right after it, of the same model.
    """
    torch.set_num_threads(1)
    columns = ("samples", "validator s", "plain s", "ratio", "quartiles", "least of each")
    print("".join(f"{name:>15}" for name in columns))
    for size in samples or [10_000, 40_000, 80_000, 160_000]:
        ours, around, loops = _pairs(size, width, runs)
        ratios = [one / other for one, other in zip(ours, around, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        figures = (f"{size:,}", f"{statistics.median(ours):.3f}", f"{statistics.median(loops):.3f}", f"{middle:.3f}")
        print("".join(f"{text:>15}" for text in (*figures, f"{low:.3f}–{high:.3f}", f"{min(ours) / min(loops):.3f}")))


def _pairs(samples: int, width: int, runs: int) -> tuple[list[float], list[float], list[float]]:
    """Processor seconds of evaluations, of the plain loops around each (their mean), and of all plain loops."""
    ours, around, loops = [], [], []
    with tempfile.TemporaryDirectory(prefix="skein-bench-") as root:
        bench = Bench(Path(root), [width, width], samples)
        for number in range(runs):
            digest, tensors = bench.submit(number), model(bench.spec, number)
            loop = partial(plain, tensors, bench.data)
            before = spent(loop)
            ours.append(spent(partial(bench.judge, digest)))
            after = spent(loop)
            around.append((before + after) / 2)
            loops += [before, after]
        bench.sandbox.close()
    return ours, around, loops


def spent(work: Callable[[], object]) -> float:
    """Seconds of processors: this process's and those of all that is started for the sandbox."""
    before, own = _children_seconds(), time.process_time()
    work()
    return time.process_time() - own + _children_seconds() - before


def _children_seconds() -> float:
    """Processor time of all processes that this one has started, directly or not, with those that they waited for."""
    family, total = {os.getpid()}, 0
    processes = sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    for process in processes:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if int(fields[1]) in family:
            family.add(process)
            total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


@app.command()
def rate(
    submissions: Annotated[int, typer.Option(min=10)] = 200,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    samples: Annotated[int, typer.Option(min=10)] = 200,
) -> None:
    """Small submissions per minute, with as many evaluations at once as a validator has workers."""
    with tempfile.TemporaryDirectory(prefix="skein-bench-") as root:
        bench = Bench(Path(root), [16], samples)
        digests = [bench.submit(number) for number in range(submissions)]

        def work(part: int) -> None:
            for digest in digests[part::workers]:
                bench.judge(digest)

        threads = [threading.Thread(target=work, args=(part,)) for part in range(workers)]

        def all_of_them() -> None:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        took = seconds(all_of_them)
        bench.sandbox.close()
    each = 1000 * took / submissions
    print(f"{60_000 / each:,.0f} submissions a minute with {workers} workers ({each:.1f} ms each)")


@app.command()
def cid(mebibytes: Annotated[int, typer.Option(min=16)] = 512, runs: Annotated[int, typer.Option(min=1)] = 5) -> None:
    """CIDs of a file's bytes against plain sha-256 of the same bytes, both from memory."""
    data, piece = np.random.default_rng(1).bytes(mebibytes * MIB), MIB
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]

    def hash_cid() -> None:
        hasher = FileHasher()
        for each in pieces:
            hasher.update(each)
        hasher.cid()

    def hash_plain() -> None:
        hasher = hashlib.sha256()
        for each in pieces:
            hasher.update(each)
        hasher.digest()

    found = {"CID": [], "sha-256": []}
    for _ in range(runs):
        found["sha-256"].append(mebibytes / seconds(hash_plain))
        found["CID"].append(mebibytes / seconds(hash_cid))
    ours, raw = (statistics.median(found[name]) for name in ("CID", "sha-256"))
    print(f"CID {ours:,.0f} MiB/s, sha-256 {raw:,.0f} MiB/s: {ours / raw:.2f} of its speed ({runs} × {mebibytes} MiB)")


@app.command()
def memory(widths: Annotated[list[int] | None, typer.Option("--width", help="Of the hidden layers.")] = None) -> None:
    """Peak memory of a confined evaluation by the size of the model; 100 samples."""
    found = []
    print(f"{'model MiB':>10}{'peak MiB':>10}")
    for width in widths or [2048, 4096, 6144, 9000]:
        with tempfile.TemporaryDirectory(prefix="skein-bench-") as name:
            found.append(_peak(Path(name), [width, width]))
        print("".join(f"{each / MIB:>10.1f}" for each in found[-1]))
    slope, constant = statistics.linear_regression(*zip(*found, strict=True))
    print(f"{slope:.2f} bytes a byte of the model, and {constant / MIB:.0f} MiB")


def _peak(root: Path, hidden: list[int]) -> tuple[int, int]:
    """Bytes of the model, and of the evaluation's resident memory at most."""
    spec = spec_of(hidden, "0x" + "22" * 32)
    write_spec(spec, root / "spec")
    write_data(root / "data", rows(100), card())
    write_tensors(root / "model" / MODEL_FILE, model(spec, 1))
    (root / "out").mkdir()
    job = {"spec": str(root / "spec"), "held_out": str(root / "data"), "model": str(root / "model")}
    job["digest"] = manifest_of(root / "model").digest
    sandbox = Sandbox()
    ended = sandbox.run(
        job, [Path(path) for path in list(job.values())[:3]], root / "out", Limits(600, 16 << 30, MIB), 600
    )
    sandbox.close()
    assert ended.fault is None
    return (root / "model" / MODEL_FILE).stat().st_size, ended.peak_bytes


if __name__ == "__main__":
    app()
