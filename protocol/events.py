"""Logs of our contracts as events: the only conversion from log bytes to values (see `protocol.values`)."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from protocol.deployment import CONTRACTS, Deployment, abi
from protocol.errors import ProtocolError
from protocol.values import field_names, head_size, is_dynamic, reader, signature

RawLog = Mapping[str, Any]
_Decoder = Callable[[list[str], str], dict[str, Any]]


class EventError(ProtocolError):
    """A log of one of our contracts that is not what its ABI says: the RPC endpoint is broken or the ABI is stale."""


class Event(NamedTuple):
    """One event: `name` is "Contract.Event", `args` are by snake_case name, the rest is its place on the chain."""

    name: str
    args: dict[str, Any]
    address: str
    block_number: int
    block_hash: str
    transaction_hash: str
    transaction_index: int
    log_index: int


@functools.cache
def event_abis() -> dict[str, dict[str, Any]]:
    """The ABI entry of every event, by "Contract.Event"."""
    return {
        f"{contract}.{entry['name']}": entry
        for contract in CONTRACTS
        for entry in abi(contract)
        if entry["type"] == "event" and not entry.get("anonymous")
    }


def topic(name: str) -> str:
    """The first topic of an event's logs: `topic("Arena.TaskCreated")`."""
    return "0x" + keccak(text=signature(event_abis()[name])).hex()


def decode(log: RawLog, deployment: Deployment) -> Event | None:
    """The event of a raw JSON-RPC log; None when it is not one of our contracts' events.

    Raises `EventError` when the log's bytes are not what the event's ABI says.
    """
    contract = deployment.name_of(log["address"])
    topics = log["topics"]
    found = _decoders(contract).get(topics[0]) if contract and topics else None
    if contract is None or found is None:
        return None
    name, decoder = found
    try:
        args = decoder(topics, log["data"])
    except (ValueError, KeyError) as error:
        raise EventError(
            f"The log {int(log['logIndex'], 16)} of transaction {log['transactionHash']} is not a {name} event "
            f"({error}): the RPC endpoint returned broken data, or protocol/abi is not that of the deployed contracts."
        ) from error
    return Event(
        name,
        args,
        deployment.contracts[contract].address,
        int(log["blockNumber"], 16),
        log["blockHash"],
        log["transactionHash"],
        int(log["transactionIndex"], 16),
        int(log["logIndex"], 16),
    )


@functools.cache
def _decoders(contract: str) -> dict[str, tuple[str, _Decoder]]:
    own = {name: entry for name, entry in event_abis().items() if name.startswith(f"{contract}.")}
    return {topic(name): (name, _decoder(entry)) for name, entry in own.items()}


# The hexadecimal digits of a log with so many indexed arguments; a loop or replace() takes twice to four times as long.
_ROWS: tuple[Callable[[list[str], str], str], ...] = (
    lambda topics, data: data[2:],
    lambda topics, data: topics[1][2:] + data[2:],
    lambda topics, data: topics[1][2:] + topics[2][2:] + data[2:],
    lambda topics, data: topics[1][2:] + topics[2][2:] + topics[3][2:] + data[2:],
)


def _decoder(entry: Mapping[str, Any]) -> _Decoder:
    """A closure that reads one event's arguments, in the ABI's order, from its topics and data as one row of words."""
    inputs, indexed = entry["inputs"], sum(part["indexed"] for part in entry["inputs"])
    start = 32 * indexed
    plan, topic_at, data_at, hex_of = [], 0, start, _ROWS[indexed]
    for name, part in zip(field_names(inputs), inputs, strict=True):
        if part["indexed"]:
            plan.append((name, reader(_as_topic(part)), topic_at, topic_at))
            topic_at += 32
        else:
            plan.append((name, reader(part), data_at, start))
            data_at += head_size(part)
    exact = not any(is_dynamic(part) for part in inputs if not part["indexed"])

    def decode_log(topics: list[str], data: str) -> dict[str, Any]:
        if len(topics) != indexed + 1:
            raise ValueError(f"{len(topics) - 1} indexed arguments where {indexed} are expected")
        row = bytes.fromhex(hex_of(topics, data))
        if len(row) != data_at and (exact or len(row) < data_at):
            raise ValueError(f"{len(row) - start} bytes of data where {data_at - start} are expected")
        return {name: read(row, at, base) for name, read, at, base in plan}

    return decode_log


def _as_topic(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Solidity stores only the hash of an indexed value that does not fit one word."""
    one_word = "[" not in part["type"] and part["type"] not in ("tuple", "string", "bytes")
    return part if one_word else {**part, "type": "bytes32"}
