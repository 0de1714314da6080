"""The network as a whole: how far the index is, which contracts it follows, and sums over everything."""

import time
from typing import Literal

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import select

from indexer.api.errors import ApiError
from indexer.api.metrics import VITALS
from indexer.api.routing import Read, area
from indexer.api.views import STRICT, TOTALS, columns, many, one
from indexer.db import VERSION
from indexer.tables import EventKind
from indexer.types import Address

router = area("network")

# A sync that did not write or look for so long is gone.
SILENT_SECONDS = 60
READY_BLOCKS = 20


class Status(BaseModel):
    """How far the index is."""

    model_config = STRICT

    chain_id: int
    # Of the block that all other answers hold for.
    timestamp: int
    # No block up to here will change any more.
    final_block: int
    first_block: int
    version: int
    events: int
    unknown_events: int


class Readiness(BaseModel):
    """That the index follows the chain."""

    model_config = STRICT

    head_block: int
    lag_blocks: int
    # Since the syncing process last saw the chain.
    look_age_seconds: int


class Contract(BaseModel):
    """A contract whose events are indexed."""

    model_config = STRICT

    name: str
    address: Address
    first_block: int


class Health(BaseModel):
    """That the API and its database work."""

    model_config = STRICT

    status: Literal["ok"]


class EventCount(BaseModel):
    """A sort of event and how often it occurred; no name: no ABI of ours has it."""

    model_config = STRICT

    address: Address
    topic0: str
    name: str | None
    events: int


_TOTALS = select(*TOTALS.columns).select_from(TOTALS.source)
_kind = columns(EventKind)
_KINDS = select(_kind.address, _kind.topic0, _kind.name, _kind.events).order_by(_kind.address, _kind.topic0)
_NONE = dict.fromkeys(TOTALS.model.model_fields, 0)


@router.get("/status", response_model=one(Status))
def status(read: Read) -> Response:
    """How far the index is."""
    with read.snapshot() as at:
        row = at.first(_TOTALS)
        totals = TOTALS.item(row, at.now) if row else _NONE
        return at.answer(
            {
                "chain_id": at.deployment.chain_id,
                "timestamp": at.now,
                "final_block": at.checkpoint.final,
                "first_block": at.deployment.first_block,
                "version": VERSION,
                "events": totals["events"],
                "unknown_events": totals["unknown_events"],
            }
        )


@router.get("/healthz", response_model=one(Health))
def health(read: Read) -> Response:
    """Whether the API and its database work, and something is indexed."""
    with read.snapshot() as at:
        return at.answer({"status": "ok"})


@router.get("/readyz", response_model=one(Readiness))
def ready(read: Read) -> Response:
    """Whether the index follows the chain: a sync is at work, sees the chain, and is at most 20 blocks behind it."""
    with read.snapshot() as at:
        vitals, now = at.first(VITALS), time.time()
        if vitals is None or now - vitals.written_at > SILENT_SECONDS:
            raise ApiError(503, "not_ready", "No `indexer sync` is at work: the index stays as it is.")
        age, lag = int(now - vitals.looked_at), max(vitals.head - at.checkpoint.number, 0)
        if age > SILENT_SECONDS:
            raise ApiError(503, "not_ready", f"The chain was last seen {age} s ago: no RPC endpoint answers the sync.")
        if lag > READY_BLOCKS:
            raise ApiError(503, "not_ready", f"The index is {lag} blocks behind the chain, and catching up.")
        return at.answer({"head_block": vitals.head, "lag_blocks": lag, "look_age_seconds": max(age, 0)})


@router.get("/contracts", response_model=many(Contract))
def contracts(read: Read) -> Response:
    """The contracts whose events are indexed."""
    with read.snapshot() as at:
        found = at.deployment.contracts.items()
        return at.answer(
            [{"name": name, "address": own.address, "first_block": own.first_block} for name, own in found], next=None
        )


@router.get("/stats", response_model=one(TOTALS.model))
def stats(read: Read) -> Response:
    """Sums over the whole network."""
    with read.snapshot() as at:
        row = at.first(_TOTALS)
        if row is None:
            raise ApiError(503, "not_ready", "No event is indexed yet.")
        return at.answer(TOTALS.item(row, at.now))


@router.get("/events/kinds", response_model=many(EventCount))
def event_kinds(read: Read) -> Response:
    """The sorts of events that occurred, and how often."""
    with read.snapshot() as at:
        return at.answer([dict(row._mapping) for row in at.all(_KINDS)], next=None)
