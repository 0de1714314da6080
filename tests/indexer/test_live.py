"""News: whoever listens hears of every block, its events and every reorg, and misses nothing by being away."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest
from indexing import Indexed, serving
from life import Life, stake

from indexer.api import live
from skein.processes import until

Message = tuple[str, dict[str, Any], str | None]


@contextlib.contextmanager
def listening(client: httpx.Client, path: str, **headers: str) -> Iterator[Iterator[Message]]:
    with client.stream(
        "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer.iter_lines())


def messages(lines: Iterator[str]) -> Iterator[Message]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line and "event" in fields:
            yield fields["event"], orjson.loads(fields["data"]), fields.get("id")
        name, _, value = line.partition(": ")
        fields = fields | {name: value} if line else {}


def block_of(client: httpx.Client) -> tuple[int, str]:
    answer = client.get("/status").json()
    return answer["block"], answer["block_hash"]


def test_each_block_is_told_with_its_events(life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    with serving(indexed.url) as client, listening(client, "/live?name=SkeinToken.Transfer") as heard:
        kind, data, id_ = next(heard)
        assert (kind, data["block"], data["block_hash"]) == ("block", *block_of(client))
        assert id_ == f"{data['block']}-{data['block_hash']}"
        life.send(2, "SkeinToken", "transfer", life.address(3), 5)
        indexed.sync()
        kind, data, _ = next(heard)
        assert (kind, data["args"]["to"], data["args"]["value"]) == ("event", life.address(3), "5")
        assert data == client.get("/events?name=SkeinToken.Transfer&limit=1").json()["data"][0]
        kind, data, _ = next(heard)
        assert (kind, data["block"]) == ("block", block_of(client)[0])


def test_a_reorg_is_told_and_what_took_its_place(life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    with serving(indexed.url) as client, listening(client, "/live?events=true") as heard:
        kept = next(heard)[1]
        life.send(2, "SkeinToken", "transfer", life.address(3), 5)
        indexed.sync()
        while next(heard)[0] != "block":
            pass
        life.network.rpc("anvil_reorg", 1, [])
        life.send(2, "SkeinToken", "transfer", life.address(4), 7)
        indexed.sync()
        kind, data, _ = next(heard)
        assert (kind, data) == ("reorg", {"kept_block": kept["block"], "kept_hash": kept["block_hash"]})
        told = [(kind, data) for kind, data, _ in (next(heard), next(heard))]
        assert told[0][1]["args"]["to"] == life.address(4)
        assert (told[1][0], told[1][1]["block_hash"]) == ("block", block_of(client)[1])


def test_who_was_away_gets_what_was_missed(life: Life, indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    stake(life)
    indexed.sync()
    with serving(indexed.url) as client:
        with listening(client, "/live?events=true") as heard:
            *_, id_ = next(heard)
        assert id_ is not None
        life.send(2, "SkeinToken", "transfer", life.address(3), 5)
        life.send(2, "SkeinToken", "transfer", life.address(4), 7)
        indexed.sync()
        with listening(client, "/live?events=true", last_event_id=id_) as heard:
            assert [next(heard)[1].get("args", {}).get("value") for _ in range(3)] == ["5", "7", None]
        monkeypatch.setattr(live, "MAX_MISSED", 1)
        with listening(client, "/live?events=true", last_event_id=id_) as heard:
            assert [next(heard)[0], next(heard)[0]] == ["reset", "block"]
        for stranger in ("7-0x" + "00" * 32, "nonsense", "9" * 90, "-"):
            with listening(client, "/live", last_event_id=stranger) as heard:
                assert [next(heard)[0], next(heard)[0]] == ["reset", "block"]


def test_listeners_of_one_client_are_limited(lived: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_PER_CLIENT", 2)
    with serving(lived.url) as client:
        with listening(client, "/live") as one, listening(client, "/live") as two:
            assert next(one) == next(two)
            answer = client.get("/live")
            assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_requests")

        def free() -> bool:
            with client.stream("GET", "/live") as answer:
                return answer.status_code == 200

        until(free, 30, "a place for another listener")


@pytest.mark.parametrize("query", ["events=perhaps", "name=Arena.Nothing", "account=0x12", "contract=Nothing", "x=1"])
def test_what_cannot_be_listened_to_is_refused(lived: Indexed, query: str) -> None:
    with serving(lived.url) as client:
        answer = client.get(f"/live?{query}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameter")


def test_the_program_ends_at_once_and_in_good_order_while_somebody_listens(lived: Indexed) -> None:
    environment = {**os.environ, "INDEXER_DATABASE_URL": lived.url, "INDEXER_PORT": "0"}
    command = [sys.executable, "-m", "indexer.cli", "serve"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        (url,) = re.findall(r"http://\S+", process.stderr.readline())
        with httpx.Client(base_url=url, timeout=60) as client, listening(client, "/live") as heard:
            assert next(heard)[0] == "block"
            process.send_signal(signal.SIGTERM)
            assert list(heard) == []
        said = process.stderr.read()
        assert process.wait(60) == 0
    assert "Traceback" not in said and "timeout" not in said


def test_listeners_do_not_keep_the_server_from_ending(lived: Indexed) -> None:
    def listen(base: httpx.URL) -> str:
        with httpx.Client(base_url=base, timeout=60) as client, listening(client, "/live") as heard:
            kinds = [next(heard)[0]]
            ready.set_result(None) if not ready.done() else None
            return "".join(kinds + [kind for kind, *_ in heard])

    ready: Future[None] = Future()
    with ThreadPoolExecutor() as pool:
        with serving(lived.url) as client:
            listener = pool.submit(listen, client.base_url)
            ready.result(30)
        assert listener.result(30) == "block"
