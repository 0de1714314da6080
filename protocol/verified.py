"""Reading artifacts from places that are not trusted.

Nothing that a store gives is believed: every byte is checked against the CID it was asked for before anyone uses it. A
store may send neither more than the manifest says nor more slowly than a crawl. So a store needs no trust, and a list
of stores is as good as the best of them.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import TypeVar

from protocol.artifacts import (
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    FileHasher,
    Manifest,
    digest_of,
    manifest_cid,
    manifest_of,
    parse_manifest,
)
from protocol.errors import (
    ArtifactError,
    ArtifactMissing,
    DigestMismatch,
    ProtocolError,
    StorageFailed,
    StoreUnreachable,
)
from protocol.staging import (
    local_storage,
    promote,
    require_free_place,
    require_space,
    staged_directory,
    write_file,
)

logger = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without a byte before a store counts as silent
SLOWEST = 32 * 1024  # bytes a second below which a store counts as silent too

T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """How large an artifact may be; checked on its manifest, before any file is fetched."""

    max_bytes: int
    max_files: int = 256

    def check(self, manifest: Manifest) -> None:
        """ArtifactError if the artifact is larger."""
        if manifest.size > self.max_bytes or len(manifest.files) > self.max_files:
            raise ArtifactError(
                f"Artifact {manifest.digest} has {manifest.size:,} bytes in {len(manifest.files)} files; "
                f"at most {self.max_bytes:,} in {self.max_files} are allowed here."
            )


class ArtifactStore(ABC):
    """A place, or several, that keeps artifacts.

    Errors of every method: ArtifactMissing (retry: not here now), StoreUnreachable (retry: nobody there to ask),
    DigestMismatch (the store lied or its disk rotted), StorageFailed (our disk), ArtifactError (the artifact itself is
    not allowed).
    """

    name: str

    @abstractmethod
    def put(self, directory: Path) -> str:
        """Publish a directory and return its digest. Safe to repeat, and to be killed at any moment."""

    @abstractmethod
    def holds(self, cid: str) -> bool:
        """Whether it answers for a CID at all; nothing is verified."""

    @abstractmethod
    def block(self, cid: str) -> bytes:
        """The bytes of one raw block, verified."""

    @abstractmethod
    def fetch(self, cid: str, size: int, target: Path) -> None:
        """Write a file to `target`, verified when this returns; ArtifactError if it is not of that size."""

    def manifest(self, digest: str) -> Manifest:
        """Fetch and verify the manifest alone."""
        return parse_manifest(self.block(manifest_cid(digest)))

    def has(self, digest: str) -> bool:
        """Whether all of an artifact seems to be here: the manifest is verified, for the files one byte is asked."""
        try:
            return all(file.size == 0 or self.holds(file.cid) for file in self.manifest(digest).files)
        except (ArtifactMissing, DigestMismatch):
            return False

    def get(self, digest: str, into: Path, limits: Limits) -> Path:
        """Fetch an artifact to the directory `into`, which appears only when it is complete and every byte verified.

        `manifest.json` lies beside the files. What is there already is verified again, and fetched anew if it does not
        hold; ConfigInvalid if `into` holds something else.
        """
        with local_storage(f"Fetching {digest} into {into}"), staged_directory(into) as stage:
            data = _manifest_in(into, digest)
            manifest = parse_manifest(data) if data else self.manifest(digest)
            limits.check(manifest)
            if data and _is_intact(into, manifest):
                return into
            if data:
                logger.warning("Found %s damaged, fetching it again digest=%s", into, digest)
                rmtree(into)
            self._download(manifest, stage, into)
        return into

    def _download(self, manifest: Manifest, stage: Path, into: Path) -> None:
        require_free_place(into)
        require_space(stage, manifest.size)
        write_file(stage / MANIFEST_FILE, manifest.to_bytes())  # first: a stranger's file may have its stage's name
        for file in manifest.files:
            self.fetch(file.cid, file.size, stage / file.path)
        promote(stage, into)


class SingleStore(ArtifactStore):
    """One store. It only has to `read`; what it says is verified here."""

    timeout: float = TIMEOUT

    @abstractmethod
    def read(self, cid: str, limit: int) -> Generator[bytes]:
        """What the store says `cid` is: its first `limit` bytes, or all if there are fewer. Not verified."""

    def holds(self, cid: str) -> bool:
        try:
            with closing(self.read(cid, 1)) as chunks:
                return any(chunks)
        except ArtifactMissing:
            return False

    def block(self, cid: str) -> bytes:
        return b"".join(self._verified(cid, MAX_MANIFEST_BYTES))

    def fetch(self, cid: str, size: int, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            for chunk in self._verified(cid, size):
                file.write(chunk)
            written = file.tell()
        if written != size:  # the CID says nothing of the size, so one model could have many digests
            raise ArtifactError(f"The manifest gives {cid} {size:,} bytes, it has {written:,}.")

    def _verified(self, cid: str, limit: int) -> Iterator[bytes]:
        """Pass on what the store gives; the iterator ends well only if all of it together is `cid`."""
        hasher = FileHasher()
        deadline = time.monotonic() + self.timeout + limit / SLOWEST
        with closing(self.read(cid, limit)) as chunks:
            for chunk in chunks:
                hasher.update(chunk)
                if hasher.size > limit:
                    raise DigestMismatch(f"{self.name} gave more than {limit:,} bytes for {cid}.")
                if time.monotonic() > deadline:
                    raise ArtifactMissing(f"{self.name} sends {cid} too slowly.")
                yield chunk
        if hasher.cid() != cid:
            raise DigestMismatch(f"{self.name} gave bytes for {cid} that are not it.")


class StoreChain(ArtifactStore):
    """Several stores as one: the first is written to, all are read in order until one gives the right bytes."""

    def __init__(self, stores: Iterable[ArtifactStore]) -> None:
        self.stores = tuple(stores)
        self.name = ", ".join(store.name for store in self.stores)

    def put(self, directory: Path) -> str:
        return self.stores[0].put(directory)

    def holds(self, cid: str) -> bool:
        return any(store.holds(cid) for store in self.stores)

    def block(self, cid: str) -> bytes:
        return self._first(lambda store: store.block(cid))

    def fetch(self, cid: str, size: int, target: Path) -> None:
        self._first(lambda store: store.fetch(cid, size, target))

    def _first(self, attempt: Callable[[ArtifactStore], T]) -> T:
        failures: list[ProtocolError] = []
        for store in self.stores:
            try:
                with local_storage(f"Reading {store.name}"):
                    return attempt(store)
            except (ArtifactMissing, DigestMismatch, StorageFailed) as error:
                if isinstance(error, DigestMismatch):
                    logger.warning("Refused what a store gave: %s", error)
                failures.append(error)
        raise _summary(failures)


def _summary(failures: list[ProtocolError]) -> ProtocolError:
    """Final only if every store lied: one that was silent may still have the bytes. Missing if one could say so."""
    told = " ".join(str(error) for error in failures)
    kinds = {type(error) for error in failures}
    for kind in (StorageFailed, ArtifactMissing, StoreUnreachable):
        if kind in kinds:
            return kind(told)
    return DigestMismatch(told)


def _manifest_in(directory: Path, digest: str) -> bytes | None:
    """The manifest that an earlier `get` left in `directory`, if it is that of `digest`."""
    path = directory / MANIFEST_FILE
    if not path.is_file() or path.stat().st_size > MAX_MANIFEST_BYTES:
        return None
    data = path.read_bytes()
    return data if digest_of(data) == digest else None


def _is_intact(directory: Path, manifest: Manifest) -> bool:
    try:
        return manifest_of(directory) == manifest
    except ArtifactError:
        return False
