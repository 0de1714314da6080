"""Texts that somebody put into an event: whatever the bytes are, they become a text that both databases can hold.

What is no text becomes U+FFFD, and is counted in `Totals.mended_texts`: nobody can stop an indexer by what he writes.
"""

from indexer.projections.accounts import totals
from indexer.rows import Rows

_MENDED = "\ufffd"


def text(rows: Rows, value: str) -> str:
    """A string of an event. PostgreSQL has no place for a zero in a text."""
    mended = value.replace("\0", _MENDED)
    totals(rows).mended_texts += _MENDED in mended
    return mended


def word_text(rows: Rows, word: str) -> str:
    """The text in a bytes32, such as a reason: left-aligned, zero-padded."""
    found = bytes.fromhex(word[2:]).rstrip(b"\0").decode("utf-8", "replace")
    return text(rows, "".join(letter if letter.isprintable() else _MENDED for letter in found))
