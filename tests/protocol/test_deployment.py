"""Deployment files: written and read back, and refused with one sentence when they are not what they should be."""

import json
from pathlib import Path

import pytest

from protocol.deployment import CONTRACTS, Deployed, Deployment, abi
from protocol.errors import ConfigInvalid

ARENA = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
TOKEN = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
DEPLOYMENT = Deployment(31337, {"Arena": Deployed(ARENA, 4), "SkeinToken": Deployed(TOKEN, 1)})


def test_a_deployment_is_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "31337.json"
    DEPLOYMENT.write(path)
    assert Deployment.load(31337, path) == DEPLOYMENT
    assert json.loads(path.read_text())["contracts"]["Arena"] == {"address": ARENA, "first_block": 4}
    assert list(path.parent.iterdir()) == [path]


def test_contracts_are_found_by_name_and_by_address() -> None:
    assert DEPLOYMENT.address("Arena") == ARENA
    assert DEPLOYMENT.first_block == 1
    assert {DEPLOYMENT.name_of(form) for form in (ARENA, ARENA.lower(), ARENA.upper().replace("X", "x"))} == {"Arena"}
    assert DEPLOYMENT.name_of("0x" + "00" * 20) is None
    with pytest.raises(ConfigInvalid, match="no contract Staking"):
        DEPLOYMENT.address("Staking")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"chain_id": "1", "contracts": {}}',
        '{"chain_id": 1, "contracts": {"Arena": {"address": "0x12", "first_block": 1}}}',
        json.dumps({"chain_id": 1, "contracts": {"Arena": {"address": ARENA}}}),
        json.dumps({"chain_id": 1, "contracts": {"Arena": {"address": ARENA, "first_block": -1}}}),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "1.json"
    path.write_text(text)
    with pytest.raises(ConfigInvalid, match=r"1\.json is not a deployment file"):
        Deployment.load(1, path)


def test_a_missing_file_says_what_to_set() -> None:
    with pytest.raises(ConfigInvalid, match=r"987654321\.json .*SKEIN_DEPLOYMENT"):
        Deployment.load(987654321)


def test_another_chains_file_is_refused(tmp_path: Path) -> None:
    DEPLOYMENT.write(tmp_path / "d.json")
    with pytest.raises(ConfigInvalid, match="chain 31337, not for chain 1"):
        Deployment.load(1, tmp_path / "d.json")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_contract_has_an_abi(contract: str) -> None:
    assert {entry["type"] for entry in abi(contract)} >= {"function", "error"}
