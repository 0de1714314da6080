"""Where a round of a federation stands, from its records and the time: what `Alliance.phase` computes.

A view on a node answers for its newest block, whose time lags behind what the next transaction will see; clients ask
here, with records of one block and `Chain.now()`.
"""

from enum import IntEnum

from protocol.calls import Record


class Phase(IntEnum):
    """IAlliance.Phase."""

    NONE, RESTING, DRAW, COMMIT, REVEAL, VOTE_COMMIT, VOTE_REVEAL, TALLY, ATTEST, SETTLE, ENDED = range(11)


def deadlines(federation: Record, round_: Record) -> dict[Phase, int]:
    """When the phases of a drawn round end, timestamps."""
    terms, at, ends = federation.parameters, int(round_.drawn_at), {}
    windows = {
        Phase.COMMIT: terms.commit_window,
        Phase.REVEAL: terms.reveal_window,
        Phase.VOTE_COMMIT: terms.vote_window,
        Phase.VOTE_REVEAL: terms.ballot_window,
        Phase.ATTEST: terms.attest_window,
    }
    for phase_, window in windows.items():
        ends[phase_] = at = at + int(window)
    return ends


def phase(federation: Record, round_: Record | None, now: int) -> Phase:
    """The phase of a federation at a time; `round_`: its newest round, None before the first."""
    if not int(federation.creator, 16):
        return Phase.NONE
    if federation.ended:
        return Phase.ENDED
    if not federation.open or round_ is None:
        return Phase.RESTING
    if not round_.drawn_at:
        return Phase.DRAW
    if round_.concluded:
        return Phase.SETTLE
    for each, end in deadlines(federation, round_).items():
        if each is Phase.VOTE_COMMIT and not round_.revealed:
            break
        if each is Phase.ATTEST and not round_.tallied:
            return Phase.TALLY
        if now < end:
            attested = each is Phase.ATTEST and (not round_.accepted or int(round_.model_digest, 16))
            return Phase.SETTLE if attested else each
    return Phase.SETTLE
