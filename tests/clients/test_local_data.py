"""A member's own data: where they may be, what is refused with a sentence; and what privacy costs."""

import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
from federating import spec, write_rows
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from protocol.errors import ConfigInvalid, TaskFailed
from protocol.federated.first import initial
from protocol.federated.fixed import flatten, unflatten
from protocol.federated.spec import Privacy, federation_digest, load_federation
from trainer.federated.local import checked_loss, open_local
from trainer.federated.perceptron import Effort, Noise, losses, train
from trainer.federated.privacy import BudgetExceeded, Spent, allow, cost_of_round, epsilon

SPEC = spec()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.csv", 0, 5)


def test_every_source_gives_the_same_rows(rows: Path, tmp_path: Path) -> None:
    table = arrow_csv.read_csv(rows)
    parquet.write_table(table, tmp_path / "rows.parquet")
    folder = tmp_path / "folder"
    folder.mkdir()
    half = table.num_rows // 2
    parquet.write_table(table.slice(0, half), folder / "a.parquet")
    arrow_csv.write_csv(table.slice(half), folder / "b.csv")
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        connection.execute("CREATE TABLE patients (f0, f1, f2, f3, f4, malignant)")
        connection.executemany(
            "INSERT INTO patients VALUES (?,?,?,?,?,?)", [tuple(r.values()) for r in table.to_pylist()]
        )
    query = f"sql:sqlite:///{tmp_path / 'rows.db'}?query=SELECT * FROM patients ORDER BY rowid"
    sources = [str(rows), str(tmp_path / "rows.parquet"), str(folder), query]
    facts = {open_local(source, SPEC, Effort()).load() for source in sources}
    assert len(facts) == 1 and facts.pop().rows == table.num_rows


def test_training_lowers_the_loss_and_repeats_itself(rows: Path) -> None:
    local = open_local(str(rows), SPEC, Effort(epochs=5))
    local.load()
    first = unflatten(initial(SPEC.shapes, 0), SPEC.shapes)
    one, other = local.train(first, 7), local.train(first, 7)
    assert np.array_equal(flatten(one), flatten(other))
    assert local.evaluate(one) < local.evaluate(first) - 0.1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("f0,f1\n1,2\n", "has no column 'f2'"),
        ("f0,f1,f2,f3,f4,malignant\n1,2,x,4,5,0\n", "row 1: f2 is 'x', which is no number"),
        ("f0,f1,f2,f3,f4,malignant\n1,2,nan,4,5,0\n", "row 1: f2 is not finite"),
        ("f0,f1,f2,f3,f4,malignant\n1,2,3,4,5,2\n", "the label is '2'; it must be 0 to 1"),
        ("f0,f1,f2,f3,f4,malignant\n1,2,3,4,5,1\n", "has 1 rows; a member needs at least 5"),
        ("f0,f1,f2,f3,f4,malignant\n1,2,3,4,5,inf\n", "the label is 'inf'; it must be 0 to 1"),
        ("f0,f1,f2,f3,f4,f4,malignant\n1,2,3,4,5,6,1\n", "names a column twice"),
        ("", "has 0 rows"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(ConfigInvalid, match=reason):
        open_local(str(tmp_path / "rows.csv"), SPEC, Effort()).load()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"f0,malignant\n\xff,1\n", "is not text in UTF-8: export it as CSV with that encoding."),
        (
            "a.csv",
            b"f0,malignant\n1," + bytes(200_000),
            "is not CSV: what follows line 1 cannot be told apart into columns.",
        ),
        ("a.parquet", b"PAR1 not at all", "is not Parquet, or is damaged."),
    ],
    ids=["latin", "endless", "no parquet"],
)
def test_files_of_another_sort_are_told_in_our_words(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigInvalid) as raised:
        open_local(str(tmp_path / name), SPEC, Effort()).load()
    assert str(raised.value) == f"{tmp_path / name} {told}"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nowhere.csv", r"^nowhere\.csv cannot be read: No such file or directory\.$"),
        ("nowhere.parquet", r"^nowhere\.parquet cannot be read: No such file or directory\.$"),
        ("sql:sqlite://", "sql:URL"),
        ("sql:sqlite://?query=SELECT * FROM patients", "no such table"),
        ("sql:postgresql://me:secret@host:port/x?query=SELECT 1", "The query on host:port/x failed: invalid literal"),
        ("python::made", "Empty module name"),
        ("python:nowhere:made", "No module named 'nowhere'"),
        ("python:json:loads", "JSON object must be"),
        ("python:builtins:hex", "cannot be interpreted as an integer"),
        ("python:builtins:str", "has not all of load, train, evaluate and describe"),
    ],
)
def test_bad_sources_are_named(source: str, reason: str) -> None:
    with pytest.raises(ConfigInvalid, match=reason):
        open_local(source, SPEC, Effort()).load()


