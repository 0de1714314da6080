import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.artifacts import manifest_of
from protocol.errors import ConfigInvalid, TaskFailed
from protocol.models import write_tensors
from protocol.tasks.base import Origin
from protocol.tasks.data import DATASETS, Table, read_csv, read_data, read_table, write_data
from protocol.tasks.sets import CARD_FILE, Card, split

CARD = Card(name="n", description="", source="", licence="", features=("a", "b"), classes=("no", "yes"), rows=1)


def table(rows, classes=2):
    x = np.arange(2 * rows, dtype=np.float32).reshape(rows, 2)
    return Table(x, np.arange(rows) % classes)


def ids(part):
    return sorted(part.x[:, 0].astype(int) // 2)


@given(st.integers(6, 60), st.sampled_from([0.25, 0.3, 0.5]), st.binary(max_size=32))
def test_every_row_is_on_one_side_and_every_class_on_both(rows, share, seed):
    training, held_out = split(table(rows), share, seed)
    assert sorted(ids(training) + ids(held_out)) == list(range(rows))
    for label in (0, 1):
        members = (rows + 1 - label) // 2
        assert np.sum(held_out.y == label) == round(share * members)
    again = split(table(rows), share, seed)
    assert all(np.array_equal(a.x, b.x) for a, b in zip((training, held_out), again, strict=True))


def test_another_seed_divides_otherwise_and_the_order_of_rows_does_not_matter():
    whole = table(100)
    shuffled = whole.rows(np.random.default_rng(0).permutation(100))
    assert np.array_equal(split(whole, 0.3, b"a")[1].x, split(shuffled, 0.3, b"a")[1].x)
    assert ids(split(whole, 0.3, b"a")[1]) != ids(split(whole, 0.3, b"b")[1])


def test_equal_rows_lie_together():
    whole = table(100)
    copies = whole.rows(np.repeat(np.arange(100), 2))
    training, held_out = split(copies, 0.3, b"seed")
    assert len(set(ids(training)) & set(ids(held_out))) <= 2  # at most one pair per class is cut


@pytest.mark.parametrize(("rows", "share"), [(2, 0.3), (10, 0.0), (10, 1.0)])
def test_a_class_must_be_on_both_sides(rows, share):
    with pytest.raises(ConfigInvalid, match="Class 0 has"):
        split(table(rows), share, b"")


@pytest.mark.parametrize(("name", "shape", "classes"), [("breast_cancer", (569, 30), 2), ("digits", (1797, 64), 10)])
def test_packaged_data_sets(tmp_path, name, shape, classes):
    source = DATASETS[name]()
    assert (source.data.x.shape, len(source.card.features), len(source.card.classes)) == (shape, shape[1], classes)
    training, held_out = split(source.data, 0.3, b"demo")
    assert len(held_out) == pytest.approx(0.3 * shape[0], abs=classes)
    first = manifest_of(write_data(tmp_path / "a", training, source.card)).digest
    assert manifest_of(write_data(tmp_path / "b", split(source.data, 0.3, b"demo")[0], source.card)).digest == first
    read = read_data(tmp_path / "a", shape[1], classes)
    assert np.array_equal(read.x, training.x)
    assert np.array_equal(read.y, training.y)
    card = Card.parse((tmp_path / "a" / CARD_FILE).read_bytes(), 2**16)
    assert (card.rows, card.name) == (len(training), name)


def test_packaged_data_sets_need_their_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ConfigInvalid, match=r"The data set digits ships with scikit-learn; install skein\[node\]"):
        DATASETS["digits"]()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x": np.zeros((4, 3), "f4")}, r"tensor x is 'F32' \[4, 3\], expected F32 \[any, 2\]"),
        ({"x": np.zeros((4, 2), "f8")}, "expected F32"),
        ({"x": np.full((4, 2), np.nan, "f4")}, "tensor x holds NaN"),
        ({"x": np.zeros((3, 2), "f4")}, "there are 3 in x, 4 in y"),
        ({"x": np.zeros((0, 2), "f4"), "y": np.zeros(0, "i8")}, "above 0; there are 0 in x, 0 in y"),
        ({"y": np.array([0, 1, 2, 0])}, "labels outside 0 to 1"),
        ({"y": np.array([0, 1, -1, 0])}, "labels outside 0 to 1"),
        ({"z": np.zeros(1, "f4")}, "tensor 'z' is not expected"),
    ],
)
def test_data_that_are_refused(tmp_path, change, reason):
    write_tensors(tmp_path / "data.safetensors", {"x": table(4).x, "y": table(4).y} | change)
    with pytest.raises(TaskFailed, match=f"data set: .*{reason}"):
        read_data(tmp_path, 2, 2)


