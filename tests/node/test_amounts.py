"""Amounts, addresses and durations are converted exactly or refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.amounts import (
    format_amount,
    format_duration,
    parse_address,
    parse_amount,
    parse_duration,
    parse_score,
    round_amount,
)

CHECKSUMMED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_amounts_survive_the_round_trip(wei: int) -> None:
    assert parse_amount(format_amount(wei)) == wei


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("12.5", 12_500_000_000_000_000_000),
        ("0.000000000000000001", 1),
        (".5", 5 * 10**17),
        ("1_000", 10**21),
        ("0", 0),
    ],
)
def test_amounts_are_exact(text: str, wei: int) -> None:
    assert parse_amount(text) == wei


@pytest.mark.parametrize(
    "text", ["", "-1", "1e3", "1,5", "NaN", "inf", "0x10", "1.", "½", "١", "0.0000000000000000001"]
)
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an amount|more than 18 decimal places"):
        parse_amount(text)


def test_scores_have_nine_places() -> None:
    assert parse_score("0.005") == 5_000_000
    with pytest.raises(ValueError, match="more than 9 decimal places"):
        parse_score("0.0000000001")


def test_amounts_of_tables_are_rounded_and_signed() -> None:
    assert round_amount(1_234_567_899 * 10**14) == "123,456.7899"
    assert round_amount(-(10**18), 1, signed=True) == "-1.0"
    assert format_amount(10**18, signed=True) == "+1"
    assert format_amount(-15 * 10**17) == "-1.5"


def test_addresses_are_checked() -> None:
    assert parse_address(CHECKSUMMED) == CHECKSUMMED
    assert parse_address(CHECKSUMMED.lower()) == CHECKSUMMED
    with pytest.raises(ValueError, match="wrong checksum"):
        parse_address(CHECKSUMMED.replace("5aA", "5Aa"))
    with pytest.raises(ValueError, match="not an address"):
        parse_address(CHECKSUMMED[:-1])
    with pytest.raises(ValueError, match="zero address"):
        parse_address("0x" + "0" * 40)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("7d", 604_800)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


def test_durations_are_refused_or_written_short() -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration("1 week")
    assert [format_duration(n) for n in (0, 40, 900, 90_061)] == ["0s", "40s", "15m", "1d 1h"]
