"""Where artifacts are kept: a directory, an IPFS daemon, gateways; and how a setting names them."""

import io
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import httpx

from protocol.artifacts import (
    CHUNK_BYTES,
    FileHasher,
    artifact_paths,
    is_raw,
    manifest_for,
    matching_manifest,
)
from protocol.configuration import expanded
from protocol.endpoints import check_url
from protocol.errors import ArtifactMissing, ConfigInvalid, StoreUnreachable
from protocol.ipfs import IpfsStore
from protocol.staging import local_storage, promote, staged_file
from protocol.verified import TIMEOUT, ArtifactStore, Limits, SingleStore, StoreChain

__all__ = ["ArtifactStore", "DirectoryStore", "GatewayStore", "IpfsStore", "Limits", "StoreChain", "open_store"]

_PIECE = 4 * CHUNK_BYTES
# What a gateway answers that has not looked for what it was asked: to strangers, in haste, or with nobody behind it.
_NOT_LOOKED = (401, 403, 408, 429, 502, 503)
_NOBODY_THERE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_ABANDONED = 24 * 3600  # seconds after which a temporary file is that of a killed process


class DirectoryStore(SingleStore):
    """A local directory: every file and manifest under its CID, as in `ab/bafk…ab`. Several processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = expanded(root)
        self.name = f"dir:{self.root}"
        self._temporary = self.root / "tmp"

    def put(self, directory: Path) -> str:
        with local_storage(f"Storing {directory} in {self.root}"):
            self._sweep()
            stored = [(path, *self._keep_file(directory / path)) for path in artifact_paths(directory)]
            manifest = matching_manifest(directory, manifest_for(stored))
            self._keep(io.BytesIO(manifest.to_bytes()))
        return manifest.digest

    def read(self, cid: str, limit: int) -> Generator[bytes]:
        try:
            file = self._place(cid).open("rb")
        except FileNotFoundError:
            if not self.root.is_dir():
                raise StoreUnreachable(f"{self.name} is not there: make the folder, or mount it.") from None
            raise ArtifactMissing(f"{self.name} does not have {cid}.") from None
        with file:
            while limit > 0 and (piece := file.read(min(limit, _PIECE))):
                limit -= len(piece)
                yield piece

    def _place(self, cid: str) -> Path:
        return self.root / cid[-2:] / cid

    def _keep_file(self, path: Path) -> tuple[int, str]:
        with path.open("rb") as source:
            return self._keep(source)

    def _keep(self, source: BinaryIO) -> tuple[int, str]:
        """Copy bytes in; size and CID are those of the copy, whatever happens to the source meanwhile."""
        hasher = FileHasher()
        with staged_file(self._temporary) as (stored, stage):
            while piece := source.read(_PIECE):
                hasher.update(piece)
                stored.write(piece)
            stored.flush()
            cid = hasher.cid()
            promote(stage, self._place(cid))
        return hasher.size, cid

    def _sweep(self) -> None:
        for left in self._temporary.glob("*"):
            with suppress(FileNotFoundError):  # another process is done with it
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    left.unlink()


class GatewayStore(SingleStore):
    """A read-only IPFS gateway, such as https://ipfs.io. ConfigInvalid if `url` is none."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        check_url(url, "a gateway", "https://ipfs.io")
        self.name = f"gateway:{url}"
        self.timeout = timeout
        self._url = url.rstrip("/")
        # One for all requests, since making one takes longer than most requests; it keeps no connection open.
        self._client = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), follow_redirects=True)

    def put(self, directory: Path) -> str:
        raise ConfigInvalid(f"{self.name} is read-only, {directory} cannot be put there; name another store first.")

    def read(self, cid: str, limit: int) -> Generator[bytes]:
        # Raw blocks in the form that gateways without UnixFS serve too; compressed answers could expand without bound.
        query = {"format": "raw"} if is_raw(cid) else {}
        headers = {"Accept-Encoding": "identity"}
        request = self._client.stream(
            "GET", f"{self._url}/ipfs/{cid}", params=query, headers=headers, timeout=self.timeout
        )
        try:
            with request as response:
                if response.status_code != httpx.codes.OK:
                    kind = StoreUnreachable if response.status_code in _NOT_LOOKED else ArtifactMissing
                    raise kind(f"{self.name} answers {response.status_code} for {cid}.")
                yield from response.iter_raw()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = StoreUnreachable if isinstance(error, _NOBODY_THERE) else ArtifactMissing
            raise kind(f"{self.name} cannot be read: {error or type(error).__name__}.") from error


_STORES: dict[str, Callable[[str], ArtifactStore]] = {
    "dir": lambda place: DirectoryStore(Path(place)),
    "ipfs": IpfsStore,
    "gateway": GatewayStore,
}


def open_store(names: str) -> StoreChain:
    """The stores of a comma-separated list: dir:PATH, ipfs:MULTIADDR, gateway:URL. The first is the one written to."""
    return StoreChain(_open(name.strip()) for name in names.split(","))


def _open(name: str) -> ArtifactStore:
    kind, _, place = name.partition(":")
    if kind not in _STORES or not place:
        raise ConfigInvalid(f"{name!r} is not a store; write dir:PATH, ipfs:MULTIADDR or gateway:URL.")
    return _STORES[kind](place)
