"""Every kind keeps what `skein kind check` tries, and that finds kinds which do not; what only one kind has."""

import importlib
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from protocol.errors import ConfigInvalid, SpecInvalid, TaskFailed
from protocol.models import write_tensors
from protocol.tasks import KINDS, conformance, kind
from protocol.tasks.base import Metrics, Origin
from protocol.tasks.bench import Bench, Fails
from protocol.tasks.classification import Classification
from protocol.tasks.conformance import CHECKS
from protocol.tasks.image import Image, Images, images_source
from protocol.tasks.sets import DATA_FILE, Card
from protocol.tasks.tabular import Tabular, read_records
from protocol.tasks.text_classification import MOST_TERMS, TextClassification, buckets
from skein.kinds import app


@pytest.fixture(scope="module")
def bench(tmp_path_factory, request) -> Bench:
    return Bench(kind(request.param), tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("bench", KINDS, indirect=True)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_kind_conforms(bench, check):
    check(bench)


# --- kinds that do not


class Drifting(Classification):
    """Scores are another time by time."""

    def evaluate(self, weights, data):
        metrics = super().evaluate(weights, data)
        return Metrics(metrics.losses + time.time_ns() % 1000 * 1e-6, metrics.values)


class Sociable(Classification):
    """A sample's loss depends on the others."""

    def evaluate(self, weights, data):
        metrics = super().evaluate(weights, data)
        return Metrics(metrics.losses / metrics.losses.sum(), metrics.values)


class Careless(Classification):
    """Reads whatever comes."""

    def load(self, directory):
        data = super().load(directory) if (directory / "card.json").exists() else None
        return data or super().load(directory).nothing


class Forgetful(Classification):
    """Seeds do not matter."""

    def train(self, data, budget, seed, progress=lambda _: None):
        return super().train(data, budget, 1, progress)


class Endless(Classification):
    """Has no clock."""

    def train(self, data, budget, seed, progress=lambda _: None):
        return super().train(data, replace(budget, max_seconds=None), seed, progress)


class Lenient(Classification):
    """Accepts any metric."""

    def _check_scoring(self):
        return


@pytest.mark.parametrize(
    ("cls", "check", "reason"),
    [
        (Drifting, conformance.round_trip, "losses differ by"),
        (Sociable, conformance.company, "of some samples in another order, losses differ by"),
        (Careless, conformance.damaged_data, "raise AttributeError, not TaskFailed"),
        (Forgetful, conformance.training, "another seed makes the same model"),
        (Endless, conformance.training, "max_seconds does not end a training"),
        (Lenient, conformance.specifications, "with another metric is accepted"),
    ],
)
def test_a_kind_that_does_not_conform_is_found(tmp_path, monkeypatch, cls, check, reason):
    monkeypatch.setattr(conformance, "PATIENCE", 1.0)
    with pytest.raises(Fails, match=reason):
        check(Bench(cls, tmp_path))


GREEDY = """
import torch
from protocol.tasks.classification import Classification


class Greedy(Classification):
    def evaluate(self, weights, data):
        torch.ones(2**30, dtype=torch.float64)
        return super().evaluate(weights, data)
"""


def test_a_kind_that_takes_too_much_is_found(tmp_path, monkeypatch):
    """Its process finds it by its module, as any kind of one's own."""
    (tmp_path / "greedy.py").write_text(GREEDY)
    monkeypatch.syspath_prepend(str(tmp_path))
    bench = Bench(importlib.import_module("greedy").Greedy, tmp_path / "place")
    bench.__dict__["weights"] = bench.task.blank()
    with pytest.raises(Fails, match=r"ended with exit code 1: .*memory"):
        conformance.limits(bench)


# --- the commands


def test_kinds_are_listed():
    told = CliRunner().invoke(app, ["list"])
    assert told.exit_code == 0
    assert all(name in told.output for name in KINDS)


def test_a_kind_of_ones_own_is_named_by_module_and_class(monkeypatch):
    monkeypatch.setattr(conformance, "CHECKS", (conformance.specifications,))
    told = CliRunner().invoke(app, ["check", "protocol.tasks.image:Image"])
    assert told.output == "protocol.tasks.image:Image: specifications holds\n"
    with pytest.raises(ConfigInvalid, match="There is no kind nowhere:Kind"):
        CliRunner().invoke(app, ["check", "nowhere:Kind"], catch_exceptions=False)


# --- tabular

CSV = "age,job,pay,sick\n30,nurse,,yes\n,clerk,2.5,no\n41,NA,3,yes\n29,clerk,1,no\n"


def test_missing_values_and_categories(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(CSV)
    source = read_records(path, "sick")
    assert (source.card.features, source.card.classes) == (("age", "pay", "job"), ("no", "yes"))
    assert source.data.x.tolist() == [[30, 0], [0, 2.5], [41, 3], [29, 1]]
    assert source.data.missing.tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]
    assert source.data.codes.tolist() == [[2], [1], [0], [1]]
    assert source.model == {"numbers": 2, "categories": [2], "classes": 2}


def test_a_missing_number_is_the_mean_and_says_that_it_is_missing(tmp_path):
    bench = Bench(Tabular, tmp_path)
    x = bench.task.inputs(bench.data)
    numbers = bench.task.model.numbers
    assert torch.equal(x[:, numbers : 2 * numbers], torch.from_numpy(bench.data.missing).float())
    weights = bench.task.blank() | {"mean": np.full(numbers, 5, "f4"), "scale": np.ones(numbers, "f4")}
    weights["layers.0.weight"][:, :numbers] = 1
    weights["layers.1.weight"][1] = 1
    tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
    outputs = bench.task.outputs(tensors, bench.data)[:, 1]
    there = np.where(bench.data.missing, 0, bench.data.x.astype("f8") - 5).sum(1)
    assert outputs.numpy() == pytest.approx(np.maximum(there, 0) * bench.task.model.hidden[0], rel=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"missing": np.array([[0, 2]], np.uint8)}, "missing must be 0 or 1"),
        ({"missing": np.array([[1, 0]], np.uint8)}, "x must be 0 where it is missing"),
        ({"codes": np.array([[3]])}, "codes of no category"),
        ({"codes": np.array([[-1]])}, "codes of no category"),
        ({"codes": np.array([[1], [1]])}, "the same number of rows"),
    ],
)
def test_records_that_are_refused(tmp_path, change, reason):
    model = {"numbers": 2, "categories": [2], "hidden": [], "classes": 2}
    task = Tabular(Bench(Tabular, tmp_path).spec(model=model))
    good = {"x": np.ones((1, 2), "f4"), "missing": np.zeros((1, 2), "u1"), "codes": np.array([[1]]), "y": np.array([0])}
    write_tensors(tmp_path / DATA_FILE, good | change)
    with pytest.raises(TaskFailed, match=reason):
        task.load(tmp_path)


