"""Artifacts: directories named by the hash of their list of files.

A manifest lists every file with its size and CID. It is canonical JSON small enough to be one raw IPFS block, so its
sha-256 (the digest that stands on chain) and its CID are the same 32 bytes. File CIDs are what `ipfs add
--cid-version=1` gives: raw leaves, sha2-256, chunks of 256 KiB.
"""

import base64
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from aleph_cid import CidHasher
from pydantic import Field, ValidationError, field_validator, model_validator

from protocol.documents import Document, explain
from protocol.errors import ArtifactError

MANIFEST_FILE = "manifest.json"
CHUNK_BYTES = 256 * 1024
MAX_MANIFEST_BYTES = CHUNK_BYTES  # a larger one would not be a single raw block
MAX_FILE_BYTES = 2**43
MAX_PATH_LENGTH = 255

_RAW, _DAG_PB = b"\x01\x55\x12\x20", b"\x01\x70\x12\x20"  # CIDv1, codec, sha2-256, 32 bytes
# ASCII only: what counts as the same name must not depend on a Unicode version or a file system.
_PATH_PART = re.compile(r"[A-Za-z0-9_+.-]+", re.ASCII)
_DIGEST = re.compile(r"0x[0-9a-f]{64}", re.ASCII)

Digest = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]


class ManifestFile(Document):
    """One file: its path inside the artifact (relative, "/" between parts), its size in bytes and its CID."""

    path: str
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]
    cid: str

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if (reason := path_fault(path)) is not None:
            raise ValueError(reason)
        return path

    @model_validator(mode="after")
    def _check_cid(self) -> Self:
        prefix = _RAW if self.size <= CHUNK_BYTES else _DAG_PB
        if not _is_cid(self.cid, prefix):
            raise ValueError(f"{self.cid[:80]!r} cannot be the CID of a file of {self.size} bytes")
        return self


