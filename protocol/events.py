"""Logs of our contracts as events: the only conversion from log bytes to values (see `protocol.values`)."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from protocol.deployment import CONTRACTS, Deployment, abi
from protocol.errors import ProtocolError
from protocol.hashes import keccak
from protocol.values import ADDRESSES, Abi, field_names, head_size, is_dynamic, reader, signature

RawLog = Mapping[str, Any]
# The indexed arguments as words (None for those that are not there) and the data -> the arguments, in the ABI's order.
# Raises ValueError for bytes that Solidity would not have written.
Decoder = Callable[[bytes | None, bytes | None, bytes | None, bytes], tuple[Any, ...]]


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
    return "0x" + keccak(signature(event_abis()[name]).encode()).hex()


def decode(log: RawLog, deployment: Deployment) -> Event | None:
    """The event of a raw JSON-RPC log; None when it is not one of our contracts' events.

    Raises `EventError` when the log's bytes are not what the event's ABI says.
    """
    contract = deployment.name_of(log["address"])
    topics = log["topics"]
    found = decoders(contract).get(topics[0]) if contract and topics else None
    if contract is None or found is None:
        return None
    name, decoder = found
    try:
        one, two, three = [bytes.fromhex(word[2:]) for word in topics[1:]] + (4 - len(topics)) * [None]
        values = decoder(one, two, three, bytes.fromhex(log["data"][2:]))
    except (ValueError, TypeError) as error:
        raise broken(name, int(log["logIndex"], 16), log["transactionHash"], error) from error
    args = dict(zip(argument_names(name), values, strict=True))
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
def argument_names(name: str) -> tuple[str, ...]:
    """The snake_case names of an event's arguments, in the ABI's order."""
    return field_names(event_abis()[name]["inputs"])


def broken(name: str, log_index: int, transaction_hash: str, error: Exception) -> EventError:
    """The error for a log whose bytes are not what its event's ABI says."""
    return EventError(
        f"The log {log_index} of transaction {transaction_hash} is not a {name} event ({error}): the RPC endpoint "
        "returned broken data, or protocol/abi is not that of the deployed contracts."
    )


@functools.cache
def decoders(contract: str) -> dict[str, tuple[str, Decoder]]:
    """Name and decoder of each event of a contract, by its first topic."""
    own = {name: entry for name, entry in event_abis().items() if name.startswith(f"{contract}.")}
    return {topic(name): (name, _decoder(name, entry)) for name, entry in own.items()}


def _decoder(name: str, entry: Mapping[str, Any]) -> Decoder:
    """A function that is written for this event: word by word, with no loop and no call that can be spared."""
    scope: dict[str, Any] = {**_READING}
    indexed, data_at, dynamic, lines = 0, 0, False, []
    for at, part in enumerate(entry["inputs"]):
        if part["indexed"]:
            indexed += 1
            lines += _read_code(scope, f"v{at}", _as_topic(part), f"t{indexed}", None)
        else:
            lines += _read_code(scope, f"v{at}", part, "data", data_at)
            dynamic = dynamic or is_dynamic(part)
            data_at += head_size(part)
    head = _topic_checks(indexed)
    head += [f"if len(data) {'<' if dynamic else '!='} {data_at}: raise wrong_size(len(data), {data_at})"]
    values = "".join(f"v{at}, " for at in range(len(entry["inputs"])))
    body = "".join(f"\n    {line}" for line in [*head, *lines, f"return ({values})"])
    exec(compile(f"def decode(t1, t2, t3, data):{body}", f"<decoder of {name}>", "exec"), scope)
    found: Decoder = scope["decode"]
    return found


def _wrong_size(size: int, expected: int) -> ValueError:
    return ValueError(f"{size} bytes of data where {expected} are expected")


# What the code that `_read_code` writes refers to.
_READING: dict[str, Any] = {
    "from_bytes": int.from_bytes,
    "addresses": ADDRESSES,
    "wrong_size": _wrong_size,
    "wide": lambda value, bits: ValueError(f"{value} does not fit uint{bits}"),
}


def _read_code(scope: dict[str, Any], to: str, entry: Abi, source: str, at: int | None) -> list[str]:
    """Lines of Python that read a value into the variable `to`: from the word `source`, or from `at` in the data
    `source`. `scope` is where they will run; the readers that they need are put there. They do what `reader` does.
    """
    kind = str(entry["type"])
    word = source if at is None else f"{source}[{at}:{at + 32}]"
    bits = int(kind[4:]) if re.fullmatch(r"uint\d+", kind) else 0
    if bits:
        check = [f"if {to} >> {bits}: raise wide({to}, {bits})"] if bits < 256 else []
        return [f"{to} = from_bytes({word})", *check]
    if kind == "address":
        return [f"{to} = addresses[{word}]"]
    if kind == "bytes32":
        return [f"{to} = '0x' + {word}.hex()"]
    scope[f"read_{to}"] = reader(entry)
    return [f"{to} = read_{to}({source}, {at or 0}, 0)"]


def _topic_checks(indexed: int) -> list[str]:
    """Each indexed argument is a word, and there are no more of them."""
    there = [f"t{at} is None or len(t{at}) != 32" for at in range(1, indexed + 1)]
    there += [f"t{indexed + 1} is not None"] if indexed < 3 else []
    return [f"if {' or '.join(there)}: raise ValueError('other indexed arguments than the {indexed} expected')"]


def _as_topic(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Solidity stores only the hash of an indexed value that does not fit one word."""
    one_word = "[" not in part["type"] and part["type"] not in ("tuple", "string", "bytes")
    return part if one_word else {**part, "type": "bytes32"}
