"""`skein task`: make tasks, look at them, and push them on."""

from pathlib import Path
from typing import Annotated

import typer

from node.amounts import format_amount, parse_address
from protocol.errors import ConfigInvalid
from wallet import sponsors, tasks, views
from wallet.commands.options import Amount, DryRun, TaskId, command, parsed
from wallet.held_out_keys import HeldOutKeys
from wallet.session import Session, Table
from wallet.task_file import read_task_file

task = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Training tasks: make them, look at them, push them on."
)
SubmissionId = Annotated[int, typer.Argument(min=1, metavar="SUBMISSION", help="The submission's number.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="As in the file, e.g. reward.bounty=500.")
]


@command(task)
def create(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The task, as .toml, .yaml or .json.")] = None,
    data: Annotated[str | None, typer.Option(help="A data set's name, a CSV file or a directory of arrays.")] = None,
    title: Annotated[str | None, typer.Option()] = None,
    bounty: Annotated[str | None, typer.Option(help="SKEIN")] = None,
    canary: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="A model that you will submit to measure validators.")
    ] = None,
    settings: Settings = None,
    dry_run: DryRun = False,
) -> None:
    """Split the data, seal the held-out part, publish all, and create the task. The key stays on this computer."""
    from wallet.canaries import keep as keep_canaries
    from wallet.create import creation, parameters, prepared, publish

    chosen = {"data.source": data, "title": title, "reward.bounty": bounty}
    named = [f"{name}={value}" for name, value in chosen.items() if value is not None]
    made = read_task_file(file, [*named, *(settings or [])])
    if canary and not made.windows.challenge:
        raise ConfigInvalid("Canaries need appeals: set windows.challenge.")
    keys = HeldOutKeys(session.settings.held_out_keys)
    with session.doing("preparing the data"), prepared(made, session.store, canary or []) as task_made:
        action = creation(session.chain, session.address, task_made)
        facts = {"title": task_made.spec.title, "specification": parameters(task_made)["spec_digest"]}
        facts |= {"training_rows": task_made.training_rows, "held_out_rows": task_made.held_out_rows}
        if dry_run:
            session.perform(action, dry_run, **facts)
            return
        key = keys.keep(task_made.key)  # before anything is sent: a task whose key is lost costs its bond
        keep_canaries(key.with_suffix(".canaries"), task_made.canaries)
        publish(task_made, session.store)
        outcome = session.send(action)
    task_id = outcome.event("Arena.TaskCreated").args["task_id"]
    session.show_outcome(outcome, {"task": task_id, **facts, "key": str(key)})
    if canary:
        session.note(f"Submit each canary from another account: `skein trainer submit {task_id} FOLDER`.")
    session.note(
        f"Release the key in time: `skein task watch` does it by itself, `skein task release-key {task_id}` once."
    )


@command(task)
def fund(session: Session, number: TaskId, amount: Amount, dry_run: DryRun = False) -> None:
    """Add to a task's bounty."""
    found = tasks.read(session.chain, number)
    session.perform(tasks.fund(session.chain, session.address, found, amount), dry_run)


@command(task)
def sponsor(
    session: Session,
    number: TaskId,
    token: Annotated[str, typer.Argument(parser=parsed(parse_address), metavar="TOKEN", help="Its address.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the token's own unit, e.g. 12.5")],
    dry_run: DryRun = False,
) -> None:
    """Add a bounty in any plain ERC-20 token; what nobody earns of it can be claimed back."""
    found = tasks.read(session.chain, number)
    session.perform(sponsors.sponsor(session.chain, session.address, found, token, amount), dry_run)


@command(task)
def cancel(session: Session, number: TaskId, dry_run: DryRun = False) -> None:
    """Take your task back while nobody has joined it; bounty and bond come back at once."""
    session.perform(tasks.cancel(tasks.read(session.chain, number), session.address), dry_run)


