"""Settings of the wallet: environment variables with the prefix SKEIN_, overridden by options."""

from pathlib import Path

from node.settings import ClientSettings


class WalletSettings(ClientSettings):
    """ClientSettings as they are; the wallet's own files lie under `home`."""

    @property
    def held_out_keys(self) -> Path:
        """Where the keys of held-out sets wait for their release."""
        return self.home.expanduser() / "held-out-keys"
