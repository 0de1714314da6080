"""Artifacts in an IPFS daemon."""

import io
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from protocol.artifacts import CHUNK_BYTES, manifest_cid, manifest_of
from protocol.errors import ArtifactMissing, ConfigInvalid, DigestMismatch, StoreUnreachable
from protocol.staging import local_storage
from protocol.verified import SLOWEST, TIMEOUT, SingleStore

# Read on import. Without it the client patches requests in a way that urllib3 2 warns of and urllib3 3 refuses.
os.environ.setdefault("PY_IPFS_HTTP_CLIENT_PATCH_REQUESTS", "no")
import ipfshttpclient

_PIECE = 4 * CHUNK_BYTES
_SLICE = 32 * CHUNK_BYTES  # bytes asked for at once: the client holds a whole answer in memory


class IpfsStore(SingleStore):
    """An IPFS daemon by its RPC interface (any that speaks Kubo's); what is put there is pinned.

    `address` is a multiaddr such as /ip4/127.0.0.1/tcp/5001. ConfigInvalid if it is none; no connection is made before
    the first use.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT) -> None:
        self.name = f"ipfs:{address}"
        self.timeout = timeout
        self._address = address
        try:
            self._client().close()
        except ipfshttpclient.exceptions.AddressError:
            raise ConfigInvalid(f"{address!r} is not an address like /ip4/127.0.0.1/tcp/5001.") from None

    def put(self, directory: Path) -> str:
        with local_storage(f"Publishing {directory}"), self._session() as client:
            manifest = manifest_of(directory)
            for file in manifest.files:
                self._add(client, directory / file.path, file.cid, file.size)
            data = manifest.to_bytes()
            self._add(client, io.BytesIO(data), manifest_cid(manifest.digest), len(data))
        return manifest.digest

    def read(self, cid: str, limit: int) -> Generator[bytes]:
        offset = 0
        with self._session() as client:
            while offset < limit:
                wanted = min(limit - offset, _SLICE)
                # The daemon looks for what it does not have, for ever unless told otherwise.
                options = {"offset": offset, "length": wanted, "timeout": f"{self.timeout:.0f}s"}
                piece: bytes = client.cat(cid, opts=options)
                yield piece
                offset += len(piece)
                if len(piece) < wanted:
                    return

    def _add(self, client: ipfshttpclient.Client, file: Path | io.BytesIO, cid: str, size: int) -> None:
        options = {"cid-base": "base32"}  # CIDs as we spell them
        patience = self.timeout + size / SLOWEST
        chunker = f"size-{CHUNK_BYTES}"
        try:
            added = client.add(file, cid_version=1, raw_leaves=True, chunker=chunker, opts=options, timeout=patience)[
                "Hash"
            ]
        except (AssertionError, LookupError, TypeError):  # the client's, for JSON that no daemon sends
            added = "nothing"
        if added != cid:
            raise DigestMismatch(f"{self.name} stored {added} instead of {cid}: did the file change meanwhile?")

    @contextmanager
    def _session(self) -> Iterator[ipfshttpclient.Client]:
        try:
            with self._client() as client:
                yield client
        except (ipfshttpclient.exceptions.Error, requests.RequestException) as error:
            kind = ArtifactMissing if _has_looked(error) else StoreUnreachable
            raise kind(f"{self.name}: {_told(error)}.") from error

    def _client(self) -> ipfshttpclient.Client:
        # Not connect(): it refuses daemons newer than itself.
        return ipfshttpclient.Client(self._address, chunk_size=_PIECE, timeout=self.timeout)


def _has_looked(error: Exception) -> bool:
    """Whether the daemon was there, and had its time to look for what it was asked."""
    if isinstance(getattr(error, "original", error), requests.ConnectTimeout):
        return False
    timeouts = ipfshttpclient.exceptions.TimeoutError | requests.Timeout
    return isinstance(error, ipfshttpclient.exceptions.ErrorResponse | timeouts)


def _told(error: Exception) -> str:
    """What a person needs of an IPFS error; the libraries tell the rest in dozens of words."""
    if isinstance(error, ipfshttpclient.exceptions.ErrorResponse):
        return str(error).rstrip(".")
    if isinstance(error, ipfshttpclient.exceptions.TimeoutError | requests.Timeout):
        return "no answer in time"
    if isinstance(error, ipfshttpclient.exceptions.ConnectionError | requests.ConnectionError):
        return "cannot be reached: see whether the daemon runs"
    return f"does not answer like an IPFS daemon ({type(error).__name__})"
