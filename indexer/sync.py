"""Following the chain: what is final in bulk, what is recent block by block, what is replaced undone."""

import logging
import time
from threading import Event

from indexer.index import Index
from indexer.pulse import Pulse
from indexer.reader import HEADERS_AT_ONCE, Batch, ChainMoved, Reader, Tip
from protocol.errors import ChainUnavailable, DeepReorg

logger = logging.getLogger(__name__)

# Blocks that are read header by header in one step.
RECENT_BLOCKS = 256
_TELL_SECONDS = 5.0
_LONGEST_PAUSE = 10.0
# Between looks at the head of an endpoint that tells of new blocks; between looks whether to stop.
_TOLD_SECONDS = 5.0
_STOP_SECONDS = 0.2
# After so long without a new block, the other endpoints are asked for theirs.
STALE_SECONDS = 30.0
# So often in a row a chain is believed to have moved while it was read.
_MOVES_BELIEVED = 3


class Sync:
    """Brings an index up to the chain, step by step."""

    def __init__(self, reader: Reader, index: Index, pulse: Pulse | None = None) -> None:
        """`pulse` is told what is seen, and tells it on."""
        self._reader = reader
        self._pulse = pulse or Pulse()
        self._index = index
        # Set when an endpoint tells of a new block.
        self._news = Event()
        # When the head was last seen to move.
        self._moved_at = time.monotonic()
        # Endpoints that were behind the index, and such that hold to another history, since it last grew.
        self._behind: set[str] = set()
        self._strange: set[str] = set()
        self._told_at = self._lag_told_at = -_TELL_SECONDS
        self._untold: tuple[int, int] | None = None

    def run(self, stop: Event, poll_seconds: float) -> None:
        """Follow the chain until `stop` is set. Endpoints that do not answer are waited for.

        Raises `DeepReorg` and `ConfigInvalid`.
        """
        pause, moved = poll_seconds, 0
        endpoints = self._reader.endpoints
        endpoints.listen(self._news.set)
        while not stop.is_set():
            try:
                busy, pause, moved = self.step(stop), poll_seconds, 0
            except ChainUnavailable as error:
                logger.warning("Waiting for the chain: %s", error)
                busy, pause = False, min(2 * pause, _LONGEST_PAUSE)
                moved += isinstance(error, ChainMoved)
                if moved >= _MOVES_BELIEVED:
                    endpoints.leave("its blocks do not follow one another")
                    moved = 0
                self._pulse.beat()
            if not busy:
                self._index.rest()
                self._wait(stop, max(pause, _TOLD_SECONDS) if endpoints.tells else pause)

    def _wait(self, stop: Event, seconds: float) -> None:
        """Until the endpoint tells of something, or it is time to look."""
        until = time.monotonic() + seconds
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if self._news.wait(min(left, _STOP_SECONDS)):
                self._news.clear()
                return

    def step(self, stop: Event | None = None) -> bool:
        """One look at the chain. True when there was something to do; then there may be more.

        Raises `ChainUnavailable` (nothing is lost, try again) and `DeepReorg` (the index is of another history).
        """
        state = self._index.state
        first = state.number + 1 if state else self._index.deployment.first_block
        tip = self._reader.tip(max(first - 1, 0))
        self._pulse.looked(tip.head.number)
        if state and (tip.asked is None or tip.asked.hash != state.hash):
            return self._replaced(tip)
        if first <= tip.final:
            self._catch_up(first, tip.final, stop or Event())
            return True
        self._index.complete()
        if first > tip.head.number:
            self._seek_newer(tip)
            return False
        last = min(tip.head.number, first + RECENT_BLOCKS - 1)
        batch = self._reader.recent(state.hash if state else None, first, last)
        self._index.extend(batch, tip.final)
        self._moved_at = time.monotonic()
        self._behind.clear()
        self._strange.clear()
        self._tell(first, batch)
        return True

    def _seek_newer(self, tip: Tip) -> None:
        """No new block for a while: either there is none, or the endpoint stands still."""
        if time.monotonic() - self._moved_at > STALE_SECONDS:
            self._reader.endpoints.seek_newer(tip.head.number)
            self._moved_at = time.monotonic()

    def _catch_up(self, first: int, final: int, stop: Event) -> None:
        for batch in self._reader.final(first, final):
            if stop.is_set():
                return
            self._index.fill(batch, final)
            self._pulse.beat()
            self._tell(first, batch)
            first = batch.last.number + 1

    def _replaced(self, tip: Tip) -> bool:
        """The checkpoint's block is not the chain's: another branch won, or the endpoint lags behind us."""
        recent = self._index.recent()
        if tip.head.number < recent[-1][0] or (tip.head.number, tip.head.hash) in recent:
            self._tell_lag(tip)
            return self._try_another(self._behind, f"its head is block {tip.head.number}, the index has more")
        ancestor = self._ancestor([known for known in recent if known[0] <= tip.head.number])
        if ancestor is None:
            return self._other_history(recent[-1][0])
        number, hash_ = ancestor
        last = min(tip.head.number, number + RECENT_BLOCKS)
        batch = self._reader.recent(hash_, number + 1, last)
        depth = recent[0][0] - number
        self._index.replace(number, batch, tip.final)
        self._pulse.replaced(depth)
        logger.warning("Replaced %d blocks after block %d (%d events)", depth, number, len(batch.logs))
        return True

    def _ancestor(self, recent: list[tuple[int, str]]) -> tuple[int, str] | None:
        """The newest block that we and the chain have in common; None when there is none that can still change."""
        for at in range(0, len(recent), HEADERS_AT_ONCE):
            part = recent[at : at + HEADERS_AT_ONCE]
            found = self._reader.headers([number for number, _ in part])
            for (number, hash_), header in zip(part, found, strict=True):
                if header is not None and header.hash == hash_:
                    return number, hash_
        return None

    def _other_history(self, final: int) -> bool:
        """The endpoint knows nothing of what is final here. When all of them agree, it is the index that is wrong."""
        if not self._try_another(self._strange, f"its chain is another one below block {final}"):
            raise DeepReorg(
                f"The chain changed below block {final}, which was final: either the RPC endpoint follows another "
                "chain (a local chain that was started anew?), or finality was broken. Check INDEXER_RPC_URL; to index "
                "this chain, give an empty database."
            )
        return True

    def _try_another(self, tried: set[str], reason: str) -> bool:
        """Leave the endpoint, and remember it; False when there is none left that was not tried."""
        endpoints = self._reader.endpoints
        tried.add(endpoints.urls[0])
        if tried >= set(endpoints.urls):
            tried.clear()
            return False
        return endpoints.leave(reason)

    def _tell_lag(self, tip: Tip) -> None:
        if time.monotonic() - self._lag_told_at > _TELL_SECONDS:
            logger.warning("The RPC endpoint's head is block %d: it is behind, or on another chain", tip.head.number)
            self._lag_told_at = time.monotonic()

    def _tell(self, first: int, batch: Batch) -> None:
        """One line per batch when following, one every few seconds when catching up."""
        begin, events = self._untold or (first, 0)
        self._untold = begin, events + len(batch.logs)
        if batch.recent or time.monotonic() - self._told_at > _TELL_SECONDS:
            logger.info("Indexed blocks %d-%d (%d events)", begin, batch.last.number, events + len(batch.logs))
            self._told_at, self._untold = time.monotonic(), None
