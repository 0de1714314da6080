"""Settings of a program: flags before environment before a TOML file, with a table per program, before defaults.

    [skein]                              # SKEIN_RPC_URL is rpc_url here
    rpc_url = ["https://one.example", "https://two.example"]
    store = "dir:~/.skein/store"

    [trainer]                            # TRAINER_MIN_BOUNTY is min_bounty here
    min_bounty = 100
    keystore = "~/.skein/keystores/trainer.json"    # goes before that of [skein]

It is `SKEIN_CONFIG`, else ~/.skein/config.toml if there is one. `SKEIN_CONFIG=` (empty) uses none.
"""

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from protocol.errors import ConfigInvalid

VARIABLE = "SKEIN_CONFIG"
DEFAULT = Path("~/.skein/config.toml")
TABLES = ("skein", "trainer", "validator")  # of a settings file


def expanded(path: Path | str) -> Path:
    """The path with its ~ replaced; ConfigInvalid where nobody knows which home that is."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigInvalid(f"Nobody has the home directory of {path}: write the path in full, or set HOME.") from error


_is_being_made = ContextVar("_is_being_made", default=False)


@contextmanager
def making_the_settings_file() -> Iterator[None]:
    """In here, a settings file that is named and not there yet is an empty one: `init` is about to write it."""
    token = _is_being_made.set(True)
    try:
        yield
    finally:
        _is_being_made.reset(token)


def settings_file() -> Path | None:
    """The file that is in force, if any. ConfigInvalid if SKEIN_CONFIG names one that is not there."""
    named = os.environ.get(VARIABLE)
    if named is None:
        default = expanded(DEFAULT)
        return default if default.is_file() else None
    if not named:
        return None
    path = expanded(named)
    if not path.exists() and not _is_being_made.get():
        raise ConfigInvalid(
            f"There is no settings file {path}: mend {VARIABLE}, or make it with `skein --config {path} trainer init`."
        )
    return path


def read_settings_file() -> dict[str, dict[str, Any]]:
    """The tables of the file by their names; empty without a file. ConfigInvalid if it is not TOML made of tables."""
    path = settings_file()
    if path is None or (_is_being_made.get() and not path.exists()):
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigInvalid(f"The settings file {path} is not TOML: {error}.") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigInvalid(f"The settings file {path} has {name} outside a table: put it under [skein].")
        if name not in TABLES:
            raise ConfigInvalid(
                f"The settings file {path} has a table [{name}], which no program reads: there are "
                f"{', '.join(f'[{each}]' for each in TABLES)}."
            )
    return tables


class Settings(BaseSettings):
    """Settings of which each field is `<PREFIX><FIELD>` in the environment and `field` in the file's table.

    The table's name follows from `env_prefix`: "TRAINER_" is [trainer]. A class with a `program` also reads its fields
    from that program's table, which goes first: [trainer] may have a keystore of its own.
    """

    program: ClassVar[str] = ""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    @classmethod
    def prefix(cls) -> str:
        """How the names of its variables begin."""
        return str(cls.model_config.get("env_prefix", ""))

    @classmethod
    def table(cls) -> dict[str, Any]:
        """What the settings file says of its fields."""
        tables = read_settings_file()
        own = tables.get(cls.table_name(), {})
        return own | {name: value for name, value in tables.get(cls.program, {}).items() if name in cls.model_fields}

    @classmethod
    def table_name(cls) -> str:
        """The table that is its own."""
        return cls.prefix().strip("_").lower()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, the strongest first; values of the file are read as the environment's texts are."""
        texts = {name: _text(value) for name, value in cls.table().items()}
        return init_settings, env_settings, InitSettingsSource(settings_cls, texts)

    @classmethod
    def read(cls, **flags: Any) -> Self:
        """The settings, where a flag that is not None goes first. `ConfigInvalid` names a bad one."""
        try:
            return cls(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{cls.prefix()}{'_'.join(map(str, first['loc'][:1]))}".upper()
            reason = first["msg"].removeprefix("Value error, ").rstrip(".")
            raise ConfigInvalid(f"{name} cannot be {first['input']!r}: {reason}.") from error


def refuse_unknown_settings(*classes: type[Settings]) -> None:
    """ConfigInvalid where the tables of these classes have a name that no class of theirs has: a mistyped limit must
    not be no limit. What is in a table for another command (`trainer run`, `trainer join`) is no mistake."""
    names = {each.table_name() for each in classes}
    known: dict[str, set[str]] = {name: set() for name in names}
    for each in _subclasses(Settings):
        for name in names & {each.table_name(), each.program}:
            known[name].update(each.model_fields)
    for name, table in read_settings_file().items():
        if name in names and (unknown := sorted(table.keys() - known[name])):
            raise ConfigInvalid(
                f"The settings file {settings_file()} has {name}.{unknown[0]}, which is no setting: see --help."
            )


def _subclasses(kind: type[Settings]) -> Iterator[type[Settings]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)  # so that true is no number
