"""What became of a proposal, as its events and the time say."""

from collections.abc import Mapping
from typing import Any, Literal

ProposalState = Literal["pending", "active", "ended", "queued", "executed", "canceled"]


def proposal_state(proposal: Mapping[str, Any], now: int) -> ProposalState:
    """As the governor has it at the time `now`, but that votes alone do not say who won: no event has the quorum.

    So `ended` is one that was lost, or that waits for somebody to queue it.
    """
    if proposal["canceled_at"] is not None:
        return "canceled"
    if proposal["executed_at"] is not None:
        return "executed"
    if proposal["eta"] is not None:
        return "queued"
    return "pending" if proposal["vote_start"] >= now else "active" if proposal["vote_end"] >= now else "ended"
