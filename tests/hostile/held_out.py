"""Hostile held-out sets: what a task's creator may seal, and what the verdict `unopenable` must say of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hostile.artifacts import Lie, canonical, cid_of
from hostile.models import spelled
from safetensors.numpy import save
from world import KEY

from protocol.heldout import _MAGIC, _SEGMENT, _TAG, SEALED_FILE, _cipher, _sealed
from protocol.tasks.sets import CARD_FILE, DATA_FILE

Tensors = dict[str, np.ndarray[Any, Any]]
Spoil = Callable[[bytes], bytes]
_SALT = b"s" * 32
_BEGIN = len(_MAGIC) + len(_SALT)


def rows(count: int = 40, width: int = 30) -> Tensors:
    random = np.random.default_rng(1)
    return {
        "x": random.normal(size=(count, width)).astype(np.float32),
        "y": np.arange(count, dtype=np.int64) % 2,
    }


def sealed(plaintext: bytes, key: bytes = KEY) -> bytes:
    pieces: Iterator[bytes] = iter([plaintext])
    return _MAGIC + _SALT + b"".join(_sealed(_cipher(key, _SALT), pieces))


def plain(manifest: bytes, *files: bytes, length: int | None = None) -> bytes:
    told = len(manifest) if length is None else length
    return told.to_bytes(4) + manifest + b"".join(files)


def listed(data: bytes, **lies: Any) -> bytes:
    return canonical({"files": [Lie(**{"path": DATA_FILE, "data": data, **lies}).entry()], "version": 1})


def holding(data: bytes, **lies: Any) -> bytes:
    """A set of one file, sealed; the manifest may lie."""
    return sealed(plain(listed(data, **lies), data))


def tensors(**changes: np.ndarray[Any, Any]) -> bytes:
    return holding(save({**rows(), **changes}))


def spoiled(spoil: Spoil) -> bytes:
    """A good set of several segments, and what was done to it."""
    return spoil(holding(save(rows(count=2000))))


def _segments(data: bytes) -> list[bytes]:
    step = _SEGMENT + _TAG
    return [data[at : at + step] for at in range(_BEGIN, len(data), step)]


def _reordered(data: bytes) -> bytes:
    first, second, *others = _segments(data)
    return data[:_BEGIN] + b"".join([second, first, *others])


def _flipped(data: bytes) -> bytes:
    return data[:_BEGIN] + bytes([data[_BEGIN] ^ 1]) + data[_BEGIN + 1 :]


def _nan() -> np.ndarray[Any, Any]:
    x = rows()["x"]
    x[-1, -1] = np.nan
    return x


_NOT_ITS_KEY = "the key is not its key, or it was altered"
_GOOD = save(rows())

SETS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "it is not a sealed held-out set"),
    "data that are not sealed": (lambda: _GOOD, "it is not a sealed held-out set"),
    "no segment": (lambda: _MAGIC + _SALT, _NOT_ITS_KEY),
    "sealed with another key": (lambda: sealed(plain(listed(_GOOD), _GOOD), b"x" * 32), _NOT_ITS_KEY),
    "one bit flipped": (lambda: spoiled(_flipped), _NOT_ITS_KEY),
    "cut between segments": (lambda: spoiled(lambda data: data[: _BEGIN + _SEGMENT + _TAG]), _NOT_ITS_KEY),
    "cut within a segment": (lambda: spoiled(lambda data: data[:-1]), _NOT_ITS_KEY),
    "segments swapped": (lambda: spoiled(_reordered), _NOT_ITS_KEY),
    "a segment twice": (lambda: spoiled(lambda data: data + _segments(data)[-1]), _NOT_ITS_KEY),
    "nothing inside": (lambda: sealed(b""), "it ends too early"),
    "manifest of 2 GiB": (lambda: sealed(plain(b"{}", length=2**31)), "its manifest would have"),
    "manifest that is none": (lambda: sealed(plain(b"\x80\x04.")), "is not valid"),
    "path upwards": (lambda: holding(_GOOD, path="../../x"), "is not a relative path"),
    "file shorter than told": (lambda: holding(_GOOD, size=len(_GOOD) + 9), "it ends too early"),
    "file longer than told": (lambda: holding(_GOOD, size=len(_GOOD) - 9), "is not what its manifest says"),
    "file that is another one": (lambda: holding(_GOOD, cid=cid_of(b"x")), "is not what its manifest says"),
    "something behind": (lambda: sealed(plain(listed(_GOOD), _GOOD, b"x")), "behind its last file"),
    "another file": (lambda: holding(_GOOD, path=CARD_FILE), f"{DATA_FILE} is missing"),
    "pickle": (lambda: holding(b"\x80\x04." * 100), "its header would be longer than the file"),
    "header bomb": (lambda: holding(spelled(b"{" + b" " * (1 << 20) + b"}", b"")), "its header has"),
    "NaN": (lambda: tensors(x=_nan()), "holds NaN or infinity"),
    "double precision": (lambda: tensors(x=rows()["x"].astype(np.float64)), "expected F32 [any, 30]"),
    "columns too few": (lambda: tensors(x=rows(width=29)["x"]), "expected F32 [any, 30]"),
    "no labels": (lambda: holding(save({"x": rows()["x"]})), "tensor y is missing"),
    "labels too few": (lambda: tensors(y=rows(39)["y"]), "there are 40 in x, 39 in y"),
    "no rows": (lambda: tensors(**rows(0)), "there are 0 in x, 0 in y"),
    "label too large": (lambda: tensors(y=rows()["y"] + 1), "labels outside 0 to 1"),
    "label below zero": (lambda: tensors(y=rows()["y"] - 1), "labels outside 0 to 1"),
}


def write(folder: Path, data: bytes) -> Path:
    """The artifact of a sealed set."""
    folder.mkdir(parents=True)
    (folder / SEALED_FILE).write_bytes(data)
    return folder
