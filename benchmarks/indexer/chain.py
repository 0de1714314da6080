"""A chain full of events with an index of it, and the indexer's commands as processes."""

import itertools
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import typer

from benchmarks.indexer.emitter import Emitter, Story
from indexer.db import open_engine
from tests.postgres import postgres

ROOT = Path(__file__).parents[2]
# Blocks that a node calls final only when so many follow; empty ones close each chain, so that all events are.
FINALITY = 70

_NUMBERS = itertools.count()

T = TypeVar("T")


@contextmanager
def node(folder: Path) -> Iterator[str]:
    """A node of its own, and its URL."""
    command = [str(ROOT / ".toolchain/bin/anvil"), "--port", "0", "--prune-history", "100", "--no-request-size-limit"]
    with (folder / "anvil.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, env={**os.environ, "HOME": str(folder)})
    try:
        found = wait(lambda: re.findall(r"Listening on (\S+)", (folder / "anvil.log").read_text()), "the node")
        yield f"http://{found[0]}"
    finally:
        process.terminate()
        process.wait()


def wait(ready: Callable[[], T], what: str, seconds: float = 30) -> T:
    """The first thing that is not None or empty."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ready():
            return found
        time.sleep(0.001)
    raise RuntimeError(f"{what} did not come within {seconds} seconds")


class Chain:
    """A chain full of events and an index of it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.emitter = Emitter(url)
        self.story = Story()
        self.events = self.story.events()
        self.folder = folder
        self.emitter.deployment.write(folder / "deployment.json")
        self.environment = {
            **os.environ,
            "INDEXER_RPC_URL": url,
            "INDEXER_DEPLOYMENT": str(folder / "deployment.json"),
            "INDEXER_LOG_LEVEL": "WARNING",
        }
        self.use(f"sqlite:///{folder}/index.db")

    def use(self, database: str) -> None:
        """Index into this database from here on."""
        self.environment["INDEXER_DATABASE_URL"] = database
        self.engine = open_engine(database, read_only=True)

    def grow(self, events: int, per_block: int) -> None:
        """Mine blocks of events."""
        with typer.progressbar(range(events // per_block), label="Mining", file=sys.stderr) as blocks:
            for _ in blocks:
                self.emitter.mine(list(itertools.islice(self.events, per_block)))

    def finish(self) -> None:
        """Make all events final."""
        self.emitter.request("anvil_mine", hex(FINALITY))

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """A command of the indexer."""
        return subprocess.Popen([sys.executable, "-m", "indexer.cli", *command], env=self.environment)

    def block(self) -> int:
        """The block of the index."""
        return int(self.figure("SELECT number FROM checkpoint"))

    def figure(self, sql: str) -> Any:
        """One figure from the index."""
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(sql).scalar()

    def size(self) -> float:
        """Megabytes of the database."""
        if self.engine.dialect.name == "postgresql":
            return float(self.figure("SELECT pg_database_size(current_database())")) / 1e6
        path = Path(str(self.engine.url.database))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.stat().st_size / 1e6

    def head(self) -> int:
        return int(str(self.emitter.request("eth_blockNumber")), 16)


@contextmanager
def chain(events: int, per_block: int, final: bool = True) -> Iterator[Chain]:
    """A chain with so many events."""
    with tempfile.TemporaryDirectory() as folder, node(Path(folder)) as url:
        made = Chain(Path(folder), url)
        made.grow(events, per_block)
        if final:
            made.finish()
        yield made


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Iterator[str]]:
    """URLs of new, empty databases of that kind; a PostgreSQL server is started for them."""
    if kind == "postgresql":
        with postgres(careful=True) as server:
            yield iter(server.database, None)
    else:
        yield (f"sqlite:///{folder}/run{number}.db" for number in _NUMBERS)


@contextmanager
def served(made: Chain) -> Iterator[str]:
    """The API of the chain's index, in its own process."""
    environment = made.environment | {"INDEXER_PORT": "0", "INDEXER_LOG_LEVEL": "INFO", "INDEXER_RATE_LIMIT": "0"}
    command = [sys.executable, "-m", "indexer.cli", "serve"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        yield re.findall(r"http://\S+", server.stderr.readline())[0]
    finally:
        server.terminate()
        server.wait()
