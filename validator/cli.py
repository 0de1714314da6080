"""`skein validator …`: parse, configure, call one function."""

from pathlib import Path
from typing import Annotated

import typer

from node.options import command
from node.output import Output
from validator.settings import ValidatorClient, ValidatorSettings

app = typer.Typer(help="Scores the models of the arena.", no_args_is_help=True, rich_markup_mode=None)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; send nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; amounts in wei, as decimal strings.")]


@command(app, ValidatorClient, ValidatorSettings)
def run(
    client: ValidatorClient,
    validator: ValidatorSettings,
    once: Annotated[bool, typer.Option("--once", help="Do what can be done now, then end.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Score for every task that the settings allow: register, evaluate, commit, reveal, settle, claim."""
    from node.program import serve
    from validator.arena import ArenaValidator
    from validator.sandbox import Sandbox, tell_confinement

    tell_confinement()
    serve(client, lambda means: ArenaValidator(means, validator, Sandbox()), "validator", once, dry_run=dry_run)


@command(app, ValidatorClient)
def score(
    client: ValidatorClient,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The model's digest, 0x and 64 hex digits.")],
    task: Annotated[int, typer.Option("--task", min=1, help="The task's number.")],
    data: Annotated[Path | None, typer.Option("--data", help="Your own data set instead of the held-out set.")] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a model as a validator would, and send nothing."""
    from validator.dry_run import evaluate

    Output(as_json).record(evaluate(client, task, digest, data))


@command(app, ValidatorClient)
def status(
    client: ValidatorClient,
    everything: Annotated[bool, typer.Option("--all", help="Also what is claimed.")] = False,
    as_json: Json = False,
) -> None:
    """Stake, locks, duties with their deadlines, what can be claimed, what was earned, how evaluations are confined."""
    from node.keys import address_in
    from node.status import show, standing
    from validator.sandbox import confinement
    from validator.status import COLUMNS, duties

    address, chain = address_in(client.key_file()), client.chain()
    held = standing(chain, address) | {"confinement": ", ".join(confinement())}
    show(Output(as_json), address, held, duties(chain, address, everything), COLUMNS)


@command(app, ValidatorClient, ValidatorSettings, makes_settings=True)
def init(
    client: ValidatorClient,
    validator: ValidatorSettings,
    name: Annotated[str, typer.Option("--name", help="Of the key file, if one has to be made.")] = "validator",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a key, and a settings file of the options given here."""
    from node.first_steps import begin

    begin(Output(as_json), client, validator, name, dry_run)


@command(app, ValidatorClient, ValidatorSettings)
def doctor(client: ValidatorClient, validator: ValidatorSettings, as_json: Json = False) -> None:
    """Examine settings, chain, clock, key, funds, disk, store and what evaluates; say what to mend."""
    from node.doctor import report
    from validator.doctor import checks

    report(Output(as_json), checks(client, validator))


@command(app, ValidatorClient)
def claim(
    client: ValidatorClient,
    tasks: Annotated[list[int] | None, typer.Argument(metavar="[TASK]...", help="Default: all.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Claim what finished tasks hold for this account; `run` does it by itself."""
    from node.operator import claim as claim_found
    from validator.status import claims

    claim_found(Output(as_json), client, claims, tasks or [], dry_run)


@command(app, ValidatorClient, ValidatorSettings)
def exit(
    client: ValidatorClient,
    validator: ValidatorSettings,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stay after all.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Join nothing any more, bring all tasks to their end, take all own stake out, and end."""
    from node.operator import leave, stay
    from validator.arena import ArenaValidator
    from validator.sandbox import Sandbox
    from validator.status import engaged

    if cancel:
        stay(Output(as_json), client)
        return
    leave(Output(as_json), client, lambda means: ArenaValidator(means, validator, Sandbox()), engaged, dry_run, yes)


@command(app, ValidatorClient)
def audit(
    client: ValidatorClient,
    task: Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")],
    samples: Annotated[int, typer.Option("--samples", help="How many samples of each submission to evaluate.")] = 20,
    submission: Annotated[int | None, typer.Option("--submission", help="Only this one.")] = None,
    validator: Annotated[str | None, typer.Option("--validator", help="Only the reports of this address.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Draw the samples of an earlier audit again.")] = None,
    as_json: Json = False,
) -> None:
    """Check reports of any validator: evaluate a few samples again and compare. Needs no key; sends nothing."""
    from validator.audit import Request
    from validator.audit_report import run

    run(Output(as_json), client, Request(task, samples, submission, validator, seed))
