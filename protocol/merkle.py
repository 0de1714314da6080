"""A Merkle tree over a list, so that one entry can be shown without the others.

    leaf(i) = keccak256(0x00 | i as 8 bytes, big-endian | entry)
    node    = keccak256(0x01 | left | right)
    root    = keccak256(0x02 | number of leaves as 8 bytes, big-endian | top node)

Leaves know their place and the root their number, and a node without a sibling moves up as it is: two different lists
never share a root (with a copied last leaf they could).
"""

from collections.abc import Sequence

from sha3 import keccak_256


def merkle_root(entries: Sequence[bytes]) -> bytes:
    """The root of a list of at least one entry."""
    return _root(len(entries), _levels(entries)[-1][0])


def merkle_proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings, from the leaf up, that show that `entries[index]` stands at `index`."""
    if not 0 <= index < len(entries):
        raise IndexError(f"there is no entry {index} of {len(entries)}")
    proof = []
    for level in _levels(entries)[:-1]:
        if index ^ 1 < len(level):
            proof.append(level[index ^ 1])
        index //= 2
    return proof


def verify_proof(root: bytes, length: int, index: int, entry: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `entry` stands at `index` of the list of `length` entries that `root` names."""
    if not 0 <= index < length:
        return False
    node, siblings, last = _leaf(index, entry), list(proof), length - 1
    while last:
        if index ^ 1 <= last:
            if not siblings:
                return False
            sibling = siblings.pop(0)
            node = _node(sibling, node) if index % 2 else _node(node, sibling)
        index, last = index // 2, last // 2
    return not siblings and _root(length, node) == root


def _levels(entries: Sequence[bytes]) -> list[list[bytes]]:
    """All levels, from the leaves to the top."""
    if not entries:
        raise ValueError("an empty list has no root")
    # Spelled out, as `_leaf` and `_node`: large reports have millions of them.
    levels = [[keccak_256(b"\0%b%b" % (i.to_bytes(8), entry)).digest() for i, entry in enumerate(entries)]]
    while len(below := levels[-1]) > 1:
        paired = len(below) // 2 * 2
        pairs = zip(below[0:paired:2], below[1:paired:2], strict=True)
        levels.append([keccak_256(b"\1%b%b" % pair).digest() for pair in pairs] + below[paired:])
    return levels


def _leaf(index: int, entry: bytes) -> bytes:
    return _keccak(b"\0" + index.to_bytes(8) + entry)


def _node(left: bytes, right: bytes) -> bytes:
    return _keccak(b"\1" + left + right)


def _root(length: int, top: bytes) -> bytes:
    return _keccak(b"\2" + length.to_bytes(8) + top)


def _keccak(data: bytes) -> bytes:
    """Without the detours of eth_utils, which would be nine tenths of a large report's time."""
    digest: bytes = keccak_256(data).digest()
    return digest
