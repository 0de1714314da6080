"""Emission, vaults and governance."""

from typing import Any

from fastapi import Response
from sqlalchemy import bindparam, select

from indexer.api.errors import not_found
from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery, DigestPath, DigestQuery
from indexer.api.routing import Read, area
from indexer.api.views import View, columns, many, one
from indexer.proposals import ProposalState, proposal_state
from indexer.tables import Ballot, EmissionAccount, Epoch, Escrow, Proposal, Vault

router = area("money")

_ballot, _emission, _proposal = columns(Ballot), columns(EmissionAccount), columns(Proposal)
_vault, _escrow = columns(Vault), columns(Escrow)
EPOCH, VAULT, BALLOT = View("Epoch", Epoch), View("Vault", Vault), View("Ballot", Ballot)
PROPOSAL = View("Proposal", Proposal, computed={"state": (ProposalState, proposal_state)})
EMISSION, ESCROW = View("EmissionAccount", EmissionAccount), View("Escrow", Escrow)

EPOCHS = Listing(EPOCH, {"id": [columns(Epoch).id]})
EMISSIONS = Listing(
    EMISSION, {"module": [_emission.module, _emission.id]}, {"module": _emission.module == bindparam("module")}
)
VAULTS = Listing(VAULT, {"operator": [_vault.operator]}, {"operator": _vault.operator == bindparam("operator")})
ESCROWS = Listing(ESCROW, {"operator": [_escrow.operator]}, {"operator": _escrow.operator == bindparam("operator")})
PROPOSALS = Listing(
    PROPOSAL, {"position": [_proposal.position]}, {"proposer": _proposal.proposer == bindparam("proposer")}
)
BALLOTS = Listing(
    BALLOT,
    {"position": [_ballot.position]},
    {
        "voter": _ballot.voter == bindparam("voter"),
        "proposal_id": _ballot.proposal_id == bindparam("proposal_id"),
    },
)
_ONE = select(*PROPOSAL.columns).select_from(PROPOSAL.source).where(_proposal.id == bindparam("id"))


@router.get("/epochs", response_model=many(EPOCH.model))
def epochs(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Epochs of the emission that have begun, the newest first."""
    with read.snapshot() as at:
        return EPOCHS.page(at, {}, "-id", cursor, limit)


@router.get("/emissions", response_model=many(EMISSION.model))
def emissions(read: Read, module: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The tasks and federations that emission flows to, and what they drew; `/stats` has the sum of all weights."""
    with read.snapshot() as at:
        return EMISSIONS.page(at, {"module": module}, "module", cursor, limit)


@router.get("/vaults", response_model=many(VAULT.model))
def vaults(read: Read, operator: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The ERC-4626 vaults of operators' pools."""
    with read.snapshot() as at:
        return VAULTS.page(at, {"operator": operator}, "operator", cursor, limit)


@router.get("/escrows", response_model=many(ESCROW.model))
def escrows(read: Read, operator: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Own stake that operators promised to leave where it is; 0 once the promise was ended."""
    with read.snapshot() as at:
        return ESCROWS.page(at, {"operator": operator}, "operator", cursor, limit)


@router.get("/proposals", response_model=many(PROPOSAL.model))
def proposals(read: Read, proposer: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Proposals to the governor, the newest first. One that `ended` was lost, or waits for somebody to queue it."""
    with read.snapshot() as at:
        return PROPOSALS.page(at, {"proposer": proposer}, "-position", cursor, limit)


@router.get("/proposals/{proposal_id}", response_model=one(PROPOSAL.model))
def proposal(read: Read, proposal_id: DigestPath) -> Response:
    """One proposal, by its number as a digest."""
    with read.snapshot() as at:
        row: Any = at.first(_ONE, {"id": proposal_id})
        if row is None:
            raise not_found(f"There is no proposal {proposal_id} at block {at.checkpoint.number}.")
        return at.answer(PROPOSAL.item(row, at.now))


@router.get("/ballots", response_model=many(BALLOT.model))
def ballots(
    read: Read,
    voter: AddressQuery = None,
    proposal_id: DigestQuery = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Votes on proposals, the newest first."""
    with read.snapshot() as at:
        return BALLOTS.page(at, {"voter": voter, "proposal_id": proposal_id}, "-position", cursor, limit)
