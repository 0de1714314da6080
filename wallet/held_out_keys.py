"""The keys of held-out sets that wait for their release: one file each, readable by its owner alone.

A key is kept under its hash, which stands on chain; so it is found again from the task alone, and it can be written
before the task exists.
"""

import os
from pathlib import Path

from eth_utils.crypto import keccak

from protocol.errors import ConfigInvalid, StorageFailed
from wallet.canaries import Canary, read


class HeldOutKeys:
    """The keys in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def _place(self, key_hash: str) -> Path:
        return self.directory / f"{key_hash}.key"

    def keep(self, key: bytes) -> Path:
        """Write a key durably; returns its file."""
        key_hash = "0x" + keccak(key).hex()
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._place(key_hash), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write("0x" + key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed(f"The key cannot be kept in {self.directory}: {error.strerror}.") from error
        return self._place(key_hash)

    def canaries(self, key_hash: str) -> tuple[Canary, ...]:
        """The canaries of the task with this key."""
        return read(self._place(key_hash).with_suffix(".canaries"))

    def has(self, key_hash: str) -> bool:
        """Whether the key of this hash is here."""
        return self._place(key_hash).exists()

    def find(self, key_hash: str) -> str:
        """The key of this hash as 0x…; ConfigInvalid when it is not here or is not its key."""
        path = self._place(key_hash)
        try:
            key = bytes.fromhex(path.read_text().strip().removeprefix("0x"))
        except (OSError, ValueError):
            raise ConfigInvalid(f"The key is not in {self.directory}: it must lie there as {path.name}.") from None
        if "0x" + keccak(key).hex() != key_hash:
            raise ConfigInvalid(f"{path} does not hold the key that its name tells.")
        return "0x" + key.hex()
