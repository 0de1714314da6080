"""Keccak-256, as Ethereum hashes: what clients and the indexer do by the hundred thousand."""

from sha3 import keccak_256


def keccak(data: bytes) -> bytes:
    """32 bytes. Without the detours of eth_utils, which would be nine tenths of the time."""
    digest: bytes = keccak_256(data).digest()
    return digest
