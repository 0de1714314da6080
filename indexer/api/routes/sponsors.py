"""Bounties in other tokens; amounts are in units of the token."""

from fastapi import Response
from sqlalchemy import bindparam

from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery, IdQuery
from indexer.api.routing import Read, area
from indexer.api.views import View, columns, many
from indexer.tables import SponsoredReward, Sponsorship

router = area("sponsors")

SPONSORSHIP, REWARD = View("Sponsorship", Sponsorship), View("SponsoredReward", SponsoredReward)
_sponsorship, _reward = columns(Sponsorship), columns(SponsoredReward)

SPONSORSHIPS = Listing(
    SPONSORSHIP,
    {"task": [_sponsorship.task_id, _sponsorship.token, _sponsorship.sponsor]},
    {
        "task_id": _sponsorship.task_id == bindparam("task_id"),
        "sponsor": _sponsorship.sponsor == bindparam("sponsor"),
    },
)
REWARDS = Listing(
    REWARD,
    {"position": [_reward.position]},
    {"task_id": _reward.task_id == bindparam("task_id"), "operator": _reward.operator == bindparam("operator")},
)


@router.get("/sponsorships", response_model=many(SPONSORSHIP.model))
def sponsorships(
    read: Read, task_id: IdQuery = None, sponsor: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """What sponsors added to tasks, in any token, and what of it came back."""
    with read.snapshot() as at:
        return SPONSORSHIPS.page(at, {"task_id": task_id, "sponsor": sponsor}, "task", cursor, limit)


@router.get("/sponsored", response_model=many(REWARD.model))
def sponsored(
    read: Read, task_id: IdQuery = None, operator: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """What trainers and validators were paid out of sponsorships, the newest first."""
    with read.snapshot() as at:
        return REWARDS.page(at, {"task_id": task_id, "operator": operator}, "-position", cursor, limit)
