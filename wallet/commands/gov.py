"""`skein gov`: proposals, votes, and what was decided."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from node.amounts import format_amount, parse_address, parse_duration, round_amount
from wallet import governance
from wallet.commands.options import Address, DryRun, command, parsed
from wallet.governance import Change, Support
from wallet.session import Session

gov = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Proposals, votes, and what was decided.")
ProposalId = Annotated[str, typer.Argument(metavar="PROPOSAL", help="Its id, or how that begins.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; it stands on the chain for ever.")]


@command(gov, "list")
def list_(session: Session) -> None:
    """All proposals and how they stand."""
    found = governance.proposals(session.chain)
    rows = [
        (f"0x{each.id:064x}"[:10], each.state, round_amount(each.in_favour), round_amount(each.against), _head(each))
        for each in found
    ]
    document = [
        {
            "proposal": f"0x{each.id:064x}",
            "state": each.state,
            "votes_for": str(each.in_favour),
            "votes_against": str(each.against),
            "title": _head(each),
        }
        for each in found
    ]
    session.show(document, ("Proposals", ("proposal", "state", "for", "against", "title"), rows))


def _head(proposal: governance.Proposal) -> str:
    return next(iter(proposal.description.splitlines()), "")


@command(gov)
def show(session: Session, proposal: ProposalId) -> None:
    """One proposal: its text, its times and its votes."""
    found = governance.proposal(session.chain, proposal)
    quorum = 0
    if found.vote_start < session.chain.head().timestamp:
        quorum = int(session.chain.call("SkeinGovernor", "quorum", found.vote_start))
    session.show_facts(
        proposal=f"0x{found.id:064x}",
        state=found.state,
        proposer=found.proposer,
        text=found.description,
        voting_from=_time(found.vote_start),
        voting_until=_time(found.vote_end),
        executable_from=_time(found.eta) if found.eta else "–",
        votes_for=found.in_favour,
        votes_against=found.against,
        votes_abstain=found.abstaining,
        quorum=format_amount(quorum) if quorum else "known when voting begins",
    )


@command(gov)
def propose(
    session: Session,
    change: Annotated[Change, typer.Argument(help="What to change.")],
    address: Annotated[
        str | None, typer.Argument(parser=parsed(parse_address), metavar="[ADDRESS]", help="The module or guardian.")
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Propose to enable or forbid a module in both ledgers, to name a guardian, or to end a pause."""
    outcome = session.perform(governance.propose(session.chain, session.address, change, address, reason), dry_run)
    session.note(f"Proposal: 0x{int(outcome.event('SkeinGovernor.ProposalCreated').args['proposal_id']):064x}")


@command(gov)
def vote(
    session: Session,
    proposal: ProposalId,
    support: Annotated[str, typer.Argument(metavar="for|against|abstain")],
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Cast all votes that you had when voting began."""
    if support.upper() not in Support.__members__:
        raise typer.BadParameter("vote for, against or abstain")
    found = governance.proposal(session.chain, proposal)
    action = governance.vote(session.chain, session.address, found, Support[support.upper()], reason)
    session.perform(action, dry_run)


@command(gov, "carry-on")
def carry_on(session: Session, proposal: ProposalId, dry_run: DryRun = False) -> None:
    """Queue a proposal that has won, or execute one that has waited; anyone may."""
    session.perform(governance.carry_on(governance.proposal(session.chain, proposal)), dry_run)


@command(gov)
def cancel(session: Session, proposal: ProposalId, dry_run: DryRun = False) -> None:
    """Take back a proposal of yours, before voting on it begins."""
    chosen = governance.proposal(session.chain, proposal)
    session.perform(governance.cancel(chosen, session.address), dry_run)


@command(gov)
def pause(
    session: Session,
    duration: Annotated[int, typer.Argument(parser=parsed(parse_duration), metavar="DURATION", help="Such as 2d.")],
    dry_run: DryRun = False,
) -> None:
    """Refuse deposits and new locks for a while, as the guardian; exits and claims go on."""
    session.perform(governance.pause(session.chain, session.address, duration), dry_run)


@command(gov)
def advance(session: Session, dry_run: DryRun = False) -> None:
    """Mint the epochs of the emission that have begun; anyone may, and settlements do it by themselves."""
    session.perform(governance.advance(session.chain), dry_run)


@command(gov)
def delegate(session: Session, to: Address, dry_run: DryRun = False) -> None:
    """Let somebody else (or again yourself) cast the votes of your stake in escrow."""
    session.perform(governance.delegate(session.chain, session.address, to), dry_run)


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
