"""The gate for tensors from strangers: safetensors files, checked to the last byte before a tensor is made.

The safetensors library reads this format and catches much, but lets pass NaN, duplicate JSON keys (the last wins), huge
headers and hundreds of thousands of empty tensors. Here a file must be exactly what is expected of it, or it is refused
with a reason. Nothing else is ever opened: no pickle, no zip, no code.
"""

import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from protocol.documents import parse_json
from protocol.errors import ModelInvalid
from protocol.staging import local_storage, write_file

Tensors = dict[str, NDArray[Any]]

_BF16 = "BF16"  # numpy has none: its bits are read as integers and widened to float32, which loses nothing
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "F16": np.dtype("<f2"),
    _BF16: np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
}
_HEADER_BYTES = 16 * 1024  # for metadata and padding
_HEADER_BYTES_PER_TENSOR = 512
_PIECE = 1 << 20  # elements checked for NaN at once
_LARGE = 16 << 20  # bytes of a tensor


@dataclass(frozen=True)
class TensorType:
    """What a tensor must be: its dtype by its name in safetensors, and its shape; a length of None may be any.

    "F32", "F64", "F16", "I64", "I32", "I8", "U8"; or "BF16", which is read as float32.
    """

    dtype: str
    shape: tuple[int | None, ...]

    def admits(self, dtype: object, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of this dtype and shape is what is expected."""
        lengths = zip(self.shape, shape, strict=False)
        return dtype == self.dtype and len(shape) == len(self.shape) and all(a in (None, b) for a, b in lengths)

    def __str__(self) -> str:
        return f"{self.dtype} [{', '.join('any' if length is None else str(length) for length in self.shape)}]"


@dataclass(frozen=True)
class _Entry:
    """A tensor as the header announces it; `begin` and `end` are byte offsets in the data."""

    name: str
    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def dtype(self) -> np.dtype[Any]:
        return _DTYPES[self.kind]


def read_tensors(path: Path, expected: Mapping[str, TensorType], max_bytes: int) -> Tensors:
    """Read a safetensors file that holds exactly the expected tensors; ModelInvalid says in what it differs.

    Peak memory is the tensors and a megabyte or so.
    """
    with local_storage(f"Reading {path}"), _open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise ModelInvalid(f"{path.name} has {size:,} bytes, at most {max_bytes:,} are allowed")
        header_bytes = _header_length(file, size, len(expected))
        entries = _parse_header(file.read(header_bytes), expected)
        _check_layout(entries, size - 8 - header_bytes)
        return {entry.name: _read(file, 8 + header_bytes, entry) for entry in entries}


def write_tensors(path: Path, tensors: Tensors) -> None:
    """Write a safetensors file, the same bytes for the same tensors. StorageFailed if the disk refuses."""
    plain = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    with local_storage(f"Writing {path}"):
        write_file(path, save(plain))


def tensor_bytes(expected: Mapping[str, TensorType]) -> int:
    """The size that a file of these tensors may need at most; their shapes must be complete."""
    data = sum(math.prod(n or 0 for n in kind.shape) * _DTYPES[kind.dtype].itemsize for kind in expected.values())
    return data + 8 + _header_limit(len(expected))


def zeros(expected: Mapping[str, TensorType]) -> Tensors:
    """Tensors of zeros with these complete shapes, as `read_tensors` would give them."""
    dtypes = _DTYPES | {_BF16: _DTYPES["F32"]}
    return {name: np.zeros([n or 0 for n in kind.shape], dtypes[kind.dtype]) for name, kind in expected.items()}


def _open_plain(path: Path) -> BinaryIO:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        raise ModelInvalid(f"{path.name} is missing") from None
    if not stat.S_ISREG(mode):
        raise ModelInvalid(f"{path.name} is not a plain file")
    return path.open("rb")


def _header_limit(tensors: int) -> int:
    return _HEADER_BYTES + _HEADER_BYTES_PER_TENSOR * tensors


def _header_length(file: BinaryIO, size: int, tensors: int) -> int:
    if size < 8:
        raise ModelInvalid("it is too short for a safetensors file")
    length = int.from_bytes(file.read(8), "little")
    if length > size - 8:
        raise ModelInvalid("it is no safetensors file: its header would be longer than the file")
    if length > _header_limit(tensors):
        raise ModelInvalid(f"its header has {length:,} bytes, {_header_limit(tensors):,} are enough for its tensors")
    return length


def _parse_header(data: bytes, expected: Mapping[str, TensorType]) -> list[_Entry]:
    try:
        if not data.startswith(b"{"):
            raise ValueError("it does not begin with {")
        header = parse_json(data, object_pairs_hook=_unique)
    except ValueError as error:
        raise ModelInvalid(f"its header cannot be read: {error}") from None
    _check_metadata(header.pop("__metadata__", {}))
    if missing := sorted(expected.keys() - header.keys()):
        raise ModelInvalid(f"tensor {missing[0]} is missing")
    if unknown := sorted(header.keys() - expected.keys()):
        raise ModelInvalid(f"tensor {_shown(unknown[0])} is not expected")
    return [_entry(name, header[name], expected[name]) for name in expected]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is there twice")
    return names


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelInvalid("its metadata are not texts")


def _entry(name: str, told: Any, expected: TensorType) -> _Entry:
    if not isinstance(told, dict) or told.keys() != {"dtype", "shape", "data_offsets"}:
        raise ModelInvalid(f"tensor {name} is not described by dtype, shape and data_offsets")
    shape, offsets = told["shape"], told["data_offsets"]
    if not _are_lengths(shape) or not _are_lengths(offsets) or len(offsets) != 2:
        raise ModelInvalid(f"tensor {name} has no proper shape and offsets")
    if not expected.admits(told["dtype"], tuple(shape)):
        raise ModelInvalid(f"tensor {name} is {_shown(told['dtype'])} {_shown(shape)}, expected {expected}")
    entry = _Entry(name, expected.dtype, tuple(shape), *offsets)
    if entry.end - entry.begin != math.prod(entry.shape) * entry.dtype.itemsize:
        raise ModelInvalid(f"the offsets of tensor {name} do not fit its shape")
    return entry


def _are_lengths(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 8 and all(type(n) is int and 0 <= n < 2**48 for n in value)


def _check_layout(entries: list[_Entry], data_bytes: int) -> None:
    """The tensors must fill the data without gap and overlap."""
    cursor = 0
    for entry in sorted(entries, key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != cursor:
            raise ModelInvalid(f"tensor {entry.name} leaves a gap or overlaps another")
        cursor = entry.end
    if cursor != data_bytes:
        raise ModelInvalid(f"it has {data_bytes:,} bytes of data, its tensors need {cursor:,}")


def _read(file: BinaryIO, data_start: int, entry: _Entry) -> NDArray[Any]:
    array = _numbers(file, data_start + entry.begin, entry.dtype, math.prod(entry.shape))
    if array.nbytes != entry.end - entry.begin:
        raise OSError("the file became shorter")
    if entry.kind == _BF16:
        array = (array.astype("<u4") << 16).view("<f4")
    if array.dtype.kind == "f":
        _check_finite(entry.name, array)
    return array.reshape(entry.shape)


def _numbers(file: BinaryIO, start: int, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    """Numbers of a file; fewer if it ends before. What is large is mapped and not copied: finding memory for it takes
    longer than reading it. Writing to it changes no file.
    """
    if count * dtype.itemsize >= _LARGE and start % dtype.itemsize == 0:
        try:
            return np.asarray(np.memmap(file, dtype, "c", start, (count,)))
        except ValueError:  # the file is shorter
            return np.empty(0, dtype)
    file.seek(start)
    return np.fromfile(file, dtype, count)


def _check_finite(name: str, array: NDArray[Any]) -> None:
    for start in range(0, array.size, _PIECE):
        if not np.isfinite(array[start : start + _PIECE]).all():
            raise ModelInvalid(f"tensor {name} holds NaN or infinity")


def _shown(value: object) -> str:
    """What a stranger wrote, made harmless and short."""
    text = ascii(value)
    return text if len(text) <= 60 else text[:60] + "..."
