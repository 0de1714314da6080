"""What all commands share: the options of network and account, and the `Session` that they open."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from node.amounts import parse_address, parse_amount, parse_duration, parse_percentage, parse_score
from wallet.session import Session

P = ParamSpec("P")
NETWORK = "Network"


def parsed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """A Typer parser from one that raises ValueError with a sentence; values that were parsed before pass."""

    def read(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    read.__name__ = parse.__name__.removeprefix("parse_")  # shown in help texts
    return read


Amount = Annotated[int, typer.Argument(parser=parsed(parse_amount), metavar="AMOUNT", help="SKEIN, e.g. 12.5")]
Address = Annotated[str, typer.Argument(parser=parsed(parse_address), metavar="ADDRESS")]
Operator = Annotated[
    str | None, typer.Argument(parser=parsed(parse_address), metavar="[OPERATOR]", help="Default: yourself.")
]
Percentage = Annotated[int, typer.Argument(parser=parsed(parse_percentage), metavar="PERCENT", help="For example 12.5")]
TaskId = Annotated[int, typer.Argument(min=1, metavar="TASK", help="The task's number.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the effect and the cost by a simulation; send nothing.")]

__all__ = [
    "Address",
    "Amount",
    "DryRun",
    "Operator",
    "Percentage",
    "TaskId",
    "command",
    "parse_duration",
    "parse_score",
]

_SHARED: dict[str, Any] = {
    "account": Annotated[
        str | None,
        typer.Option(
            "--account", "-a", metavar="NAME|FILE", help="Your key: a name of `skein account list`, or a file."
        ),
    ],
    "password_file": Annotated[
        Path | None, typer.Option(metavar="FILE", help="Password of the key; else SKEIN_PASSWORD, else you are asked.")
    ],
    "rpc_url": Annotated[str | None, typer.Option(metavar="URL", help="The chain's node.", rich_help_panel=NETWORK)],
    "deployment": Annotated[
        Path | None, typer.Option(metavar="FILE", help="The network's contracts.", rich_help_panel=NETWORK)
    ],
    "store": Annotated[
        str | None, typer.Option(metavar="STORES", help="Where artifacts are.", rich_help_panel=NETWORK)
    ],
    "home": Annotated[Path | None, typer.Option(metavar="DIR", help="Your files.", rich_help_panel=NETWORK)],
    "as_json": Annotated[bool, typer.Option("--json", help="Print JSON; amounts in wei, as decimal strings.")],
}


def command(
    group: typer.Typer, name: str | None = None
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Register `function(session, …)` as a command of `group` that also has the shared options."""

    def register(function: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        act: Callable[..., None] = function

        @functools.wraps(function)
        def run(**given: Any) -> None:
            shared = {key: given.pop(key) for key in _SHARED}
            act(Session.open(**shared), **given)

        own = list(inspect.signature(function).parameters.values())[1:]
        run.__signature__ = inspect.Signature(own + _shared_parameters())  # type: ignore[attr-defined]
        run.__annotations__ = {}  # Typer then takes those of the signature
        group.command(name)(run)
        return function

    return register


def _shared_parameters() -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            key, inspect.Parameter.KEYWORD_ONLY, default=False if key == "as_json" else None, annotation=annotation
        )
        for key, annotation in _SHARED.items()
    ]
