"""The deploy script on a chain of its own: what it reads, writes and says."""

import subprocess
import sys
from pathlib import Path

import play
import pytest
from beacon import Beacon, randomness
from daemons import Anvil, anvil
from network import ROOT, SKEIN, Network, accounts, deploy

from protocol.chain import Chain
from protocol.deployment import CONTRACTS, Deployment
from protocol.encoding import attempt_seed
from protocol.errors import ContractReverted
from protocol.seeds import seed_proof

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
        assert chain.call("Arena", "RANDOMNESS") == chain.deployment.address("Randomness")
        for name, deployment in chain.deployment.contracts.items():
            code = [
                running.request("eth_getCode", deployment.address, hex(deployment.first_block - at)) for at in (1, 0)
            ]
            assert (code[0], len(code[1]) > 2) == ("0x", True), name
        taking = Chain(running.url, chain.deployment, owner)
        assert chain.call("SkeinToken", "owner") == chain.deployment.address("Emissions")
        for contract in ("Staking", "Emissions"):
            taking.send(contract, "acceptOwnership")
            assert chain.call(contract, "owner") == owner.address


def test_it_can_be_repeated_with_another_key(network: Network, tmp_path: Path) -> None:
    settings = {"SKEIN_DEPLOYER": str(network.keystore(2, tmp_path)), "SKEIN_PASSWORD": "skein"}
    chain, first = deployed(network.anvil, tmp_path / "again.json", **settings), network.deployment.contracts
    again = chain.deployment.contracts
    assert all(again[name].first_block > first[name].first_block for name in first)
    assert {one.address for one in again.values()}.isdisjoint(one.address for one in first.values())
    assert chain.call("SkeinToken", "owner") == chain.deployment.address("Emissions")


def test_a_governor_owns_it_all(network: Network, tmp_path: Path) -> None:
    guardian = network.accounts[5].address
    chain = deployed(network.anvil, tmp_path / "g.json", SKEIN_OWNER="", SKEIN_GUARDIAN=guardian)
    timelock = chain.call("SkeinGovernor", "timelock")
    assert {chain.call(name, "owner") for name in ("Staking", "Emissions")} == {timelock}
    assert chain.call("Staking", "guardian") == guardian
    assert chain.call("SkeinGovernor", "token") == chain.deployment.address("Staking")
    for module in ("Arena", "Alliance"):
        assert chain.call("Emissions", "isModule", chain.deployment.address(module))
    with pytest.raises(ContractReverted):
        Chain(network.rpc_url, chain.deployment, network.accounts[0]).send("Staking", "setModule", guardian, True)


def test_panels_drawn_by_a_drand_beacon(network: Network, tmp_path: Path) -> None:
    """Everybody's stake and model are fixed before the round that decides the panels is known."""
    beacon, path = Beacon(5), tmp_path / "drand.json"
    key = "".join(f"{part:064x}" for part in beacon.key)
    settings = {"SKEIN_RANDOMNESS": "drand", "SKEIN_DRAND": f"{key},{network.now() - 99},3"}
    chain = deployed(network.anvil, path, **settings)
    other = Network(network.anvil, chain.deployment, path)
    for account in other.accounts[1:8]:
        other.chain(0).send("SkeinToken", "transfer", account.address, 3 * play.STAKE)
    task = play.create_task(other)
    for account in range(3, 8):
        play.register(other, task, account)
    submission = play.commit(other, task, 2)
    play.to_end_of(other, task, "commit")
    play.reveal(other, task, submission, 2)
    play.to_end_of(other, task, "reveal")
    other.chain(1).send("Arena", "releaseKey", task, play.KEY)
    ticket, released = chain.task(task).seed_ticket, other.now()
    for verb in (("drawPanel", task, submission), ("renewSeed", task)):
        with pytest.raises(ContractReverted, match=r"SeedNotReady|SeedStillValid"):
            other.chain(0).send("Arena", *verb)
    assert seed_proof(chain, ticket) is None  # it comes from the beacon
    other.set_time(released + 60)
    other.chain(0).send("Randomness", "prove", ticket, beacon.sign(ticket))
    drawn = other.chain(0).send("Arena", "drawPanel", task, submission).event("Arena.SeedFixed").args["seed"]
    raw = "0x" + randomness(beacon.sign(ticket)).hex()
    assert drawn == attempt_seed(raw, task, 1, chain.task(task).reveals_hash)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "deploy: set SKEIN_RPC_URL"),
        ({"SKEIN_RPC_URL": "http://127.0.0.1:1"}, "deploy: no node answers at http://127.0.0.1:1"),
        ({"SKEIN_COOLDOWN": "long"}, "deploy: SKEIN_COOLDOWN must be a whole number, not 'long'"),
        ({"SKEIN_GENESIS_HOLDER": "me"}, "deploy: constructor 'me' - 'me' is not a valid ETH address"),
        ({"SKEIN_RANDOMNESS": "dice"}, "deploy: SKEIN_RANDOMNESS must be prevrandao, blockhash or drand, not 'dice'"),
        ({"SKEIN_RANDOMNESS": "drand"}, "deploy: SKEIN_DRAND must be key,genesis,period"),
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
