"""Settings that trainer, validator and wallet share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from node.amounts import parse_address
from node.keys import load_keystore, read_password
from protocol.chain import Chain
from protocol.configuration import expanded
from protocol.errors import ConfigInvalid
from protocol.settings import NetworkSettings

if TYPE_CHECKING:  # it takes a second to import, and most commands need no key
    from eth_account.signers.local import LocalAccount


class ClientSettings(NetworkSettings):
    """What a program with a key needs to know; each field is read from `SKEIN_<FIELD>`."""

    keystore: Path | None = None
    """The key file."""
    password_file: Path | None = None
    """A file with its password; else SKEIN_PASSWORD, else it is asked for."""
    home: Path = Path("~/.skein")
    """The client's own files: journal, work, keys."""
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 2.0
    """How long a client waits between two looks at the chain."""
    confirmations: Annotated[int, Field(ge=0, le=10_000)] = 32
    """Blocks on top of a transaction after which no reorganisation is expected to undo it."""
    bump_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0
    """How long a transaction may wait before its fee is raised."""
    max_fee_gwei: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """The most that is paid for a unit of gas."""
    withdrawal: Annotated[str, BeforeValidator(parse_address)] | None = None
    """The address of a key that is kept elsewhere: what `exit` takes out of the pool is sent there."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Where Prometheus may ask a running client, at /metrics; unset: nowhere."""
    metrics_host: str = "127.0.0.1"
    """The address of this machine that it is told at."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""
    log_json: bool = False
    """One JSON object a line instead of text."""

    @property
    def keystores(self) -> Path:
        """Where new key files go."""
        return expanded(self.home) / "keystores"

    @property
    def max_fee_per_gas(self) -> int | None:
        """`max_fee_gwei` in wei."""
        return None if self.max_fee_gwei is None else round(self.max_fee_gwei * 10**9)

    def key_file(self) -> Path:
        """The key file; `ConfigInvalid` if none is set."""
        if self.keystore is None:
            raise ConfigInvalid("This needs a key: give a key file with --keystore or SKEIN_KEYSTORE.")
        return expanded(self.keystore)

    def account(self) -> "LocalAccount":
        """The account of the key file; reads or asks for its password."""
        return load_keystore(self.key_file(), read_password(self.password_file))

    def chain(self, account: "LocalAccount | None" = None, **options: Any) -> Chain:
        """The network's contracts; pays at most `max_fee_gwei`."""
        return super().chain(account, **{"max_fee_per_gas": self.max_fee_per_gas, **options})
