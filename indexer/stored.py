"""A log as the raw store has it, and as JSON-RPC has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from indexer.tables import POSITION_BITS, position_of

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


def restored(row: Sequence[Any], hashes: Mapping[int, str]) -> dict[str, Any]:
    """The JSON-RPC form of a stored log; `hashes` has the hash of its block."""
    position, address, *topics, data, transaction_hash, transaction_index = row
    number = position >> POSITION_BITS
    return {
        "address": address,
        "topics": ["0x" + topic.hex() for topic in topics if topic is not None],
        "data": "0x" + data.hex(),
        "blockNumber": hex(number),
        "blockHash": hashes[number],
        "transactionHash": "0x" + transaction_hash.hex(),
        "transactionIndex": hex(transaction_index),
        "logIndex": hex(position - position_of(number)),
    }
