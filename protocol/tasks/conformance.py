"""What a kind must hold so that honest parties agree on it: `skein kind check` tries it on the kind's own example.

A check is a function of a `Bench`; it raises `Fails` with a sentence that says what does not hold.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np

from protocol.artifacts import manifest_of
from protocol.errors import ModelInvalid, SpecInvalid, TaskFailed
from protocol.models import tensor_bytes
from protocol.reports import Evaluation, read_report, write_report
from protocol.specs import load_spec, spec_digest
from protocol.tasks.base import Metrics, Weights
from protocol.tasks.bench import SEED, Bench, Fails, evaluate_elsewhere
from protocol.tasks.runs import MODEL_FILE, read_model, write_model
from protocol.tasks.sets import DATA_FILE, split

# Instruction sets and threads under which an evaluation must come out the same; a processor ignores what it lacks.
MACHINES: tuple[tuple[dict[str, str], int], ...] = (
    ({"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}, 1),
    ({"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "MKL_CBWR": "COMPATIBLE"}, 2),
)

PATIENCE = 60.0  # seconds for which a training may go on after its first step, when half a second is given


def _expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise Fails(sentence)


# --- checks


def specifications(bench: Bench) -> None:
    """A specification has one spelling, and what the kind cannot follow is refused."""
    spec = bench.spec()
    _expect(load_spec(spec.to_bytes()) == spec, "the specification is another one after it was read")
    changes: dict[str, dict[str, Any]] = {
        "another metric": {"metric": "no_such_metric"},
        "the other direction": {"maximise": not spec.maximise},
        "a field that nobody knows": {"model": {**spec.model, "no_such_field": 1}},
        "no description of the model": {"model": {}},
        "a limit too small for the model": {"limits": spec.limits.model_copy(update={"max_model_bytes": 1})},
        "a base model too many or too few": {"base_digest": None if spec.base_digest else "0x" + "1" * 64},
    }
    for what, change in changes.items():
        try:
            bench.cls(bench.spec(**change), bench.example.base)
        except SpecInvalid:
            continue
        raise Fails(f"a specification with {what} is accepted")


def tensors(bench: Bench) -> None:
    """All shapes of a model are complete, and a blank model passes the gate."""
    expected = bench.task.tensors()
    _expect(bool(expected), "a model has no tensors")
    _expect(all(None not in kind.shape for kind in expected.values()), "a tensor's shape is not complete")
    folder = bench.place / "blank"
    write_model(bench.task.blank(), folder)
    size = (folder / MODEL_FILE).stat().st_size
    _expect(size <= tensor_bytes(expected), f"a blank model has {size} bytes, more than its tensors need")
    read = read_model(bench.task, folder)
    _expect(_same(read, bench.task.blank()), "a blank model is another one after it was read")


def data_sets(bench: Bench) -> None:
    """A data set is the same after it was written and read; its samples can be chosen and ordered."""
    training, _ = split(bench.example.source.data, 0.3, SEED)
    read = bench.task.load(bench.folders[0])
    _expect(len(read) == len(training), "a data set has another length after it was read")
    same = all(read.content(i) == training.content(i) for i in range(len(read)))
    _expect(same, "a data set is another one after it was read")
    order = np.arange(len(read))[::-1].copy()
    turned = read.rows(order).rows(order)
    same = len(turned) == len(read) and all(turned.content(i) == read.content(i) for i in range(len(read)))
    _expect(same, "rows() does not give the samples in the order that was asked for")
    _expect(len(read.strata()) == len(read), "strata() does not have one group per sample")


def damaged_data(bench: Bench) -> None:
    """Data that are damaged anywhere raise TaskFailed or are data, and nothing else happens."""
    good = (bench.folders[1] / DATA_FILE).read_bytes()
    folder = bench.place / "damaged"
    for what, bad in _damages(good):
        folder.mkdir(exist_ok=True)
        (folder / DATA_FILE).write_bytes(bad)
        try:
            bench.task.load(folder)
        except TaskFailed:
            continue
        except Exception as error:
            raise Fails(f"data that are {what} raise {type(error).__name__}, not TaskFailed") from error
    (folder / DATA_FILE).unlink()
    try:
        bench.task.load(folder)
    except TaskFailed:
        return
    raise Fails("an empty folder is taken for data")


def _damages(good: bytes) -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(1)
    for length in (0, 7, 8, len(good) // 2, len(good) - 1):
        yield f"cut to {length} bytes", good[:length]
    for _ in range(60):
        place = int(random.integers(len(good)))
        yield f"changed at byte {place}", good[:place] + bytes([random.integers(256)]) + good[place + 1 :]


def training(bench: Bench) -> None:
    """The same seed makes the same model, another one another; training tells how it goes and obeys."""
    data, budget, seen = bench.task.load(bench.folders[0]), bench.example.budget, list[Any]()
    again = bench.task.train(data, budget, 1, seen.append)
    _expect(_same(again.weights, bench.weights), "the same seed makes another model")
    _expect(tuple(seen) == again.history, "the history is not what progress was told")
    _expect(not _same(bench.task.train(data, budget, 2).weights, bench.weights), "another seed makes the same model")
    bench.task.train(data, replace(budget, epochs=10**6, patience=10**6, max_seconds=0.5), 1, _impatient())

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    try:
        bench.task.train(data, budget, 1, stop)
    except KeyboardInterrupt:
        return
    raise Fails("what progress raises does not end the training")


def _impatient() -> Callable[[object], None]:
    """Fails at the first step that begins long after the first one: how long one takes is the machine's business."""
    began: float | None = None

    def hear(_: object) -> None:
        nonlocal began
        began = monotonic() if began is None else began
        _expect(monotonic() - began < PATIENCE, "max_seconds does not end a training")

    return hear


