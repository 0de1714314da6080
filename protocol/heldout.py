"""The held-out set: published sealed when its task is created, opened with a key that the creator releases later.

The sealed form is an artifact of one file:

    magic (8 bytes) | salt (32) | segments

The segments carry the plaintext in pieces of 64 KiB, the last one shorter or full but never left out, each sealed by
AES-256-GCM with the nonce `counter (11 bytes, big-endian) | 1 for the last, else 0`. The key of the segments is
HKDF-SHA256(key, salt, magic). (This is STREAM, as in age: no piece can be cut, repeated, swapped or left out.)
The plaintext is a manifest (length as 4 bytes, big-endian, then its bytes) followed by its files in its order.

Opening is a verdict: the same key and artifact open for all validators or for none.
"""

import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from protocol.artifacts import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    FileHasher,
    Manifest,
    artifact_paths,
    manifest_of,
    parse_manifest,
)
from protocol.errors import ArtifactError, TaskFailed
from protocol.staging import local_storage, promote, require_free_place, staged_directory, write_file

SEALED_FILE = "heldout.sealed"
KEY_BYTES = 32

_MAGIC = b"SKEINHO1"
_SALT_BYTES = 32
_SEGMENT = 64 * 1024
_TAG = 16
_LENGTH = 4


def new_key() -> bytes:
    """A fresh key, 32 bytes. Use one key for one held-out set."""
    return secrets.token_bytes(KEY_BYTES)


def encrypt(directory: Path, key: bytes, into: Path) -> Path:
    """Seal a directory into the new directory `into`, which is what is published; two sealings are never equal.

    ArtifactError if the directory is no artifact, ConfigInvalid if `into` is taken, StorageFailed if the disk refuses.
    """
    with local_storage(f"Sealing {directory} into {into}"), staged_directory(into) as stage:
        require_free_place(into)
        manifest = manifest_of(directory)
        salt = secrets.token_bytes(_SALT_BYTES)
        with (stage / SEALED_FILE).open("wb") as sealed:
            sealed.write(_MAGIC + salt)
            for segment in _sealed(_cipher(key, salt), _plaintext(directory, manifest)):
                sealed.write(segment)
        promote(stage, into)
    return into


def decrypt(directory: Path, key: bytes, into: Path) -> Path:
    """Open a sealed directory into the new directory `into`, complete and with its manifest, or not there at all.

    TaskFailed if the key does not open it or what it opens is no artifact; ConfigInvalid if `into` holds something
    else; StorageFailed if the disk refuses.
    """
    with local_storage(f"Opening {directory} into {into}"), staged_directory(into) as stage:
        require_free_place(into)
        try:
            if artifact_paths(directory) != [SEALED_FILE]:
                raise ValueError(f"its artifact must hold {SEALED_FILE} and nothing else")
            with (directory / SEALED_FILE).open("rb") as sealed:
                _open(sealed, key, stage)
        except (ValueError, ArtifactError) as error:
            raise TaskFailed("held-out set", f"cannot be opened: {str(error).rstrip('.')}") from None
        promote(stage, into)
    return into


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key must have {KEY_BYTES} bytes")
    return AESGCM(HKDF(SHA256(), 32, salt, _MAGIC).derive(key))


def _nonce(counter: int, last: bool) -> bytes:
    return counter.to_bytes(11) + bytes([last])


def _plaintext(directory: Path, manifest: Manifest) -> Iterator[bytes]:
    data = manifest.to_bytes()
    yield len(data).to_bytes(_LENGTH) + data
    for file in manifest.files:
        with (directory / file.path).open("rb") as plain:
            while piece := plain.read(_SEGMENT):
                yield piece


def _sealed(cipher: AESGCM, pieces: Iterator[bytes]) -> Iterator[bytes]:
    buffer, counter = b"", 0
    for piece in pieces:
        buffer += piece
        while len(buffer) > _SEGMENT:
            yield cipher.encrypt(_nonce(counter, False), buffer[:_SEGMENT], None)
            buffer, counter = buffer[_SEGMENT:], counter + 1
    yield cipher.encrypt(_nonce(counter, True), buffer, None)


def _opened(cipher: AESGCM, sealed: BinaryIO) -> Iterator[bytes]:
    """The plaintext in pieces; ValueError as soon as one is not authentic, or if the last is not marked as such."""
    segment = sealed.read(_SEGMENT + _TAG)
    for counter in count():
        following = sealed.read(_SEGMENT + _TAG)
        try:
            yield cipher.decrypt(_nonce(counter, not following), segment, None)
        except InvalidTag:
            raise ValueError("the key is not its key, or it was altered") from None
        if not following:
            return
        segment = following


def _open(sealed: BinaryIO, key: bytes, stage: Path) -> None:
    if sealed.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is not a sealed held-out set")
    plain = _Reader(_opened(_cipher(key, sealed.read(_SALT_BYTES)), sealed))
    length = int.from_bytes(plain.read(_LENGTH))
    if length > MAX_MANIFEST_BYTES:
        raise ValueError(f"its manifest would have {length} bytes")
    manifest = parse_manifest(plain.read(length))
    write_file(stage / MANIFEST_FILE, manifest.to_bytes())  # first: a stranger's file may have its stage's name
    for file in manifest.files:
        if _extract(plain, stage / file.path, file.size) != file.cid:
            raise ValueError(f"{file.path} is not what its manifest says")
    plain.finish()


def _extract(plain: "_Reader", target: Path, size: int) -> str:
    hasher = FileHasher()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        while hasher.size < size:
            piece = plain.read(min(_SEGMENT, size - hasher.size))
            hasher.update(piece)
            file.write(piece)
    return hasher.cid()


class _Reader:
    """Reads exact lengths from pieces of any length."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = b""

    def read(self, length: int) -> bytes:
        while len(self._buffer) < length:
            piece = next(self._pieces, None)
            if piece is None:
                raise ValueError("it ends too early")
            self._buffer += piece
        data, self._buffer = self._buffer[:length], self._buffer[length:]
        return data

    def finish(self) -> None:
        if self._buffer or any(self._pieces):
            raise ValueError("there is something behind its last file")
