"""How the syncing process is doing, written where those who serve can read it: `Vitals`.

What serves knows only the database. So that it can say how far behind the chain the index is, and whether anybody still
looks, the process that syncs leaves its figures there, at most once a second, between the transactions of blocks.
"""

import logging
import time

import orjson

from indexer import db
from indexer.bulk import bulk
from indexer.connections import Engine
from indexer.rpc import Endpoints
from indexer.shape import shape_of
from indexer.twins import Vitals

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0


class Pulse:
    """Counts what happens, and tells it on."""

    def __init__(self, engine: Engine | None = None, endpoints: Endpoints | None = None) -> None:
        """With no engine, it only counts."""
        self._engine = engine
        self._endpoints = endpoints
        self._beat_at = -BEAT_SECONDS
        self._row = Vitals(started_at=int(time.time()), written_at=0)

    def looked(self, head: int) -> None:
        """The chain answered: `head` is its newest block."""
        self._row.looked_at, self._row.head = int(time.time()), head
        self.beat()

    def replaced(self, blocks: int) -> None:
        """So many blocks gave way to others."""
        self._row.reorgs += 1
        self._row.replaced_blocks += blocks
        self.beat(at_once=True)

    def beat(self, at_once: bool = False) -> None:
        """Write the figures, if it is time. A database that is busy is left alone: the next beat comes soon."""
        now = time.monotonic()
        if self._engine is None or not (at_once or now - self._beat_at >= BEAT_SECONDS):
            return
        self._beat_at = now
        self._row.written_at = int(time.time())
        if self._endpoints is not None:
            self._row.rpc_errors = orjson.dumps(list(self._endpoints.failures.values())).decode()
        try:
            with self._engine.begin() as connection:
                own = bulk(connection)
                shape = shape_of(Vitals, own.mark)
                own.upsert(shape, [shape.dump(self._row)])
        except Exception as error:
            if not db.is_unusable(self._engine, error):
                raise
            logger.warning("Could not write how the sync is doing: %s", getattr(error, "orig", error))
