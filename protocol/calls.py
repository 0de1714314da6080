"""Calls of our contracts as bytes, their results and refusals as values: the ABI side of `protocol.chain`."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import ValueOutOfBounds
from eth_utils.crypto import keccak

from protocol.deployment import CONTRACTS, INSTANCES, abi
from protocol.errors import ConfigInvalid, ContractReverted
from protocol.values import Abi, signature, to_abi, tuple_reader, type_of

_BUILT_IN = (
    {"name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)


class Record(Mapping[str, Any]):
    """A struct that a contract returned: read-only, members by snake_case attribute or by key."""

    __slots__ = ("_members",)
    _members: dict[str, Any]

    def __init__(self, members: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_members", dict(members))

    def __getattr__(self, name: str) -> Any:
        if name == "_members" or name not in self._members:
            raise AttributeError(name)
        return self._members[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a record of the chain cannot be changed")

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"Record({', '.join(f'{name}={value!r}' for name, value in self._members.items())})"

    def __reduce__(self) -> tuple[type["Record"], tuple[dict[str, Any]]]:
        return Record, (self._members,)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts all the way down, for JSON."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _record(value: Any) -> Any:
    if isinstance(value, dict):
        return Record({name: _record(member) for name, member in value.items()})
    return [_record(item) for item in value] if isinstance(value, list) else value


@functools.cache
def function(contract: str, name: str) -> Abi:
    """The ABI entry of a function, by its Solidity name; none of our contracts overloads one."""
    found = [entry for entry in abi(contract) if entry["type"] == "function" and entry["name"] == name]
    if len(found) != 1:
        raise LookupError(f"{contract} has {len(found)} functions named {name}")
    return found[0]


def selector(entry: Abi) -> bytes:
    """The first four bytes of a call or of a custom error."""
    return keccak(text=signature(entry))[:4]


def encode_call(contract: str, name: str, args: Sequence[Any]) -> str:
    """The call's data as hex; see `protocol.values.to_abi` for what the arguments can be."""
    entry = function(contract, name)
    inputs = entry["inputs"]
    if len(args) != len(inputs):
        raise TypeError(f"{contract}.{name} takes {len(inputs)} arguments, not {len(args)}")
    try:
        body = encode(list(map(type_of, inputs)), list(map(to_abi, inputs, args)))
    except ValueOutOfBounds as error:
        raise ConfigInvalid(f"{contract}.{name} cannot be asked for such a number: {error}") from error
    return "0x" + (selector(entry) + body).hex()


def decode_result(contract: str, name: str, data: str) -> Any:
    """One value for one output, a `Record` for several named ones. Raises ValueError when the data do not fit."""
    outputs = function(contract, name)["outputs"]
    values = tuple_reader(outputs)(bytes.fromhex(data[2:]), 0)
    if len(outputs) == 1:
        return _record(next(iter(values.values())))
    return _record(values) if outputs else None


@functools.cache
def _errors(contract: str) -> dict[bytes, Abi]:
    """All errors by selector. Two contracts may name the arguments of one otherwise: those of `contract` go first."""
    known = (*CONTRACTS, *INSTANCES)
    told_by = sorted(known, key=lambda name: name == contract)  # the last of a selector is taken
    entries = [entry for name in told_by for entry in abi(name) if entry["type"] == "error"]
    return {selector(entry): entry for entry in (*entries, *_BUILT_IN)}


def decode_revert(data: str | None, contract: str) -> ContractReverted:
    """The refusal that a call of `contract` ended with, be it an error of that contract or of one that it called."""
    try:
        raw = bytes.fromhex((data or "0x")[2:])
        entry = _errors(contract)[raw[:4]]
        return ContractReverted(entry["name"], tuple_reader(entry["inputs"])(raw[4:], 0), contract)
    except (KeyError, ValueError):
        return ContractReverted("Reverted", {"data": data} if data and data != "0x" else {}, contract)
