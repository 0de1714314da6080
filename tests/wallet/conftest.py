"""A network, a home with accounts, and the command line in this process."""

from pathlib import Path

import pytest
from creation import data
from network import Network
from shell import PASSWORD, Shell

__all__ = ["data", "shell"]


@pytest.fixture
def shell(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    home = tmp_path / "home"
    keystores = home / "keystores"
    keystores.mkdir(parents=True)
    for account in (1, 2, 3):
        network.keystore(account, keystores, PASSWORD).rename(keystores / f"a{account}.json")
    settings = {
        "SKEIN_RPC_URL": network.rpc_url,
        "SKEIN_DEPLOYMENT": str(network.deployment_path),
        "SKEIN_STORE": f"dir:{tmp_path / 'store'}",
        "SKEIN_HOME": str(home),
        "SKEIN_PASSWORD": PASSWORD,
        "COLUMNS": "160",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Shell(network, home)
