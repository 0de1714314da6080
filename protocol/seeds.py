"""Seeds: when a task needs another one, and what `IRandomness.prove` takes, made of what a node says of its blocks."""

from collections.abc import Callable, Mapping
from typing import Any

import rlp
from eth_utils.crypto import keccak

from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import ascii32
from protocol.errors import ChainUnavailable


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _number(text: str) -> bytes:
    number = int(text, 16)
    return number.to_bytes((number.bit_length() + 7) // 8)


# A header's fields in their order, as JSON-RPC names them; later forks append further ones.
_FIELDS: dict[str, Callable[[str], bytes]] = {
    "parentHash": _raw,
    "sha3Uncles": _raw,
    "miner": _raw,
    "stateRoot": _raw,
    "transactionsRoot": _raw,
    "receiptsRoot": _raw,
    "logsBloom": _raw,
    "difficulty": _number,
    "number": _number,
    "gasLimit": _number,
    "gasUsed": _number,
    "timestamp": _number,
    "extraData": _raw,
    "mixHash": _raw,
    "nonce": _raw,
    "baseFeePerGas": _number,
    "withdrawalsRoot": _raw,
    "blobGasUsed": _number,
    "excessBlobGas": _number,
    "parentBeaconBlockRoot": _raw,
    "requestsHash": _raw,
    "blockAccessListHash": _raw,
}


def header_rlp(block: Mapping[str, Any]) -> bytes:
    """The header of a block as `eth_getBlockByNumber` gives it, in the encoding that its hash is of.

    ChainUnavailable if it hashes to something else: the node left out a field, or its chain has others.
    """
    encoded = bytes(rlp.encode([encode(block[name]) for name, encode in _FIELDS.items() if block.get(name)]))
    if "0x" + keccak(encoded).hex() != block["hash"]:
        raise ChainUnavailable(f"The node's block {int(block['number'], 16)} does not hash to its own hash.")
    return encoded


def seed_proof(chain: Chain, ticket: int) -> bytes | None:
    """What proves a ticket's seed to the deployed source of randomness.

    None if it needs no proof, if it is not time yet, or if the proof comes from elsewhere (a beacon's signature).
    """
    if ascii32(chain.call("Randomness", "PROOF")) != "header":
        return None
    block = chain.rpc.request("eth_getBlockByNumber", hex(ticket), False)
    if block is None or chain.head().number <= ticket:
        return None
    return header_rlp(block)


def is_seed_missed(chain: Chain, task: Record, now: int) -> bool:
    """Whether nobody used the seed of a task's attempt in time and a new one can be asked for (`renewSeed`).

    `now`: seconds, the time of the newest block.
    """
    if int(task.seed, 16) != 0 or now >= task.patience_ends:
        return False
    return bool(now >= task.score_commit_ends or chain.call("Randomness", "expired", task.seed_ticket))
