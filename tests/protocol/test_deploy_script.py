"""The deploy script on a chain of its own: what it reads, writes and says."""

import subprocess
import sys
from pathlib import Path

import pytest
from daemons import Anvil, anvil
from network import ROOT, SKEIN, Network, accounts, deploy

from protocol.chain import Chain
from protocol.deployment import CONTRACTS, Deployment

YEAR = 365 * 24 * 3600


def deployed(running: Anvil, path: Path, **settings: str) -> Chain:
    deploy(running.url, path, **settings)
    return Chain(running.url, Deployment.read(path))


def test_it_deploys_what_the_environment_says(tmp_path: Path) -> None:
    holder, owner = accounts()[3].address, accounts()[4]
    with anvil() as running:
        chain = deployed(
            running,
            tmp_path / "d.json",
            SKEIN_COOLDOWN="77",
            SKEIN_GENESIS="5",
            SKEIN_GENESIS_HOLDER=holder,
            SKEIN_OWNER=owner.address,
        )
        assert set(chain.deployment.contracts) == set(CONTRACTS)
        assert (chain.call("Staking", "COOLDOWN"), chain.token_balance(holder)) == (77, 5 * SKEIN)
        assert chain.call("Staking", "isModule", chain.deployment.address("Arena"))
        assert chain.call("Arena", "STAKING") == chain.deployment.address("Staking")
        assert chain.call("Arena", "RANDOMNESS") == chain.deployment.address("BlockRandomness")
        for name, deployment in chain.deployment.contracts.items():
            code = [
                running.request("eth_getCode", deployment.address, hex(deployment.first_block - at)) for at in (1, 0)
            ]
            assert (code[0], len(code[1]) > 2) == ("0x", True), name
        taking = Chain(running.url, chain.deployment, owner)
        for contract in ("SkeinToken", "Staking"):
            taking.send(contract, "acceptOwnership")
            assert chain.call(contract, "owner") == owner.address


def test_it_can_be_repeated_with_another_key(network: Network, tmp_path: Path) -> None:
    settings = {"SKEIN_DEPLOYER": str(network.keystore(2, tmp_path)), "SKEIN_PASSWORD": "skein"}
    chain, first = deployed(network.anvil, tmp_path / "again.json", **settings), network.deployment.contracts
    again = chain.deployment.contracts
    assert all(again[name].first_block > first[name].first_block for name in first)
    assert {one.address for one in again.values()}.isdisjoint(one.address for one in first.values())
    assert chain.call("SkeinToken", "owner") == network.accounts[2].address


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "deploy: set SKEIN_RPC_URL"),
        ({"SKEIN_RPC_URL": "http://127.0.0.1:1"}, "deploy: no node answers at http://127.0.0.1:1"),
        ({"SKEIN_COOLDOWN": "long"}, "deploy: SKEIN_COOLDOWN must be a whole number, not 'long'"),
        ({"SKEIN_GENESIS_HOLDER": "me"}, "deploy: constructor 'me' - 'me' is not a valid ETH address"),
        ({"SKEIN_DEPLOYER": "absent.json"}, "deploy: Cannot find"),
    ],
)
def test_it_says_what_is_wrong(module_network: Network, tmp_path: Path, settings: dict[str, str], said: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "SKEIN_DEPLOYMENT": str(tmp_path / "d.json")}
    if settings:
        environment["SKEIN_RPC_URL"] = module_network.rpc_url
    done = subprocess.run(
        [str(ROOT / ".venv-contracts" / "bin" / "python"), "scripts/deploy.py"],
        cwd=ROOT,
        env=environment | settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "d.json").exists()


def test_the_committed_abis_are_those_of_the_compiled_contracts() -> None:
    command = [sys.executable, "scripts/export_abi.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
