"""The API over PostgreSQL says what it says over SQLite, word for word."""

import time
from collections.abc import Iterator
from itertools import chain

import httpx
import pytest
from indexing import Indexed, serving
from life import TRAINERS, VALIDATORS, Life
from postgres import Postgres
from sqlalchemy import text

from indexer import db
from indexer.api.app import areas
from indexer.api.errors import ApiError
from indexer.api.snapshot import Reading

MORE = [
    "/tasks?order=-bounty&limit=2", "/tasks?phase=finalized", "/tasks?outcome=void&order=id",
    "/accounts?order=balance",
    "/slashes?reason=silent", "/history?interval=600", "/history?interval=60&from=0", "/payouts?format=csv",
    "/operators?order=-operator", "/withdrawals?pending=true", "/events?from_block=90&to_block=95",
]  # fmt: skip


@pytest.fixture(scope="module")
def other(lived: Indexed, server: Postgres) -> Iterator[Indexed]:
    """The same chain in PostgreSQL."""
    with Indexed(lived.network, server.database()) as running:
        running.sync()
        yield running


def paths(client: httpx.Client, life: Life) -> Iterator[str]:
    """Every route, for a validator and a trainer, and some filters."""
    for route in chain.from_iterable(router.routes for router in areas()):
        path = route.path  # type: ignore[attr-defined]
        if path in ("/live", "/readyz", "/specs/{digest}", "/graphql"):
            continue
        if "{place}" in path:
            row = client.get(path.split("/{")[0]).json()["data"][0]
            yield path.replace("{place}", f"{row['block_number']}-{row['log_index']}")
        for who in (VALIDATORS[0], TRAINERS[1]):
            yield path.replace("{task_id}", "1").replace("{address}", life.address(who))
    yield from MORE


def test_both_databases_give_the_same_answers(lived: Indexed, other: Indexed) -> None:
    with serving(lived.url) as one, serving(other.url) as two:
        for path in sorted(set(paths(one, Life(lived.network)))):
            ours, theirs = one.get(path), two.get(path)
            assert (theirs.status_code, theirs.text) == (ours.status_code, ours.text), path
            cursor = ours.json().get("next") if "json" in ours.headers["content-type"] else None
            if cursor:
                after = f"{path}{'&' if '?' in path else '?'}cursor={cursor}"
                assert two.get(after).text == one.get(after).text, after
            assert theirs.headers.get("etag") == ours.headers.get("etag")


def test_new_blocks_are_seen_at_once(life: Life, server: Postgres) -> None:
    with Indexed(life.network, server.database()) as indexed:
        indexed.sync()
        with serving(indexed.url) as client:
            for _ in range(3):
                life.network.mine(1)
                indexed.sync()
                assert client.get("/status").json()["block"] == int(life.network.rpc("eth_blockNumber"), 16)


def test_a_long_search_is_broken_off(other: Indexed) -> None:
    engine = db.open_engine(other.url, read_only=True)
    reading, begin = Reading(engine, deadline=0.2), time.monotonic()
    with pytest.raises(ApiError, match="ask for less") as caught, reading.snapshot() as at:
        at.all(text("SELECT pg_sleep(50)"))
    assert (caught.value.status, caught.value.code) == (503, "too_slow")
    assert time.monotonic() - begin < 20
    with reading.snapshot() as at:
        assert at.first(text("SELECT 1")) == (1,)
    engine.dispose()
