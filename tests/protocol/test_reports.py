import math
from pathlib import Path

import numpy as np
import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from protocol.artifacts import manifest_of
from protocol.errors import ArtifactError
from protocol.merkle import merkle_proof, merkle_root, verify_proof
from protocol.reports import (
    Evaluation,
    Verdict,
    mean_score,
    read_report,
    shown_sample,
    write_report,
    write_verdict,
)

SPEC, MODEL = "0x" + "1" * 64, "0x" + "2" * 64
LOSSES, VALUES = np.array([0.1, 2.5, 1e-9]), np.array([1.0, 0.0, 1.0])
entries = st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=20)


def report(directory: Path, losses=LOSSES, values=VALUES):
    directory.mkdir(exist_ok=True)
    return write_report(directory, spec=SPEC, model=MODEL, metric="accuracy", losses=losses, values=values)


def test_the_tree_is_the_documented_one():
    a, b, c = (keccak(b"\0" + index.to_bytes(8) + entry) for index, entry in enumerate([b"a", b"b", b"c"]))
    top = keccak(b"\1" + keccak(b"\1" + a + b) + c)
    assert merkle_root([b"a", b"b", b"c"]) == keccak(b"\2" + (3).to_bytes(8) + top)


@given(entries, st.data())
def test_every_entry_can_be_shown_and_no_other(listed, data):
    root, index = merkle_root(listed), data.draw(st.integers(0, len(listed) - 1))
    proof = merkle_proof(listed, index)
    assert verify_proof(root, len(listed), index, listed[index], proof)
    assert not verify_proof(root, len(listed), index, listed[index] + b"x", proof)
    assert not verify_proof(root, len(listed) + 1, index, listed[index], proof)
    assert not verify_proof(root, len(listed), len(listed), listed[index], proof)
    assert not verify_proof(root, len(listed), index, listed[index], [*proof, bytes(32)])
    other = data.draw(st.integers(0, len(listed) - 1))
    assert verify_proof(root, len(listed), other, listed[index], proof) == (other == index)
    if proof:
        assert not verify_proof(root, len(listed), index, listed[index], proof[:-1])


@given(entries, entries)
def test_different_lists_have_different_roots(one, other):
    assert (merkle_root(one) == merkle_root(other)) == (one == other)


def test_what_has_no_root_or_proof():
    with pytest.raises(ValueError, match="empty list"):
        merkle_root([])
    with pytest.raises(IndexError, match="no entry 2 of 2"):
        merkle_proof([b"a", b"b"], 2)


floats = st.floats(-1e6, 1e6)


@given(npst.arrays("f8", st.tuples(st.integers(1, 200), st.just(2)), elements=floats), st.data())
def test_a_report_is_read_as_it_was_written(tmp_path_factory, table, data):
    directory = tmp_path_factory.mktemp("report")
    losses, values = table.T
    written = report(directory, losses, values)
    read = read_report(directory)
    assert isinstance(read, Evaluation)
    assert read.report == written
    assert np.array_equal(read.losses, losses)
    assert np.array_equal(read.values, values)
    index = data.draw(st.integers(0, len(losses) - 1))
    block, siblings = read.proof(index)
    assert shown_sample(written, index, block, siblings) == (losses[index], values[index])
    other = data.draw(st.integers(0, len(losses) - 1))
    if other // 64 != index // 64:
        with pytest.raises(ValueError, match="not what the report says"):
            shown_sample(written, other, block, siblings)


def test_no_other_sample_can_be_shown(tmp_path):
    values = np.arange(130.0)
    written = report(tmp_path, values, values)
    read = read_report(tmp_path)
    assert isinstance(read, Evaluation)
    block, siblings = read.proof(129)
    assert shown_sample(written, 129, block, siblings) == (129.0, 129.0)
    forged = block[:16] + np.array([129.0, 0.0]).tobytes()
    for index, shown in ((129, forged), (130, block), (-1, block), (1, block)):
        with pytest.raises(ValueError, match="not what the report says"):
            shown_sample(written, index, shown, siblings)
    with pytest.raises(IndexError, match="no sample 130 of 130"):
        read.proof(130)


def test_equal_evaluations_give_equal_digests(tmp_path):
    assert report(tmp_path / "a").score == 666_666_667
    report(tmp_path / "b")
    assert manifest_of(tmp_path / "a").digest == manifest_of(tmp_path / "b").digest


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_the_mean_does_not_depend_on_the_order(values, random):
    shuffled = random.sample(values, len(values))
    assert mean_score(np.array(values)) == mean_score(np.array(shuffled))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_not_reported(tmp_path, bad):
    with pytest.raises(ValueError, match="finite"):
        report(tmp_path, np.array([0.1, bad, 0.2]))
    assert list(tmp_path.iterdir()) == []


def test_verdicts(tmp_path):
    write_verdict(tmp_path, spec=SPEC, model=MODEL, verdict="invalid", reason="x" * 5000)
    read = read_report(tmp_path)
    assert isinstance(read, Verdict)
    assert (read.verdict, read.reason, read.model) == ("invalid", "x" * 1000, MODEL)


def edit(directory, name, change):
    path = directory / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("samples.f64", lambda data: data[:-16], "does not have 3 samples"),
        ("samples.f64", lambda data: data + data[-16:], "does not have 3 samples"),
        ("samples.f64", lambda data: data[16:32] + data[:16] + data[32:], "not those of its root"),
        ("samples.f64", lambda data: np.full(6, np.nan).tobytes(), "must be finite"),
        ("report.json", lambda data: data.replace(b"666666667", b"666666668"), "the mean of its samples is 666666667"),
        ("report.json", lambda data: data.replace(b'"samples":3', b'"samples":0'), "samples: "),
        ("report.json", lambda data: data.replace(b"0x11", b"0xzz"), "spec: "),
        ("report.json", lambda data: data + b" " * 10_000, "the limit is 8192"),
        ("report.json", lambda data: b"", "Invalid JSON"),
    ],
)
def test_a_report_that_does_not_hold_together_is_refused(tmp_path, name, change, reason):
    report(tmp_path)
    edit(tmp_path, name, change)
    with pytest.raises(ArtifactError, match=f"does not hold: .*{reason}"):
        read_report(tmp_path)


def test_other_files_are_refused(tmp_path):
    report(tmp_path)
    (tmp_path / "more").touch()
    with pytest.raises(ArtifactError, match="it must hold"):
        read_report(tmp_path)
