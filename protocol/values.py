"""Values between Solidity and Python: the one conversion for events, call results, errors and arguments.

| Solidity              | Python                                     |
|-----------------------|--------------------------------------------|
| uintN, intN           | int                                        |
| bool                  | bool                                       |
| address               | checksum string                            |
| bytesN, bytes         | "0x…" in lower case                        |
| string                | str; what is no UTF-8 in it is U+FFFD      |
| T[], T[n]             | list                                       |
| struct                | dict, keys in snake_case                   |

Readers are closures made once per ABI type, because an indexer reads millions of values: a general decoder that walks
the types at each value takes ten times as long. They are strict: bytes that Solidity would not have written (dirty
padding, a bool of 2, an offset outside the data) raise ValueError.
"""

import dataclasses
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from protocol.hashes import keccak

Abi = Mapping[str, Any]
# (data, where the value's head lies, where the offsets of the surrounding tuple count from) -> value
Reader = Callable[[bytes, int, int], Any]

_ARRAY = re.compile(r"^(.*)\[(\d*)\]$")
_ADDRESS = re.compile("0x([0-9a-fA-F]{40})")
_WORD = 32
_ZEROS = bytes(_WORD)


@functools.lru_cache(maxsize=1024)
def snake(name: str) -> str:
    """`taskId` → `task_id`, `TOKEN` → `token`, `_value` → `value`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().lstrip("_")


def type_of(entry: Abi) -> str:
    """The canonical type, tuples spelled out: `(uint256,bytes32)[]`."""
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(part) for part in entry['components'])}){kind[5:]}"


def signature(entry: Abi) -> str:
    """`settle(uint256,uint256)`: what selectors and topics are hashes of."""
    return f"{entry['name']}({','.join(type_of(part) for part in entry['inputs'])})"


def field_names(entries: Sequence[Abi]) -> tuple[str, ...]:
    """snake_case names of parameters or struct members; nameless ones count from `arg0`."""
    return tuple(snake(entry.get("name") or f"arg{at}") for at, entry in enumerate(entries))


# --- reading


class _Addresses(dict[bytes, str]):
    """The checksummed text of an address's word; those seen last are kept, for making one takes a hash."""

    def __missing__(self, word: bytes) -> str:
        if len(word) != _WORD or not word.startswith(_ZEROS[:12]):
            raise ValueError("dirty padding before an address")
        if len(self) >= _KEPT_ADDRESSES:
            self.clear()
        text = self[word] = checksummed(word[12:])
        return text


def checksummed(address: bytes) -> str:
    """The text of 20 bytes with the checksum of EIP-55: a letter is large where the hash's digit is 8 or more.

    eth_utils says the same in three times the time, which an indexer that meets new accounts all day notices.
    """
    text = address.hex()
    digits = keccak(text.encode()).hex()
    return "0x" + "".join(
        [letter.upper() if digit > "7" else letter for letter, digit in zip(text, digits, strict=False)]
    )


def address_of(text: str) -> str:
    """The address with its checksum. Raises ValueError for text that is none, or whose checksum is wrong."""
    found = _ADDRESS.fullmatch(text)
    address = checksummed(bytes.fromhex(found[1])) if found else ""
    if not found or (found[1] not in (found[1].lower(), found[1].upper()) and text != address):
        raise ValueError(f"{text!r} is not an address")
    return address


_KEPT_ADDRESSES = 1 << 16
# Text of addresses by their word.
ADDRESSES = _Addresses()


def _unsigned(bits: int) -> Reader:
    def read(data: bytes, at: int, base: int) -> int:
        value = int.from_bytes(data[at : at + _WORD])
        if value >> bits:
            raise ValueError(f"{value} does not fit uint{bits}")
        return value

    def read_full(data: bytes, at: int, base: int) -> int:
        return int.from_bytes(data[at : at + _WORD])

    return read_full if bits == 256 else read


def _signed(bits: int) -> Reader:
    limit = 1 << (bits - 1)

    def read(data: bytes, at: int, base: int) -> int:
        value = int.from_bytes(data[at : at + _WORD], signed=True)
        if not -limit <= value < limit:
            raise ValueError(f"{value} does not fit int{bits}")
        return value

    return read


_BOOLS = {bytes(_WORD): False, bytes(_WORD - 1) + b"\x01": True}


def _read_bool(data: bytes, at: int, base: int) -> bool:
    value = _BOOLS.get(data[at : at + _WORD])
    if value is None:
        raise ValueError("a bool that is neither 0 nor 1")
    return value


def _read_address(data: bytes, at: int, base: int) -> str:
    return ADDRESSES[data[at : at + _WORD]]


def _fixed_bytes(size: int) -> Reader:
    padding = _ZEROS[size:]

    def read(data: bytes, at: int, base: int) -> str:
        if data[at + size : at + _WORD] != padding:
            raise ValueError(f"dirty padding after bytes{size}")
        return "0x" + data[at : at + size].hex()

    def read_full(data: bytes, at: int, base: int) -> str:
        return "0x" + data[at : at + _WORD].hex()

    return read_full if size == _WORD else read