class Manifest(Document):
    """The list of an artifact's files, sorted by path."""

    version: Literal[1] = 1
    files: Annotated[tuple[ManifestFile, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        paths = [file.path for file in self.files]
        if paths != sorted(paths):
            raise ValueError("the files are not sorted by path")
        if (clash := _clash(paths)) is not None:
            raise ValueError(f"{clash!r} is there twice, or is both a file and a directory")
        if len(self.to_bytes()) > MAX_MANIFEST_BYTES:
            raise ValueError(f"{len(paths)} files need a manifest above {MAX_MANIFEST_BYTES} bytes; pack them together")
        return self

    @cached_property
    def digest(self) -> str:
        """sha-256 of the canonical bytes, 0x and 64 hex digits: the artifact's name on chain."""
        return digest_of(self.to_bytes())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest's bytes; ArtifactError says what is wrong with them."""
    try:
        return Manifest.parse(data, MAX_MANIFEST_BYTES)
    except ValueError as error:
        raise ArtifactError(f"The manifest {digest_of(data)} is not valid: {error}.") from None


def manifest_for(files: Iterable[tuple[str, int, str]]) -> Manifest:
    """The manifest of (path, size, cid) triples in any order; ArtifactError if they cannot form an artifact."""
    try:
        listed = tuple(ManifestFile(path=path, size=size, cid=cid) for path, size, cid in sorted(files))
        return Manifest(files=listed)
    except ValidationError as error:
        raise ArtifactError(f"These files cannot form an artifact: {explain(error)}.") from None


def manifest_of(directory: Path) -> Manifest:
    """Hash a directory. A `manifest.json` at its root must be the result's own, as `ArtifactStore.get` leaves it."""
    hashed = ((path, file_cid(directory / path)) for path in artifact_paths(directory))
    return matching_manifest(directory, manifest_for((path, size, cid) for path, (cid, size) in hashed))


def matching_manifest(directory: Path, manifest: Manifest) -> Manifest:
    """`manifest`, unless the directory says of itself that it is something else (ArtifactError)."""
    own = directory / MANIFEST_FILE
    if own.is_file() and own.read_bytes() != manifest.to_bytes():
        raise ArtifactError(f"{own} does not describe its directory; remove it, the name is reserved.")
    return manifest


def artifact_paths(directory: Path) -> list[str]:
    """Relative paths of the files that make up the artifact, sorted.

    ArtifactError for symbolic links and other files that are not plain, bad names, and directories without a file.
    """
    if not directory.is_dir():
        raise ArtifactError(f"{directory} is not a directory.")
    paths = sorted(_walk(directory))
    if not paths:
        raise ArtifactError(f"{directory} has no files.")
    return paths


def _walk(directory: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(directory, onerror=_fail):
        for name in [*folders, *names]:
            path = Path(folder, name)
            relative, mode = path.relative_to(directory).as_posix(), path.lstat().st_mode
            if stat.S_ISDIR(mode) or relative == MANIFEST_FILE:
                continue
            if not stat.S_ISREG(mode):
                raise ArtifactError(f"{path} is not a plain file; copy what it stands for.")
            if (reason := path_fault(relative)) is not None:
                raise ArtifactError(f"{reason}; rename it.")
            yield relative


def _fail(error: OSError) -> None:
    raise error  # else a folder that cannot be read would be left out


def path_fault(path: str) -> str | None:
    """Why `path` may not stand in a manifest, or None."""
    parts = path.split("/")
    if not all(_PATH_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        return f"{path[:80]!r} is not a relative path of letters, digits and any of . _ + -"
    if len(path) > MAX_PATH_LENGTH:
        return f"{path[:40]!r}… is longer than {MAX_PATH_LENGTH} characters"
    if parts[0].lower() == MANIFEST_FILE:
        return f"{path!r} is a reserved name"
    return None


def _clash(paths: list[str]) -> str | None:
    """A path that some file system could not hold beside the others: equal but for case, or a file as directory."""
    names: set[str] = set()
    folders: set[str] = set()
    for path in map(str.lower, paths):
        parents = {path[:end] for end, sign in enumerate(path) if sign == "/"}
        if path in names or path in folders or parents & names:
            return path
        names.add(path)
        folders |= parents
    return None


def digest_of(manifest: bytes) -> str:
    """The digest of a manifest's bytes."""
    return "0x" + hashlib.sha256(manifest).hexdigest()


def manifest_cid(digest: str) -> str:
    """The CID under which every IPFS node knows the manifest: bafkrei… ArtifactError if `digest` is not one."""
    return _cid(_RAW, digest_bytes(digest))


def digest_bytes(digest: str) -> bytes:
    """The 32 bytes of a digest as written on chain; ArtifactError if it is not 0x and 64 lower-case hex digits."""
    if not _DIGEST.fullmatch(digest):
        raise ArtifactError(f"{digest[:80]!r} is not a digest: 0x and 64 lower-case hex digits.")
    return bytes.fromhex(digest[2:])


def file_cid(path: Path) -> tuple[str, int]:
    """CID and size in bytes of a file, read in constant memory."""
    hasher = FileHasher()
    with path.open("rb") as file:
        while chunk := file.read(4 * CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.cid(), hasher.size


class FileHasher:
    """The CID of bytes that arrive in pieces. Everything that computes file CIDs does it here."""

    def __init__(self) -> None:
        self._hasher = CidHasher.for_ipfs_v1_raw_leaves()
        self.size = 0

    def update(self, data: bytes) -> None:
        self._hasher.update(data)
        self.size += len(data)

    def cid(self) -> str:
        """Ends the hashing."""
        return str(self._hasher.finalize())


def is_raw(cid: str) -> bool:
    """Whether a CID names one raw block."""
    return _is_cid(cid, _RAW)


def _cid(prefix: bytes, digest: bytes) -> str:
    return "b" + base64.b32encode(prefix + digest).decode().rstrip("=").lower()


def _is_cid(cid: str, prefix: bytes) -> bool:
    """Whether `cid` is spelled as `_cid(prefix, …)` spells it."""
    try:
        raw = base64.b32decode(cid[1:].upper() + "======")
    except ValueError:
        return False
    return len(raw) == 36 and raw.startswith(prefix) and _cid(prefix, raw[4:]) == cid
