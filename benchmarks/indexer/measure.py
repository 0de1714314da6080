"""What is measured, each as lines that can be read, or as figures that can be compared."""

import itertools
import os
import statistics
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.indexer import load
from benchmarks.indexer.chain import Chain, served, wait

REORGS = 5
DEPTH = 20


@dataclass(frozen=True)
class Cost:
    """What catching up took."""

    events: int
    seconds: float
    cpu: float
    memory: float
    database: float

    @property
    def each(self) -> float:
        """Microseconds of CPU an event."""
        return 1e6 * self.cpu / self.events

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.events:8,} events: {self.events / self.seconds:8,.0f} events/s  {self.each:6.1f} µs CPU/event  "
            f"{self.memory:5.0f} MB memory  {self.database:6.1f} MB database"
        )


def starting() -> float:
    """CPU seconds that the start of Python and the import of the indexer take."""
    begin = os.times()
    command = [sys.executable, "-m", "indexer.cli", "sync", "--once"]
    assert subprocess.run(command, env=_NOTHING, capture_output=True).returncode == _REFUSED
    end = os.times()
    return end.children_user + end.children_system - begin.children_user - begin.children_system


# A setting that is refused when all is imported and nothing is done yet.
_NOTHING = {**os.environ, "INDEXER_RPC_URL": "ftp://nowhere"}
_REFUSED = 3


def caught_up(made: Chain, events: int) -> Cost:
    """From an empty database to the head, in a process of its own, the start of Python included."""
    begin = time.perf_counter()
    process = made.start("sync", "--once")
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        raise RuntimeError("the indexer failed")
    logs = made.figure("SELECT count(*) FROM log")
    assert logs == events, (logs, events)
    return Cost(events, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, made.size())


def rebuilt(made: Chain, events: int) -> str:
    """All tables again from the raw logs, without the chain."""
    begin = time.perf_counter()
    if made.start("rebuild").wait():
        raise RuntimeError("the rebuild failed")
    return f"rebuild of {events:,} events: {events / (time.perf_counter() - begin):,.0f} events/s"


def followed(made: Chain, per_block: int, blocks: int) -> Iterator[str]:
    """New blocks, one by one, until their rows can be read; then reorgs."""
    made.environment["INDEXER_RPC_URL"] = made.url.replace("http", "ws")  # so that the node tells of new blocks
    process = made.start("sync")
    try:
        recent: deque[list[tuple[str, bytes]]] = deque(maxlen=DEPTH)
        lags = [_lag(made, per_block, recent) for _ in range(max(blocks, DEPTH))]
        yield (
            f"block of {per_block} events to rows: median {1e3 * statistics.median(lags):.0f} ms, "
            f"p90 {1e3 * statistics.quantiles(lags, n=10)[-1]:.0f} ms, worst {1e3 * max(lags):.0f} ms"
        )
        for kind, reorg in (("the first of others", _reorg), ("as many others", _branch)):
            took = [reorg(made, list(recent)) for _ in range(REORGS)]
            told = " ".join(f"{1e3 * seconds:.0f}" for seconds in took)
            yield f"{DEPTH} blocks of {per_block} events undone, and {kind} there: {told} ms"
    finally:
        process.terminate()
        process.wait()


def _reorg(made: Chain, blocks: list[list[tuple[str, bytes]]]) -> float:
    """Seconds until blocks are undone and the first of those that took their places is there; then come the others."""
    head = made.head()
    made.emitter.request("anvil_reorg", DEPTH, [])
    made.emitter.mine(blocks[0])
    begin = time.perf_counter()
    wait(lambda: made.block() > head, "the reorg")
    seconds = time.perf_counter() - begin
    for block in blocks[1:]:
        made.emitter.mine(block)
    wait(lambda: made.block() >= head + DEPTH, "the blocks after the reorg")
    return seconds


def _branch(made: Chain, blocks: list[list[tuple[str, bytes]]]) -> float:
    """Seconds from the last block of another branch, as long and as full, until all of it is there."""
    hash_ = made.emitter.reorg(blocks)
    begin = time.perf_counter()
    wait(lambda: made.figure("SELECT hash FROM checkpoint") == hash_, "the other branch")
    seconds = time.perf_counter() - begin
    time.sleep(0.5)
    return seconds


def _lag(made: Chain, per_block: int, recent: "deque[list[tuple[str, bytes]]]") -> float:
    """Seconds from a block to its rows."""
    recent.append(list(itertools.islice(made.events, per_block)))
    made.emitter.mine(recent[-1])
    begin, head = time.perf_counter(), made.head()
    wait(lambda: made.block() >= head, "the new block")
    seconds = time.perf_counter() - begin
    time.sleep(0.05)
    return seconds


def answered(made: Chain, seconds: float) -> Iterator[str]:
    """Requests per second: between two blocks, what nobody has asked before, and while a block comes each second."""
    made.emitter.mine(list(made.story.contest(64)))
    made.environment["INDEXER_RPC_URL"] = made.url
    made.start("sync", "--once").wait()
    with made.engine.connect() as connection:
        counted = "SELECT account FROM account_event GROUP BY account ORDER BY count(*) DESC, account LIMIT 5000"
        accounts = list(connection.exec_driver_sql(counted).scalars())
    made.engine.dispose()
    history = "/accounts/{}/history?limit=100"
    board, page = f"/tasks/{made.story.tasks}/leaderboard", history.format(accounts[0])
    known = {
        "status": ["/status"],
        "one task": ["/tasks/1"],
        "leaderboard of 64": [board],
        "account, 100 entries": [page],
    }
    new = {
        "histories, asked first": [history.format(account) for account in accounts],
        "accounts, asked first": [f"/accounts/{account}" for account in accounts],
    }
    with served(made) as url:
        for name, paths in known.items():
            yield _told(name, load.put(url, paths, seconds))
        for name, paths in new.items():
            yield _told(name, load.put(url, paths, seconds, once=True))
        with _growing(made):
            for name, path in (("leaderboard", board), ("account", page)):
                yield _told(f"{name}, a block a second", load.put(url, [path], seconds))


def _told(name: str, told: load.Load) -> str:
    return (
        f"{name:27} {told.requests_per_second:8,.0f} requests/s  median {told.median:6.2f} ms  "
        f"p99 {told.p99:6.2f} ms  {told.answer_bytes:7,} bytes"
    )


@contextmanager
def _growing(made: Chain) -> Iterator[None]:
    """A block of 20 events each second, and a process that follows."""
    stop = threading.Event()

    def mine() -> None:
        while not stop.wait(1):
            made.emitter.mine(list(itertools.islice(made.events, 20)))

    process, miner = made.start("sync"), threading.Thread(target=mine)
    miner.start()
    try:
        yield
    finally:
        stop.set()
        miner.join()
        process.terminate()
        process.wait()
