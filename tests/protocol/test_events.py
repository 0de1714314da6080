"""Our log decoder against web3's, for every event of every contract."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.datastructures import AttributeDict

from protocol.deployment import CONTRACTS, Deployed, Deployment
from protocol.events import Event, EventError, decode, event_abis, topic
from protocol.values import snake, type_of

ADDRESSES = {name: Web3.to_checksum_address(f"0x{at:040x}") for at, name in enumerate(CONTRACTS, 0xA1)}
DEPLOYMENT = Deployment(1, {name: Deployed(address, 1) for name, address in ADDRESSES.items()})
WEB3 = Web3()


def values_of(entry: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = entry["type"]
    if kind.endswith("[]"):
        return st.lists(values_of({**entry, "type": kind[:-2]}), max_size=4)
    if kind == "tuple":
        return st.tuples(*map(values_of, entry["components"]))
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    if kind.startswith("int"):
        bits = int(kind[3:])
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if kind == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: Web3.to_checksum_address("0x" + raw.hex()))
    if kind.startswith("bytes") and kind != "bytes":
        return st.binary(min_size=int(kind[5:]), max_size=int(kind[5:]))
    return {"bool": st.booleans(), "bytes": st.binary(max_size=70), "string": st.text(max_size=40)}[kind]


def log_of(name: str, values: list[Any]) -> dict[str, Any]:
    """The log that a contract would write for an event with these values."""
    inputs = event_abis()[name]["inputs"]
    pairs = list(zip(inputs, values, strict=True))
    topics = ["0x" + encode([type_of(part)], [value]).hex() for part, value in pairs if part["indexed"]]
    plain = [(type_of(part), value) for part, value in pairs if not part["indexed"]]
    data = encode([kind for kind, _ in plain], [value for _, value in plain])
    return {
        "address": ADDRESSES[name.split(".")[0]].lower(),
        "topics": [topic(name), *topics],
        "data": "0x" + data.hex(),
        "blockNumber": "0x10",
        "blockHash": "0x" + "bb" * 32,
        "transactionHash": "0x" + "cc" * 32,
        "transactionIndex": "0x2",
        "logIndex": "0x7",
    }


@st.composite
def logs(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return log_of(name, [draw(values_of(part)) for part in event_abis()[name]["inputs"]])


def plain(value: Any) -> Any:
    """web3's values in our forms."""
    if isinstance(value, AttributeDict | dict):
        return {snake(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return "0x" + bytes(value).hex() if isinstance(value, bytes) else value


def by_web3(name: str, log: dict[str, Any]) -> dict[str, Any]:
    contract = WEB3.eth.contract(abi=[event_abis()[name]])
    raw = {
        **log,
        "topics": [bytes.fromhex(part[2:]) for part in log["topics"]],
        "data": bytes.fromhex(log["data"][2:]),
        **{key: int(log[key], 16) for key in ("blockNumber", "transactionIndex", "logIndex")},
    }
    return plain(contract.events[name.split(".")[1]]().process_log(AttributeDict(raw))["args"])


@pytest.mark.parametrize("name", event_abis())
def test_every_event_is_decoded_as_web3_does(name: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(logs(name))
    def check(log: dict[str, Any]) -> None:
        event = decode(log, DEPLOYMENT)
        assert event is not None
        assert event.args == by_web3(name, log)
        assert list(event.args) == [snake(part["name"]) for part in event_abis()[name]["inputs"]]

    check()


def test_an_event_knows_its_place() -> None:
    log = log_of("Arena.TaskFunded", [7, ADDRESSES["Arena"], 10**18])
    expected = {"task_id": 7, "funder": ADDRESSES["Arena"], "assets": 10**18}
    assert decode(log, DEPLOYMENT) == Event(
        "Arena.TaskFunded", expected, ADDRESSES["Arena"], 16, log["blockHash"], log["transactionHash"], 2, 7
    )
    checksummed = {**log, "address": ADDRESSES["Arena"]}
    assert decode(checksummed, DEPLOYMENT) == decode(log, DEPLOYMENT)


OTHERS: list[dict[str, Any]] = [{"address": "0x" + "99" * 20}, {"topics": ["0x" + "99" * 32]}, {"topics": []}]


@pytest.mark.parametrize("change", OTHERS, ids=["address", "topic", "none"])
def test_logs_of_others_are_passed_over(change: dict[str, Any]) -> None:
    assert decode({**log_of("Arena.TaskFunded", [7, ADDRESSES["Arena"], 1]), **change}, DEPLOYMENT) is None


def broken() -> Iterator[tuple[str, dict[str, Any]]]:
    funded = log_of("Arena.TaskFunded", [7, ADDRESSES["Arena"], 1])
    dirty = funded["topics"][2][:2] + "1" + funded["topics"][2][3:]
    yield "short data", {**funded, "data": funded["data"][:-2]}
    yield "no data", {**funded, "data": "0x"}
    yield "long data", {**funded, "data": funded["data"] + "00" * 32}
    yield "not hex", {**funded, "data": "0x" + "zz" * 32}
    yield "missing topic", {**funded, "topics": funded["topics"][:2]}
    yield "short topic", {**funded, "topics": [*funded["topics"][:2], "0x01"]}
    yield "dirty address", {**funded, "topics": [*funded["topics"][:2], dirty]}
    parameters = log_of("Staking.ModuleSet", [ADDRESSES["Arena"], True])
    yield "bool of 2", {**parameters, "data": "0x" + f"{2:064x}"}
    drawn = log_of("Arena.PanelDrawn", [1, 1, 1, [ADDRESSES["Arena"]]])
    yield "offset outside", {**drawn, "data": drawn["data"][:66] + f"{10**9:064x}" + drawn["data"][130:]}
    yield "endless array", {**drawn, "data": drawn["data"][:130] + "ff" * 32 + drawn["data"][194:]}


@pytest.mark.parametrize("log", [pytest.param(log, id=name) for name, log in broken()])
def test_broken_logs_name_event_transaction_and_log(log: dict[str, Any]) -> None:
    with pytest.raises(EventError, match=r"log 7 of transaction 0xcccc.* (Arena|Staking)\.\w+ event"):
        decode(log, DEPLOYMENT)


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(sorted(event_abis())))
def test_no_bytes_crash_the_decoder(data: st.DataObject, name: str) -> None:
    log = data.draw(logs(name))
    mangled = bytearray.fromhex(log["data"][2:])
    for at in data.draw(st.lists(st.integers(0, max(len(mangled) - 1, 0)), max_size=5)):
        if mangled:
            mangled[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(mangled)))
    try:
        event = decode({**log, "data": "0x" + bytes(mangled[:cut]).hex()}, DEPLOYMENT)
    except EventError:
        return
    assert event is not None
    json.dumps(event.args)
