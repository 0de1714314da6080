"""Canaries from the command line to the chain: measured, committed to, told in time and only then."""

from pathlib import Path

import pytest
from creation import SALT, WINDOWS, create
from network import SKEIN
from play import register
from shell import PASSWORD, Shell

from node.keys import load_keystore
from node.program import means_of
from node.settings import ClientSettings
from protocol.artifacts import manifest_of
from protocol.encoding import submission_commitment
from protocol.errors import ConfigInvalid
from protocol.models import write_tensors
from protocol.tasks import load
from protocol.tasks.runs import MODEL_FILE
from wallet.create import prepared
from wallet.held_out_keys import HeldOutKeys
from wallet.task_file import read_task_file
from wallet.watch import Watch

APPEALS = ("--set=windows.challenge=100", "--set=scoring.quorum=1", "--set=scoring.panel_size=1")


@pytest.fixture
def model(data: Path, tmp_path: Path) -> Path:
    """A model that knows nothing, for the tasks of these data."""
    folder = tmp_path / "blank"
    folder.mkdir()
    with prepared(read_task_file(None, [f"data.source={data}"])) as made:
        write_tensors(folder / MODEL_FILE, dict(load(made.spec).blank()))
    return folder


def watch(shell: Shell) -> Watch:
    account = load_keystore(shell.home / "keystores" / "a1.json", PASSWORD)
    means = means_of(ClientSettings.read(), account)
    return Watch(means.chain, means.sender, HeldOutKeys(shell.home / "held-out-keys"), 3)


def commit_as(shell: Shell, task_id: int, account: int, digest: str) -> None:
    shell.run("stake", "deposit", "100", "-a", f"a{account}")
    deployment = shell.network.deployment
    words = (deployment.chain_id, deployment.address("Arena"), task_id, shell.address(account), digest, SALT)
    commitment = submission_commitment(*words)
    shell.network.chain(account).send("Arena", "commitSubmission", task_id, 20 * SKEIN, commitment)


def test_a_canary_is_told_when_all_scores_are_bound(shell: Shell, data: Path, model: Path) -> None:
    task_id = create(shell, data, *APPEALS, f"--canary={model}")
    digest, arena = manifest_of(model).digest, shell.network.chain()
    commit_as(shell, task_id, 2, digest)
    for account in (3, 4):
        register(shell.network, task_id, account, 30 * SKEIN)
    watching = watch(shell)
    shell.network.sleep(WINDOWS["commit"])
    shell.network.chain(2).send("Arena", "revealSubmission", task_id, 1, digest, SALT)
    shell.network.sleep(WINDOWS["reveal"])
    watching.tick()
    assert not arena.call("Arena", "canaryOf", task_id, 1).known
    shell.network.set_time(arena.task(task_id).score_commit_ends)
    watching.tick()
    told = arena.call("Arena", "canaryOf", task_id, 1)
    assert told.known and 0 < told.score < 10**9
    sent = shell.network.chain(1).nonce()
    watching.tick()
    assert shell.network.chain(1).nonce() == sent


def test_what_cannot_be_a_canary_is_refused(shell: Shell, data: Path, model: Path, tmp_path: Path) -> None:
    file, nothing = read_task_file(None, [f"data.source={data}"]), [tmp_path / "none"]
    with pytest.raises(ConfigInvalid, match="is not the folder"), prepared(file, None, nothing):
        pass
    with pytest.raises(ConfigInvalid, match="cannot be a canary"):
        shell.run("task", "create", "--data", str(data), *APPEALS, f"--canary={data}", "-a", "a1")
    with pytest.raises(ConfigInvalid, match="the same model"):
        shell.run("task", "create", "--data", str(data), *APPEALS, f"--canary={model}", f"--canary={model}", "-a", "a1")
    with pytest.raises(ConfigInvalid, match="Canaries need appeals"):
        shell.run("task", "create", "--data", str(data), f"--canary={model}", "-a", "a1")
