"""Hostile model files: what a stranger may put into `model.safetensors`, and what the verdict must say of it.

Every file is built from the good one of `world.write_model`, so that a single thing is wrong with it.
"""

import copy
import gzip
import io
import json
import pickle
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from world import write_model

from protocol.tasks.runs import MODEL_FILE

Header = dict[str, Any]
Build = Callable[[], bytes]
BIAS, WEIGHT, MEAN, SCALE = "layers.0.bias", "layers.0.weight", "mean", "scale"


@cache
def _good() -> tuple[Header, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        data = (write_model(Path(folder), 1) / MODEL_FILE).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def spelled(header: Header | bytes, body: bytes | None = None, length: int | None = None) -> bytes:
    """A file with this header (objects or raw bytes), by default with the good one's data."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + (_good()[1] if body is None else body)


def good() -> bytes:
    return spelled(_good()[0])


def changed(tensor: str, **fields: Any) -> Build:
    """One tensor announced as something else."""
    return lambda: spelled(_header(tensor, fields))


def _header(tensor: str, fields: Header) -> Header:
    header = copy.deepcopy(_good()[0])
    header[tensor] |= fields
    return header


def beside(**entries: Any) -> Build:
    """The good header and more."""
    return lambda: spelled(_good()[0] | entries)


def named(name: str) -> Build:
    """One tensor more, under a name that is meant to hurt."""
    return lambda: spelled(_good()[0] | {name: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}})


def without(tensor: str) -> Build:
    return lambda: spelled({name: entry for name, entry in _good()[0].items() if name != tensor})


def holding(tensor: str, value: bytes, last: bool = False) -> Build:
    """The first or last number of a tensor replaced."""

    def build() -> bytes:
        header, body = copy.deepcopy(_good()[0]), bytearray(_good()[1])
        begin, end = header[tensor]["data_offsets"]
        place = end - len(value) if last else begin
        body[place : place + len(value)] = value
        return spelled(header, bytes(body))

    return build


def filled(value: float) -> Build:
    """All numbers the same."""
    return lambda: spelled(_good()[0], np.full(len(_good()[1]) // 4, value, "<f4").tobytes())


def twice(first: str, again: str) -> Build:
    """A header in which a name stands twice, spelled `first` and `again`."""

    def build() -> bytes:
        text = json.dumps(_good()[0])
        entry = json.dumps(_good()[0][BIAS])
        return spelled(f'{text[:-1]}, "{again}": {entry}}}'.replace(f'"{BIAS}"', f'"{first}"', 1).encode())

    return build


def raw(text: bytes) -> Build:
    return lambda: spelled(text)


def _announces_twice() -> bytes:
    entry = json.dumps(_good()[0][BIAS])
    return spelled(json.dumps(_good()[0]).replace(entry, entry[:-1] + ', "dtype": "F32"}').encode())


class _Payload:
    """What `pickle.load` would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch hostile-was-here",)


def _zipped() -> bytes:
    """The form of a PyTorch checkpoint."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(_Payload()))
    return buffer.getvalue()


def _tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../../etc/cron.d/evil"))
    return buffer.getvalue()


def _empty_tensors() -> bytes:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return spelled({f"t{number}": entry for number in range(400_000)}, b"")


_NO_FORMAT = "its header would be longer than the file"

MODELS: dict[str, tuple[Build, str]] = {
    # no safetensors file at all
    "empty file": (lambda: b"", "too short"),
    "seven bytes": (lambda: bytes(7), "too short"),
    "pickle": (lambda: pickle.dumps(_Payload(), 2) + bytes(64), _NO_FORMAT),
    "PyTorch checkpoint": (_zipped, _NO_FORMAT),
    "archive with a path upwards": (_tarred, _NO_FORMAT),
    "gzip bomb": (lambda: gzip.compress(bytes(1 << 24)), _NO_FORMAT),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(512), _NO_FORMAT),
    "GGUF": (lambda: b"GGUF\x03\0\0\0" + bytes(512), _NO_FORMAT),
    "ELF program": (lambda: b"\x7fELF\x02\x01\x01\x03" + bytes(512), _NO_FORMAT),
    "Python source": (lambda: b"import os; os.system('touch hostile-was-here')\n" * 20, _NO_FORMAT),
    "zeros": (lambda: bytes(4096), "does not begin with {"),
    # headers
    "header longer than the file": (lambda: spelled(_good()[0], length=10**7), _NO_FORMAT),
    "header length of 2^63": (lambda: spelled(_good()[0], length=2**63), _NO_FORMAT),
    "header length of 2^64 - 1": (lambda: spelled(_good()[0], length=2**64 - 1), _NO_FORMAT),
    "header bomb": (lambda: spelled(b"{" + b" " * (32 << 20) + b"}"), "its header has"),
    "huge metadata": (beside(__metadata__={"note": "x" * (8 << 20)}), "its header has"),
    "400,000 empty tensors": (_empty_tensors, "its header has"),
    "header that is no JSON": (raw(b"{'layers': None}"), "its header cannot be read"),
    "header cut short": (lambda: spelled(json.dumps(_good()[0]).encode()[:-20]), "its header cannot be read"),
    "header behind a space": (lambda: spelled(b" " + json.dumps(_good()[0]).encode()), "does not begin with {"),
    "header behind a byte order mark": (raw(b"\xef\xbb\xbf{}"), "does not begin with {"),
    "header that is a list": (raw(b"[]"), "does not begin with {"),
    "header that is not UTF-8": (raw(b'{"\xff\xfe": 1}'), "its header cannot be read"),
    "header in UTF-16": (raw('{"a": 1}'.encode("utf-16-le")), "its header cannot be read"),
    "header nested too deeply": (raw(b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}"), "its header cannot be read"),
    "header with objects nested too deeply": (raw(b'{"a":' * 3000 + b"1" + b"}" * 3000), "its header cannot be read"),
    "header with a lone surrogate": (raw(rb'{"\ud800": 1}'), "its header cannot be read"),
    "number of 5,000 digits": (raw(b'{"mean": ' + b"9" * 5000 + b"}"), "its header cannot be read"),
    "name twice": (twice(BIAS, BIAS), "a name is there twice"),
    "name twice, once escaped": (twice(BIAS, r"layers\u002e0.bias"), "a name is there twice"),
    "field twice": (_announces_twice, "a name is there twice"),
    "metadata twice": (
        lambda: spelled(b'{"__metadata__": {}, "__metadata__": {}, ' + json.dumps(_good()[0]).encode()[1:]),
        "a name is there twice",
    ),
    "metadata with a number": (beside(__metadata__={"epoch": 3}), "metadata are not texts"),
    "metadata that are a list": (beside(__metadata__=["x"]), "metadata are not texts"),
    "metadata within metadata": (beside(__metadata__={"a": {"b": "c"}}), "metadata are not texts"),
    # names
    "tensor missing": (without(MEAN), "tensor mean is missing"),
    "no tensors": (raw(b"{}"), "is missing"),
    "tensor too many": (named("layers.9.weight"), "'layers.9.weight' is not expected"),
    "tensor named like a path": (named("../../etc/passwd"), "'../../etc/passwd' is not expected"),
    "tensor named like code": (named("__class__.__init__.__globals__"), "is not expected"),
    "tensor without a name": (named(""), "'' is not expected"),
    "name that drives a terminal": (named("\x1b[2J\x1b]0;owned\x07"), r"'\x1b[2J\x1b]0;owned\x07' is not expected"),
    "name that turns text around": (named("\u202egnp.exe"), r"'\u202egnp.exe' is not expected"),
    "name of 5,000 letters": (named("n" * 5000), "... is not expected"),
    "name with other letters for the same": (named("me\u0430n"), r"'me\u0430n' is not expected"),
    "name in capitals": (named("MEAN"), "'MEAN' is not expected"),
    # dtypes
    "double precision": (changed(BIAS, dtype="F64"), "'F64' [16], expected F32 [16]"),
    "half precision": (changed(BIAS, dtype="BF16"), "'BF16' [16], expected F32 [16]"),
    "unknown dtype": (changed(BIAS, dtype="object"), "'object' [16], expected F32 [16]"),
    "dtype that is a list": (changed(BIAS, dtype=["F32"]), "['F32'] [16], expected F32 [16]"),
    "no dtype": (changed(BIAS, dtype=None), "None [16], expected F32 [16]"),
    # shapes
    "shape turned round": (changed(WEIGHT, shape=[30, 16]), "[30, 16], expected F32 [16, 30]"),
    "shape flattened": (changed(WEIGHT, shape=[480]), "[480], expected F32 [16, 30]"),
    "shape of a number": (changed(BIAS, shape=[]), "[], expected F32 [16]"),
    "negative shape": (changed(BIAS, shape=[-16]), "no proper shape"),
    "shape of fractions": (changed(BIAS, shape=[16.0]), "no proper shape"),
    "shape of truths": (changed(BIAS, shape=[True]), "no proper shape"),
    "shape of texts": (changed(BIAS, shape=["16"]), "no proper shape"),
    "shape that overflows": (changed(BIAS, shape=[2**63, 2]), "no proper shape"),
    "shape whose product overflows": (changed(BIAS, shape=[2**47, 2**47]), "expected F32 [16]"),
    "shape of 1,000 ones": (changed(BIAS, shape=[1] * 1000), "no proper shape"),
    "shape of infinity": (
        lambda: spelled(json.dumps(_header(BIAS, {"shape": [float("inf")]})).encode()),
        "no proper shape",
    ),
    "shape with nothing": (changed(BIAS, shape=[0], data_offsets=[0, 0]), "expected F32 [16]"),
    "field too many": (changed(BIAS, code="import os"), "not described by dtype, shape and data_offsets"),
    "entry that is a text": (beside(**{BIAS: "F32"}), "not described by dtype, shape and data_offsets"),
    # offsets
    "overlapping offsets": (lambda: changed(SCALE, data_offsets=_good()[0][MEAN]["data_offsets"])(), "overlaps"),
    "gap": (lambda: spelled(_shifted(8), bytes(8) + _good()[1]), "leaves a gap"),
    "offsets behind the end": (changed(BIAS, data_offsets=[10**9, 10**9 + 64]), "leaves a gap"),
    "offsets turned round": (changed(BIAS, data_offsets=[64, 0]), "do not fit its shape"),
    "negative offsets": (changed(BIAS, data_offsets=[-64, 0]), "no proper shape and offsets"),
    "three offsets": (changed(BIAS, data_offsets=[0, 32, 64]), "no proper shape and offsets"),
    "offsets too far apart": (changed(BIAS, data_offsets=[0, 128]), "do not fit its shape"),
    "offsets of 2^62": (changed(BIAS, data_offsets=[2**62, 2**62 + 64]), "no proper shape and offsets"),
    # data
    "truncated data": (lambda: good()[:-4], "bytes of data"),
    "no data": (lambda: spelled(_good()[0], b""), "bytes of data"),
    "something behind the data": (lambda: good() + b"#!/bin/sh\n", "bytes of data"),
    "a second file behind the first": (lambda: good() * 2, "bytes of data"),
    "NaN": (holding(WEIGHT, np.float32("nan").tobytes()), "holds NaN or infinity"),
    "signalling NaN at the end": (holding(WEIGHT, bytes.fromhex("0100807f"), last=True), "holds NaN or infinity"),
    "infinity": (holding(BIAS, np.float32("inf").tobytes()), "holds NaN or infinity"),
    "negative infinity": (holding(SCALE, np.float32("-inf").tobytes(), last=True), "holds NaN or infinity"),
    "nothing but NaN": (filled(float("nan")), "holds NaN or infinity"),
}


def _shifted(by: int) -> Header:
    header = copy.deepcopy(_good()[0])
    for entry in header.values():
        entry["data_offsets"] = [offset + by for offset in entry["data_offsets"]]
    return header


# Strange, but within the specification: to refuse them would be the enemy's success.
HARMLESS: dict[str, Build] = {
    "spaces behind the header": lambda: spelled(json.dumps(_good()[0]).encode() + b" " * 500),
    "metadata of other tools": beside(__metadata__={"format": "pt", "x": "y" * 4000}),
    "zeros everywhere": filled(0.0),
    "negative zeros": filled(-0.0),
    "the smallest numbers that are slow": filled(1e-44),
    "the largest numbers": holding(BIAS, np.float32(3e38).tobytes()),
    "the largest numbers everywhere": filled(3e38),
}
