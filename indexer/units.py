"""What rows are made of, without the libraries that tables need: places in history, amounts, nothing."""

POSITION_BITS = 20
MAX_LOG_INDEX = (1 << POSITION_BITS) - 1
# Seconds that one row of the network's past covers.
NETWORK_STEP = 60

ZERO_ADDRESS = "0x0000000000000000000000000000000000000000"
ZERO_DIGEST = "0x" + 64 * "0"

# 2^256 has so many decimal digits; in front of them stands how many there are.
DIGITS = 78
_LONGEST = [f"{digits:02d}" for digits in range(DIGITS + 1)]
_TOO_LARGE = 1 << 256


def position_of(block_number: int, log_index: int = 0) -> int:
    """The place of a log in history; with no index, the first place in the block."""
    if log_index > MAX_LOG_INDEX:
        raise ValueError(f"block {block_number} has more than {MAX_LOG_INDEX + 1} logs")
    return block_number << POSITION_BITS | log_index


def pad(value: int) -> str:
    """The database form of an amount: 7 is "017", 10^18 is "191000000000000000000".

    Raises OverflowError for a value that does not fit 256 bits.
    """
    if not 0 <= value < _TOO_LARGE:
        raise OverflowError(f"{value} is not an unsigned number of 256 bits")
    digits = str(value)
    return _LONGEST[len(digits)] + digits


def shown(text: str) -> str:
    """The decimal digits of an amount in its database form."""
    return text[2:]
