"""Command-line options made from settings: a field `max_stake` is `--max-stake` is SKEIN_MAX_STAKE, in this order."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from node.amounts import format_amount
from node.policy import Policy
from protocol.configuration import making_the_settings_file, refuse_unknown_settings
from protocol.errors import ConfigInvalid
from protocol.logs import configure_logging
from protocol.settings import NetworkSettings

_METAVARS = {"keystore": "FILE", "deployment": "FILE", "home": "DIR", "withdrawal": "ADDRESS"}
_METAVARS |= {"stake": "SKEIN", "bounty": "SKEIN", "budget": "SKEIN"}
_COUNTS = ("confirmations", "workers", "epochs", "size", "patience", "seed")
Program = Callable[..., None]
Settings = NetworkSettings | Policy


def command(
    group: typer.Typer, *settings: type[Settings], makes_settings: bool = False
) -> Callable[[Program], Program]:
    """Register `function(*read_settings, **own_options)` as a command that has every setting as an option.

    Logging is configured from the first settings, which are `ClientSettings`. With `makes_settings` the settings file
    need not be there yet.
    """

    def register(function: Program) -> Program:
        own = list(inspect.signature(function).parameters.values())[len(settings) :]

        def run(**given: Any) -> None:
            with making_the_settings_file() if makes_settings else nullcontext():
                refuse_unknown_settings(*settings)
                read = [model.read(**{name: given.pop(name) for name in model.model_fields}) for model in settings]
                _log(read[0])
                function(*read, **given)

        options = [_option(name, field, model) for model in settings for name, field in model.model_fields.items()]
        run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
        run.__doc__ = function.__doc__
        group.command(function.__name__.replace("_", "-"))(run)
        return function

    return register


def _log(settings: Any) -> None:
    try:
        configure_logging(settings.log_level, settings.log_json)
    except ValueError as error:
        raise ConfigInvalid(f"SKEIN_LOG_LEVEL cannot be {settings.log_level!r}: {error}.") from error


def _option(name: str, field: FieldInfo, model: type[Settings]) -> inspect.Parameter:
    """Options are texts; the settings read them, as they read the environment."""
    help_text, panel = _help(name, field, model), _panel(model)
    kind: Any = bool | None if field.annotation is bool else str | None
    option = typer.Option(
        help=help_text, rich_help_panel=panel, metavar=None if kind == bool | None else _metavar(name)
    )
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])


def _help(name: str, field: FieldInfo, model: type[Settings]) -> str:
    told = " ".join((field.description or "").split())
    default = "" if field.default in (None, False, frozenset()) else f", default: {_readable(field.default)}"
    return f"{told} [env: {model.prefix()}{name.upper()}{default}]".strip()


def _readable(value: Any) -> str:
    return format_amount(value) if isinstance(value, int) and value >= 10**15 else str(value)


def _metavar(name: str) -> str:
    last = name.rpartition("_")[2]
    return "N" if last in _COUNTS else _METAVARS.get(last, last.upper())


def _panel(model: type[Settings]) -> str:
    return f"{model.prefix().strip('_').capitalize()} settings"
