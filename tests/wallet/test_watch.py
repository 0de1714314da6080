"""Unattended release of keys: in time, once, by whoever is restarted, in whatever branch of the chain."""

from pathlib import Path

from creation import DIGEST, SALT, WINDOWS, create, join
from network import SKEIN
from shell import PASSWORD, Shell

from node.keys import load_keystore
from node.program import means_of
from node.settings import ClientSettings
from wallet.held_out_keys import HeldOutKeys
from wallet.watch import Watch

CONFIRMATIONS = 3


def watch(shell: Shell) -> Watch:
    """A watch as it is after a start of the program."""
    account = load_keystore(shell.home / "keystores" / "a1.json", PASSWORD)
    means = means_of(ClientSettings.read(), account)
    return Watch(means.chain, means.sender, HeldOutKeys(shell.home / "held-out-keys"), CONFIRMATIONS)


def to_key_phase(shell: Shell, data: Path) -> int:
    task_id = create(shell, data, "--set=scoring.quorum=1", "--set=scoring.panel_size=1")
    join(shell, task_id)
    shell.network.sleep(WINDOWS["commit"])
    shell.network.chain(2).send("Arena", "revealSubmission", task_id, 1, DIGEST, SALT)
    return task_id


def key_of(shell: Shell, task_id: int) -> int:
    return int(shell.network.chain().task(task_id).key, 16)


def test_releases_in_the_key_phase_and_not_before(shell: Shell, data: Path) -> None:
    task_id, watching = to_key_phase(shell, data), watch(shell)
    watching.tick()
    assert key_of(shell, task_id) == 0
    shell.network.sleep(WINDOWS["reveal"])
    watching.tick()
    assert key_of(shell, task_id) != 0


def test_a_dry_run_says_what_is_due_and_ends(shell: Shell, data: Path) -> None:
    task_id = to_key_phase(shell, data)
    shell.network.sleep(WINDOWS["reveal"])
    sent = shell.network.chain(1).nonce()
    told = shell.run("task", "watch", "--dry-run", "-a", "a1").output
    assert f"Would send Arena.releaseKey for release:{task_id}:" in told
    assert key_of(shell, task_id) == 0 and shell.network.chain(1).nonce() == sent


def test_a_restarted_watch_goes_on(shell: Shell, data: Path) -> None:
    task_id = to_key_phase(shell, data)
    watch(shell).tick()
    shell.network.sleep(WINDOWS["reveal"])
    watch(shell).tick()
    sent = shell.network.chain(1).nonce()
    watch(shell).tick()
    assert key_of(shell, task_id) != 0 and shell.network.chain(1).nonce() == sent


def test_a_release_that_a_reorg_dropped_is_sent_again(shell: Shell, data: Path) -> None:
    task_id, watching = to_key_phase(shell, data), watch(shell)
    shell.network.sleep(WINDOWS["reveal"])
    watching.tick()
    shell.network.reorg(1)
    assert key_of(shell, task_id) == 0
    watching.tick()
    shell.network.mine()
    assert key_of(shell, task_id) != 0


def test_leftovers_are_claimed_and_the_watch_is_over(shell: Shell, data: Path) -> None:
    task_id, watching = create(shell, data), watch(shell)
    watching.tick()
    assert not watching.over
    shell.network.sleep(WINDOWS["commit"])
    shell.network.chain(2).send("Arena", "finalize", task_id)
    watching.tick()
    assert shell.network.chain().token_balance(shell.address(1)) == 1_000_000 * SKEIN
    shell.network.mine(CONFIRMATIONS)
    watching.tick()
    assert watching.over


def test_tasks_of_others_are_left_alone(shell: Shell, data: Path) -> None:
    create(shell, data)
    watching = watch(shell)
    (key_file,) = (shell.home / "held-out-keys").iterdir()
    key_file.unlink()
    watching.tick()
    assert not watching.over
