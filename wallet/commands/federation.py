"""`skein federation`: found federations, pay for them, look at them, push them on, leave them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from node.amounts import format_amount
from protocol.events import Event
from wallet import federation_views as views
from wallet import federations
from wallet.commands.options import Address, Amount, DryRun, command
from wallet.federation_file import read_federation_file
from wallet.session import Session

federation = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Federations: found them, pay for them, look at them, leave them. `skein trainer join` takes part.",
)
Number = Annotated[int, typer.Argument(min=1, metavar="FEDERATION", help="The federation's number.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="As in the file, e.g. rounds.count=20.")
]


@command(federation)
def example(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    members: Annotated[int, typer.Option(min=3, max=50, help="Among how many the rows are divided.")] = 6,
) -> None:
    """Write a federation to try things with: its file, and a CSV file for each member."""
    from wallet.federation_example import write_example

    written = [str(path) for path in write_example(folder, members)]
    session.show({"files": written}, ("", ("file",), [(path,) for path in written]))


@command(federation)
def create(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="As .toml, .yaml or .json.")] = None,
    title: Annotated[str | None, typer.Option()] = None,
    bounty: Annotated[str | None, typer.Option(help="SKEIN")] = None,
    settings: Settings = None,
    dry_run: DryRun = False,
) -> None:
    """Publish specification and first model, and found the federation with its pool of rewards."""
    from wallet.federation_create import creation, prepared, publish

    chosen = {"title": title, "reward.bounty": bounty}
    named = [f"{name}={value}" for name, value in chosen.items() if value is not None]
    read = read_federation_file(file, [*named, *(settings or [])])
    with session.doing("preparing the federation"), prepared(read) as made:
        action = creation(session.chain, session.address, made)
        facts = {"title": made.spec.title, "specification": made.digests[0], "model": made.digests[1]}
        facts |= {"parameters": f"{made.spec.parameters:,}"}
        if dry_run:
            session.perform(action, dry_run, **facts)
            return
        publish(made, session.store)
        outcome = session.send(action)
    number = outcome.event("Alliance.FederationCreated").args["federation_id"]
    session.show_outcome(outcome, {"federation": number, **facts})
    session.note(
        f"Members take part with `skein trainer join {number} --data …`, and a round needs {read.min_members} of them; "
        f"see `skein federation watch {number}`."
    )


@command(federation)
def fund(session: Session, number: Number, amount: Amount, dry_run: DryRun = False) -> None:
    """Add to a federation's pool of rewards; anyone may."""
    found = federations.read(session.chain, number)
    session.perform(federations.fund(session.chain, session.address, found, amount), dry_run)


@command(federation)
def invite(
    session: Session,
    number: Number,
    member: Address,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the invitation back; who is in stays in.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Let an account join your federation, where only those join who are invited."""
    found = federations.read(session.chain, number)
    session.perform(federations.invite(found, session.address, member, not withdraw), dry_run)


@command(federation, "list")
def list_(session: Session, limit: Annotated[int, typer.Option(min=1, help="How many, from the newest.")] = 20) -> None:
    """The newest federations."""
    found = federations.newest(session.chain, limit)
    rows = [
        (
            each.id,
            federations.words(each.phase),
            views.left(each),
            each.record.round,
            each.record.rounds_left,
            format_amount(each.record.pool),
            each.record.member_count,
            each.record.creator,
        )
        for each in found
    ]
    columns = ("federation", "phase", "ends in", "round", "rounds left", "pool", "members", "creator")
    session.show([views.document(each) for each in found], ("Federations", columns, rows))


@command(federation)
def show(
    session: Session,
    number: Number,
    limit: Annotated[int, typer.Option(min=1, help="How many rounds, from the newest.")] = 10,
) -> None:
    """A federation: its rules, its members, its newest rounds."""
    found = federations.read(session.chain, number)
    members, rounds = federations.members(session.chain, found), views.rounds(session.chain, found, limit)
    spec = views.find_spec(session.store, found)
    facts = [(name, value) for name, value in views.facts(found, spec).items()]
    session.show(
        views.document(found, spec, members, rounds),
        (f"Federation {number}", ("", ""), facts),
        ("Members", views.MEMBER_COLUMNS, views.member_rows(members)),
        ("Rounds", views.ROUND_COLUMNS, views.round_rows(rounds)),
    )


@command(federation)
def watch(
    session: Session,
    number: Number,
    once: Annotated[bool, typer.Option("--once", help="Tell what has happened, then end.")] = False,
    confirmations: Annotated[int, typer.Option(min=0, help="Tell a block when so many follow it.")] = 0,
) -> None:
    """Tell what happened in a federation, and what happens, until it ends."""
    from wallet.federation_watch import Story, follow, sentence

    federations.read(session.chain, number)

    def tell(event: Event) -> None:
        if session.output.json:
            line = {"block": event.block_number, "event": event.name, **_plain(event.args)}
            session.output.line(json.dumps(line))
        elif told := sentence(event):
            session.output.line(f"block {event.block_number:<6} {told}")

    follow(Story(session.chain, number, confirmations), tell, 1.0, once)


def _plain(value: Mapping[str, object]) -> dict[str, object]:
    """JSON readers that know only doubles would round large numbers."""
    return {key: _plain_value(each) for key, each in value.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [_plain_value(each) for each in value]
    return str(value) if isinstance(value, bytes) or (isinstance(value, int) and abs(value) >= 2**53) else value


@command(federation)
def push(session: Session, number: Number, dry_run: DryRun = False) -> None:
    """Start, draw, count or settle a round, whatever is due; members' clients do it by themselves."""
    found = federations.read(session.chain, number)
    session.perform(federations.push(session.chain, found, session.address), dry_run)


@command(federation, "add-stake")
def add_stake(session: Session, number: Number, amount: Amount, dry_run: DryRun = False) -> None:
    """Lock more of your pool for your seat; it counts from the next round on."""
    found = federations.read(session.chain, number)
    session.perform(federations.add_stake(session.chain, found, session.address, amount), dry_run)


@command(federation)
def leave(session: Session, number: Number, dry_run: DryRun = False) -> None:
    """Never be drawn again; a client that runs ends the role that it has, and claims (else: claim)."""
    found = federations.read(session.chain, number)
    session.perform(federations.leave(session.chain, found, session.address), dry_run)
    member = session.chain.call("Alliance", "member", number, session.address)
    if member.busy:
        session.note(
            f"You have a role in round {member.round}: `skein trainer join {number}` must run until it is settled, and "
            "a missed duty costs stake. The stake is unlocked, and the reward there to claim, after that."
        )


@command(federation)
def claim(
    session: Session,
    number: Number,
    beneficiary: Annotated[str | None, typer.Option("--for", metavar="ADDRESS", help="Default: yourself.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Take what a member has earned into its pool of the stake ledger."""
    found = federations.read(session.chain, number)
    session.perform(federations.claim(session.chain, found, beneficiary or session.address), dry_run)


@command(federation)
def end(session: Session, number: Number, dry_run: DryRun = False) -> None:
    """End a federation whose rounds are over, or your idle one; what is left of the pool goes to its creator."""
    found = federations.read(session.chain, number)
    session.perform(federations.end(session.chain, found, session.address), dry_run)
