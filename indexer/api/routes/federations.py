"""Federations: what they are, who is in them, and how their rounds went."""

from typing import Annotated, Any, Literal

from fastapi import Path, Response
from sqlalchemy import bindparam, select

from indexer.api.errors import not_found
from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery, DigestQuery, IdPath
from indexer.api.routing import Read, area
from indexer.api.snapshot import Snapshot
from indexer.api.views import View, columns, many, one
from indexer.tables import Federation, FederationRound, Member, Role

router = area("federations")

FEDERATION = View("Federation", Federation)
MEMBER = View("Member", Member)
ROUND = View("FederationRound", FederationRound)
ROLE = View("Role", Role)

_federation, _member, _round, _role = columns(Federation), columns(Member), columns(FederationRound), columns(Role)
_ONE = select(*FEDERATION.columns).select_from(FEDERATION.source).where(_federation.id == bindparam("id"))
_ROUND = (
    select(*ROUND.columns)
    .select_from(ROUND.source)
    .where((_round.federation_id == bindparam("id")) & (_round.number == bindparam("number")))
)
FEDERATIONS = Listing(
    FEDERATION,
    {"id": [_federation.id], "pool": [_federation.pool, _federation.id]},
    {
        "creator": _federation.creator == bindparam("creator"),
        "spec_digest": _federation.spec_digest == bindparam("spec_digest"),
        "ended": _federation.ended == bindparam("ended"),
    },
)
MEMBERS = Listing(
    MEMBER,
    {"number": [_member.number], "stake": [_member.stake, _member.number]},
    {
        "federation": _member.federation_id == bindparam("federation"),
        "state": _member.state == bindparam("state"),
    },
)
ROUNDS = Listing(ROUND, {"number": [_round.number]}, {"federation": _round.federation_id == bindparam("federation")})
ROLES = Listing(
    ROLE,
    {"slot": [_role.slot], "round": [_role.round, _role.slot]},
    {
        "federation": _role.federation_id == bindparam("federation"),
        "round": _role.round == bindparam("round"),
        "account": _role.account == bindparam("account"),
    },
)
RoundPath = Annotated[int, Path(ge=1, le=2**32 - 1)]


@router.get("/federations", response_model=many(FEDERATION.model))
def federations(
    read: Read,
    creator: AddressQuery = None,
    spec_digest: DigestQuery = None,
    ended: bool | None = None,
    order: Literal["id", "-id", "pool", "-pool"] = "-id",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Federations, the newest first."""
    values = {"creator": creator, "spec_digest": spec_digest, "ended": ended}
    with read.snapshot() as at:
        return FEDERATIONS.page(at, values, order, cursor, limit)


@router.get("/federations/{federation_id}", response_model=one(FEDERATION.model))
def federation(read: Read, federation_id: IdPath) -> Response:
    """One federation."""
    with read.snapshot() as at:
        return at.answer(FEDERATION.item(_known(at, federation_id), at.now))


@router.get("/federations/{federation_id}/members", response_model=many(MEMBER.model))
def members(
    read: Read,
    federation_id: IdPath,
    state: Literal["seated", "left", "evicted"] | None = None,
    order: Literal["number", "-number", "stake", "-stake"] = "number",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """All who ever joined, with their stakes, rewards and data commitments."""
    with read.snapshot() as at:
        _known(at, federation_id)
        return MEMBERS.page(at, {"federation": federation_id, "state": state}, order, cursor, limit)


@router.get("/federations/{federation_id}/rounds", response_model=many(ROUND.model))
def rounds(
    read: Read,
    federation_id: IdPath,
    order: Literal["number", "-number"] = "-number",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """The rounds of a federation, the newest first."""
    with read.snapshot() as at:
        _known(at, federation_id)
        return ROUNDS.page(at, {"federation": federation_id}, order, cursor, limit)


@router.get("/federations/{federation_id}/rounds/{number}", response_model=one(ROUND.model))
def round_(read: Read, federation_id: IdPath, number: RoundPath) -> Response:
    """One round: its deadlines, verdicts, the model that it ended with, and its pot."""
    with read.snapshot() as at:
        _known(at, federation_id)
        row = at.first(_ROUND, {"id": federation_id, "number": number})
        if row is None:
            raise not_found(f"Federation {federation_id} has no round {number} at block {at.checkpoint.number}.")
        return at.answer(ROUND.item(row, at.now))


@router.get("/federations/{federation_id}/rounds/{number}/roles", response_model=many(ROLE.model))
def roles(read: Read, federation_id: IdPath, number: RoundPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Who was drawn for a round, what each did, and what each got or lost."""
    with read.snapshot() as at:
        _known(at, federation_id)
        return ROLES.page(at, {"federation": federation_id, "round": number}, "slot", cursor, limit)


def _known(at: Snapshot, federation_id: int) -> Any:
    row = at.first(_ONE, {"id": federation_id})
    if row is None:
        raise not_found(f"There is no federation {federation_id} at block {at.checkpoint.number}.")
    return row
