"""What can be set from outside: environment variables with the prefix INDEXER_."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from protocol.errors import ConfigInvalid

_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError("give true or false")
    return _FLAGS[text.lower()]


def _within(kind: Callable[[str], Any], least: float, most: float = float("inf")) -> Callable[[str], Any]:
    """A number of that kind between two others, these included."""
    numbers = "a whole number" if kind is int else "a number"
    span = f"of at least {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise ValueError(f"give {numbers} {span}")
        return value

    return read


def _one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"give one of {', '.join(values)}")
        return text

    return read


def _set(default: Any, read: Callable[[str], Any] = str, shared: bool = False) -> Any:
    """A setting: what it is when nothing is said, how its text is read, and whether all programs of a network share
    it, so that it can be given once, with the prefix SKEIN_."""
    return field(default_factory=lambda: default, metadata={"read": read, "shared": shared})


@dataclass(frozen=True, kw_only=True)
class IndexerSettings:
    """Settings of the indexer. `serve` needs the database alone, `sync` all of them.

    Read by hand, and not by pydantic as the other programs' are: to load that takes as long as to index 4,000 events.
    """

    # Comma-separated; the first that answers is used.
    rpc_url: list[str] = _set(["http://127.0.0.1:8545"], _listed, shared=True)
    # The file that the deploy script wrote; none: the one that ships for the chain behind rpc_url.
    deployment: Path | None = _set(None, Path, shared=True)
    database_url: str = _set("sqlite:///indexer.db")
    # Blocks behind the head that count as final; none: what the node says.
    confirmations: int | None = _set(None, _within(int, 0))
    # Final blocks whose logs are held against their blooms: all, one in each range, or none. Others: all, unless none.
    check_logs: Literal["all", "sample", "none"] = _set("sample", _one_of("all", "sample", "none"))
    # Seconds between looks at the chain's head, where the endpoint does not tell of new blocks.
    poll_seconds: float = _set(0.5, _within(float, 0.001, 86_400))
    host: str = _set("127.0.0.1")
    port: int = _set(8300, _within(int, 0, 65_535))
    # Requests per second that one client may ask the API, with bursts of five seconds' worth; 0: no limit.
    rate_limit: float = _set(100.0, _within(float, 0))
    # Comma-separated pages that may ask the API from a browser; *: all.
    cors_origins: list[str] = _set(["*"], _listed)
    # Comma-separated addresses of proxies in front of the API that are believed who their clients are.
    trusted_proxies: list[str] = _set(["127.0.0.1", "::1"], _listed)
    # Where the API finds what tasks are called: "dir:PATH", "ipfs:MULTIADDRESS" or "gateway:URL", separated by commas.
    store: str | None = _set(None, shared=True)
    log_level: str = _set("INFO", shared=True)
    log_json: bool = _set(False, _flag, shared=True)

    @classmethod
    def from_environment(cls, **given: object) -> Self:
        """The settings, with those of the command line on top. Raises `ConfigInvalid` naming what is wrong."""
        found = {}
        for each in fields(cls):
            names = [f"INDEXER_{each.name}".upper(), *[f"SKEIN_{each.name}".upper()] * each.metadata["shared"]]
            value = given.get(each.name)
            if value is None:
                value = next((os.environ[name] for name in names if name in os.environ), None)
            if value is None:
                continue
            try:
                found[each.name] = each.metadata["read"](str(value))
            except ValueError as error:
                raise ConfigInvalid(f"{names[0]} cannot be {value!r}: {error}.") from error
        return cls(**found)
