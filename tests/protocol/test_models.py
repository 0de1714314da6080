import json
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors import torch as safe
from safetensors.numpy import load_file, save_file

from protocol.errors import ModelInvalid
from protocol.models import TensorType, read_tensors, tensor_bytes, write_tensors, zeros

EXPECTED = {"bias": TensorType("F32", (2,)), "weight": TensorType("F32", (2, 3))}
GOOD = {"bias": np.array([1, 2], "<f4"), "weight": np.arange(6, dtype="<f4").reshape(2, 3)}
ENTRIES = {
    "bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
}
DATA = b"".join(tensor.tobytes() for tensor in GOOD.values())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def spelled(header, data=DATA, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def changed(name="weight", **fields):
    return spelled(ENTRIES | {name: ENTRIES[name] | fields})


def refused(path, data, reason, expected=EXPECTED):
    path.write_bytes(data)
    with pytest.raises(ModelInvalid, match=reason) as caught:
        read_tensors(path, expected, 10**6)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-z.]{1,20}\Z"),
        st.sampled_from(["<f4", "<f8", "<i8"]).flatmap(
            lambda dtype: npst.arrays(
                dtype,
                npst.array_shapes(max_dims=3, max_side=4),
                elements={"allow_nan": False, "allow_infinity": False} if "f" in dtype else None,
            )
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_is_read_and_any_safetensors_library_agrees(tmp_path_factory, tensors):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    names = {"<f4": "F32", "<f8": "F64", "<i8": "I64"}
    expected = {name: TensorType(names[array.dtype.str], array.shape) for name, array in tensors.items()}
    write_tensors(path, tensors)
    assert path.stat().st_size <= tensor_bytes(expected)
    for read in (read_tensors(path, expected, 10**6), load_file(path)):
        assert read.keys() == tensors.keys()
        assert all(np.array_equal(read[name], tensors[name]) for name in tensors)


def test_equal_tensors_give_equal_bytes(path):
    write_tensors(path, GOOD)
    first = path.read_bytes()
    write_tensors(path, {name: np.asfortranarray(GOOD[name]) for name in reversed(GOOD)})
    assert path.read_bytes() == first


def test_other_writers_are_welcome(path):
    save_file(GOOD, path, metadata={"format": "pt"})
    assert read_tensors(path, EXPECTED, 10**6).keys() == EXPECTED.keys()
    path.write_bytes(spelled(json.dumps(ENTRIES).encode() + b"   "))
    assert np.array_equal(read_tensors(path, EXPECTED, 10**6)["weight"], GOOD["weight"])


def test_a_length_may_be_left_open(path):
    expected = EXPECTED | {"weight": TensorType("F32", (None, 3))}
    write_tensors(path, GOOD)
    assert read_tensors(path, expected, 10**6)["weight"].shape == (2, 3)
    refused(path, spelled(ENTRIES), r"expected F32 \[any, 2\]", EXPECTED | {"weight": TensorType("F32", (None, 2))})


ENTRY = json.dumps(ENTRIES["weight"])[1:-1]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "too short"),
        (b"\0" * 7, "too short"),
        (pickle.dumps({"weight": [1.0] * 6}), "no safetensors file"),
        (b"\x80\x02}q\0." * 100, "no safetensors file"),
        (spelled(ENTRIES, length=2**63), "no safetensors file"),
        (spelled(b"{" + b" " * 20_000 + b"}"), "its header has 20,002 bytes"),
        (spelled(ENTRIES | {"__metadata__": {"x": "y" * 20_000}}), "its header has"),
        (spelled({f"t{n}": ENTRIES["bias"] for n in range(400)}), "its header has"),
        (spelled(b""), "does not begin"),
        (spelled(b" {}"), "does not begin"),
        (spelled(b"[]"), "does not begin"),
        (spelled(b"{"), "cannot be read"),
        (spelled(b"{}x"), "cannot be read"),
        (spelled(b"{\xff}"), "cannot be read"),
        (spelled(b'{"a":' * 3000), "recursion limit exceeded"),
        (spelled(b'{"a":' + b"1" * 5000 + b"}"), "cannot be read"),
        (spelled(b'{"bias":{},"bias":{}}'), "twice"),
        (spelled(b'{"bias":{' + ENTRY.encode() + b"," + ENTRY.encode() + b"}}"), "twice"),
        (spelled(ENTRIES | {"__metadata__": {"x": 1}}), "metadata are not texts"),
        (spelled(ENTRIES | {"__metadata__": []}), "metadata are not texts"),
        (spelled({"bias": ENTRIES["bias"]}), "tensor weight is missing"),
        (spelled(ENTRIES | {"../../x": ENTRIES["bias"]}), r"tensor '../../x' is not expected"),
        (spelled(ENTRIES | {"\u001b[2J\u202e": ENTRIES["bias"]}), r"tensor '\\x1b\[2J\\u202e' is not expected"),
        (spelled(ENTRIES | {"x" * 5000: ENTRIES["bias"]}), "is not expected"),
        (spelled(ENTRIES | {"bias": 1}), "is not described"),
        (changed(extra=1), "is not described"),
        (changed(dtype="F64"), r"tensor weight is 'F64' \[2, 3\], expected F32 \[2, 3\]"),
        (changed(dtype=["F32"]), "expected F32"),
        (changed(dtype="\u001b" * 1000), "expected F32"),
        (changed(shape=[3, 2]), r"'F32' \[3, 2\], expected"),
        (changed(shape=[6]), "expected"),
        (changed(shape=[2, 3, 1]), "expected"),
        (changed(shape=[2, 3.0]), "no proper shape"),
        (changed(shape=[2, True]), "no proper shape"),
        (changed(shape=[2, -3]), "no proper shape"),
        (changed(shape=[2**62, 2**62]), "no proper shape"),
        (changed(shape="23"), "no proper shape"),
        (changed(shape=[1] * 1000), "no proper shape"),
        (changed(data_offsets=[8]), "no proper shape and offsets"),
        (changed(data_offsets=[8, 32, 40]), "no proper shape and offsets"),
        (changed(data_offsets=[-8, 16]), "no proper shape and offsets"),
        (changed(data_offsets=[32, 8]), "do not fit"),
        (changed(data_offsets=[8, 33]), "do not fit"),
        (changed(data_offsets=[0, 24]), "overlaps"),
        (changed(data_offsets=[9, 33]), "leaves a gap"),
        (spelled({**ENTRIES, "bias": ENTRIES["bias"] | {"data_offsets": [8, 16]}}), "leaves a gap"),
        (spelled(ENTRIES, DATA[:-1]), "31 bytes of data, its tensors need 32"),
        (spelled(ENTRIES, DATA + b"\x80\x02."), "35 bytes of data"),
        (spelled(ENTRIES, DATA[:-4] + struct.pack("<f", float("nan"))), "weight holds NaN"),
        (spelled(ENTRIES, struct.pack("<f", float("-inf")) + DATA[4:]), "bias holds NaN or infinity"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_files_are_refused_with_a_reason(path, data, reason):
    refused(path, data, reason)


def test_hidden_nan_in_a_large_tensor(path):
    array = np.zeros(3_000_000, "<f4")
    array[-1] = np.nan
    write_tensors(path, {"t": array})
    with pytest.raises(ModelInvalid, match="tensor t holds NaN"):
        read_tensors(path, {"t": TensorType("F32", array.shape)}, 10**8)


def test_a_zip_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02.")
    refused(path, path.read_bytes(), "no safetensors file")


def test_the_file_must_be_a_plain_file_of_the_allowed_size(path, tmp_path):
    with pytest.raises(ModelInvalid, match="is missing"):
        read_tensors(path, EXPECTED, 10**6)
    path.symlink_to("/dev/zero")
    with pytest.raises(ModelInvalid, match="not a plain file"):
        read_tensors(path, EXPECTED, 10**6)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelInvalid, match="not a plain file"):
        read_tensors(path, EXPECTED, 10**6)
    path.unlink()
    with path.open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(ModelInvalid, match="at most 1,000,000 are allowed"):
        read_tensors(path, EXPECTED, 10**6)


