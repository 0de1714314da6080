"""Measure the indexer: catching up, following, reorgs, answering. Figures depend on what else the machine does."""

import itertools
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from benchmarks.indexer import load
from benchmarks.indexer.emitter import Emitter, Story
from indexer.db import open_engine
from tests.postgres import postgres

ROOT = Path(__file__).parents[2]
# Blocks that a node calls final only when so many follow; empty ones close each chain, so that all events are.
FINALITY = 70

T = TypeVar("T")
app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
Events = Annotated[int, typer.Option(help="Events on the chain.")]
PerBlock = Annotated[int, typer.Option(help="Events in each block.")]
Database = Annotated[str, typer.Option(help="sqlite or postgresql.")]


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
            made.emitter.request("anvil_mine", hex(FINALITY))
        yield made


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Iterator[str]]:
    """URLs of new, empty databases of that kind; a PostgreSQL server is started for them."""
    if kind == "postgresql":
        with postgres(careful=True) as server:
            yield iter(server.database, None)
    else:
        yield (f"sqlite:///{folder}/run{number}.db" for number in itertools.count())


def starting() -> float:
    """CPU seconds that the start of Python and the import of the indexer take."""
    begin = os.times()
    subprocess.run([sys.executable, "-c", "import indexer.programs, indexer.index, indexer.sync"], check=True)
    end = os.times()
    return end.children_user + end.children_system - begin.children_user - begin.children_system


def caught_up(made: Chain, events: int) -> str:
    """One line: what it took to index everything, the start of Python included."""
    begin = time.perf_counter()
    process = made.start("sync", "--once")
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        raise RuntimeError("the indexer failed")
    cpu = used.ru_utime + used.ru_stime
    logs = made.figure("SELECT count(*) FROM log")
    assert logs == events, (logs, events)
    return (
        f"{events:8,} events: {events / seconds:8,.0f} events/s  {1e6 * cpu / events:6.1f} µs CPU/event  "
        f"{used.ru_maxrss / 1024:5.0f} MB memory  {made.size():6.1f} MB database"
    )


@app.command()
def catchup(events: Events = 100_000, per_block: PerBlock = 100, database: Database = "sqlite", runs: int = 3) -> None:
    """From an empty database to the head, in a process of its own."""
    with chain(events, per_block) as made, databases(database, made.folder) as urls:
        for url in itertools.islice(urls, runs):
            made.use(url)
            typer.echo(caught_up(made, events))
            made.engine.dispose()
        typer.echo(f"of this, the start of Python: {1e6 * starting() / events:.1f} µs CPU/event")


@app.command()
def rebuild(events: Events = 100_000, per_block: PerBlock = 100, database: Database = "sqlite") -> None:
    """All tables again from the raw logs, without the chain."""
    with chain(events, per_block) as made, databases(database, made.folder) as urls:
        made.use(next(urls))
        made.start("sync", "--once").wait()
        begin = time.perf_counter()
        if made.start("rebuild").wait():
            raise RuntimeError("the rebuild failed")
        typer.echo(f"{events:8,} events: {events / (time.perf_counter() - begin):8,.0f} events/s")
        made.engine.dispose()


@app.command()
def follow(
    events: Events = 20_000, per_block: PerBlock = 100, blocks: int = 100, database: Database = "sqlite"
) -> None:
    """New blocks, one by one, until their rows can be read; then reorgs of 20 blocks."""
    with chain(events, per_block) as made, databases(database, made.folder) as urls:
        made.use(next(urls))
        made.start("sync", "--once").wait()
        made.environment["INDEXER_RPC_URL"] = made.url.replace("http", "ws")  # so that the node tells of new blocks
        process = made.start("sync")
        lags = [_lag(made, per_block) for _ in range(blocks)]
        deciles = statistics.quantiles(lags, n=10)
        typer.echo(f"block of {per_block} events to rows: median {1e3 * statistics.median(lags):.0f} ms, "
                   f"p90 {1e3 * deciles[-1]:.0f} ms, worst {1e3 * max(lags):.0f} ms")  # fmt: skip
        for _ in range(5):
            head = made.head()
            made.emitter.request("anvil_reorg", 20, [])
            made.emitter.request("anvil_mine", "0x1")
            begin = time.perf_counter()
            wait(lambda head=head: made.block() > head, "the reorg")  # type: ignore[misc]
            typer.echo(f"reorg of 20 blocks: {1e3 * (time.perf_counter() - begin):.0f} ms")
        process.terminate()
        process.wait()
        made.engine.dispose()


def _lag(made: Chain, per_block: int) -> float:
    """Seconds from a block to its rows."""
    made.emitter.mine(list(itertools.islice(made.events, per_block)))
    begin, head = time.perf_counter(), made.head()
    wait(lambda: made.block() >= head, "the new block")
    seconds = time.perf_counter() - begin
    time.sleep(0.05)
    return seconds


@contextmanager
def served(made: Chain) -> Iterator[str]:
    """The API of the chain's index, in its own process."""
    made.environment |= {"INDEXER_PORT": "0", "INDEXER_LOG_LEVEL": "INFO", "INDEXER_RATE_LIMIT": "0"}
    command = [sys.executable, "-m", "indexer.cli", "serve"]
    server = subprocess.Popen(command, env=made.environment, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        yield re.findall(r"http://\S+", server.stderr.readline())[0]
    finally:
        server.terminate()
        server.wait()


@app.command()
def api(events: Events = 20_000, per_block: PerBlock = 100, seconds: float = 5) -> None:
    """Requests per second over 16 connections: what many ask between two blocks, then what nobody has asked before."""
    with chain(events, per_block) as made:
        made.emitter.mine(list(made.story.contest(64)))
        made.start("sync", "--once").wait()
        with made.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT account FROM account_event GROUP BY account ORDER BY count(*) DESC, account"
            )
            accounts = list(found.scalars())
        made.engine.dispose()
        history = "/accounts/{}/history?limit=100"
        questions = {
            "status": ["/status"],
            "one task": ["/tasks/1"],
            "leaderboard of 64": [f"/tasks/{made.story.tasks}/leaderboard"],
            "account, 100 entries": [history.format(accounts[0])],
            "histories, asked first": [history.format(account) for account in accounts],
            "accounts, asked first": [f"/accounts/{account}" for account in accounts],
        }
        with served(made) as url:
            for name, paths in questions.items():
                told = load.put(url, paths, seconds if len(paths) == 1 else min(seconds, len(paths) / 1_000))
                typer.echo(
                    f"{name:23} {told.requests_per_second:8,.0f} requests/s  median {told.median:6.2f} ms  "
                    f"p99 {told.p99:6.2f} ms  {told.answer_bytes:7,} bytes"
                )


if __name__ == "__main__":
    app()
