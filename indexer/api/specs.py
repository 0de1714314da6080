"""What a task is called: its specification, fetched by digest from where artifacts are kept, and checked against it.

Nothing on the chain says what a task is about; the document behind its digest does. Only digests of tasks are looked
for, in the background, so that a store that is slow or gone delays nothing else.
"""

import tempfile
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from indexer.api.views import STRICT
from indexer.types import Digest
from protocol.errors import ArtifactError, ProtocolError, SpecInvalid
from protocol.specs import MAX_SPEC_BYTES, TaskSpec, read_spec
from protocol.store import ArtifactStore, Limits

# How long a question waits for the store; an answer that comes later is there for the next question.
PATIENCE_SECONDS = 1.0
# What was not found is looked for again after this.
RETRY_SECONDS = 30.0
MAX_KNOWN = 2_000
_MAX_WAITING = 200
_FETCHERS = 2


class SpecAnswer(BaseModel):
    """A task's specification, if it can be had. All of its texts are a stranger's: escape them."""

    model_config = STRICT

    digest: Digest
    # pending: being fetched; missing: not to be had now; invalid: the document is no specification.
    state: Literal["known", "pending", "missing", "invalid"]
    spec: dict[str, Any] | None
    reason: str | None


class Specs:
    """The specifications that were asked for."""

    def __init__(self, store: ArtifactStore | None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Future[dict[str, Any]]]] = OrderedDict()
        self._pool = ThreadPoolExecutor(_FETCHERS, "specification")

    def close(self) -> None:
        """Fetch no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def get(self, digest: str) -> dict[str, Any]:
        """What is known of the digest, after a short wait."""
        if self._store is None:
            return _answer(digest, "missing", reason="No store is set: INDEXER_STORE.")
        with self._lock:
            fetched = self._fetched(digest)
        if fetched is None:
            return _answer(digest, "pending", reason="Many specifications are being fetched.")
        wait_for([fetched], PATIENCE_SECONDS)
        return fetched.result() if fetched.done() else _answer(digest, "pending", reason="The store is being asked.")

    def _fetched(self, digest: str) -> Future[dict[str, Any]] | None:
        at, found = self._known.get(digest, (0.0, None))
        missing = found is not None and found.done() and found.result()["state"] == "missing"
        if found is None or (missing and time.monotonic() - at > RETRY_SECONDS):
            if sum(not future.done() for _, future in self._known.values()) >= _MAX_WAITING:
                return None
            found = self._pool.submit(self._fetch, digest)
            self._known[digest] = time.monotonic(), found
        self._known.move_to_end(digest)
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return found

    def _fetch(self, digest: str) -> dict[str, Any]:
        assert self._store is not None
        try:
            with tempfile.TemporaryDirectory(prefix="skein-spec-") as folder:
                spec = read_spec(self._store.get(digest, Path(folder) / "spec", Limits(MAX_SPEC_BYTES, 1)))
        except (SpecInvalid, ArtifactError) as error:
            return _answer(digest, "missing" if error.retryable else "invalid", reason=str(error))
        except ProtocolError as error:
            return _answer(digest, "missing", reason=str(error))
        return _answer(digest, "known", spec)


def _answer(digest: str, state: str, spec: TaskSpec | None = None, reason: str | None = None) -> dict[str, Any]:
    return {
        "digest": digest,
        "state": state,
        "spec": spec.model_dump(mode="json") if spec else None,
        "reason": reason,
    }
