"""The kinds of parameters that routes take, each checked once, here."""

import re
from typing import Annotated

from fastapi import Path, Query
from pydantic import AfterValidator

from protocol import values

_LARGEST = 2**63 - 1
_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
_EXAMPLE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def checksummed(value: str) -> str:
    """The address as the tables have it. Raises ValueError for text that is no address, or a mistyped one."""
    if not _ADDRESS.fullmatch(value):
        raise ValueError("give an address, 0x and 40 hex digits")
    digits = value[2:]
    address = values.checksummed(bytes.fromhex(digits))
    if value != address and digits not in (digits.lower(), digits.upper()):
        raise ValueError("the checksum in its capital letters is wrong, so it was mistyped")
    return address


def digested(value: str) -> str:
    """The digest as the tables have it. Raises ValueError for text that is none."""
    word = value.lower()
    if len(word) != 66 or not word.startswith("0x") or not set(word[2:]) <= set("0123456789abcdef"):
        raise ValueError("give a digest, 0x and 64 hex digits")
    return word


AddressPath = Annotated[str, Path(examples=[_EXAMPLE]), AfterValidator(checksummed)]
AddressQuery = Annotated[Annotated[str, AfterValidator(checksummed)] | None, Query(examples=[_EXAMPLE])]
DigestPath = Annotated[str, Path(examples=["0x" + 32 * "11"]), AfterValidator(digested)]
DigestQuery = Annotated[Annotated[str, AfterValidator(digested)] | None, Query(examples=["0x" + 32 * "11"])]
IdPath = Annotated[int, Path(ge=0, le=_LARGEST)]
IdQuery = Annotated[int | None, Query(ge=0, le=_LARGEST)]
BlockQuery = Annotated[int | None, Query(ge=0, le=2**43 - 2)]
