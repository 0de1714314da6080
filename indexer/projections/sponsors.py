"""Sponsorships: bounties in other tokens."""

from indexer.projections import At, on
from indexer.projections.accounts import account
from indexer.rows import Rows
from indexer.twins import SponsoredReward, Sponsorship


@on("Sponsorships.TaskSponsored")
def task_sponsored(rows: Rows, at: At, *, task_id: int, token: str, sponsor: str, assets: int) -> None:
    """A sponsor may add more than once."""
    account(rows, sponsor)
    rows.ensure(Sponsorship, task_id, token, sponsor).assets += assets


@on("Sponsorships.SponsorRefunded")
def sponsor_refunded(rows: Rows, at: At, *, task_id: int, token: str, sponsor: str, assets: int) -> None:
    """Anyone may ask for the refund of somebody who gave nothing: then there is nothing to note."""
    if assets > 0:
        rows.edit(Sponsorship, task_id, token, sponsor).refunded += assets


@on("Sponsorships.SponsoredRewardClaimed")
def sponsored_reward_claimed(
    rows: Rows, at: At, *, task_id: int, token: str, operator: str, submission_id: int, assets: int
) -> None:
    """Once for each submission and each validator of a task, in each token; anyone may ask it for anyone."""
    if assets > 0:
        account(rows, operator)
        rows.add(
            SponsoredReward,
            position=at.position,
            task_id=task_id,
            token=token,
            operator=operator,
            submission_id=submission_id,
            assets=assets,
        )
