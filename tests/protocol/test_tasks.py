import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from samples import CANCER, sample_spec

from protocol.errors import ModelInvalid, SpecInvalid, TaskFailed
from protocol.tasks import Budget, load
from protocol.tasks.classification import Network
from protocol.tasks.classifier import MAX_LOSS
from protocol.tasks.data import Table
from protocol.tasks.determinism import deterministic

# --- specifications


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "poetry"}, "kind: poetry is none of classification"),
        ({"metric": "beauty"}, r"metric: it must be accuracy \(maximise: True\) or .*log_loss \(maximise: False\)"),
        ({"maximise": False}, "metric: it must be"),
        (
            {"limits": {"max_model_bytes": 100, "max_seconds": 1, "max_memory_bytes": 2**30}},
            "limits.max_model_bytes: this model needs ",
        ),
        ({"model": {"features": 2, "hidden": []}}, "model.classes: Field required"),
        ({"model": {"features": 0, "hidden": [], "classes": 2}}, "model.features: "),
        ({"model": {"features": 2, "hidden": [2] * 9, "classes": 2}}, "model.hidden: "),
        ({"model": {"features": 2, "hidden": ["2"], "classes": 2}}, "model.hidden.0: "),
        ({"model": {"features": 2, "hidden": [], "classes": 1}}, "model.classes: "),
        ({"model": {"features": 2, "hidden": [], "classes": 2, "code": "x"}}, "model.code: Extra"),
        (
            {"model": {"features": 65_536, "hidden": [65_536], "classes": 2}},
            "model: it has more than 100,000,000 parameters",
        ),
    ],
)
def test_specifications_that_the_kind_cannot_follow(fields, reason):
    with pytest.raises(SpecInvalid, match=f"The specification is not valid: {reason}"):
        load(sample_spec(**fields))


def test_the_tensors_are_those_of_the_network():
    task = load(sample_spec(model={"features": 5, "hidden": [4, 3], "classes": 2}))
    state = Network(task.model).state_dict()
    assert {name: kind.shape for name, kind in task.tensors().items()} == {n: tuple(t.shape) for n, t in state.items()}


# --- training


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


def test_too_few_rows_are_told():
    with pytest.raises(TaskFailed, match="1 rows are too few to keep 20% aside"):
        load(sample_spec()).train(Table(np.zeros((1, 2), "f4"), np.zeros(1, "i8")), Budget(), 1)


def test_columns_without_information_do_no_harm():
    random = np.random.default_rng(0)
    x = np.stack([random.normal(size=200), np.full(200, 1e7), random.normal(size=200) * 1e-30, np.zeros(200)], 1)
    data = Table(x.astype("f4"), (x[:, 0] > 0).astype("i8"))
    task = load(sample_spec(model={"features": 4, "hidden": [], "classes": 2}))
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
    metrics = load(sample_spec()).evaluate(linear([[1, 0], [0, 1]]), ROWS)
    assert metrics.values.tolist() == [1, 1, 0, 1]  # of equal outputs the first class counts
    assert metrics.score == 0.75
    assert metrics.losses == pytest.approx([np.log1p(np.exp(-1))] * 2 + [np.log1p(np.e), np.log(2)], abs=1e-12)


def test_log_loss_is_the_mean_of_the_losses_and_no_sample_decides_alone():
    metrics = load(sample_spec(metric="log_loss", maximise=False)).evaluate(linear([[1e4, 0], [0, 1e4]]), ROWS)
    assert metrics.losses == pytest.approx([0, 0, MAX_LOSS, np.log(2)])
    assert metrics.score == pytest.approx((MAX_LOSS + np.log(2)) / 4)


def test_outputs_that_are_no_numbers_make_a_model_invalid():
    large = np.finfo("f4").max
    task = load(sample_spec(model={"features": 2, "hidden": [2] * 8, "classes": 2}))
    weights = {name: np.full(kind.shape, large, "f4") for name, kind in task.tensors().items()}
    with pytest.raises(ModelInvalid, match="its outputs are not finite"):
        task.evaluate(weights | {"mean": np.zeros(2, "f4")}, ROWS)


weights = npst.arrays("f4", (2, 2), elements=st.floats(-(2.0**100), 2.0**100, width=32))


@given(weights, st.integers(1, 5))
def test_a_sample_scores_the_same_in_any_company(weight, count):
    task = load(sample_spec())
    alone = [task.evaluate(linear(weight), ROWS.rows(np.array([i]))) for i in range(len(ROWS))]
    together = task.evaluate(linear(weight), ROWS.rows(np.tile(np.arange(len(ROWS)), count)))
    assert together.values.tolist() == [float(m.values[0]) for m in alone] * count
    assert together.losses.tolist() == pytest.approx([float(m.losses[0]) for m in alone] * count, rel=1e-12)


def test_a_model_of_near_ties_does_not_set_validators_against_each_other():
    """Both classes get the same terms in another order: in floating point the winner would be an accident."""
    random = np.random.default_rng(0)
    terms = 300
    row, order = random.normal(size=terms).astype("f4"), random.permutation(terms)
    task = load(sample_spec(model={"features": terms, "hidden": [], "classes": 2}))
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


def test_determinism_loads_no_compiler():
    """That takes a second, and every evaluation is a process of its own."""
    program = (
        "import sys\n"
        "from protocol.tasks.determinism import deterministic\n"
        "with deterministic():\n"
        "    assert 'torch' in sys.modules\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_balanced_accuracy_weighs_every_class_alike():
    data = Table(np.array([[1, 0]] * 4 + [[0, 1]], "f4"), np.array([0, 0, 0, 1, 1]))
    task = load(sample_spec(metric="balanced_accuracy"))
    metrics = task.evaluate(linear([[1, 0], [0, 1]]), data)
    assert metrics.score == pytest.approx((1 + 1 / 2) / 2)
    some = task.evaluate(linear([[1, 0], [0, 1]]), data.rows(np.array([4, 0])))
    assert some.values.tolist() == metrics.values[[4, 0]].tolist()


def test_a_kind_that_adapts_no_model_takes_none():
    with pytest.raises(SpecInvalid, match="base_digest: classification adapts no model"):
        load(sample_spec(base_digest="0x" + "3" * 64))
