"""Events of one kind straight from the node, by indexed arguments: for the few questions that no contract answers."""

from collections.abc import Sequence
from typing import Any

from eth_utils.address import to_checksum_address

from protocol.chain import Chain
from protocol.errors import ChainUnavailable
from protocol.events import Event, decode, event_abis, topic
from protocol.rpc import RequestRefused
from protocol.values import snake


def events_of(chain: Chain, name: str, **arguments: int | str) -> list[Event]:
    """All events called `name` ("Staking.Deposited") with these indexed arguments (snake_case), oldest first."""
    contract = chain.deployment.contracts[name.partition(".")[0]]
    logs = _logs(chain, contract.address, _topics(name, arguments), contract.first_block, chain.head().number)
    return [event for log in logs if (event := decode(log, chain.deployment))]


def emitters(chain: Chain, name: str, among: Sequence[str], first: int, **arguments: int | str) -> set[str]:
    """Which of these contracts have said an event called `name` with these indexed arguments since block `first`."""
    if not among:
        return set()
    logs = _logs(chain, list(among), _topics(name, arguments), first, chain.head().number)
    return {to_checksum_address(log["address"]) for log in logs}


def events_about(chain: Chain, contract: str, key: int, first: int, last: int) -> list[Event]:
    """All events of a contract whose first indexed argument is `key`, in these blocks, oldest first."""
    address = chain.deployment.contracts[contract].address
    logs = _logs(chain, address, [None, _word(key)], first, last)
    return [event for log in logs if (event := decode(log, chain.deployment))]


def _topics(name: str, arguments: dict[str, int | str]) -> list[str | None]:
    """What a node is asked for, to be told of these events; TypeError for an argument that is not indexed."""
    topics: list[str | None] = [topic(name)]
    for part in event_abis()[name]["inputs"]:
        if part["indexed"]:
            value = arguments.pop(snake(part["name"]), None)
            topics.append(None if value is None else _word(value))
    if arguments:
        raise TypeError(f"{name} has no indexed argument {', '.join(arguments)}")
    return topics


def _word(value: int | str) -> str:
    number = int(value, 16) if isinstance(value, str) else value
    return f"0x{number:064x}"


def _logs(
    chain: Chain, address: str | list[str], topics: list[str | None], first: int, last: int
) -> list[dict[str, Any]]:
    """Halves the range as often as the node finds it too long."""
    if first > last:
        return []
    query = {"address": address, "topics": topics, "fromBlock": hex(first), "toBlock": hex(last)}
    try:
        found: list[dict[str, Any]] = chain.rpc.request("eth_getLogs", query)
    except RequestRefused as error:
        if first == last:
            raise ChainUnavailable(f"The chain's node refuses to search its events: {error}") from error
        middle = (first + last) // 2
        return _logs(chain, address, topics, first, middle) + _logs(chain, address, topics, middle + 1, last)
    return found
