"""What the commands do: put the parts together, run them, end them in good order."""

import gc
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer import db
from indexer.index import Index
from indexer.pulse import Pulse
from indexer.reader import Checked, Reader
from indexer.rpc import Endpoints
from indexer.settings import IndexerSettings
from indexer.sync import Sync
from protocol.deployment import Deployment
from protocol.errors import ConfigInvalid, ProtocolError

if TYPE_CHECKING:
    import uvicorn
    from sqlalchemy import Engine

    from indexer.verify import Audit

logger = logging.getLogger(__name__)

_STOP_SECONDS = 10
# Connections that wait to be accepted, also while the server starts.
_BACKLOG = 2048


def sync(settings: IndexerSettings, once: bool = False) -> None:
    """Follow the chain until SIGTERM or SIGINT; with `once`, until its head is reached."""
    _spare_gc()
    with _stopping() as stop:
        _sync(settings, stop, once)


def _spare_gc() -> None:
    """Logs are many small objects without cycles: looking for cycles among them takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _sync(settings: IndexerSettings, stop: threading.Event, once: bool) -> None:
    deployment = _deployment(settings)
    endpoints = Endpoints(settings.rpc_url, deployment.chain_id, stop=stop)
    engine = db.open_writer(settings.database_url)
    index = Index(engine, deployment)
    pulse = Pulse(engine, endpoints)
    follower = Sync(Reader(endpoints, deployment, settings.confirmations, settings.check_logs), index, pulse)
    try:
        if once:
            while not stop.is_set() and follower.step(stop):
                pass
        else:
            follower.run(stop, settings.poll_seconds)
    finally:
        index.close()
        engine.dispose()
        endpoints.close()


def _deployment(settings: IndexerSettings) -> Deployment:
    """From the file, or the one that ships for the chain behind the RPC endpoint."""
    if settings.deployment is not None:
        return Deployment.read(settings.deployment)
    endpoints = Endpoints(settings.rpc_url, None)
    try:
        return Deployment.load(int(endpoints.call("eth_chainId"), 16))
    finally:
        endpoints.close()


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(settings: IndexerSettings, parent: int | None = None) -> None:
    """Serve the API until SIGTERM or SIGINT; also until the input `parent` (a file descriptor) ends."""
    import uvicorn

    from indexer.api.app import Options, create_app
    from protocol.store import open_store

    writer = db.open_writer(settings.database_url)
    db.prepare(writer)
    writer.dispose()
    store = open_store(settings.store) if settings.store else None
    options = Options(settings.rate_limit, settings.cors_origins, store=store)
    app = create_app(db.open_engine(settings.database_url, read_only=True), options)
    listener = _listen(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan="off",
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    app.end_when(lambda: server.should_exit)
    # The server stops in good order at these signals, then raises them once more: that must not end it in bad order.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _end(server))
    if parent is not None:
        threading.Thread(target=_follow, args=(parent, server), daemon=True).start()
    host, port = listener.getsockname()[:2]
    logger.info("Serving the API at http://%s:%d (its description: /docs)", host, port)
    server.run([listener])


def _end(server: "uvicorn.Server") -> None:
    server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, the event loop knows that it can send small answers at once.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigInvalid(
            f"The API cannot be served at {host}:{port} ({error}): set INDEXER_HOST and INDEXER_PORT."
        ) from error
    return listener


def _follow(parent: int, server: "uvicorn.Server") -> None:
    """End with the parent, however it ends: its end of the pipe closes even when it is killed."""
    while os.read(parent, 1):
        pass
    _end(server)


def run(settings: IndexerSettings) -> None:
    """Sync in this process, serve in another; each ends with the other."""
    ours, theirs = os.pipe()[::-1]
    environment = {**os.environ, **_environment(settings)}
    command = [sys.executable, "-m", "indexer.programs", str(theirs)]
    server = subprocess.Popen(command, env=environment, pass_fds=(theirs,))
    os.close(theirs)
    _spare_gc()
    with _stopping() as stop:
        threading.Thread(target=_watch, args=(server, stop), daemon=True).start()
        try:
            _sync(settings, stop, once=False)
        finally:
            os.close(ours)
            server.wait(2 * _STOP_SECONDS)
    if server.returncode:
        raise ConfigInvalid("The API ended, and the indexer with it: its last lines above say why.")


def _watch(server: "subprocess.Popen[bytes]", stop: threading.Event) -> None:
    server.wait()
    stop.set()


def _environment(settings: IndexerSettings) -> dict[str, str]:
    names = ("database_url", "host", "port", "log_level", "log_json")
    return {f"INDEXER_{name.upper()}": str(getattr(settings, name)) for name in names}


def rebuild(settings: IndexerSettings, told: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Derive all tables again; the number of the block that they hold for."""
    engine = db.open_engine(settings.database_url)
    deployment = Deployment.read(settings.deployment) if settings.deployment else _indexed(engine)
    index = Index(engine, deployment)
    try:
        if index.state is None:
            raise _empty()
        first, last = deployment.first_block, index.state.number
        index.rebuild(lambda number: told(number - first, last - first))
        return last
    finally:
        index.close()