@pytest.mark.parametrize("length", [2**40 - 8, 10**6, 20_000])
def test_a_header_bomb_takes_no_memory(path, length):
    with path.open("wb") as sparse:
        sparse.write(struct.pack("<Q", length) + b"{")
        sparse.truncate(2**40)
    tracemalloc.start()
    with pytest.raises(ModelInvalid, match="its header has"):
        read_tensors(path, EXPECTED, 2**41)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_memory_is_that_of_the_tensors(path):
    array = np.ones((4_000_000,), "<f4")
    write_tensors(path, {"t": array})
    tracemalloc.start()
    read_tensors(path, {"t": TensorType("F32", array.shape)}, 10**8)
    assert tracemalloc.get_traced_memory()[1] < 1.3 * array.nbytes
    tracemalloc.stop()


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_no_change_of_bytes_escapes_as_another_error(tmp_path_factory, place, other):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    good = spelled(ENTRIES)
    place %= len(good)
    path.write_bytes(good[:place] + other + good[place + len(other) :])
    try:
        read = read_tensors(path, EXPECTED, 10**6)
    except ModelInvalid:
        return
    assert all(np.isfinite(array).all() and array.shape == GOOD[name].shape for name, array in read.items())


def test_the_narrow_types_of_language_models_are_read(tmp_path):
    """BF16, which numpy lacks, becomes the float32 of the same value; what is no number is refused in it too."""
    values = torch.tensor([[1.5, -2.25], [3e38, 1e-30]], dtype=torch.bfloat16)
    numbers = {"narrow": values, "half": values.clamp(-9, 9).half(), "bytes": torch.arange(3, dtype=torch.uint8)}
    safe.save_file(numbers, tmp_path / "model.safetensors")
    expected = {
        "narrow": TensorType("BF16", (2, 2)),
        "half": TensorType("F16", (2, 2)),
        "bytes": TensorType("U8", (None,)),
    }
    read = read_tensors(tmp_path / "model.safetensors", expected, 10**4)
    assert read["narrow"].dtype == np.float32
    assert read["narrow"].tolist() == values.float().tolist()
    assert (read["half"].dtype, read["bytes"].tolist()) == (np.float16, [0, 1, 2])
    assert {name: array.dtype for name, array in zeros(expected | {"bytes": TensorType("U8", (1,))}).items()} == {
        name: array.dtype for name, array in read.items()
    }
    safe.save_file(numbers | {"narrow": values / 0}, tmp_path / "model.safetensors")
    with pytest.raises(ModelInvalid, match="tensor narrow holds NaN or infinity"):
        read_tensors(tmp_path / "model.safetensors", expected, 10**4)
