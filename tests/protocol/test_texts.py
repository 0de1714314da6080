"""Texts: what is refused, and where creators' texts come from."""

import numpy as np
import pytest

from protocol.errors import ConfigInvalid, TaskFailed
from protocol.models import write_tensors
from protocol.tasks.base import Origin
from protocol.tasks.causal_lm import CausalLM
from protocol.tasks.texts import Texts, pieces, read_texts


@pytest.mark.parametrize(
    ("tensors", "reason"),
    [
        ({"ends": np.array([1, 2])}, "not all of its text"),
        ({"ends": np.array([2, 2, 4])}, "not all of its text"),
        ({"ends": np.array([-1, 4])}, "not all of its text"),
        ({"ends": np.zeros(0, np.int64)}, "above 0"),
        ({"text": np.array([255, 65, 65, 65], np.uint8)}, "document 0 is not UTF-8"),
    ],
)
def test_texts_that_are_refused(tmp_path, tensors, reason):
    good = {"text": np.frombuffer(b"abcd", np.uint8), "ends": np.array([2, 4])}
    write_tensors(tmp_path / "data.safetensors", good | tensors)
    with pytest.raises(TaskFailed, match=f"data set: .*{reason}"):
        read_texts(tmp_path)


def test_a_creators_texts(tmp_path):
    (tmp_path / "book.txt").write_text("First.\n\n" + "A sentence of some length. " * 200 + "\r\nLast é.")
    source = CausalLM.read(Origin(str(tmp_path / "book.txt")))
    assert 2 < len(source.data) < 8
    assert all(0 < len(document) <= 2048 for document in source.data.documents)
    (tmp_path / "lines.jsonl").write_text('{"text": "one"}\n\n{"text": "two"}\n')
    assert CausalLM.read(Origin(str(tmp_path / "lines.jsonl"))).data == Texts((b"one", b"two"))
    assert len(CausalLM.read(Origin(str(tmp_path))).data) == len(source.data)
    for text, reason in (("[1]", "Line 1 of .* is not JSON such as"), ('{"text": 3}', "that is none"), ("", "no text")):
        (tmp_path / "bad.jsonl").write_text(text)
        with pytest.raises(ConfigInvalid, match=reason):
            CausalLM.read(Origin(str(tmp_path / "bad.jsonl")))


@pytest.mark.parametrize("place", ["/dev/zero", "nowhere.txt", "no\0where.txt"])
def test_what_is_no_file_is_not_read(place):
    with pytest.raises(ConfigInvalid, match="cannot be read: there is no such file"):
        CausalLM.read(Origin(place))


def test_a_long_text_is_cut_in_the_time_of_its_length():
    """By the square of the length, as it once was, this takes hours: the suite's time limit is the assertion."""
    text = "some words here. " * 4_000_000
    assert sum(map(len, pieces(text))) == pytest.approx(len(text), rel=1e-3)
