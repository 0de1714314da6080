"""What answers without FastAPI on the way answers as FastAPI does."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from indexing import Indexed
from life import Life

from indexer import db
from indexer.api.app import create_app
from indexer.api.shortcut import Shortcut
from indexer.api.snapshot import Reading

MORE = [
    "/tasks?limit=2&order=-bounty", "/tasks?format=csv", "/tasks?format=text", "/tasks?limit=%C3%A4", "/tasks?limit= 1",
    "/events?limit=3&order=position&from_block=1", "/events?from_block=", "/events?account=0x", "/payouts/1-x",
    "/graphql?query={status{block}}", "/graphql", "/tasks/1/", "/tasks/%31", "//tasks", "/tasks/1?x", "/tasks/1?=",
    "/history?points=3",
]  # fmt: skip


def answers(app: Any, asked: list[str]) -> list[Any]:
    """Status, kind and body of each."""

    async def ask() -> list[Any]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            found = [await client.get(path) for path in asked]
        names = ("content-type", "etag", "link", "content-disposition", "cache-control")
        return [(each.status_code, [each.headers.get(name) for name in names], each.content) for each in found]

    return asyncio.run(ask())


def addresses(api: httpx.Client, account: str) -> list[str]:
    """Every route, asked rightly and wrongly."""
    routes = [path for path, ways in api.get("/openapi.json").json()["paths"].items() if "get" in ways]
    routes = [path for path in routes if not path.startswith(("/live", "/metrics", "/readyz", "/specs"))]
    right = {"address": account, "place": "1-1", "account": account}
    found = []
    for values in (right, {}, dict.fromkeys(right, "x")):
        found += [re.sub(r"\{(\w+)\}", lambda part, values=values: values.get(part[1], "1"), path) for path in routes]
    found += [path.replace("{", "").replace("}", "") for path in routes]
    return [f"{path}{more}" for path in dict.fromkeys(found) for more in ("", "?limit=0", "?limit=3", "?nothing=1")]


def test_the_shortcut_gives_the_same_answers(api: httpx.Client, lived: Indexed) -> None:
    asked = [*addresses(api, Life(lived.network).address(2)), *MORE]
    engine = db.open_engine(lived.url, read_only=True)
    whole = create_app(engine)._app
    expected = dict(zip(asked, answers(whole, asked), strict=True))
    assert dict(zip(asked, answers(Shortcut(whole, Reading(engine)), asked), strict=True)) == expected
    assert {200, 404, 422} <= {status for status, *_ in expected.values()}
    engine.dispose()


def test_a_failure_on_the_shortcut_is_told_in_the_one_shape(
    lived: Indexed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = db.open_engine(lived.url, read_only=True)
    shortcut = Shortcut(create_app(engine)._app, Reading(engine))
    monkeypatch.setattr("indexer.api.pages.Listing.page", lambda *_: 1 / 0)
    ((status, _, body),) = answers(shortcut, ["/tasks"])
    assert (status, b'"code":"internal"' in body, b"division" in body) == (500, True, False)
    assert "Failed to answer /tasks" in caplog.text
    engine.dispose()
