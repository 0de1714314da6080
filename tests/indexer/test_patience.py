"""Providers that ask to be left alone for a while are left alone, whichever way they ask."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from misbehaving import Provider, provider
from network import Network

from indexer.rpc import Endpoints
from indexer.transport import LONGEST_REST, Failed, Refused, rest_of
from protocol.errors import ChainUnavailable

REST = 2


@pytest.fixture
def bent(network: Network) -> Iterator[Provider]:
    with provider(network.rpc_url) as running:
        yield running


def refuses(code: int, message: str, **more: Any) -> Any:
    def bend(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message, **more}}

    return bend


@pytest.mark.parametrize("way", ["seconds", "date", "json"])
def test_a_rest_is_kept_to_the_second(way: str, bent: Provider) -> None:
    """Nobody asks in it. Who has no other endpoint goes on when it is over: patience alone would end earlier."""
    told_at: list[float] = []

    def bend(request: dict[str, Any], answer: dict[str, Any]) -> Any:
        if told_at:
            return answer
        told_at.append(time.monotonic())
        if way == "json":
            return refuses(-32005, "rate limited", data={"rate": {"backoff_seconds": REST}})(request, answer)
        # a date has no fractions of a second
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=REST + 1), usegmt=True)
        bent.more = {"retry-after": str(REST) if way == "seconds" else date}
        return 429

    bent.bend = bend
    endpoints = Endpoints([bent.url], None, patience=1)
    assert endpoints.call("eth_chainId") == "0x7a69"
    assert time.monotonic() - told_at[0] >= REST - 0.1
    assert bent.count("eth_chainId") == 2
    endpoints.close()


def test_meanwhile_another_endpoint_is_asked(network: Network, bent: Provider) -> None:
    bent.bend, bent.more = lambda request, answer: 429, {"retry-after": "60"}
    endpoints = Endpoints([bent.url, network.rpc_url], None, patience=1)
    for _ in range(5):
        assert endpoints.call("eth_chainId") == "0x7a69"
    endpoints.seek_newer(-1)
    assert len(bent.asked) == 1
    endpoints.close()


def test_who_is_told_to_stop_waits_no_longer(bent: Provider) -> None:
    bent.bend, bent.more = lambda request, answer: 503, {"retry-after": "200"}
    stop = threading.Event()
    endpoints = Endpoints([bent.url], None, patience=1, stop=stop)
    threading.Timer(0.5, stop.set).start()
    begin = time.monotonic()
    with pytest.raises(ChainUnavailable, match="HTTP status 503"):
        endpoints.call("eth_chainId")
    assert time.monotonic() - begin < 60
    with pytest.raises(ChainUnavailable, match="asks to be left alone for 19"):
        endpoints.call("eth_chainId")
    endpoints.close()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(None, 0), ("", 0), ("7", 7), (" 7 ", 7), ("-7", 0), ("soon", 0), ("1e9", 0), ("9" * 40, LONGEST_REST)],
)
def test_only_a_number_or_a_date_is_a_rest(told: str | None, seconds: float) -> None:
    assert Failed("", rest_of(told)).rest == seconds
    assert Failed("", rest_of("Wed, 21 Oct 2015 07:28:00 GMT")).rest == 0


def test_too_much_is_not_too_often(bent: Provider) -> None:
    """Some providers have one code for both."""
    endpoints = Endpoints([bent.url], None, patience=0)
    bent.bend = refuses(-32005, "query returned more than 10000 results")
    with pytest.raises(Refused, match="10000 results"):
        endpoints.call("eth_getLogs", {})
    bent.bend = refuses(-32005, "daily request count exceeded", data={"rate": {"backoff_seconds": "no"}})
    with pytest.raises(ChainUnavailable, match="daily request count"):
        endpoints.call("eth_getLogs", {})
    endpoints.close()