def learning(bench: Bench) -> None:
    """A trained model is better than a blank one, on data that it has not seen."""
    blank = bench.task.evaluate(bench.task.blank(), bench.data).score
    ours = bench.metrics.score
    better = ours > blank if bench.task.spec.maximise else ours < blank
    _expect(better, f"a trained model scores {ours:.4f}, a blank one {blank:.4f}")


def round_trip(bench: Bench) -> None:
    """A model scores the same after it was written and read, and so does its report."""
    write_model(bench.weights, bench.place / "model")
    read = read_model(bench.task, bench.place / "model")
    _expect(_same(read, bench.weights), "a model is another one after it was read")
    bench.expect_equal("after writing and reading a model", bench.task.evaluate(read, bench.data), bench.metrics)
    digest, report = manifest_of(bench.place / "model").digest, bench.place / "report"
    shown = {"spec": spec_digest(bench.task.spec), "model": digest, "metric": bench.task.spec.metric}
    write_report(report, **shown, losses=bench.metrics.losses, values=bench.metrics.values)
    told = read_report(report)
    _expect(isinstance(told, Evaluation), "the report of an evaluation is none")
    _expect(bool(np.isfinite(bench.metrics.losses).all()), "a loss is not finite")


def company(bench: Bench) -> None:
    """A sample scores the same among all, among some, and in any order: a sample can be audited alone."""
    some = np.random.default_rng(2).permutation(len(bench.data))[: max(2, len(bench.data) // 3)]
    alone = bench.task.evaluate(bench.weights, bench.data.rows(some))
    among = Metrics(bench.metrics.losses[some], bench.metrics.values[some])
    bench.expect_equal("of some samples in another order", alone, among)


def machines(bench: Bench) -> None:
    """Other instruction sets and numbers of threads give the same losses."""
    for environment, threads in MACHINES:
        other = evaluate_elsewhere(bench, environment, threads)
        bench.expect_equal(f"with {environment} and {threads} threads", other, bench.metrics)


def hostile_weights(bench: Bench) -> None:
    """Whatever finite numbers a model holds, it gets finite losses, or ModelInvalid."""
    largest = float(np.finfo(np.float32).max)
    for value in (largest, -largest, 1e-45, -1.0, 1e20):
        try:
            metrics = bench.task.evaluate(_filled(bench, value), bench.data)
        except ModelInvalid:
            continue
        finite = np.isfinite(np.concatenate([metrics.losses, metrics.values])).all() and math.isfinite(metrics.score)
        _expect(bool(finite), f"weights of {value:g} give losses that are not finite")


def _filled(bench: Bench, value: float) -> Weights:
    """Every third number the value, the others its opposite; tensors that are no numbers to be learned as they are."""
    weights = bench.task.blank()
    for name, kind in bench.task.tensors().items():
        if kind.dtype not in ("U8", "I64"):
            signs = np.where(np.arange(weights[name].size) % 3, -1, 1).reshape(weights[name].shape)
            weights[name] = (signs * value).astype(weights[name].dtype)
    return weights


def limits(bench: Bench) -> None:
    """An evaluation keeps to the limits of the specification: memory and processor time."""
    evaluate_elsewhere(bench, {}, 1, confined=True)


CHECKS: tuple[Callable[[Bench], None], ...] = (
    specifications,
    tensors,
    data_sets,
    damaged_data,
    training,
    learning,
    round_trip,
    company,
    machines,
    hostile_weights,
    limits,
)


def _same(weights: Weights, others: Weights) -> bool:
    return weights.keys() == others.keys() and all(weights[n].tobytes() == others[n].tobytes() for n in weights)
