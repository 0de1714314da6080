import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from protocol.artifacts import manifest_of
from protocol.errors import ModelInvalid, SpecInvalid, StorageFailed, TaskFailed
from protocol.models import write_tensors
from protocol.reports import Evaluation, read_report
from protocol.specs import make_spec, spec_digest, write_spec
from protocol.tasks import Budget, load
from protocol.tasks.classification import MAX_LOSS, Network
from protocol.tasks.data import DATASETS, Table, split, write_data
from protocol.tasks.determinism import deterministic
from protocol.tasks.runs import MODEL_FILE, evaluate_artifact, train_artifact

QUICK = Budget(epochs=12, batch_size=64, learning_rate=1e-2)


def spec(model=None, **fields):
    return make_spec(
        **{
            "kind": "classification",
            "title": "A task",
            "description": "",
            "metric": "accuracy",
            "maximise": True,
            "scale": 10**9,
            "tolerance": 10**5,
            "slash_tolerance": 5 * 10**6,
            "grid": 10**6,
            "model": model or {"features": 2, "hidden": [], "classes": 2},
            "training_digest": "0x" + "1" * 64,
            "held_out_digest": "0x" + "2" * 64,
            "limits": {"max_model_bytes": 10**6, "max_seconds": 60, "max_memory_bytes": 2**30},
        }
        | fields
    )


CANCER = spec({"features": 30, "hidden": [16], "classes": 2})


@pytest.fixture(scope="module")
def cancer(tmp_path_factory):
    """Directories `training` and `held-out` with real data, `model` with a model trained on them."""
    directory = tmp_path_factory.mktemp("cancer")
    source = DATASETS["breast_cancer"]()
    for name, part in zip(("training", "held-out"), split(source.table, 0.3, b"test"), strict=True):
        write_data(directory / name, part, source.card)
    train_artifact(CANCER, directory / "training", directory / "model", QUICK, seed=1)
    return directory


# --- specifications


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        (None, {"kind": "poetry"}, "kind: poetry is none of classification"),
        (None, {"metric": "beauty"}, r"metric: it must be accuracy \(maximise: True\) or log_loss \(maximise: False\)"),
        (None, {"maximise": False}, "metric: it must be"),
        (
            None,
            {"limits": {"max_model_bytes": 100, "max_seconds": 1, "max_memory_bytes": 2**30}},
            "limits.max_model_bytes: this model needs ",
        ),
        ({"features": 2, "hidden": []}, {}, "model.classes: Field required"),
        ({"features": 0, "hidden": [], "classes": 2}, {}, "model.features: "),
        ({"features": 2, "hidden": [2] * 9, "classes": 2}, {}, "model.hidden: "),
        ({"features": 2, "hidden": ["2"], "classes": 2}, {}, "model.hidden.0: "),
        ({"features": 2, "hidden": [], "classes": 1}, {}, "model.classes: "),
        ({"features": 2, "hidden": [], "classes": 2, "code": "x"}, {}, "model.code: Extra"),
        ({"features": 65_536, "hidden": [65_536], "classes": 2}, {}, "model: it has more than 100,000,000 parameters"),
    ],
)
def test_specifications_that_the_kind_cannot_follow(model, fields, reason):
    with pytest.raises(SpecInvalid, match=f"The specification is not valid: {reason}"):
        load(spec(model, **fields))


def test_the_tensors_are_those_of_the_network():
    task = load(spec({"features": 5, "hidden": [4, 3], "classes": 2}))
    state = Network(task.model).state_dict()
    assert {name: kind.shape for name, kind in task.tensors().items()} == {n: tuple(t.shape) for n, t in state.items()}


# --- training


def test_models_learn_and_their_files_are_what_the_specification_says(cancer, tmp_path):
    metrics = evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path)
    assert metrics.score > 0.93
    assert [path.name for path in (cancer / "model").iterdir()] == [MODEL_FILE]


def test_the_same_seed_gives_the_same_model_and_another_another(cancer, tmp_path):
    for name, seed in (("same", 1), ("other", 2)):
        train_artifact(CANCER, cancer / "training", tmp_path / name, QUICK, seed)
    assert manifest_of(tmp_path / "same") == manifest_of(cancer / "model")
    assert manifest_of(tmp_path / "other") != manifest_of(cancer / "model")


def test_training_stops_when_it_no_longer_gets_better_and_keeps_the_best(cancer):
    task = load(CANCER)
    seen = []
    budget = Budget(epochs=500, learning_rate=0.03, patience=3, dropout=0.1)
    trained = task.train(task.load(cancer / "training"), budget, 3, seen.append)
    assert tuple(seen) == trained.history
    assert 3 < len(seen) < 500
    assert trained.best.step == len(seen) - 3
    assert [progress.step for progress in seen] == list(range(1, len(seen) + 1))