def test_files_of_a_folder_that_differ_are_named(rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.csv").write_text(rows.read_text())
    (folder / "b.csv").write_text("f0,malignant\n1,1\n")
    with pytest.raises(ConfigInvalid, match=r"row 115, has no column 'f1', which the federation asks for"):
        open_local(str(folder), SPEC, Effort()).load()


def test_code_of_the_members_own_is_found_where_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_rows.py").write_text("def made(spec):\n    raise ValueError('the cabinet is locked')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    with pytest.raises(ConfigInvalid, match="--data python:my_rows:made: the cabinet is locked"):
        open_local("python:my_rows:made", SPEC, Effort())


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"holds no \.csv or \.parquet file"):
        open_local(str(tmp_path), SPEC, Effort()).load()


def test_code_of_the_members_own_that_fails_is_one_sentence() -> None:
    class Broken:
        def evaluate(self, weights: object) -> float:
            raise KeyError("rows")

    with pytest.raises(TaskFailed, match="the member's data failed: 'rows'"):
        checked_loss(Broken(), {})  # type: ignore[arg-type]


def test_a_specification_has_one_spelling() -> None:
    assert load_federation(SPEC.to_bytes()) == SPEC
    assert federation_digest(SPEC) != federation_digest(spec(title="Other"))
    with pytest.raises(Exception, match="named twice"):
        spec(label="f0")


# --- privacy


def test_epsilon_grows_with_rounds_and_falls_with_noise() -> None:
    spent = [Spent(1.1, 0.05, 20)]
    assert 0 == epsilon([], 1e-5) < epsilon(spent, 1e-5) < epsilon(spent * 3, 1e-5)
    assert epsilon([Spent(4.0, 0.05, 20)], 1e-5) < epsilon(spent, 1e-5)
    assert epsilon([Spent(0.0, 1.0, 1)], 1e-5) == float("inf")


def test_a_round_beyond_the_budget_is_refused() -> None:
    privacy = Privacy(method="dp_sgd", noise=1100, budget=2000)
    following = cost_of_round(privacy, 400, 20, 1)
    assert following == Spent(1.1, 0.05, 20)
    history: list[Spent] = []
    while epsilon([*history, following], 1e-5) <= 2.0:
        assert allow(privacy, history, following, None) <= 2.0
        history.append(following)
    assert history
    with pytest.raises(BudgetExceeded, match=r"would cost ε = \d\.\d+, the budget is 2\.000"):
        allow(privacy, history, following, None)
    with pytest.raises(BudgetExceeded, match=r"the budget is 0\.100"):
        allow(privacy, [], following, 0.1)


def test_noise_of_dp_sgd_has_the_size_that_is_accounted() -> None:
    shapes, random = SPEC.shapes, np.random.default_rng(0)
    x, y = random.normal(size=(64, 5)), random.integers(0, 2, 64)
    start = initial(shapes, 0)
    effort = Effort(epochs=1, batch_size=64, learning_rate=1.0, momentum=0.0)
    noise = Noise(clip=0.5, multiplier=2.0)
    moved = np.array([train(start, shapes, x, y, effort, np.random.default_rng(s), noise) for s in range(400)])
    assert moved.std(axis=0).mean() == pytest.approx(0.5 * 2.0 / 64, rel=0.15)
    quiet = train(start, shapes, x, y, effort, random, Noise(clip=1e-9, multiplier=0.0))
    assert np.abs(quiet - start).max() <= 1e-9
    assert losses(start, shapes, x, y).shape == (64,)
