"""What a person types and reads: amounts in SKEIN, addresses, durations, scores. All conversions are exact.

Parsers raise ValueError with a sentence that names the input; the command line turns it into a usage error.
"""

import re
from decimal import Context, Decimal

from eth_utils.address import is_checksum_address, to_checksum_address

from protocol.encoding import SCORE_SCALE

UNIT = 10**18
# Enough digits for everything that is taken, so that no conversion ever rounds.
_EXACT = Context(prec=300)
_PLAIN_NUMBER = re.compile(r"[0-9]+(_?[0-9]+)*(\.[0-9]+)?|\.[0-9]+")
_DIGITS = 78  # of the largest uint256, and so many more behind the point
_DURATION = re.compile(r"([0-9]+)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_amount(text: str, decimals: int = 18, symbol: str = "SKEIN") -> int:
    """Token wei of a decimal amount such as "12.5"; ValueError when it is not one or is finer than a wei."""
    return _scaled(text, 10**decimals, f"an amount of {symbol} such as 12.5", str(decimals))


def parse_percentage(text: str) -> int:
    """A share as WAD (1e18 is all): "12.5%" or "12.5" is 0.125e18."""
    return _scaled(text.strip().removesuffix("%"), 10**16, "a percentage such as 12.5", "16")


def parse_score(text: str) -> int:
    """The on-chain integer (value × 1e9) of a score distance such as "0.005"."""
    return _scaled(text, SCORE_SCALE, "a score such as 0.005", "9")


def _scaled(text: str, unit: int, meant: str, places: str) -> int:
    cleaned = text.strip()
    if not _PLAIN_NUMBER.fullmatch(cleaned):
        raise ValueError(f'"{text}" is not {meant}.')
    if len(cleaned) > 2 * _DIGITS:
        raise ValueError(f"An amount of {len(cleaned)} characters is too long.")
    scaled = _EXACT.multiply(Decimal(cleaned.replace("_", "")), unit)
    if scaled >= 2**256:
        raise ValueError(f'"{text}" is too large.')
    if scaled != scaled.to_integral_value():
        raise ValueError(f'"{text}" has more than {places} decimal places.')
    return int(scaled)


def format_amount(wei: int, *, signed: bool = False, decimals: int = 18) -> str:
    """The exact decimal of an amount in wei: no exponent, no trailing zeros; with a plus sign if `signed`."""
    whole, fraction = divmod(abs(wei), 10**decimals)
    digits = str(whole)
    if fraction:
        digits += "." + f"{fraction:0{decimals}d}".rstrip("0")
    return ("-" if wei < 0 else "+" if signed and wei else "") + digits


def round_amount(wei: int, places: int = 4, *, signed: bool = False, decimals: int = 18) -> str:
    """An amount for a table: rounded to `places`, with thousands separators. Never used for arithmetic."""
    value = _EXACT.divide(Decimal(wei), 10**decimals)
    return f"{value:+,.{places}f}" if signed else f"{value:,.{places}f}"


def parse_address(text: str) -> str:
    """The checksum form of an address; ValueError for anything else, also for a mixed-case address with a wrong sum."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise ValueError(f'"{text}" is not an address: 0x and 40 hexadecimal digits.')
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and not is_checksum_address(text):
        raise ValueError(f'"{text}" has a wrong checksum: a digit or letter is mistyped.')
    if int(digits, 16) == 0:
        raise ValueError("The zero address belongs to nobody.")
    return str(to_checksum_address(text))


def parse_duration(text: str) -> int:
    """Seconds of "90", "90s", "15m", "12h" or "7d"."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f'"{text}" is not a duration such as 90s, 15m, 12h or 7d.')
    return int(match[1]) * _SECONDS[match[2]]


def format_duration(seconds: int) -> str:
    """The two largest units: "2d 3h", "15m", "40s"."""
    parts = []
    for unit in "dhms":
        count, seconds = divmod(seconds, _SECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
