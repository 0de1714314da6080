"""Figures for Prometheus: how far the index is, how its sync does, and what the API answers."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from starlette.responses import Response
from starlette.types import Scope

from indexer.api.errors import ApiError
from indexer.api.snapshot import Reading, Snapshot
from indexer.tables import Totals, Vitals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
VITALS = select(*Vitals.__table__.c)  # type: ignore[attr-defined]
_SUMS = select(*Totals.__table__.c)  # type: ignore[attr-defined]


class Meter:
    """All figures of one API process."""

    def __init__(self, reading: Reading) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Index(reading))
        self._answers = Counter(
            "skein_api_answers", "Answers by route and status.", ["route", "status"], registry=self._registry
        )
        self._cached = Counter("skein_api_cached_answers", "Answers from memory.", registry=self._registry)
        self._seconds = Histogram(
            "skein_api_answer_seconds", "Time from question to answer.", buckets=_BUCKETS, registry=self._registry
        )
        self.live = Gauge("skein_api_live_connections", "Clients of /live.", registry=self._registry)
        self._children: dict[tuple[str, int], Any] = {}

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer."""
        key = scope.get("route_path", "none"), status
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._answers.labels(key[0], str(status))
        child.inc()
        if scope.get("cached"):
            self._cached.inc()
        if key[0] != "/live":
            self._seconds.observe(seconds)

    def response(self) -> Response:
        """The figures as Prometheus reads them."""
        return Response(
            generate_latest(self._registry), headers={"cache-control": "no-store", "content-type": CONTENT_TYPE}
        )


class _Index(Collector):
    """What the database says, at the moment of asking."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def describe(self) -> list[Metric]:
        """Nothing: the registry must not ask the database when it is made."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures; only that there are none, while nothing is indexed or the database is gone."""
        try:
            with self._reading.snapshot() as at:
                found = [*_index(at), *_sync(at)]
        except (ApiError, DBAPIError):
            found = []
        yield GaugeMetricFamily("skein_indexer_up", "Whether there is an index to read.", value=bool(found))
        yield from found


def _index(at: Snapshot) -> Iterator[Metric]:
    sums = at.first(_SUMS)
    yield GaugeMetricFamily("skein_indexer_block", "The block that answers hold for.", value=at.checkpoint.number)
    yield GaugeMetricFamily("skein_indexer_final_block", "No block up to here changes.", value=at.checkpoint.final)
    yield GaugeMetricFamily("skein_indexer_block_timestamp_seconds", "The time of the block.", value=at.now)
    events, unknown, mended = (sums.events, sums.unknown_events, sums.mended_texts) if sums else (0, 0, 0)
    yield CounterMetricFamily("skein_indexer_events", "Events in the index.", value=events)
    yield CounterMetricFamily("skein_indexer_unknown_events", "Events that no ABI has.", value=unknown)
    yield CounterMetricFamily("skein_indexer_mended_texts", "Texts in events that were none.", value=mended)


def _sync(at: Snapshot) -> Iterator[Metric]:
    vitals = at.first(VITALS)
    if vitals is None:
        return
    yield GaugeMetricFamily("skein_indexer_head_block", "The chain's newest block.", value=vitals.head)
    lag = max(vitals.head - at.checkpoint.number, 0)
    yield GaugeMetricFamily("skein_indexer_lag_blocks", "Blocks that are not indexed yet.", value=lag)
    seconds = max(time.time() - vitals.looked_at, 0.0)
    yield GaugeMetricFamily("skein_indexer_look_age_seconds", "Since the sync last saw the chain.", value=seconds)
    yield CounterMetricFamily("skein_indexer_reorgs", "Changes of the chain, since sync began.", value=vitals.reorgs)
    yield CounterMetricFamily("skein_indexer_replaced_blocks", "Blocks that gave way.", value=vitals.replaced_blocks)
    errors = CounterMetricFamily("skein_indexer_rpc_errors", "Failed requests by endpoint.", labels=["endpoint"])
    for at_, count in enumerate(orjson.loads(vitals.rpc_errors), 1):
        errors.add_metric([str(at_)], count)
    yield errors
