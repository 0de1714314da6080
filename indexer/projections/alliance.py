"""Alliance: federations, who is in them, and who was drawn for a round."""

from typing import Any

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.projections.texts import word_text
from indexer.rows import Rows
from indexer.twins import Federation, FederationRound, Invitation, Member, Payout, Role


@on("Alliance.FederationCreated")
def federation_created(
    rows: Rows, at: At, *, federation_id: int, creator: str, spec_digest: str, parameters: dict[str, Any]
) -> None:
    """`parameters` has the specification's digest too; the event repeats it so that it can be searched for."""
    rows.add(
        Federation,
        id=federation_id,
        creator=creator,
        created_at=at.timestamp,
        pool=parameters["bounty"],
        rounds_left=parameters["rounds"],
        **parameters,
    )
    account(rows, creator)
    totals(rows).federations += 1


@on("Alliance.FederationFunded")
def federation_funded(rows: Rows, at: At, *, federation_id: int, funder: str, assets: int) -> None:
    """Anyone adds to the pool of rewards."""
    rows.edit(Federation, federation_id).pool += assets
    account(rows, funder)


@on("Alliance.MemberInvited")
def member_invited(rows: Rows, at: At, *, federation_id: int, member: str, invited: bool) -> None:
    """The creator lets an account in, or no longer."""
    account(rows, member)
    rows.ensure(Invitation, federation_id, member).invited = invited


@on("Alliance.MemberJoined")
def member_joined(
    rows: Rows, at: At, *, federation_id: int, member: str, number: int, stake: int, data: dict[str, Any]
) -> None:
    """An account joins, or comes again after it had left; what it earned stays its own."""
    federation = rows.edit(Federation, federation_id)
    federation.member_count += 1
    if rows.get(Member, federation_id, member) is None:
        federation.joined += 1
        account(rows, member).memberships += 1
        totals(rows).members += 1
        rows.add(Member, federation_id=federation_id, account=member, number=number, joined_at=at.timestamp)
    row = rows.edit(Member, federation_id, member)
    row.state, row.stake = "seated", stake
    row.row_count, row.schema_hash, row.rows_root = data["rows"], data["schema_hash"], data["rows_root"]


@on("Alliance.DataCommitted")
def data_committed(rows: Rows, at: At, *, federation_id: int, member: str, data: dict[str, Any]) -> None:
    """A member has other data now."""
    row = rows.edit(Member, federation_id, member)
    row.row_count, row.schema_hash, row.rows_root = data["rows"], data["schema_hash"], data["rows_root"]


@on("Alliance.StakeAdded")
def stake_added(rows: Rows, at: At, *, federation_id: int, member: str, assets: int) -> None:
    """A member stakes more."""
    rows.edit(Member, federation_id, member).stake += assets


@on("Alliance.MemberRemoved")
def member_removed(rows: Rows, at: At, *, federation_id: int, member: str, reason: str) -> None:
    """It is drawn no more."""
    rows.edit(Federation, federation_id).member_count -= 1
    rows.edit(Member, federation_id, member).state = word_text(rows, reason)


@on("Alliance.MemberReleased")
def member_released(rows: Rows, at: At, *, federation_id: int, member: str, unlocked: int) -> None:
    """Its stake is its own again; the ledger's event says so, too."""
    rows.edit(Member, federation_id, member).stake -= unlocked


@on("Alliance.MemberClaimed")
def member_claimed(rows: Rows, at: At, *, federation_id: int, member: str, assets: int) -> None:
    """Its rewards went into its pool."""
    rows.edit(Federation, federation_id).owed -= assets
    row = rows.edit(Member, federation_id, member)
    row.earned -= assets
    row.claimed += assets
    pay(rows, at, federation_id, member, "member", assets)


@on("Alliance.FederationEnded")
def federation_ended(rows: Rows, at: At, *, federation_id: int, creator: str, assets: int) -> None:
    """The rest of the pool is the creator's again."""
    federation = rows.edit(Federation, federation_id)
    federation.pool -= assets
    federation.ended = True
    if assets:
        pay(rows, at, federation_id, creator, "creator", assets)


def pay(rows: Rows, at: At, federation_id: int, account: str, role: str, assets: int, round: int | None = None) -> None:
    """Money left the federation."""
    place = {"position": at.position, "federation_id": federation_id, "round": round}
    rows.add(Payout, **place, account=account, role=role, assets=assets)


@on("Alliance.RoundStarted")
def round_started(rows: Rows, at: At, *, federation_id: int, round: int, seed_ticket: int, member_count: int) -> None:
    """Those who are members now can be drawn."""
    federation = rows.edit(Federation, federation_id)
    federation.round, federation.open = round, True
    rows.add(
        FederationRound,
        federation_id=federation_id,
        number=round,
        seed_ticket=seed_ticket,
        member_count=member_count,
        started_at=at.timestamp,
    )


@on("Alliance.RoundSeedRequested")
def round_seed_requested(rows: Rows, at: At, *, federation_id: int, round: int, seed_ticket: int) -> None:
    """The old ticket expired unused."""
    rows.edit(FederationRound, federation_id, round).seed_ticket = seed_ticket


@on("Alliance.RoundDrawn")
def round_drawn(
    rows: Rows,
    at: At,
    *,
    federation_id: int,
    round: int,
    seed: str,
    proposers: list[str],
    voters: list[str],
    deadlines: dict[str, int],
) -> None:
    """Slots count from 0: first the proposers, then the voters."""
    row = rows.edit(FederationRound, federation_id, round)
    row.state, row.seed = "open", seed
    row.proposer_count, row.voter_count = len(proposers), len(voters)
    for name, ends in deadlines.items():
        setattr(row, name, ends)
    for slot, member in enumerate((*proposers, *voters)):
        role = {"slot": slot, "proposes": slot < len(proposers)}
        rows.add(Role, federation_id=federation_id, round=round, account=member, **role)