def test_a_column_of_free_text_is_refused(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("note,y\n" + "".join(f"text {number},{number % 2}\n" for number in range(1001)))
    with pytest.raises(ConfigInvalid, match=r"Column 'note' of .* has 1001 different texts, 1000 are allowed"):
        read_records(path, "y")


# --- image


def test_images_of_a_creator(tmp_path):
    x = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.array([1, 0]))
    source = Image.read(Origin(str(tmp_path)))
    assert source.model == {"channels": 3, "height": 4, "width": 6, "classes": 2}
    assert source.data.x[1, 2].tolist() == x[1, :, :, 2].tolist()
    np.save(tmp_path / "x.npy", x.astype("f4"))
    with pytest.raises(ConfigInvalid, match="x must be bytes of shape"):
        Image.read(Origin(str(tmp_path)))
    with pytest.raises(ConfigInvalid, match="name one of digits, or a directory"):
        Image.read(Origin("nowhere"))


def test_an_image_is_scored_as_torch_would(tmp_path):
    random = np.random.default_rng(0)
    data = Images(random.integers(0, 256, (5, 2, 9, 7), dtype=np.uint8), np.arange(5) % 3)
    card = Card(name="noise", classes=("a", "b", "c"), rows=5)
    model = {**images_source(data, card).model, "filters": [3, 4], "hidden": [5]}
    task = Image(Bench(Image, tmp_path).spec(model=model))
    network = task.network(data, 0.0)
    weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
    with torch.inference_mode():
        expected = network.double()(task.inputs(data).double())
        assert torch.allclose(task.outputs(weights, data), expected, atol=1e-5)
    with pytest.raises(SpecInvalid, match="filters: they are too many"):
        Image(Bench(Image, tmp_path).spec(model=model | {"filters": [3, 4, 5]}))


# --- texts


def test_terms_are_words_and_pairs_of_bytes():
    assert buckets(b"Big, big DOG", 2**20) == buckets(b"big big dog", 2**20)
    assert len(buckets(b"big big dog", 2**20)) == 5
    assert buckets("Über".encode(), 2**20) != buckets("über".encode(), 2**20)  # only ASCII is lowered
    assert len(buckets(b"word " * 1000, 16)) == MOST_TERMS
    assert buckets(b"!?", 16) == []


def test_texts_of_a_creator(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text('subject,body,sort\nhello,"a text",ham\nwin,now,spam\n,,ham\n')
    source = TextClassification.read(Origin(str(path), "sort"))
    assert list(source.data.documents) == [b"hello a text", b"win now", b" "]
    assert (source.card.classes, source.data.y.tolist()) == (("ham", "spam"), [0, 1, 0])
    with pytest.raises(ConfigInvalid, match=r"Say which column of .* is the class"):
        TextClassification.read(Origin(str(path)))


def test_a_text_without_words_is_no_trouble(tmp_path):
    path: Path = tmp_path / "mail.csv"
    path.write_text('text,sort\n"!?",ham\nwin,spam\n')
    data = TextClassification.read(Origin(str(path), "sort")).data
    task = TextClassification(Bench(TextClassification, tmp_path / "b").spec())
    assert np.isfinite(task.evaluate(task.blank(), data).losses).all()
