"""Network settings: where they come from, and which sentence a bad one gets."""

from pathlib import Path

import pytest
from network import Network

from protocol.errors import ConfigInvalid
from protocol.settings import NetworkSettings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NetworkSettings.model_fields:
        monkeypatch.delenv(f"SKEIN_{name.upper()}", raising=False)


def test_flags_go_before_the_environment_and_that_before_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NetworkSettings.read().rpc_urls == ["http://127.0.0.1:8545"]
    monkeypatch.setenv("SKEIN_RPC_URL", "http://a:1, http://b:2,")
    monkeypatch.setenv("SKEIN_STORE", "")
    settings = NetworkSettings.read(rpc_url=None)
    assert settings.rpc_urls == ["http://a:1", "http://b:2"]
    assert settings.store == "dir:~/.skein/store"
    assert NetworkSettings.read(rpc_url="http://c:3").rpc_urls == ["http://c:3"]


def test_a_bad_setting_is_named() -> None:
    with pytest.raises(ConfigInvalid, match=r"SKEIN_DEPLOYMENT cannot be 7: .*path"):
        NetworkSettings.read(deployment=7)


def test_the_deployment_is_read_from_its_file(module_network: Network) -> None:
    settings = NetworkSettings.read(rpc_url=module_network.rpc_url, deployment=module_network.deployment_path)
    assert settings.read_deployment() == module_network.deployment
    assert settings.chain().head().number > 0


def test_without_a_file_the_node_says_which_chain_it_is(module_network: Network, tmp_path: Path) -> None:
    settings = NetworkSettings.read(rpc_url=module_network.rpc_url)
    shipped = Path(__file__).parents[2] / "protocol" / "deployments" / "31337.json"
    if shipped.exists():  # the local network of whoever runs this
        assert settings.read_deployment().chain_id == 31337
    else:
        with pytest.raises(ConfigInvalid, match=r"31337\.json .*SKEIN_DEPLOYMENT"):
            settings.read_deployment()
