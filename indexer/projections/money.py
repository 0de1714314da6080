"""Emissions, DelegationVaults and SkeinGovernor: epochs and what they gave, vaults, proposals and votes."""

from indexer.projections import At, on
from indexer.projections.accounts import account, totals
from indexer.projections.texts import text
from indexer.rows import Rows
from indexer.twins import Ballot, EmissionAccount, Epoch, Proposal, Vault

_SUPPORT = ("against", "for", "abstain")


@on("Emissions.EpochFunded")
def epoch_funded(rows: Rows, at: At, *, epoch: int, minted: int, released: int) -> None:
    """An epoch begins, once."""
    rows.add(Epoch, id=epoch, funded_at=at.timestamp, minted=minted, released=released)


@on("Emissions.WeightSet")
def weight_set(rows: Rows, at: At, *, module: str, id: str, weight: int, total_weight: int) -> None:
    """A module says how much stake is at work."""
    rows.ensure(EmissionAccount, module, id).weight = weight
    totals(rows).emission_weight = total_weight


@on("Emissions.Drawn")
def drawn(rows: Rows, at: At, *, module: str, id: str, receiver: str, assets: int) -> None:
    """A module takes what its account earned."""
    rows.ensure(EmissionAccount, module, id).drawn += assets
    totals(rows).emission_drawn += assets


@on("DelegationVaults.VaultCreated")
def vault_created(rows: Rows, at: At, *, operator: str, vault: str) -> None:
    """There is one for each operator."""
    rows.add(Vault, operator=operator, address=vault, created_at=at.timestamp)


def _name(proposal_id: int) -> str:
    return f"0x{proposal_id:064x}"


@on("SkeinGovernor.ProposalCreated")
def proposal_created(
    rows: Rows,
    at: At,
    *,
    proposal_id: int,
    proposer: str,
    targets: list[str],
    values: list[int],
    signatures: list[str],
    calldatas: list[str],
    vote_start: int,
    vote_end: int,
    description: str,
) -> None:
    """What is to be called stays in the raw log."""
    account(rows, proposer)
    rows.add(
        Proposal,
        id=_name(proposal_id),
        position=at.position,
        proposer=proposer,
        description=text(rows, description),
        vote_start=vote_start,
        vote_end=vote_end,
    )


@on("SkeinGovernor.VoteCast")
def vote_cast(rows: Rows, at: At, *, voter: str, proposal_id: int, support: int, weight: int, reason: str) -> None:
    """Nobody votes twice on one proposal."""
    account(rows, voter)
    proposal, side = rows.edit(Proposal, _name(proposal_id)), _SUPPORT[support]
    setattr(proposal, f"votes_{side}", getattr(proposal, f"votes_{side}") + weight)
    rows.add(
        Ballot,
        position=at.position,
        proposal_id=proposal.id,
        voter=voter,
        support=side,
        weight=weight,
        reason=text(rows, reason),
    )


@on("SkeinGovernor.VoteCastWithParams")
def vote_cast_with_params(
    rows: Rows, at: At, *, voter: str, proposal_id: int, support: int, weight: int, reason: str, params: str
) -> None:
    """This governor gives no meaning to the parameters."""
    vote_cast(rows, at, voter=voter, proposal_id=proposal_id, support=support, weight=weight, reason=reason)


@on("SkeinGovernor.ProposalQueued")
def proposal_queued(rows: Rows, at: At, *, proposal_id: int, eta_seconds: int) -> None:
    """It has won, and waits in the timelock."""
    rows.edit(Proposal, _name(proposal_id)).eta = eta_seconds


@on("SkeinGovernor.ProposalExecuted")
def proposal_executed(rows: Rows, at: At, *, proposal_id: int) -> None:
    """Its calls were made."""
    rows.edit(Proposal, _name(proposal_id)).executed_at = at.timestamp


@on("SkeinGovernor.ProposalCanceled")
def proposal_canceled(rows: Rows, at: At, *, proposal_id: int) -> None:
    """Its proposer took it back in time."""
    rows.edit(Proposal, _name(proposal_id)).canceled_at = at.timestamp
