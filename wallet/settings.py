"""Settings of the wallet: environment variables with the prefix SKEIN_, overridden by options."""

from pathlib import Path

from node.settings import ClientSettings
from protocol.configuration import expanded


class WalletSettings(ClientSettings):
    """ClientSettings as they are; the wallet's own files lie under `home`."""

    @property
    def held_out_keys(self) -> Path:
        """Where the keys of held-out sets wait for their release."""
        return expanded(self.home) / "held-out-keys"
