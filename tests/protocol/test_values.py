"""Our ABI readers against eth_abi, for types that no event has yet as well."""

import contextlib
import dataclasses
from enum import IntEnum
from typing import Any, NamedTuple

import pytest
from eth_abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from protocol.values import snake, to_abi, tuple_reader, type_of

LEAVES = ("uint256", "uint8", "int64", "int256", "bool", "address", "bytes32", "bytes4", "bytes", "string")


@st.composite
def types(draw: DrawFn, depth: int = 3) -> dict[str, Any]:
    """An ABI entry: a leaf, an array or a struct, nested."""
    form = draw(st.sampled_from(("leaf", "leaf", "array", "fixed", "struct"))) if depth else "leaf"
    if form == "leaf":
        return {"name": "x", "type": draw(st.sampled_from(LEAVES))}
    if form == "struct":
        parts = draw(st.lists(types(depth=depth - 1), min_size=1, max_size=3))
        return {
            "name": "x",
            "type": "tuple",
            "components": [{**part, "name": f"partNo{at}"} for at, part in enumerate(parts)],
        }
    element = draw(types(depth=depth - 1))
    return {**element, "type": element["type"] + ("[]" if form == "array" else f"[{draw(st.integers(1, 3))}]")}


def values(entry: dict[str, Any]) -> st.SearchStrategy[Any]:
    kind = entry["type"]
    if kind.endswith("]"):
        element, _, count = kind[:-1].rpartition("[")
        size = {"min_size": int(count), "max_size": int(count)} if count else {"max_size": 3}
        return st.lists(values({**entry, "type": element}), **size)
    return {
        "uint256": st.integers(0, 2**256 - 1),
        "uint8": st.integers(0, 255),
        "int64": st.integers(-(2**63), 2**63 - 1),
        "int256": st.integers(-(2**255), 2**255 - 1),
        "bool": st.booleans(),
        "address": st.just("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        "bytes32": st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex()),
        "bytes4": st.binary(min_size=4, max_size=4).map(lambda raw: "0x" + raw.hex()),
        "bytes": st.binary(max_size=70).map(lambda raw: "0x" + raw.hex()),
        "string": st.text(max_size=40),
        "tuple": st.fixed_dictionaries({snake(part["name"]): values(part) for part in entry.get("components", ())}),
    }[kind]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_reading_undoes_writing(data: st.DataObject) -> None:
    entries = [{**entry, "name": f"arg{at}"} for at, entry in enumerate(data.draw(st.lists(types(), max_size=4)))]
    given_values = [data.draw(values(entry)) for entry in entries]
    written = encode(list(map(type_of, entries)), list(map(to_abi, entries, given_values)))
    read = tuple_reader(entries)(written, 0)
    assert list(read.values()) == given_values


@settings(max_examples=300, deadline=None)
@given(st.data(), st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: st.DataObject, noise: bytes) -> None:
    entries = data.draw(st.lists(types(), max_size=3))
    with contextlib.suppress(ValueError):
        tuple_reader([{**entry, "name": f"arg{at}"} for at, entry in enumerate(entries)])(noise, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("taskId", "task_id"),
        ("TOKEN", "token"),
        ("minTrainerStake", "min_trainer_stake"),
        ("_value", "value"),
        ("x2Y", "x2_y"),
    ],
)
def test_snake(name: str, expected: str) -> None:
    assert snake(name) == expected


class Colour(IntEnum):
    RED = 3


@dataclasses.dataclass
class AsDataclass:
    at_end: str
    colour: Colour


class AsTuple(NamedTuple):
    colour: Colour
    at_end: str


STRUCT = {
    "name": "s",
    "type": "tuple",
    "components": [{"name": "colour", "type": "uint8"}, {"name": "atEnd", "type": "bytes2"}],
}


@pytest.mark.parametrize(
    "value",
    [AsDataclass("0x0102", Colour.RED), AsTuple(Colour.RED, "0x0102"), {"at_end": b"\x01\x02", "colour": 3}],
    ids=["dataclass", "tuple", "dict"],
)
def test_structs_are_written_from_what_python_has(value: Any) -> None:
    assert to_abi(STRUCT, value) == (3, b"\x01\x02")


@pytest.mark.parametrize("value", [{"colour": 3}, {"colour": 3, "at_end": b"", "more": 1}, (3,)])
def test_members_must_match(value: Any) -> None:
    with pytest.raises(ValueError, match="struct"):
        to_abi(STRUCT, value)
