"""An operator at a terminal: the command line in this process, with a network, a store and an account of its own."""

from pathlib import Path

import pytest
from network import Network
from shell import PASSWORD, Shell


def operator_shell(network: Network, root: Path, monkeypatch: pytest.MonkeyPatch, account: int) -> Shell:
    """The environment of somebody who runs a client with the key of `account`."""
    home = root / "home"
    (home / "keystores").mkdir(parents=True)
    keystore = network.keystore(account, home / "keystores", PASSWORD)
    settings = {
        "SKEIN_RPC_URL": network.rpc_url,
        "SKEIN_DEPLOYMENT": str(network.deployment_path),
        "SKEIN_STORE": f"dir:{root / 'store'}",
        "SKEIN_HOME": str(home),
        "SKEIN_KEYSTORE": str(keystore),
        "SKEIN_PASSWORD": PASSWORD,
        "SKEIN_CONFIRMATIONS": "2",
        "COLUMNS": "160",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Shell(network, home)