def test_training_keeps_to_its_time(cancer):
    task = load(CANCER)
    trained = task.train(task.load(cancer / "training"), Budget(epochs=10**6, patience=10**6, max_seconds=0.3), 1)
    assert 1 <= len(trained.history) < 1000


def test_progress_can_end_the_training(cancer, tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_artifact(CANCER, cancer / "training", tmp_path / "model", QUICK, 1, stop)
    assert not (tmp_path / "model").exists()


def test_a_training_that_diverges_is_told(cancer, tmp_path):
    with pytest.raises(TaskFailed, match="classification: the training diverged; choose a lower learning rate"):
        train_artifact(CANCER, cancer / "training", tmp_path, Budget(learning_rate=1e36, epochs=50), 1)


def test_too_few_rows_are_told():
    with pytest.raises(TaskFailed, match="1 rows are too few to keep 20% aside"):
        load(spec()).train(Table(np.zeros((1, 2), "f4"), np.zeros(1, "i8")), Budget(), 1)


def test_columns_without_information_do_no_harm():
    random = np.random.default_rng(0)
    x = np.stack([random.normal(size=200), np.full(200, 1e7), random.normal(size=200) * 1e-30, np.zeros(200)], 1)
    data = Table(x.astype("f4"), (x[:, 0] > 0).astype("i8"))
    task = load(spec({"features": 4, "hidden": [], "classes": 2}))
    trained = task.train(data, Budget(epochs=50, learning_rate=0.05), 1)
    assert task.evaluate(trained.weights, data).score > 0.95
    assert all(np.isfinite(array).all() for array in trained.weights.values())


@pytest.mark.parametrize("field", ["epochs", "batch_size", "learning_rate", "patience", "max_seconds", "validation"])
def test_budgets_are_checked(field):
    with pytest.raises(ValueError, match=f"{field} = 0 is out of range"):
        Budget(**{field: 0})


# --- evaluation


def linear(weight, bias=(0, 0)):
    """Weights of a model of two features and two classes without a hidden layer."""
    return {
        "mean": np.zeros(2, "f4"),
        "scale": np.ones(2, "f4"),
        "layers.0.weight": np.array(weight, "f4"),
        "layers.0.bias": np.array(bias, "f4"),
    }


ROWS = Table(np.array([[1, 0], [0, 1], [2, 1], [1, 1]], "f4"), np.array([0, 1, 1, 0]))


def test_scores_by_hand():
    metrics = load(spec()).evaluate(linear([[1, 0], [0, 1]]), ROWS)
    assert metrics.values.tolist() == [1, 1, 0, 1]  # of equal outputs the first class counts
    assert metrics.score == 0.75
    assert metrics.losses == pytest.approx([np.log1p(np.exp(-1))] * 2 + [np.log1p(np.e), np.log(2)], abs=1e-12)


def test_log_loss_is_the_mean_of_the_losses_and_no_sample_decides_alone():
    metrics = load(spec(metric="log_loss", maximise=False)).evaluate(linear([[1e4, 0], [0, 1e4]]), ROWS)
    assert metrics.losses == pytest.approx([0, 0, MAX_LOSS, np.log(2)])
    assert metrics.score == pytest.approx((MAX_LOSS + np.log(2)) / 4)


def test_outputs_that_are_no_numbers_make_a_model_invalid():
    large = np.finfo("f4").max
    task = load(spec({"features": 2, "hidden": [2] * 8, "classes": 2}))
    weights = {name: np.full(kind.shape, large, "f4") for name, kind in task.tensors().items()}
    with pytest.raises(ModelInvalid, match="its outputs are not finite"):
        task.evaluate(weights | {"mean": np.zeros(2, "f4")}, ROWS)


weights = npst.arrays("f4", (2, 2), elements=st.floats(-(2.0**100), 2.0**100, width=32))


@given(weights, st.integers(1, 5))
def test_a_sample_scores_the_same_in_any_company(weight, count):
    task = load(spec())
    alone = [task.evaluate(linear(weight), ROWS.rows(np.array([i]))) for i in range(len(ROWS))]
    together = task.evaluate(linear(weight), ROWS.rows(np.tile(np.arange(len(ROWS)), count)))
    assert together.values.tolist() == [float(m.values[0]) for m in alone] * count
    assert together.losses.tolist() == pytest.approx([float(m.losses[0]) for m in alone] * count, rel=1e-12)


def test_a_model_of_near_ties_does_not_set_validators_against_each_other():
    """Both classes get the same terms in another order: in floating point the winner would be an accident."""
    random = np.random.default_rng(0)
    terms = 300
    row, order = random.normal(size=terms).astype("f4"), random.permutation(terms)
    task = load(spec({"features": terms, "hidden": [], "classes": 2}))
    x = np.repeat(random.normal(size=(200, 1)), terms, axis=1).astype("f4")
    model = {
        "mean": np.zeros(terms, "f4"),
        "scale": np.ones(terms, "f4"),
        "layers.0.weight": np.stack([row, row[order]]),
        "layers.0.bias": np.zeros(2, "f4"),
    }
    metrics = task.evaluate(model, Table(x, np.zeros(200, np.int64)))
    assert metrics.score == 1
    assert len(set(metrics.losses)) == 1
    naive = x.astype("f8") @ model["layers.0.weight"].astype("f8").T
    assert 0 < np.mean(naive.argmax(1) == 0) < 1


SCRIPT = """
import sys, torch
from pathlib import Path
from protocol.specs import read_spec
from protocol.tasks.runs import evaluate_artifact
torch.set_num_threads(2)
evaluate_artifact(read_spec(Path(sys.argv[1])), *map(Path, sys.argv[2:]))
"""


@pytest.mark.parametrize("environment", [{}, {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"}])
def test_another_process_comes_to_the_same_report(cancer, tmp_path, environment):
    evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path / "here")
    write_spec(CANCER, tmp_path / "spec")
    command = [sys.executable, "-c", SCRIPT, *map(str, (tmp_path / "spec", cancer / "model", cancer / "held-out"))]
    subprocess.run([*command, str(tmp_path / "there")], env=os.environ | environment, check=True)
    here, there = read_report(tmp_path / "here"), read_report(tmp_path / "there")
    assert isinstance(here, Evaluation)
    assert here.report.score == there.report.score
    assert here.values.tolist() == there.values.tolist()
    assert np.abs(here.losses - there.losses).max() < 1e-12
    if not environment:
        assert manifest_of(tmp_path / "here") == manifest_of(tmp_path / "there")


def test_the_report_names_what_was_evaluated(cancer, tmp_path):
    metrics = evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path)
    evaluation = read_report(tmp_path)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.report.spec == spec_digest(CANCER)
    assert evaluation.report.model == manifest_of(cancer / "model").digest
    assert evaluation.report.score == round(metrics.score * 1e9)
    assert np.array_equal(evaluation.losses, metrics.losses)


# --- verdicts


@pytest.fixture
def model(tmp_path, cancer):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / MODEL_FILE).write_bytes((cancer / "model" / MODEL_FILE).read_bytes())
    return tmp_path / "model"


def break_weights(model: Path):
    task = load(CANCER)
    shapes = {name: np.zeros(kind.shape, "f4") for name, kind in task.tensors().items()}
    write_tensors(model / MODEL_FILE, shapes | {"mean": np.full(30, np.inf, "f4")})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: (model / "extra.pkl").write_bytes(b"\x80\x02."), "and nothing else"),
        (lambda model: (model / MODEL_FILE).rename(model / "model.pt"), "and nothing else"),
        (lambda model: (model / MODEL_FILE).unlink(), "has no files"),
        (lambda model: (model / "link").symlink_to("/etc/passwd"), "is not a plain file"),
        (lambda model: (model / MODEL_FILE).write_bytes(b"\x80\x04\x95" * 50), "no safetensors file"),
        (lambda model: (model / MODEL_FILE).write_bytes(bytes(10**6 + 1)), "at most 1,000,000 are allowed"),
        (break_weights, "tensor mean holds NaN or infinity"),
    ],
)
def test_models_that_are_invalid(model, cancer, tmp_path, change, reason):
    change(model)
    with pytest.raises(ModelInvalid, match=reason):
        evaluate_artifact(CANCER, model, cancer / "held-out", tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_held_out_set_that_is_none_is_found_before_the_model_is_looked_at(model, cancer, tmp_path):
    (model / MODEL_FILE).unlink()
    (tmp_path / "held-out").mkdir()
    with pytest.raises(TaskFailed, match=r"held-out set: data\.safetensors is missing"):
        evaluate_artifact(CANCER, model, tmp_path / "held-out", tmp_path / "report")


def test_a_report_that_cannot_be_written_is_no_verdict(cancer, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path / "file" / "report")


# --- determinism


def test_determinism_ends_with_its_block():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    with pytest.raises(KeyError), deterministic(9):
        first = torch.rand(3)
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        raise KeyError
    with deterministic(9):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
