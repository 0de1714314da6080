"""`skein localnet` and `skein demo`."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from skein.processes import arm_signals

if TYPE_CHECKING:
    from skein.localnet import Localnet

localnet = typer.Typer(add_completion=False)
demo = typer.Typer(add_completion=False)
Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help="Where all files go. Default: a new one, gone at the end."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def workplace(directory: Path | None) -> Iterator[Path]:
    """The named directory, or one that is gone afterwards."""
    if directory:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="skein-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@localnet.command("localnet")
def run_localnet(
    directory: Directory = None,
    block_seconds: Annotated[int, typer.Option(min=1, help="Seconds between blocks.")] = 1,
    cooldown_seconds: Annotated[int, typer.Option(min=0, help="Cool-down of withdrawals.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Run a network of your own: a chain, the contracts, an indexer with its API. Ctrl-C ends it.

    With --dir it goes on where it was when it is started again.
    """
    from skein.localnet import Localnet

    arm_signals()
    console = Console(stderr=True)
    with (
        workplace(directory) as place,
        Localnet(place, block_seconds, cooldown_seconds, console.print) as network,
        until_interrupted(),
    ):
        if as_json:
            typer.echo(json.dumps(asdict(network.addresses)))
        else:
            for line in network.describe():
                typer.echo(line)
        keep_alive(network)


@contextmanager
def until_interrupted() -> Iterator[None]:
    """A Ctrl-C is how the block is meant to end."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopping.", err=True)


def keep_alive(network: "Localnet") -> NoReturn:
    """What ends by itself is started again; ProcessFailed for what ends again at once."""
    while True:
        for name in network.supervisor.revive():
            typer.echo(f"{name} had ended and was started again.", err=True)
        time.sleep(0.5)


@demo.command("demo")
def run_demo(
    directory: Directory = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end, until a Ctrl-C.")] = False,
    as_json: AsJson = False,
    since: Annotated[
        float | None, typer.Option(help="Count seconds from this Unix time on, such as the start of the set-up.")
    ] = None,
) -> None:
    """Watch a whole network train, score, pay, and catch three cheats, on this machine, in about two minutes."""
    from skein.show import perform

    arm_signals()
    with workplace(directory) as place:
        perform(place, keep, as_json, 0.0 if since is None else max(0.0, time.time() - since))
