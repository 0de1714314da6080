"""An index under test: the real parts, put together as `skein indexer sync` does, without its process."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from network import Network
from sqlalchemy import select
from sqlmodel import SQLModel

from indexer import db
from indexer.api.app import Options, create_app
from indexer.index import Index
from indexer.reader import Checked, Reader
from indexer.rpc import Endpoints
from indexer.sync import Sync
from indexer.tables import DERIVED, RAW, Checkpoint, RecentBlock
from indexer.verify import Audit
from skein.processes import until

# The journal is left out: it says how to undo, not what is; that it is right shows when it is used.
COMPARED: tuple[type[SQLModel], ...] = (Checkpoint, RecentBlock, *RAW, *DERIVED)


class Indexed:
    """A database and what fills it from a network."""

    def __init__(
        self,
        network: Network,
        where: Path | str,
        urls: list[str] | None = None,
        confirmations: int | None = None,
        check: Checked = "sample",
    ) -> None:
        """`where`: a file, or a database's URL."""
        self.network = network
        self.url = where if isinstance(where, str) else f"sqlite:///{where}"
        self.endpoints = Endpoints(urls or [network.rpc_url], network.deployment.chain_id, timeout=20, patience=1)
        self.reader = Reader(self.endpoints, network.deployment, confirmations, check)
        self.open()

    def open(self) -> None:
        """As a process that starts would."""
        self.engine = db.open_engine(self.url)
        self.writer = db.open_writer(self.url)
        self.index = Index(self.writer, self.network.deployment)
        self.follower = Sync(self.reader, self.index)

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(str(self.engine.url.database))

    def close(self) -> None:
        self.index.close()
        self.writer.dispose()
        self.engine.dispose()

    def restart(self) -> None:
        self.close()
        self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
        self.endpoints.close()

    def sync(self) -> None:
        """Up to the chain's head."""
        while self.follower.step():
            pass

    def rows(self, table: type[SQLModel], **where: Any) -> list[Any]:
        """Rows of a table by exact values, in the order of its key."""
        columns = table.__table__.c  # type: ignore[attr-defined]
        statement = select(*columns).where(*(columns[name] == value for name, value in where.items()))
        with self.engine.connect() as connection:
            return list(connection.execute(statement.order_by(*table.__table__.primary_key)).all())  # type: ignore[attr-defined]

    def one(self, table: type[SQLModel], **where: Any) -> Any:
        """The only such row."""
        (row,) = self.rows(table, **where)
        return row

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything in the index."""
        return {str(table.__tablename__): [tuple(row) for row in self.rows(table)] for table in COMPARED}

    def differences(self) -> list[str]:
        """What differs from the contracts' own views and from the chain's events."""
        with closing(Endpoints([self.network.rpc_url], self.network.deployment.chain_id)) as endpoints:
            reader = Reader(endpoints, self.network.deployment, check="all")
            return list(Audit(self.engine, self.network.chain(), reader))


@contextmanager
def serving(url: str, options: Options | None = None) -> Iterator[httpx.Client]:
    """A client of the API over a database, which is served as `skein indexer serve` does."""
    engine = db.open_engine(url, read_only=True)
    app = create_app(engine, options)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started, 10, "the API")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        app.close()
        thread.join()
        engine.dispose()
