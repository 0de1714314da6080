"""What a panel's revealed scores come to, before anyone settles them: `_consensus` and `_agrees` of Settlement.sol.

Whoever wants to appeal must know it while it can still be appealed; the contract states it only when it settles.
"""

from collections.abc import Sequence
from typing import NamedTuple

from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS, consensus
from protocol.rewards import WAD


class Vote(NamedTuple):
    """What one member of a panel has revealed; `stake` is what counts of its stake, token wei."""

    score: int
    stake: int
    copied: bool


class Result(NamedTuple):
    """`agreed`: whether there is a consensus, else `score` and `copied` say nothing. `told`: it is what the creator of
    a canary said, and no panel counts.
    """

    agreed: bool
    score: int = 0
    copied: bool = False
    told: bool = False


def agrees(one: int, other: int, slash_tolerance: int) -> bool:
    """Whether two scores are the same verdict, or not far from one another."""
    if one in VERDICTS or other in VERDICTS:
        return one == other
    return abs(one - other) <= slash_tolerance


def result(votes: Sequence[Vote], quorum: int, maximise: bool, slash_tolerance: int) -> Result:
    """What a panel comes to, given the votes of those that have revealed."""
    if len(votes) < max(quorum, 1):
        return Result(agreed=False)
    score = consensus([(vote.score, vote.stake) for vote in votes], maximise)
    balance = sum(vote.stake if agrees(score, vote.score, slash_tolerance) else -vote.stake for vote in votes)
    copies = sum(vote.stake if vote.copied else -vote.stake for vote in votes)
    return Result(balance > 0, score, copies > 0 and score not in VERDICTS)


def read_result(chain: Chain, task_id: int, task: Record, submission_id: int) -> Result | None:
    """What a submission comes to if nobody appeals; None while its panel is not drawn."""
    panel: list[str] = chain.call("Arena", "panel", task_id, submission_id)
    if not panel:
        return None
    canary = chain.call("Arena", "canaryOf", task_id, submission_id)
    if canary.known:
        return Result(agreed=True, score=int(canary.score), told=True)
    terms, votes = task.parameters, []
    cap = (task.validator_stake * terms.max_share + WAD - 1) // WAD
    for slot, member in enumerate(panel):
        said = chain.call("Arena", "scoreAt", task_id, submission_id, slot)
        if said.revealed:
            stake = min(int(chain.validator(task_id, member).stake), cap)
            votes.append(Vote(int(said.score), stake, bool(said.copied)))
    return result(votes, terms.quorum, terms.maximise, terms.slash_tolerance)
