"""What a client tells Prometheus, where SKEIN_METRICS_PORT asks for it. Amounts in SKEIN, times in seconds.

Gauges are read from the chain on the client's own ticks, at most every half minute: a scrape costs nothing and cannot
be made to. Everything a person would be woken for is here: see the alerts in `deploy/`.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from node.amounts import UNIT
from protocol.errors import ConfigInvalid

if TYPE_CHECKING:
    from node.participant import Means, Participant

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0

REGISTRY = CollectorRegistry()
TICKS = Histogram("skein_tick_seconds", "Duration of looks at the chain", registry=REGISTRY)
FAILURES = Counter("skein_tick_failures", "Looks that failed, most often since no node answered", registry=REGISTRY)
LAST_TICK = Gauge("skein_last_tick_timestamp_seconds", "When the last look ended well", registry=REGISTRY)
MESSAGES = Counter("skein_log_messages", "Log messages", ["level"], registry=REGISTRY)
HEAD = Gauge("skein_chain_head", "The newest block", registry=REGISTRY)
HEAD_AGE = Gauge("skein_chain_head_age_seconds", "This machine's clock less the newest block's time", registry=REGISTRY)
PENDING = Gauge("skein_pending_transactions", "Transactions that are looked after", registry=REGISTRY)
TASKS = Gauge("skein_tasks", "Tasks that were joined and are not over", registry=REGISTRY)
REFUSED = Gauge("skein_tasks_refused", "Tasks that the client keeps away from", registry=REGISTRY)
DEADLINE = Gauge("skein_next_deadline_seconds", "Chain time to the next deadline of a joined task", registry=REGISTRY)
JOBS = Gauge("skein_jobs_running", "Downloads, trainings and evaluations at work", registry=REGISTRY)
GAS_MONEY = Gauge("skein_gas_money", "The chain's own money in the account", registry=REGISTRY)
STAKE = Gauge("skein_stake", "SKEIN in the account's pool", ["part"], registry=REGISTRY)
FREE_DISK = Gauge("skein_disk_free_bytes", "Free space where the client works", registry=REGISTRY)
LEAVING = Gauge("skein_leaving", "1 while the client is on its way out", registry=REGISTRY)
REWARDS = Counter("skein_rewards_claimed", "SKEIN claimed since the start", registry=REGISTRY)
EVALUATIONS = Counter("skein_evaluations", "Evaluations since the start", ["outcome"], registry=REGISTRY)
TRAINING = Gauge("skein_training", "The newest step of a training", ["task", "figure"], registry=REGISTRY)
INFO = Gauge("skein_info", "The client", ["program", "address", "chain"], registry=REGISTRY)


class _Counting(logging.Handler):
    """Counts what is logged, by level."""

    def emit(self, record: logging.LogRecord) -> None:
        MESSAGES.labels(record.levelname.lower()).inc()


class Watch:
    """The gauges of one client; a tick of it runs within `tick`."""

    def __init__(self, participant: "Participant", means: "Means", name: str) -> None:
        self._participant = participant
        self._means = means
        self._next_look = 0.0
        INFO.labels(name, means.chain.address, str(means.chain.deployment.chain_id)).set(1)

    @contextmanager
    def tick(self) -> Iterator[None]:
        """Measure a tick; one that ends well is told, with what there is to see afterwards."""
        with TICKS.time(), FAILURES.count_exceptions():
            yield
        LAST_TICK.set(time.time())
        self._look()

    def _look(self) -> None:
        participant, means = self._participant, self._means
        TASKS.set(len(participant.engaged))
        REFUSED.set(len(participant.refused))
        JOBS.set(participant.jobs.running)
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        chain, head = means.chain, means.chain.head()
        HEAD.set(head.number)
        HEAD_AGE.set(time.time() - head.timestamp)
        PENDING.set(len(means.journal.open_intents()))
        if (deadline := participant.next_deadline()) is not None:
            DEADLINE.set(deadline - head.timestamp)
        pool = chain.pool(chain.address)
        GAS_MONEY.set(chain.balance(chain.address) / 10**18)
        for part, wei in (
            ("own", pool.own.assets),
            ("delegated", pool.delegated.assets),
            ("exiting", pool.own.exiting_assets + pool.delegated.exiting_assets),
            ("locked", pool.locked),
        ):
            STAKE.labels(part).set(int(wei) / UNIT)
        FREE_DISK.set(shutil.disk_usage(means.work).free)
        LEAVING.set(participant.is_leaving)


@contextmanager
def endpoint(host: str, port: int | None) -> Iterator[None]:
    """Serve the metrics at http://host:port/metrics for the time of the block; ConfigInvalid for a port in use."""
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host, REGISTRY)
    except (OSError, OverflowError) as error:
        raise ConfigInvalid(f"Metrics cannot be served at {host}:{port} ({error}): set SKEIN_METRICS_PORT.") from error
    counting = _Counting()
    logging.getLogger().addHandler(counting)
    logger.info("Metrics are at http://%s:%d/metrics", host, server.server_port)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(counting)
        server.shutdown()
        server.server_close()
        thread.join()
