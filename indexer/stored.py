"""A log as the raw store has it, and as JSON-RPC has it."""

from collections.abc import Mapping
from typing import Any

from indexer.units import position_of

# position, address, four topics (None: not there), data, transaction hash, transaction index: the columns of `Log`
StoredLog = tuple[
    int, str, bytes | None, bytes | None, bytes | None, bytes | None, bytes, bytes, int
]  # fmt: skip
_NO_TOPICS = [(at * [None]) for at in range(5)]


def stored(log: Mapping[str, Any], number: int, address: str) -> StoredLog:
    """The stored form of a JSON-RPC log in block `number`, of the contract at `address`.

    Raises ValueError, KeyError or TypeError for what is no log.
    """
    topics = log["topics"]
    one, two, three, four = [bytes.fromhex(topic[2:]) for topic in topics] + _NO_TOPICS[4 - len(topics)]
    return (
        position_of(number, int(log["logIndex"], 16)),
        address,
        one,
        two,
        three,
        four,
        bytes.fromhex(log["data"][2:]),
        bytes.fromhex(log["transactionHash"][2:]),
        int(log["transactionIndex"], 16),
    )
