"""Deploy the contracts, in the order of their dependencies and in one pass, and write the deployment file.

    brownie run deploy                                      # on a chain that Brownie starts: tries the script
    SKEIN_RPC_URL=http://127.0.0.1:8545 .venv-contracts/bin/python scripts/deploy.py

Run by itself, it attaches to the chain at SKEIN_RPC_URL without adding a network to Brownie's own settings. It asks
nothing. Running it again deploys again, to new addresses, and overwrites the file. Settings, all from the environment:

    SKEIN_RPC_URL            the chain's node (required without `brownie run`)
    SKEIN_DEPLOYMENT         the file to write; default protocol/deployments/<chain id>.json
    SKEIN_COOLDOWN           seconds between a stake's withdrawal request and its maturity; default 604800, a week
    SKEIN_GENESIS            whole SKEIN made at genesis; default 100000000
    SKEIN_GENESIS_HOLDER     who gets them; default the deployer
    SKEIN_GUARDIAN           who may pause entries; default nobody
    SKEIN_OWNER              who owns the ledgers instead of the timelock; it accepts by calling acceptOwnership. For
                             networks of one's own: then nobody votes
    SKEIN_TIMELOCK_DELAY     seconds that what was decided waits; default the cool-down and two days
    SKEIN_VOTING_DELAY       seconds from a proposal to the moment whose votes count; default 86400
    SKEIN_VOTING_PERIOD      seconds; default 432000
    SKEIN_PROPOSAL_VOTES     whole votes that it takes to propose; default 100000
    SKEIN_LEAST_QUORUM       whole votes; default 2000000
    SKEIN_EMISSION_DELAY     seconds until the first epoch; default 3600
    SKEIN_EPOCH              seconds of an epoch; default 604800, a week
    SKEIN_EMISSION           whole SKEIN of the first epoch; default 2000000
    SKEIN_DECAY_PERMILLE     what is left of that after SKEIN_DECAY_EPOCHS epochs, in thousandths; default 500
    SKEIN_DECAY_EPOCHS       default 208, four years of weeks
    SKEIN_RANDOMNESS         where seeds come from: "prevrandao" (default), "blockhash", or "drand"
    SKEIN_RANDOMNESS_DELAY   prevrandao: blocks between a request and the deciding block, default 128 (4 epochs of
                             Ethereum); drand: seconds between a request and its round, default 30
    SKEIN_DRAND              drand: the beacon's key on G2 as 128 bytes of hex, its genesis timestamp and its period in
                             seconds, separated by commas
    SKEIN_DEPLOYER           key file (keystore v3) of the deployer; default the node's first unlocked account
    SKEIN_PASSWORD           password of that key file
"""

import json
import os
import re
import sys
from pathlib import Path

from brownie import accounts, network, project, web3
from brownie._config import CONFIG
from brownie.exceptions import VirtualMachineError
from brownie.network.account import Account, LocalAccount
from web3.exceptions import Web3Exception

ROOT = Path(__file__).resolve().parents[1]
NETWORK = "skein"
RECEIPT_SECONDS = 600
DRAND_LIFETIME = 600  # seconds after a round in which its signature can be proved


def main():
    """Deploy on the connected network. Returns the deployment as it was written."""
    loaded = project.get_loaded_projects()[0]
    deployer = deployer_account()
    options = {"from": deployer, "priority_fee": "auto"}
    genesis_holder = os.environ.get("SKEIN_GENESIS_HOLDER", deployer.address)

    token = loaded.SkeinToken.deploy(genesis_holder, integer("SKEIN_GENESIS", 100_000_000) * 10**18, options)
    staking = loaded.Staking.deploy(token, integer("SKEIN_COOLDOWN", 7 * 24 * 3600), deployer, options)
    emissions = deploy_emissions(loaded, token, deployer, options)
    randomness = deploy_randomness(loaded, options)
    for library in (
        loaded.Appeals,
        loaded.Evaluation,
        loaded.Settlement,
        loaded.Payout,
    ):  # Brownie links the arena to the newest ones
        library.deploy(options)
    arena = loaded.Arena.deploy(staking, randomness, emissions, options)
    staking.setModule(arena, True, options)
    for library in (loaded.Committees, loaded.Verdicts):
        library.deploy(options)
    alliance = loaded.Alliance.deploy(staking, randomness, emissions, options)
    staking.setModule(alliance, True, options)
    for module in (arena, alliance):
        emissions.setModule(module, True, options)
    vaults = loaded.DelegationVaults.deploy(staking, options)
    sponsorships = loaded.Sponsorships.deploy(arena, options)
    governor = hand_over(loaded, staking, emissions, deployer, options)

    deployed = {"SkeinToken": token, "Staking": staking, "Emissions": emissions, "Randomness": randomness}
    deployed |= {"DelegationVaults": vaults, "SkeinGovernor": governor, "Arena": arena, "Alliance": alliance}
    deployed["Sponsorships"] = sponsorships
    return write(deployed)


def deploy_emissions(loaded, token, deployer, options):
    """The only minter from now on."""
    start = web3.eth.get_block("latest").timestamp + integer("SKEIN_EMISSION_DELAY", 3600)
    schedule = (integer("SKEIN_EPOCH", 7 * 24 * 3600), integer("SKEIN_EMISSION", 2_000_000) * 10**18)
    decay = (integer("SKEIN_DECAY_PERMILLE", 500) * 10**24, integer("SKEIN_DECAY_EPOCHS", 208))
    emissions = loaded.Emissions.deploy(token, start, *schedule, *decay, deployer, options)
    token.transferOwnership(emissions, options)
    emissions.acceptToken(options)
    return emissions


