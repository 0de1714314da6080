"""Where a round of a federation stands, as `Alliance.phase` says it."""

from enum import IntEnum


class Phase(IntEnum):
    """IAlliance.Phase."""

    NONE, RESTING, DRAW, COMMIT, REVEAL, VOTE_COMMIT, VOTE_REVEAL, TALLY, ATTEST, SETTLE, ENDED = range(11)
