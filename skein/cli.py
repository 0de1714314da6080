"""`skein`: the command groups of all programs under one name."""

import importlib
import os
from dataclasses import dataclass
from typing import Annotated

import click
import typer
from typer.core import TyperGroup

from node.output import run_cli
from protocol.configuration import VARIABLE


@dataclass(frozen=True)
class Mount:
    """A Typer application that is imported when it is asked for: `skein stake` should not wait for FastAPI."""

    module: str
    name: str

    def load(self) -> click.Command:
        application = getattr(importlib.import_module(self.module), self.name)
        application._add_completion = False  # that of `skein` completes all
        return typer.main.get_command(application)


MOUNTS = {
    "demo": Mount("skein.commands", "demo"),
    "localnet": Mount("skein.commands", "localnet"),
    "simulate": Mount("skein.simulation", "app"),
    "account": Mount("wallet.cli", "account"),
    "stake": Mount("wallet.cli", "stake"),
    "task": Mount("wallet.cli", "task"),
    "federation": Mount("wallet.cli", "federation"),
    "gov": Mount("wallet.cli", "gov"),
    "trainer": Mount("trainer.cli", "app"),
    "validator": Mount("validator.cli", "app"),
    "kind": Mount("skein.kinds", "app"),
    "indexer": Mount("indexer.cli", "app"),
}


class Programs(TyperGroup):
    """The group that mounts them, in this order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MOUNTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return MOUNTS[cmd_name].load() if cmd_name in MOUNTS else None


typer.core.HAS_RICH = False  # with it, typer 0.20 writes "\[required]" into help texts that are not rich's

app = typer.Typer(cls=Programs, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def root(
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Settings, below options and environment. [env: SKEIN_CONFIG, default: ~/.skein/config.toml]",
        ),
    ] = None,
) -> None:
    """Skein: trainers compete to train the best model, validators score them, a chain holds the stakes and pays."""
    if config is not None:
        os.environ[VARIABLE] = config


def main() -> None:
    """The console script."""
    run_cli(app)