def hand_over(loaded, staking, emissions, deployer, options):
    """Governor and timelock; to the timelock, or to SKEIN_OWNER in its place, goes whatever has an owner."""
    delay = integer("SKEIN_TIMELOCK_DELAY", staking.COOLDOWN() + 2 * 24 * 3600)
    times = (integer("SKEIN_VOTING_DELAY", 24 * 3600), integer("SKEIN_VOTING_PERIOD", 5 * 24 * 3600))
    votes = (integer("SKEIN_PROPOSAL_VOTES", 100_000), integer("SKEIN_LEAST_QUORUM", 2_000_000))
    timelock = loaded.SkeinTimelock.deploy(delay, deployer, options)
    governor = loaded.SkeinGovernor.deploy(staking, timelock, *times, *(each * 10**18 for each in votes), options)
    for role in (timelock.PROPOSER_ROLE(), timelock.CANCELLER_ROLE()):
        timelock.grantRole(role, governor, options)
    timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), deployer, options)
    guardian = os.environ.get("SKEIN_GUARDIAN")
    if guardian:
        staking.setGuardian(guardian, options)
    owner = os.environ.get("SKEIN_OWNER") or timelock.address
    for owned in (staking, emissions):
        if owner != deployer.address:
            owned.transferOwnership(owner, options)
        if owner == timelock.address:
            timelock.acceptOwnershipOf(owned, options)
    return governor


def deploy_randomness(loaded, options):
    """What SKEIN_RANDOMNESS names."""
    kind = os.environ.get("SKEIN_RANDOMNESS", "prevrandao")
    if kind == "prevrandao":
        return loaded.PrevrandaoRandomness.deploy(integer("SKEIN_RANDOMNESS_DELAY", 128), options)
    if kind == "blockhash":
        return loaded.BlockRandomness.deploy(options)
    if kind != "drand":
        raise SystemExit(f"deploy: SKEIN_RANDOMNESS must be prevrandao, blockhash or drand, not {kind!r}.")
    key, *times = os.environ.get("SKEIN_DRAND", "").split(",")
    if not (re.fullmatch("[0-9a-fA-F]{256}", key) and len(times) == 2 and all(map(str.isdecimal, times))):
        raise SystemExit("deploy: SKEIN_DRAND must be key,genesis,period: 256 hex digits and two whole numbers.")
    point = [int(key[start : start + 64], 16) for start in range(0, 256, 64)]
    delay = integer("SKEIN_RANDOMNESS_DELAY", 30)
    return loaded.DrandRandomness.deploy(point, *map(int, times), delay, DRAND_LIFETIME, options)


def deployer_account():
    keystore = os.environ.get("SKEIN_DEPLOYER")
    if keystore:
        return accounts.load(str(Path(keystore).expanduser().resolve()), password=os.environ.get("SKEIN_PASSWORD", ""))
    if not len(accounts):
        raise SystemExit("deploy: the node has no unlocked account; give a key file with SKEIN_DEPLOYER.")
    return accounts[0]


def integer(name, default):
    text = os.environ.get(name, str(default))
    if not text.isdecimal():
        raise SystemExit(f"deploy: {name} must be a whole number, not {text!r}.")
    return int(text)


def write(deployed):
    """The form that `protocol.deployment` reads. Kept alone in an environment where that package is not installed."""
    chain_id = network.chain.id
    form = {
        "chain_id": chain_id,
        "contracts": {
            name: {"address": contract.address, "first_block": contract.tx.block_number}
            for name, contract in sorted(deployed.items())
        },
    }
    path = Path(os.environ.get("SKEIN_DEPLOYMENT") or ROOT / "protocol" / "deployments" / f"{chain_id}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(form, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    print(f"Deployed on chain {chain_id}: {path}")
    return form


def enter_checkout():
    """Brownie looks for libraries' sources from where it runs; the paths that were given are from where we were."""
    for name in ("SKEIN_DEPLOYMENT", "SKEIN_DEPLOYER"):
        if path := os.environ.get(name):
            os.environ[name] = str(Path(path).expanduser().resolve())
    os.chdir(ROOT)


def patient(transact):
    """Send, and wait for the receipt before Brownie looks: it takes a nonce that is used, and no receipt yet, for a
    transaction that was dropped. Nodes have the one a little before the other."""

    def transact_and_wait(account, transaction, allow_revert):
        sent = transact(account, transaction, allow_revert)
        web3.eth.wait_for_transaction_receipt(sent, timeout=RECEIPT_SECONDS, poll_latency=0.01)
        return sent

    return transact_and_wait


def connect(rpc_url):
    """Attach to a running chain. To Brownie it is a development network, lest it keeps every deployment on disk."""
    CONFIG.networks[NETWORK] = {"id": NETWORK, "name": NETWORK, "host": rpc_url, "cmd": "none", "cmd_settings": {}}
    network.connect(NETWORK, launch_rpc=False)
    if not network.is_connected():
        raise SystemExit(f"deploy: no node answers at {rpc_url}.")
    network.gas_limit("auto")


if __name__ == "__main__":
    if "SKEIN_RPC_URL" not in os.environ:
        sys.exit("deploy: set SKEIN_RPC_URL to the node of the chain to deploy on.")
    enter_checkout()
    project.load(ROOT, name="SkeinProject")
    for kind in (Account, LocalAccount):
        kind._transact = patient(kind._transact)
    connect(os.environ["SKEIN_RPC_URL"])
    try:
        main()
    except (OSError, ValueError, VirtualMachineError, Web3Exception) as error:  # for key file, value, refusal, silence
        sys.exit(f"deploy: {error}")
