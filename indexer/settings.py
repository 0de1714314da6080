"""What can be set from outside: environment variables with the prefix INDEXER_."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from protocol.errors import ConfigInvalid


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _shared(name: str) -> AliasChoices:
    """Settings that all programs of a network share can be given once, with the prefix SKEIN_."""
    return AliasChoices(f"INDEXER_{name}", f"SKEIN_{name}")


class IndexerSettings(BaseSettings):
    """Settings of the indexer. `serve` needs the database alone, `sync` all of them."""

    model_config = SettingsConfigDict(env_prefix="INDEXER_", extra="ignore", populate_by_name=True)

    # Comma-separated; the first that answers is used.
    rpc_url: Annotated[list[str], NoDecode, BeforeValidator(_listed)] = Field(
        default=["http://127.0.0.1:8545"], validation_alias=_shared("RPC_URL")
    )
    # The file that the deploy script wrote; none: the one that ships for the chain behind rpc_url.
    deployment: Path | None = Field(default=None, validation_alias=_shared("DEPLOYMENT"))
    database_url: str = "sqlite:///indexer.db"
    # Blocks behind the head that count as final; none: what the node says.
    confirmations: int | None = Field(default=None, ge=0)
    # Final blocks whose logs are held against their blooms: all, one in each range, or none. Others: all, unless none.
    check_logs: Literal["all", "sample", "none"] = "sample"
    # Seconds between looks at the chain's head, where the endpoint does not tell of new blocks.
    poll_seconds: float = Field(default=0.5, gt=0)
    host: str = "127.0.0.1"
    port: int = Field(default=8300, ge=0, le=65535)
    # Requests per second that one client may ask the API, with bursts of five seconds' worth; 0: no limit.
    rate_limit: float = Field(default=100.0, ge=0)
    # Comma-separated pages that may ask the API from a browser; *: all.
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_listed)] = ["*"]
    # Comma-separated addresses of proxies in front of the API that are believed who their clients are.
    trusted_proxies: Annotated[list[str], NoDecode, BeforeValidator(_listed)] = ["127.0.0.1", "::1"]
    # Where the API finds what tasks are called: "dir:PATH", "ipfs:MULTIADDRESS" or "gateway:URL", separated by commas.
    store: str | None = Field(default=None, validation_alias=_shared("STORE"))
    log_level: str = Field(default="INFO", validation_alias=_shared("LOG_LEVEL"))
    log_json: bool = Field(default=False, validation_alias=_shared("LOG_JSON"))

    @classmethod
    def from_environment(cls, **given: object) -> Self:
        """The settings, with those of the command line on top. Raises `ConfigInvalid` naming what is wrong."""
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).removeprefix("INDEXER_").upper()
            raise ConfigInvalid(f"INDEXER_{name} cannot be {first['input']!r}: {first['msg']}.") from error
