"""A block's bloom: 2,048 bits in its header that say which addresses and topics its logs have (Yellow Paper, 4.3.1).

All logs of a block together must set exactly the bits of its bloom. That is how a provider is found out that leaves a
log out, or adds one: header and logs would have to lie together, and the header's hash is what the next block names.
"""

from collections.abc import Iterable
from functools import lru_cache

from protocol.hashes import keccak

_EVERYTHING = (1 << 2048) - 1


@lru_cache(maxsize=1 << 14)
def bits_of(item: bytes) -> int:
    """The three bits of an address (20 bytes) or a topic (32 bytes)."""
    digest = keccak(item)
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2]) & 2047)
    return bits


def bloom_of(items: Iterable[bytes]) -> int:
    """The bloom of logs with these addresses and topics."""
    bloom = 0
    for item in items:
        bloom |= bits_of(item)
    return bloom


def says_nothing(bloom: int) -> bool:
    """Whether it is that of a chain that makes none: some set every bit."""
    return bloom == _EVERYTHING