def backup(settings: IndexerSettings, copy: Path) -> None:
    """Copy an SQLite database as it is at one block, while others write to it."""
    engine = db.open_engine(settings.database_url)
    if engine.dialect.name != "sqlite":
        raise ConfigInvalid(
            "PostgreSQL makes its own backups: pg_dump --format=custom, and pg_restore to get one back."
        )
    _indexed(engine)
    if copy.exists():
        raise ConfigInvalid(f"{copy} is there already: name a file that is not.")
    try:
        # Outside a transaction, as VACUUM must be; it reads one state of the database, and waits for nobody.
        with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as error:
        raise ConfigInvalid(f"{copy} cannot be written ({error}): name a file in a folder that is there.") from error
    finally:
        engine.dispose()


def audit(settings: IndexerSettings) -> "Audit":
    """The comparison with the chain; iterating over it makes it."""
    from indexer.verify import Audit
    from protocol.chain import Chain

    engine = db.open_engine(settings.database_url, read_only=True)
    deployment = _indexed(engine)
    endpoints = Endpoints(settings.rpc_url, deployment.chain_id)
    check: Checked = "none" if settings.check_logs == "none" else "all"
    return Audit(engine, Chain(settings.rpc_url, deployment), Reader(endpoints, deployment, check=check))


def status(settings: IndexerSettings) -> dict[str, Any]:
    """How far the index is."""
    engine = db.open_engine(settings.database_url, read_only=True)
    deployment = _indexed(engine)
    with engine.connect() as connection:
        checkpoint = connection.exec_driver_sql("SELECT number, hash, timestamp, final FROM checkpoint").one()
        events = connection.exec_driver_sql("SELECT count(*) FROM log").scalar_one()
    return {
        "chain_id": deployment.chain_id,
        "block": checkpoint.number,
        "block_hash": checkpoint.hash,
        "timestamp": checkpoint.timestamp,
        "final_block": checkpoint.final,
        "events": events,
    }


def _indexed(engine: "Engine") -> Deployment:
    """The deployment that a database is of."""
    from indexer.api.snapshot import parse_deployment

    if not db.is_prepared(engine):
        raise _empty()
    with engine.connect() as connection:
        found: str | None = connection.exec_driver_sql("SELECT deployment FROM checkpoint").scalar()
    if found is None:
        raise _empty()
    return parse_deployment(found)


def _empty() -> ConfigInvalid:
    return ConfigInvalid("The database holds no index: run `skein indexer sync` first, or set INDEXER_DATABASE_URL.")


def _main() -> None:
    """The API process of `run`."""
    from indexer.cli import report
    from protocol.logs import configure_logging

    try:
        settings = IndexerSettings.from_environment()
        configure_logging(settings.log_level, settings.log_json)
        serve(settings, int(sys.argv[1]))
    except ProtocolError as error:
        sys.exit(report(error))


if __name__ == "__main__":
    _main()
