"""`skein gov` and the locks that give votes, typed as people type it, on a network that its governor owns."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import anvil
from network import SKEIN, Network, accounts, deploy
from shell import PASSWORD, Shell

from protocol.deployment import Deployment
from protocol.errors import ConfigInvalid, ContractReverted

DAY = 24 * 3600
SETTINGS = {"SKEIN_VOTING_DELAY": "5", "SKEIN_VOTING_PERIOD": "60", "SKEIN_TIMELOCK_DELAY": "7200"}
SETTINGS |= {"SKEIN_PROPOSAL_VOTES": "1000", "SKEIN_LEAST_QUORUM": "1500"}


@pytest.fixture(scope="module")
def governed_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Accounts 1 to 3 have 10,000 SKEIN each."""
    path = tmp_path_factory.mktemp("governed") / "d.json"
    with anvil() as running:
        deploy(running.url, path, SKEIN_OWNER="", **SETTINGS)
        network = Network(running, Deployment.read(path), path)
        for account in (1, 2, 3):
            network.chain(0).send("SkeinToken", "transfer", accounts()[account].address, 10_000 * SKEIN)
        yield network


@pytest.fixture
def governed(governed_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """What a test does to the network is undone after it."""
    network, home = governed_network, tmp_path / "home"
    (home / "keystores").mkdir(parents=True)
    for account in (1, 2, 3):
        network.keystore(account, home / "keystores", PASSWORD).rename(home / "keystores" / f"a{account}.json")
    settings = {"SKEIN_RPC_URL": network.rpc_url, "SKEIN_DEPLOYMENT": str(network.deployment_path)}
    settings |= {"SKEIN_HOME": str(home), "SKEIN_PASSWORD": PASSWORD, "COLUMNS": "200"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    before = network.snapshot()
    yield Shell(network, home)
    network.revert(before)


def test_a_decision_from_lock_to_execution(governed: Shell) -> None:
    shell, network = governed, governed.network
    shell.run("stake", "deposit", "2000", "-a", "a1")
    with pytest.raises(ConfigInvalid, match="0 votes, less than the 1000"):
        shell.run("gov", "propose", "set-guardian", shell.address(3), "-a", "a1")
    shown = shell.json("stake", "lock", "1000", "365d", "-a", "a1", "--dry-run")
    assert shown["changes"][-1]["after"] == str(3010 * SKEIN)
    shell.run("stake", "lock", "1000", "365d", "-a", "a1")
    network.sleep(10)

    shell.run("gov", "propose", "enable-module", shell.address(9), "--reason", "A new arena.", "-a", "a1")
    (listed,) = shell.json("gov", "list")
    assert (listed["state"], listed["title"]) == ("pending", f"enable-module {shell.address(9)}")
    proposal = listed["proposal"][:10]
    with pytest.raises(ConfigInvalid, match="is pending"):
        shell.run("gov", "vote", proposal, "for", "-a", "a1")
    network.sleep(10)
    told = shell.run("gov", "vote", proposal, "for", "--reason", "Yes.", "-a", "a1").stdout
    assert "3010 votes" in told
    network.sleep(61)
    shell.run("gov", "carry-on", proposal, "-a", "a2")
    assert shell.json("gov", "show", proposal)["state"] == "queued"
    network.sleep(7201)
    shell.run("gov", "carry-on", proposal, "-a", "a2")
    chain = network.chain()
    assert chain.call("Staking", "isModule", shell.address(9)) and chain.call("Emissions", "isModule", shell.address(9))
    with pytest.raises(ConfigInvalid, match="is executed"):
        shell.run("gov", "carry-on", proposal, "-a", "a2")


def test_locks_end_and_votes_are_delegated(governed: Shell) -> None:
    shell = governed
    shell.run("stake", "deposit", "20", "-a", "a1")
    refused = {("lock", "21", "5d"): "20 SKEIN", ("lock", "1", "2000d"): "at most", ("unlock",): "nothing"}
    for words, said in refused.items():
        with pytest.raises(ConfigInvalid, match=said):
            shell.run("stake", *words, "-a", "a1")
    shell.run("stake", "lock", "20", "5d", "-a", "a1")
    with pytest.raises(ConfigInvalid, match="is over in"):
        shell.run("stake", "unlock", "-a", "a1")
    changes = shell.json("gov", "delegate", shell.address(2), "-a", "a1")["changes"]
    assert [change["after"] for change in changes] == ["0", str(20 * SKEIN)]
    shell.network.sleep(5 * DAY)
    shell.run("stake", "unlock", shell.address(1), "-a", "a2")
    assert shell.network.chain().call("Staking", "getVotes", shell.address(2)) == 0


def test_vaults_are_made_once(governed: Shell) -> None:
    shell = governed
    assert shell.json("stake", "vault", shell.address(1), "-a", "a2", "--dry-run")["simulated"]
    shell.run("stake", "vault", shell.address(1), "-a", "a2")
    shown = shell.json("stake", "vault", shell.address(1), "-a", "a3")
    assert shown["vault"] == shell.network.chain().call("DelegationVaults", "vaultOf", shell.address(1))


def test_a_proposal_is_taken_back_by_its_proposer_alone(governed: Shell) -> None:
    shell = governed
    shell.run("stake", "deposit", "1500", "-a", "a1")
    shell.run("stake", "lock", "1000", "365d", "-a", "a1")
    shell.network.sleep(10)
    shell.run("gov", "propose", "end-pause", "-a", "a1")
    proposal = shell.json("gov", "list")[0]["proposal"]
    with pytest.raises(ConfigInvalid, match="Only its proposer"):
        shell.run("gov", "cancel", proposal, "-a", "a2")
    assert shell.json("gov", "cancel", proposal, "-a", "a1", "--dry-run")["simulated"]
    shell.run("gov", "cancel", proposal, "-a", "a1")
    assert shell.json("gov", "list")[0]["state"] == "canceled"
    with pytest.raises(ConfigInvalid, match="is canceled: it can be taken back while it is pending"):
        shell.run("gov", "cancel", proposal, "-a", "a1")


def test_the_guardian_pauses_and_the_emission_goes_on(shell: Shell) -> None:
    network, chain = shell.network, shell.network.chain()
    network.chain(0).send("Staking", "setGuardian", shell.address(1))
    refused = {"a2": ("1d", "Only the guardian"), "a1": ("15d", "between 1s and 14d")}
    for account, (duration, said) in refused.items():
        with pytest.raises(ConfigInvalid, match=said):
            shell.run("gov", "pause", duration, "-a", account)
    shell.run("gov", "pause", "2d", "-a", "a1")
    with pytest.raises(ContractReverted, match="EntryPaused"):
        shell.run("stake", "deposit", "1", "-a", "a2")
    with pytest.raises(ConfigInvalid, match="begins in"):
        shell.run("gov", "advance", "-a", "a2")
    network.sleep(chain.call("Emissions", "START") + 1 - network.now())
    shown = shell.json("gov", "advance", "-a", "a2", "--dry-run")
    assert shown["changes"][0]["after"] > shown["changes"][0]["before"]
    done = shell.json("gov", "advance", "-a", "a2")
    assert done["changes"][0]["after"] == str(chain.call("SkeinToken", "totalSupply"))
    with pytest.raises(ConfigInvalid, match="All epochs that have begun are minted"):
        shell.run("gov", "advance", "-a", "a2")
