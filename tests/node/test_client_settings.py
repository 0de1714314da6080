"""Settings of programs with a key."""

from pathlib import Path

import pytest
from network import Network

from node.settings import ClientSettings
from protocol.errors import ConfigInvalid


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*ClientSettings.model_fields, "password"):
        monkeypatch.delenv(f"SKEIN_{name.upper()}", raising=False)


def test_the_account_is_that_of_the_key_file(
    module_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore = module_network.keystore(3, tmp_path)
    (tmp_path / "password").write_text("skein\n")
    settings = ClientSettings.read(keystore=keystore, password_file=tmp_path / "password")
    assert settings.account().address == module_network.accounts[3].address
    monkeypatch.setenv("SKEIN_KEYSTORE", str(keystore))
    monkeypatch.setenv("SKEIN_PASSWORD", "wrong")
    with pytest.raises(ConfigInvalid, match="password does not open"):
        ClientSettings.read().account()


def test_without_a_key_file_the_setting_is_named() -> None:
    with pytest.raises(ConfigInvalid, match="--keystore or SKEIN_KEYSTORE"):
        ClientSettings.read().account()


def test_the_highest_fee_reaches_the_chain(module_network: Network) -> None:
    place = {"rpc_url": module_network.rpc_url, "deployment": module_network.deployment_path}
    assert ClientSettings.read(**place).chain().max_fee_per_gas is None
    assert ClientSettings.read(**place, max_fee_gwei=0.5).chain(timeout=7).max_fee_per_gas == 5 * 10**8


@pytest.mark.parametrize(("name", "value"), [("poll_seconds", "0"), ("confirmations", "-1"), ("max_fee_gwei", "much")])
def test_impossible_values_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SKEIN_{name.upper()}", value)
    with pytest.raises(ConfigInvalid, match=f"SKEIN_{name.upper()} cannot be '{value}'"):
        ClientSettings.read()