def test_data_that_are_missing(tmp_path):
    with pytest.raises(TaskFailed, match=r"data\.safetensors is missing"):
        read_data(tmp_path, 2, 2)


def csv(tmp_path, text):
    path = tmp_path / "patients.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_creators_own_table(tmp_path):
    source = read_csv(
        csv(tmp_path, '\ufeffage,"diag,nosis",weight\n63,sick,70.5\n21,"well",1e2\n40,sick,-3\n'), "diag,nosis"
    )
    assert source.data.x.tolist() == [[63, 70.5], [21, 100], [40, -3]]
    assert source.data.y.tolist() == [0, 1, 0]
    assert (source.card.name, source.card.features, source.card.classes) == (
        "patients",
        ("age", "weight"),
        ("sick", "well"),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no column 'y'; it has "),
        ("a,b\n1,2\n", "has no column 'y'; it has a, b"),
        ("a,y\n", "at least two classes"),
        ("a,y\n1,k\n2,k\n", "at least two classes"),
        ("a,y\n1,k\n2,\n", "one in every line"),
        ("a,a,y\n1,2,k\n", "each differently"),
        ("a,,y\n1,2,k\n", "must name every column"),
        ("a,y\n1,k\n\n2,l\n", "Line 3 of .* has 0 columns"),
        ("a,y\n1,k\n2,l,3\n", "Line 3 of .* has 3 columns, the first line has 2"),
        ("a,y\n1,k\nold,l\n", "Line 3 of .* has 'old' in column 'a', which is not a number"),
        ("a,y\n1,k\nnan,l\n", "'nan' in column 'a'"),
        ("a,y\n1,k\n1e39,l\n", "'1e39' in column 'a'"),
        ("a,y\n1,k\n,l\n", "'' in column 'a'"),
        ("a" * 201 + ",y\n1,k\n", "has a name of 201 characters"),
        ("a,y\n1,k\n2," + "l" * 201, "names 2 classes: at most 10,000, of 200 characters"),
        ("a,y\n" + "".join(f"1,{row}\n" for row in range(10_001)), "names 10,001 classes"),
        (b"a,y\n\xff,k\n", "not CSV in UTF-8"),
        ('a,y\n"1,k\n', "not CSV in UTF-8"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, reason):
    with pytest.raises(ConfigInvalid, match=reason):
        read_csv(csv(tmp_path, text), "y")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(ConfigInvalid, match=r"none\.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv", "y")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.npy", b"", "x.npy is not an array that numpy.save wrote"),
        ("x.npy", np.full((4, 1), 1e300), "x.npy must hold finite numbers"),
        ("y.npy", np.array([0, 1, 0, 10**9]), "y.npy must hold classes, counted from 0, at most 10,000"),
        ("y.npy", np.array([0, 1, 0, 2**63], np.uint64), "y.npy must hold classes"),
    ],
)
def test_arrays_that_are_refused(tmp_path, name, content, reason):
    np.save(tmp_path / "x.npy", np.ones((4, 1)))
    np.save(tmp_path / "y.npy", np.array([0, 1, 0, 1]))
    (tmp_path / name).write_bytes(content) if isinstance(content, bytes) else np.save(tmp_path / name, content)
    with pytest.raises(ConfigInvalid, match=reason):
        read_table(Origin(str(tmp_path)))


def test_creators_do_without_torch():
    script = "import sys, protocol.tasks, protocol.tasks.data, protocol.tasks.runs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
