"""`skein trainer …`: parse, configure, call one function."""

from pathlib import Path
from typing import Annotated

import typer

from node.options import command
from node.output import Output
from node.settings import ClientSettings
from trainer.settings import TrainerSettings

app = typer.Typer(help="Trains models for the tasks of the arena.", no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print JSON; amounts in wei, as decimal strings.")]
TaskId = Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")]


@command(app, ClientSettings, TrainerSettings)
def run(
    client: ClientSettings,
    trainer: TrainerSettings,
    once: Annotated[bool, typer.Option("--once", help="Do what can be done now, then end.")] = False,
) -> None:
    """Train for every task that the settings allow: commit, reveal, settle, claim."""
    from node.program import serve
    from trainer.arena import ArenaTrainer

    serve(client, lambda means: ArenaTrainer(means, trainer), "trainer", once)


@command(app, ClientSettings, TrainerSettings)
def submit(
    client: ClientSettings,
    trainer: TrainerSettings,
    task: TaskId,
    model: Annotated[Path, typer.Argument(metavar="PATH", help="A model: model.safetensors, or its folder.")],
    queue: Annotated[bool, typer.Option("--queue", help="Leave the rest to the client that runs already.")] = False,
    as_json: Json = False,
) -> None:
    """Submit a model that is ready: check it, commit to it, and stay until it is paid."""
    from trainer.submission import submit as submit_model

    submit_model(client, trainer, task, model, queue, Output(as_json))


@command(app, ClientSettings)
def status(
    client: ClientSettings,
    everything: Annotated[bool, typer.Option("--all", help="Also what is claimed.")] = False,
    as_json: Json = False,
) -> None:
    """Stake, locks, submissions with their deadlines, what can be claimed, what was earned."""
    from node.keys import address_in
    from node.status import show, standing
    from trainer.status import COLUMNS, submissions

    address, chain = address_in(client.key_file()), client.chain()
    show(Output(as_json), address, standing(chain, address), submissions(chain, address, everything), COLUMNS)
