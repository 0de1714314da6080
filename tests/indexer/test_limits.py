"""Nobody's questions can take what others need: rates, addresses, time; and what the operator may set."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from indexing import Indexed, serving
from sqlalchemy import text

from indexer import db
from indexer.api import routing, snapshot
from indexer.api.app import Options
from indexer.api.cache import AT_ONCE, MAX_WAITING, BlockCache
from indexer.api.errors import ApiError, ErrorAnswer
from indexer.api.gate import BURST_SECONDS, MAX_ADDRESS, MAX_CLIENTS, Purse, client_of
from indexer.api.snapshot import Reading, Snapshot

ENDLESS = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")


def test_a_client_may_ask_at_its_rate_and_in_bursts() -> None:
    now = 0.0
    purse = Purse(8.0, lambda: now)
    assert [purse.wait("a") for _ in range(int(8 * BURST_SECONDS))] == [0.0] * int(8 * BURST_SECONDS)
    assert purse.wait("a") == 0.125
    assert purse.wait("b") == 0.0, "others have their own rate"
    now = 0.125
    assert (purse.wait("a"), purse.wait("a")) == (0.0, 0.125)
    now = 1_000.0
    assert sum(purse.wait("a") == 0.0 for _ in range(1_000)) == 8 * BURST_SECONDS, "more is never saved up"
    assert purse.wait("c", cost=1_000.0) == 0.0, "what costs more than a burst may be asked by who asked nothing else"
    assert purse.wait("c") > 90


def test_the_rates_of_any_number_of_clients_take_little_memory() -> None:
    purse = Purse(1.0, lambda: 0.0)
    for at in range(2 * MAX_CLIENTS):
        purse.wait(str(at))
    assert len(purse._used_until) == MAX_CLIENTS


def test_clients_are_addresses_and_networks() -> None:
    told = [client_of({"client": (host, 1)}) for host in ("10.1.2.3", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")]
    assert told == ["10.1.2.3", "2001:db8::/64", "2001:db8::/64", "2001:db8:0:1::/64"]
    assert client_of({"client": None}) == client_of({}) == "unknown"


def test_too_many_requests_are_told_when_to_come_back(lived: Indexed) -> None:
    with serving(lived.url, Options(rate_limit=0.5)) as client:
        answers = [client.get("/status") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert ErrorAnswer.model_validate_json(answers[-1].content).error.code == "too_many_requests"
        assert int(answers[-1].headers["retry-after"]) >= 1
    with serving(lived.url, Options(rate_limit=0.5)) as client:
        assert client.get("/tasks?format=csv").status_code == 200
        assert client.get("/status").status_code == 429, "a file costs more than a page"


def test_an_address_may_not_be_too_long(lived: Indexed) -> None:
    with serving(lived.url) as client:
        answer = client.get("/events?name=" + MAX_ADDRESS * "x")
        assert (answer.status_code, answer.json()["error"]["code"]) == (414, "address_too_long")


@pytest.mark.parametrize("ask", [lambda at: at.all(ENDLESS), lambda at: at.tuples(ENDLESS, {})], ids=["rows", "tuples"])
def test_a_long_search_is_broken_off(lived: Indexed, ask: Callable[[Snapshot], Any]) -> None:
    reading = Reading(db.open_engine(lived.url, read_only=True), deadline=0.2)
    begin = time.monotonic()
    with pytest.raises(ApiError, match=r"more than 0\.2 s: ask for less") as caught, reading.snapshot() as at:
        ask(at)
    assert (caught.value.status, caught.value.code) == (503, "too_slow")
    assert time.monotonic() - begin < 20
    with reading.snapshot() as at:
        assert at.first(text("SELECT 1")) == (1,), "the connection is as good as new"


def test_what_was_not_quick_is_tried_again_in_a_thread(lived: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    """One answer after the other; in the end all questions had the same answers, whoever gave them."""
    paths = ["/status", "/tasks/1", "/tasks/1/scores", "/events", "/history"]
    threads: list[str] = []

    async def noted(function: Any, **values: Any) -> Any:
        threads.append(function.__name__)
        return await asyncio.to_thread(function, **values)

    monkeypatch.setattr(routing, "run_in_threadpool", noted)
    monkeypatch.setattr(snapshot, "QUICK_SECONDS", 60.0)
    with serving(lived.url) as client:
        quick = [client.get(path).content for path in paths]
    assert threads == []
    monkeypatch.setattr(snapshot, "QUICK_SECONDS", 0.0)
    with serving(lived.url) as client:
        assert [client.get(path).content for path in paths] == quick
        assert client.get("/tasks?format=csv").status_code == 200
        assert client.get("/tasks/99").status_code == 404
    assert len(threads) == len(paths) + 2


def test_many_short_searches_together_are_broken_off_too(lived: Indexed) -> None:
    """As in PostgreSQL, which only limits each statement: one request of GraphQL may have hundreds."""
    reading = Reading(db.open_engine(lived.url, read_only=True), deadline=0.2)
    with pytest.raises(ApiError, match=r"more than 0\.2 s: ask for less"), reading.snapshot() as at:
        for _ in range(10**7):
            at.first(text("SELECT 1"))


def test_other_pages_may_be_kept_out(lived: Indexed) -> None:
    with serving(lived.url, Options(cors_origins=["https://ours.example"])) as client:
        for origin, allowed in (("https://ours.example", "https://ours.example"), ("https://theirs.example", None)):
            answer = client.get("/status", headers={"origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed
        asked = {"origin": "https://ours.example", "access-control-request-method": "GET"}
        assert client.options("/status", headers=asked).status_code == 200


def test_parts_of_one_page_are_of_one_block(lived: Indexed) -> None:
    with serving(lived.url) as client:
        tag = client.get("/status").headers["etag"]
        assert client.get("/tasks", headers={"if-match": tag}).status_code == 200
        assert client.get("/tasks", headers={"if-match": "*"}).status_code == 200
        moved = client.get("/tasks", headers={"if-match": tag.replace("0x", "0y")})
        assert (moved.status_code, moved.json()["error"]["code"]) == (412, "block_moved")


def test_one_question_of_many_is_answered_once_and_too_many_are_refused(lived: Indexed) -> None:
    """The app behind is one that counts, and answers when it is told to."""
    asked: list[str] = []

    async def ask() -> list[int]:
        go = asyncio.Event()

        async def app(scope, receive, send):  # type: ignore[no-untyped-def]
            asked.append(scope["path"])
            await go.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        statuses: list[int] = []
        cache = BlockCache(app, Reading(db.open_engine(lived.url, read_only=True)))

        async def sent(message):  # type: ignore[no-untyped-def]
            statuses.extend([message["status"]] if "status" in message else [])

        def scope(path: str) -> dict[str, object]:
            return {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}

        paths = ["/same"] * 50 + [f"/{at}" for at in range(MAX_WAITING + 9)]
        tasks = [asyncio.create_task(cache(scope(path), None, sent)) for path in paths]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        while len(asked) < AT_ONCE:
            await asyncio.sleep(0.01)
        assert len(asked) == AT_ONCE
        go.set()
        await asyncio.gather(*tasks)
        return statuses

    statuses = asyncio.run(ask())
    assert asked.count("/same") == 1
    assert (statuses.count(200), statuses.count(503)) == (50 + MAX_WAITING - 1, 10)


def test_proxies_are_believed_only_when_trusted(lived: Indexed) -> None:
    """`serving` trusts nobody's header but that of this machine, as uvicorn does by itself."""
    with serving(lived.url, Options(rate_limit=0.5)) as client:

        def ask(who: str) -> httpx.Response:
            return client.get("/status", headers={"x-forwarded-for": who})

        assert [ask(f"10.0.0.{at}").status_code for at in range(6)] == [200] * 6
        assert [ask("10.0.1.1").status_code for _ in range(3)] == [200, 200, 429]
