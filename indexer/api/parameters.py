"""The kinds of parameters that routes take, each checked once, here."""

from typing import Annotated

from eth_utils.address import is_checksum_address, is_checksum_formatted_address, is_hex_address, to_checksum_address
from fastapi import Path, Query
from pydantic import AfterValidator

_LARGEST = 2**63 - 1
_EXAMPLE = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def checksummed(value: str) -> str:
    """The address as the tables have it. Raises ValueError for text that is no address, or a mistyped one."""
    if not value.startswith("0x") or not is_hex_address(value):
        raise ValueError("give an address, 0x and 40 hex digits")
    if is_checksum_formatted_address(value) and not is_checksum_address(value):
        raise ValueError("the checksum in its capital letters is wrong, so it was mistyped")
    return str(to_checksum_address(value))


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