@command(task, "release-key")
def release_key(session: Session, number: TaskId, dry_run: DryRun = False) -> None:
    """Open the held-out set of your task, in its key phase."""
    found = tasks.read(session.chain, number)
    key = HeldOutKeys(session.settings.held_out_keys).find(found.record.parameters.key_hash)
    session.perform(tasks.release_key(found, key), dry_run)


@command(task)
def watch(
    session: Session,
    until_done: Annotated[bool, typer.Option("--until-done", help="End when your tasks are over.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is due now; send nothing.")] = False,
) -> None:
    """Care for all your tasks, unattended: release keys in time, claim what comes back. Can be restarted any time."""
    from wallet.watch import run

    run(session, until_done, dry_run)


@command(task, "list")
def list_(session: Session, limit: Annotated[int, typer.Option(min=1, help="How many, from the newest.")] = 20) -> None:
    """The newest tasks."""
    found = tasks.newest(session.chain, limit)
    rows = [
        (
            each.id,
            tasks.words(each.phase),
            views.left(each),
            format_amount(each.record.parameters.bounty),
            each.record.submission_count,
            each.record.validator_count,
            each.record.creator,
        )
        for each in found
    ]
    columns = ("task", "phase", "ends in", "bounty", "submissions", "validators", "creator")
    session.show([views.task_document(each) for each in found], ("Tasks", columns, rows))


@command(task)
def show(session: Session, number: TaskId) -> None:
    """A task, its specification, its submissions and their ranking."""
    found = tasks.read(session.chain, number)
    submissions = tasks.submissions(session.chain, found)
    ranking = [int(each) for each in session.chain.call("Arena", "ranking", number)]
    spec = views.find_spec(session.store, found)
    document = views.task_document(found, spec, submissions, ranking)
    facts = [(name.replace("_", " "), value) for name, value in views.task_facts(found, spec).items()]
    rows = views.submission_rows(found, submissions, ranking)
    columns = ("rank", "submission", "trainer", "state", "score", "stake", "slashed")
    tables: list[Table] = [(f"Task {number}", ("", ""), facts), ("Submissions", columns, rows)]
    if given := sponsors.bounties(session.chain, found):
        document["sponsors"] = [dict(zip(("amount", "symbol", "token"), row, strict=True)) for row in given]
        tables.append(("Bounties of sponsors", ("amount", "", "token"), given))
    session.show(document, *tables)


@command(task)
def settle(session: Session, number: TaskId, dry_run: DryRun = False) -> None:
    """Settle all submissions that can be settled; you get a tenth of what is slashed."""
    found = tasks.read(session.chain, number)
    session.perform(tasks.settle(session.chain, found, session.address), dry_run)


@command(task)
def appeal(session: Session, number: TaskId, submission: SubmissionId, dry_run: DryRun = False) -> None:
    """Appeal a submission's result: a larger panel decides, and the wrong side pays."""
    found = tasks.read(session.chain, number)
    session.perform(tasks.appeal(session.chain, found, submission, session.address), dry_run)


@command(task)
def finalize(session: Session, number: TaskId, dry_run: DryRun = False) -> None:
    """Fix what everybody can claim, or open the next evaluation where one is due."""
    session.perform(tasks.finalize(tasks.read(session.chain, number)), dry_run)


@command(task)
def claim(
    session: Session,
    number: TaskId,
    beneficiary: Annotated[str | None, typer.Option("--for", metavar="ADDRESS", help="Default: yourself.")] = None,
    token: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Claim what sponsors gave in this token; a sponsor, what comes back."),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Claim what you have in a finished task, in every role; rewards go to the pool, a creator's part to the wallet."""
    found, account = tasks.read(session.chain, number), beneficiary or session.address
    if token is not None:
        chosen = parsed(parse_address)(token)
        session.perform(sponsors.claim(session.chain, account, found, chosen), dry_run)
        return
    session.perform(tasks.claim(session.chain, found, account), dry_run)
    for other in sponsors.tokens_of(session.chain, found):
        session.note(f"Sponsors gave more: skein task claim {number} --token {other}")