def _length(data: bytes, at: int) -> int:
    """A length or an offset. Bounded by the data, so that a lie about it cannot make us allocate or loop."""
    value = int.from_bytes(data[at : at + _WORD])
    if at + _WORD > len(data) or value > len(data):
        raise ValueError("a length or offset lies outside the data")
    return value


def _dynamic_bytes(data: bytes, at: int, base: int) -> bytes:
    start = base + _length(data, at)
    size = _length(data, start)
    end = start + _WORD + size
    padded = -size % _WORD
    if end + padded > len(data) or data[end : end + padded] != _ZEROS[:padded]:
        raise ValueError("a string or bytes value is cut short or badly padded")
    return data[start + _WORD : end]


def _read_bytes(data: bytes, at: int, base: int) -> str:
    return "0x" + _dynamic_bytes(data, at, base).hex()


def _read_string(data: bytes, at: int, base: int) -> str:
    """Solidity writes whatever bytes somebody calls a text: what is no UTF-8 becomes U+FFFD, so that nobody's text can
    stop who reads it.
    """
    return _dynamic_bytes(data, at, base).decode("utf-8", "replace")


def is_dynamic(entry: Abi) -> bool:
    """Whether the value's head is an offset to its tail."""
    kind = str(entry["type"])
    if array := _ARRAY.match(kind):
        return not array[2] or is_dynamic({**entry, "type": array[1]})
    return kind in ("bytes", "string") or (kind == "tuple" and any(map(is_dynamic, entry["components"])))


def head_size(entry: Abi) -> int:
    """Bytes of the value's head."""
    kind = str(entry["type"])
    if is_dynamic(entry):
        return _WORD
    if array := _ARRAY.match(kind):
        return int(array[2]) * head_size({**entry, "type": array[1]})
    return sum(map(head_size, entry["components"])) if kind == "tuple" else _WORD


def _array(entry: Abi, kind: str, count: str) -> Reader:
    element = {**entry, "type": kind}
    read_one, size, dynamic = reader(element), head_size(element), is_dynamic(entry)

    def read(data: bytes, at: int, base: int) -> list[Any]:
        start = base + _length(data, at) if dynamic else at
        length = int(count) if count else _length(data, start)
        if not count:
            start += _WORD
        if start + length * size > len(data):
            raise ValueError("an array is cut short")
        origin = start if dynamic else base
        return [read_one(data, start + i * size, origin) for i in range(length)]

    return read


def _struct(entry: Abi) -> Reader:
    read_fields, dynamic = tuple_reader(entry["components"]), is_dynamic(entry)

    def read(data: bytes, at: int, base: int) -> dict[str, Any]:
        return read_fields(data, base + _length(data, at) if dynamic else at)

    return read


def tuple_reader(entries: Sequence[Abi]) -> Callable[[bytes, int], dict[str, Any]]:
    """A reader of parameters or struct members that begin at a place; checks that their heads are all there."""
    names, plan, offset = field_names(entries), [], 0
    for name, entry in zip(names, entries, strict=True):
        plan.append((name, reader(entry), offset))
        offset += head_size(entry)

    def read(data: bytes, start: int) -> dict[str, Any]:
        if len(data) < start + offset:
            raise ValueError(f"{len(data) - start} bytes where at least {offset} are needed")
        return {name: read_one(data, start + at, start) for name, read_one, at in plan}

    return read


def reader(entry: Abi) -> Reader:
    """The reader of one ABI type."""
    kind = str(entry["type"])
    if array := _ARRAY.match(kind):
        return _array(entry, array[1], array[2])
    if kind.startswith("uint"):
        return _unsigned(int(kind[4:]))
    if kind.startswith("int"):
        return _signed(int(kind[3:]))
    if kind.startswith("bytes") and kind != "bytes":
        return _fixed_bytes(int(kind[5:]))
    if kind == "tuple":
        return _struct(entry)
    return {"bool": _read_bool, "address": _read_address, "bytes": _read_bytes, "string": _read_string}[kind]


# --- writing


def to_abi(entry: Abi, value: Any) -> Any:
    """A Python value as eth_abi wants it: structs as tuples in the ABI's order, hex as bytes, enums as integers."""
    kind = str(entry["type"])
    if array := _ARRAY.match(kind):
        return [to_abi({**entry, "type": array[1]}, item) for item in value]
    if kind == "tuple":
        return tuple(map(to_abi, entry["components"], _members(entry["components"], value)))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return int(value) if isinstance(value, IntEnum) else value


def _members(components: Sequence[Abi], value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        if len(value) != len(components):
            raise ValueError(f"{len(value)} members for a struct of {len(components)}")
        return list(value)
    if dataclasses.is_dataclass(value):
        value = {member.name: getattr(value, member.name) for member in dataclasses.fields(value)}
    names = field_names(components)
    given = dict(value)
    if set(given) != set(names):
        odd = sorted(set(given) ^ set(names))
        raise ValueError(f"the struct's members do not match its ABI: {', '.join(odd)}")
    return [given[name] for name in names]
