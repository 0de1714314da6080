"""Reading at one block: everything in an answer comes from one snapshot of the database, and the answer names it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from fastapi import Response
from sqlalchemy import Connection, Engine, Executable, select
from sqlalchemy.exc import DBAPIError

from indexer.api.errors import ApiError
from indexer.db import VERSION
from indexer.tables import Checkpoint
from protocol.deployment import Deployed, Deployment

_CHECKPOINT = select(*Checkpoint.__table__.c)  # type: ignore[attr-defined]


@dataclass(slots=True)
class Snapshot:
    """The index at its checkpoint."""

    connection: Connection
    checkpoint: Any

    @property
    def now(self) -> int:
        """The time of the block: what decides phases, maturities and commissions."""
        return int(self.checkpoint.timestamp)

    @property
    def deployment(self) -> Deployment:
        """The deployment that is indexed."""
        return parse_deployment(self.checkpoint.deployment)

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """The rows of a statement."""
        return self.connection.execute(statement, {"now": self.now, **(values or {})}).all()

    def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """The first row, None if there is none."""
        return self.connection.execute(statement, {"now": self.now, **(values or {})}).first()

    def answer(self, data: Any, **more: Any) -> Response:
        """An answer with the block that it holds for."""
        body = {"block": self.checkpoint.number, "block_hash": self.checkpoint.hash, "data": data, **more}
        return Response(orjson.dumps(body), headers={"etag": etag(self.checkpoint)}, media_type="application/json")


def etag(checkpoint: Any) -> str:
    """Names an answer's version: answers change with the block, and with the version of the tables."""
    return f'"{VERSION}-{checkpoint.hash}"'


@lru_cache(maxsize=4)
def parse_deployment(text: str) -> Deployment:
    """The deployment in a checkpoint."""
    form = orjson.loads(text)
    contracts = {name: Deployed(entry["address"], entry["first_block"]) for name, entry in form["contracts"].items()}
    return Deployment(form["chain_id"], contracts)


class Reading:
    """Opens snapshots of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def checkpoint(self) -> Any:
        """The newest checkpoint, None before the first. Raises the driver's error when the database is gone."""
        with self._engine.connect() as connection:
            return connection.execute(_CHECKPOINT).first()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The index as it is now, whatever is written meanwhile."""
        with self._engine.connect() as connection:
            checkpoint = connection.execute(_CHECKPOINT).first()
            if checkpoint is None or checkpoint.version != VERSION:
                raise ApiError(503, "not_ready", "Nothing is indexed yet: `indexer sync` is at work, or should be.")
            yield Snapshot(connection, checkpoint)


def is_alive(reading: Reading) -> bool:
    """Whether the database answers."""
    try:
        reading.checkpoint()
    except DBAPIError:
        return False
    return True
