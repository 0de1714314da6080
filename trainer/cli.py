"""`skein trainer …`: parse, configure, call one function."""

from pathlib import Path
from typing import Annotated

import typer

from node.options import command
from node.output import Output
from trainer.federated.settings import MemberSettings
from trainer.settings import TrainerClient, TrainerSettings

app = typer.Typer(help="Trains models for the tasks of the arena.", no_args_is_help=True, rich_markup_mode=None)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; send nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON; amounts in wei, as decimal strings.")]
TaskId = Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")]


@command(app, TrainerClient, TrainerSettings)
def run(
    client: TrainerClient,
    trainer: TrainerSettings,
    once: Annotated[bool, typer.Option("--once", help="Do what can be done now, then end.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Train for every task that the settings allow: commit, reveal, settle, claim."""
    from node.program import serve
    from trainer.arena import ArenaTrainer

    serve(client, lambda means: ArenaTrainer(means, trainer), "trainer", once, dry_run=dry_run)


@command(app, TrainerClient, TrainerSettings)
def submit(
    client: TrainerClient,
    trainer: TrainerSettings,
    task: TaskId,
    model: Annotated[Path, typer.Argument(metavar="PATH", help="A model: model.safetensors, or its folder.")],
    queue: Annotated[bool, typer.Option("--queue", help="Leave the rest to the client that runs already.")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Submit a model that is ready: check it, commit to it, and stay until it is paid."""
    from trainer.submission import submit as submit_model

    submit_model(client, trainer, task, model, queue, Output(as_json), dry_run)


@command(app, TrainerClient, MemberSettings)
def join(
    client: TrainerClient,
    member: MemberSettings,
    federation: Annotated[int, typer.Argument(min=1, metavar="FEDERATION", help="The federation's number.")],
    once: Annotated[bool, typer.Option("--once", help="Do what can be done now, then end.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Take part in a federation with data that stay here: propose, vote, aggregate, claim, to its end."""
    from trainer.federated.program import take_part

    take_part(client, member, federation, once, dry_run)


@app.command("first-model")
def first_model(
    source: Annotated[str, typer.Argument(metavar="flower:APP", help="A Flower app, as in --data.")],
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An .npz file.")],
    as_json: Json = False,
) -> None:
    """Write the model that a Flower app begins with: a federation's model.first."""
    from trainer.federated.flower import write_first_model

    shapes = write_first_model(source, path)
    Output(as_json).table("", ("tensor", "shape"), [(name, list(shape)) for name, shape in shapes.items()])


@command(app, TrainerClient)
def privacy(
    client: TrainerClient,
    federation: Annotated[int, typer.Argument(min=1, metavar="FEDERATION", help="The federation's number.")],
    as_json: Json = False,
) -> None:
    """What this account has spent of its privacy in a federation: ε after each of its updates."""
    from trainer.federated.report import show_privacy

    show_privacy(client, federation, Output(as_json))


@command(app, TrainerClient)
def status(
    client: TrainerClient,
    everything: Annotated[bool, typer.Option("--all", help="Also what is claimed.")] = False,
    as_json: Json = False,
) -> None:
    """Stake, locks, submissions with their deadlines, what can be claimed, what was earned."""
    from node.keys import address_in
    from node.status import show, standing
    from trainer.status import COLUMNS, submissions

    address, chain = address_in(client.key_file()), client.chain()
    show(Output(as_json), address, standing(chain, address), submissions(chain, address, everything), COLUMNS)


@command(app, TrainerClient, TrainerSettings, makes_settings=True)
def init(
    client: TrainerClient,
    trainer: TrainerSettings,
    name: Annotated[str, typer.Option("--name", help="Of the key file, if one has to be made.")] = "trainer",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Make a key, and a settings file of the options given here."""
    from node.first_steps import begin

    begin(Output(as_json), client, trainer, name, dry_run)


@command(app, TrainerClient, TrainerSettings)
def doctor(client: TrainerClient, trainer: TrainerSettings, as_json: Json = False) -> None:
    """Examine settings, chain, clock, key, funds, disk, store and what trains; say what to mend."""
    from node.doctor import report
    from trainer.doctor import checks

    report(Output(as_json), checks(client, trainer))


@command(app, TrainerClient)
def claim(
    client: TrainerClient,
    tasks: Annotated[list[int] | None, typer.Argument(metavar="[TASK]...", help="Default: all.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Claim what finished tasks hold for this account; `run` does it by itself."""
    from node.operator import claim as claim_found
    from trainer.status import claims

    claim_found(Output(as_json), client, claims, tasks or [], dry_run)


@command(app, TrainerClient, TrainerSettings)
def exit(
    client: TrainerClient,
    trainer: TrainerSettings,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stay after all.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Join nothing any more, bring all tasks to their end, take all own stake out, and end."""
    from node.operator import leave, stay
    from trainer.arena import ArenaTrainer
    from trainer.status import engaged

    if cancel:
        stay(Output(as_json), client)
        return
    leave(Output(as_json), client, lambda means: ArenaTrainer(means, trainer), engaged, dry_run, yes)


@command(app, TrainerClient, TrainerSettings)
def practice(
    client: TrainerClient,
    trainer: TrainerSettings,
    task: TaskId,
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="At most so long.")] = 600,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="Keep the model in this folder.")] = None,
    as_json: Json = False,
) -> None:
    """Train for a task without a stake, with progress and curves: how well would it do? Needs no key."""
    from trainer.practice import practice as train

    train(client, trainer, task, seconds, into, Output(as_json))


@command(app, TrainerClient)
def curve(client: TrainerClient, task: TaskId, as_json: Json = False) -> None:
    """Draw how the training for a task goes, or went."""
    from trainer.status import show_curve

    show_curve(client, task, Output(as_json))
