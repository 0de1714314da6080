"""Emission, vaults and governance."""

from fastapi import Response
from sqlalchemy import bindparam

from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressQuery
from indexer.api.routing import Read, area
from indexer.api.views import View, columns, many
from indexer.tables import Ballot, EmissionAccount, Epoch, Escrow, Proposal, Vault

router = area("money")

EPOCH, VAULT, PROPOSAL, BALLOT = (
    View(name, table)
    for name, table in (("Epoch", Epoch), ("Vault", Vault), ("Proposal", Proposal), ("Ballot", Ballot))
)
EMISSION, ESCROW = View("EmissionAccount", EmissionAccount), View("Escrow", Escrow)
_ballot, _emission = columns(Ballot), columns(EmissionAccount)

EPOCHS = Listing(EPOCH, {"id": [columns(Epoch).id]})
EMISSIONS = Listing(EMISSION, {"module": [_emission.module, _emission.id]})
VAULTS = Listing(VAULT, {"operator": [columns(Vault).operator]})
ESCROWS = Listing(ESCROW, {"operator": [columns(Escrow).operator]})
PROPOSALS = Listing(PROPOSAL, {"position": [columns(Proposal).position]})
BALLOTS = Listing(BALLOT, {"position": [_ballot.position]}, {"voter": _ballot.voter == bindparam("voter")})


@router.get("/epochs", response_model=many(EPOCH.model))
def epochs(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Epochs of the emission that have begun, the newest first."""
    with read.snapshot() as at:
        return EPOCHS.page(at, {}, "-id", cursor, limit)


@router.get("/emissions", response_model=many(EMISSION.model))
def emissions(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The tasks and federations that emission flows to, and what they drew."""
    with read.snapshot() as at:
        return EMISSIONS.page(at, {}, "module", cursor, limit)


@router.get("/vaults", response_model=many(VAULT.model))
def vaults(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The ERC-4626 vaults of operators' pools."""
    with read.snapshot() as at:
        return VAULTS.page(at, {}, "operator", cursor, limit)


@router.get("/escrows", response_model=many(ESCROW.model))
def escrows(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Own stake that operators promised to leave where it is; 0 once the promise was ended."""
    with read.snapshot() as at:
        return ESCROWS.page(at, {}, "operator", cursor, limit)


@router.get("/proposals", response_model=many(PROPOSAL.model))
def proposals(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Proposals to the governor, the newest first."""
    with read.snapshot() as at:
        return PROPOSALS.page(at, {}, "-position", cursor, limit)


@router.get("/ballots", response_model=many(BALLOT.model))
def ballots(read: Read, voter: AddressQuery = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Votes on proposals, the newest first."""
    with read.snapshot() as at:
        return BALLOTS.page(at, {"voter": voter}, "-position", cursor, limit)
