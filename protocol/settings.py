"""Which network a program works on: flags before environment before settings file before defaults. Protocol parameters
are not settings: they stand on the chain or in a task's specification."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_settings import SettingsConfigDict

from protocol.chain import Chain
from protocol.configuration import Settings, expanded
from protocol.deployment import Deployment
from protocol.rpc import Rpc

if TYPE_CHECKING:  # it takes a second to import, and most commands need no key
    from eth_account.signers.local import LocalAccount


class NetworkSettings(Settings):
    """What every program needs to know of its network; each field is read from `SKEIN_<FIELD>`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(env_prefix="SKEIN_")

    rpc_url: str = "http://127.0.0.1:8545"
    """The chain's node; several, separated by commas, stand in for one another."""
    deployment: Path | None = None
    """The file with the contracts' addresses; without it, the one that ships for the chain."""
    store: str = "dir:~/.skein/store"
    """Where artifacts are: "dir:PATH", "ipfs:MULTIADDRESS" or "gateway:URL", separated by commas; the first is written
    to, all are read in order."""

    @property
    def rpc_urls(self) -> list[str]:
        """The nodes, in order of preference."""
        return [url.strip() for url in self.rpc_url.split(",") if url.strip()]

    def read_deployment(self) -> Deployment:
        """The contracts of the network; asks the node for its chain id when no file is set."""
        if self.deployment:
            return Deployment.read(expanded(self.deployment))
        return Deployment.load(int(Rpc(self.rpc_urls).request("eth_chainId"), 16))

    def chain(self, account: "LocalAccount | None" = None, **options: Any) -> Chain:
        """The network's contracts, for an account or for reading only; `options` are `Chain`'s."""
        return Chain(self.rpc_urls, self.read_deployment(), account, **options)
