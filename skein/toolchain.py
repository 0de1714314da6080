"""Where the checkout is, and the tools in it that are not Python packages."""

import shutil
from pathlib import Path

from protocol.errors import ConfigInvalid


def checkout() -> Path:
    """The checkout that this package runs from; ConfigInvalid when it was installed without one."""
    root = Path(__file__).resolve().parents[1]
    if not (root / "scripts" / "deploy.py").is_file():
        raise ConfigInvalid("A local network needs the checkout of Skein: clone it, and run scripts/demo there.")
    return root


def find_anvil() -> str:
    """The local chain's program: the checkout's own, else the one on PATH."""
    own = checkout() / ".toolchain" / "bin" / "anvil"
    found = str(own) if own.exists() else shutil.which("anvil")
    if not found:
        raise ConfigInvalid("anvil, the local chain, is not set up: run scripts/setup first.")
    return found
