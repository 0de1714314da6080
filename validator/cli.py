"""`skein validator …`: parse, configure, call one function."""

from pathlib import Path
from typing import Annotated

import typer

from node.options import command
from node.output import Output
from node.settings import ClientSettings
from validator.settings import ValidatorSettings

app = typer.Typer(help="Scores the models of the arena.", no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print JSON; amounts in wei, as decimal strings.")]


@command(app, ClientSettings, ValidatorSettings)
def run(
    client: ClientSettings,
    validator: ValidatorSettings,
    once: Annotated[bool, typer.Option("--once", help="Do what can be done now, then end.")] = False,
) -> None:
    """Score for every task that the settings allow: register, evaluate, commit, reveal, settle, claim."""
    from node.program import serve
    from validator.arena import ArenaValidator
    from validator.sandbox import Sandbox, tell_confinement

    tell_confinement()
    serve(client, lambda means: ArenaValidator(means, validator, Sandbox()), "validator", once)


@command(app, ClientSettings)
def score(
    client: ClientSettings,
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="The model's digest, 0x and 64 hex digits.")],
    task: Annotated[int, typer.Option("--task", min=1, help="The task's number.")],
    data: Annotated[Path | None, typer.Option("--data", help="Your own data set instead of the held-out set.")] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a model as a validator would, and send nothing."""
    from validator.dry_run import evaluate

    Output(as_json).record(evaluate(client, task, digest, data))


@command(app, ClientSettings)
def status(
    client: ClientSettings,
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
