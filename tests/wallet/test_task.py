"""`skein task`: from a file to a paid-out task, and every exit on the way."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from creation import DIGEST, ROWS, SALT, WINDOWS, create, join
from network import SKEIN
from shell import Shell

from node.output import NotFound
from protocol import heldout, tasks
from protocol.errors import ConfigInvalid, ContractReverted
from protocol.specs import MAX_SPEC_BYTES, check_parameters, read_spec
from protocol.store import Limits, open_store
from protocol.tasks.data import read_data
from wallet import tasks as wallet
from wallet.actions import Action, carry_out


def test_create_publishes_what_the_chain_names(shell: Shell, data: Path, tmp_path: Path) -> None:
    task_id = create(shell, data, "--title", "Flowers")
    terms = shell.network.chain().task(task_id).parameters
    store = open_store(f"dir:{tmp_path / 'store'}")
    spec = read_spec(store.get(terms.spec_digest, tmp_path / "spec", Limits(MAX_SPEC_BYTES, 1)))
    check_parameters(spec, terms)
    assert (spec.title, spec.model["features"], spec.model["classes"], terms.bounty) == ("Flowers", 4, 3, 50 * SKEIN)
    tasks.load(spec)

    (key_file,) = (shell.home / "held-out-keys").iterdir()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600 and key_file.name == f"{terms.key_hash}.key"
    sealed = store.get(terms.held_out_digest, tmp_path / "sealed", Limits(10**6))
    key = bytes.fromhex(key_file.read_text().strip()[2:])
    held_out = read_data(heldout.decrypt(sealed, key, tmp_path / "opened"), 4, 3)
    training = read_data(store.get(spec.training_digest, tmp_path / "training", Limits(10**6)), 4, 3)
    assert (len(training), len(held_out)) == (42, 18)


def test_dry_run_of_create_publishes_and_sends_nothing(shell: Shell, data: Path, tmp_path: Path) -> None:
    shown = shell.json("task", "create", "--data", str(data), "--bounty", "50", "-a", "a1", "--dry-run")
    (change,) = shown["changes"]
    assert int(change["before"]) - int(change["after"]) == 55 * SKEIN
    assert shell.network.chain().call("Arena", "taskCount") == 0
    assert not (tmp_path / "store").exists() and not (shell.home / "held-out-keys").exists()


def test_create_reads_a_file(shell: Shell, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "task.json"
    path.write_text(json.dumps({"title": "From a file", "data": {"source": str(data)}, "scoring": {"grid": "0.01"}}))
    made = shell.json("task", "create", str(path), "-a", "a1")
    assert shell.network.chain().task(made["task"]).parameters.grid == 10**7


def test_create_refuses_what_cannot_be(shell: Shell, data: Path) -> None:
    def refused(sentence: str, *more: str) -> None:
        with pytest.raises(Exception, match=sentence):
            create(shell, data, *more)

    refused("Bounty and bond are 2200000 SKEIN together", "--bounty", "2000000")
    refused("metric: it must be accuracy", "--set", "metric=beauty")
    refused("maximise", "--set", "metric=log_loss")
    refused("There is no data set 'nowhere'", "--data", "nowhere")
    refused("kind: poetry is none of", "--set", "kind=poetry")
    refused("max_model_bytes: this model needs", "--set", "limits.max_model_bytes=10")
    np.save(data / "y.npy", np.full(ROWS, 0.5))
    refused("must hold classes")
    (data / "x.npy").write_bytes(b"\x80\x04K\x01.")  # a pickle
    refused("is not an array")


def test_list_and_show(shell: Shell, data: Path) -> None:
    task_id = create(shell, data, "--title", "Flowers")
    (listed,) = shell.json("task", "list")
    assert (listed["task"], listed["phase"], listed["parameters"]["bounty"]) == (task_id, "commit", str(50 * SKEIN))
    join(shell, task_id)
    shown = shell.json("task", "show", str(task_id))
    assert shown["specification"]["title"] == "Flowers"
    assert shown["submissions"][0]["state"] == "committed" and shown["submissions"][0]["stake"] == str(20 * SKEIN)
    text = shell.run("task", "show", str(task_id)).stdout
    assert "Flowers" in text and shell.address(2) in text and "commit" in shell.run("task", "list").stdout
    with pytest.raises(NotFound, match="Task 9 does not exist: there are 1 tasks"):
        shell.run("task", "show", "9")


def test_fund_and_cancel(shell: Shell, data: Path) -> None:
    task_id = create(shell, data)
    shell.run("task", "fund", str(task_id), "2.5", "-a", "a2")
    assert shell.network.chain().task(task_id).parameters.bounty == 105 * SKEIN // 2
    with pytest.raises(ConfigInvalid, match="Only its creator"):
        shell.run("task", "cancel", str(task_id), "-a", "a2")
    shell.run("task", "cancel", str(task_id), "-a", "a1")
    assert shell.network.chain().token_balance(shell.address(1)) == 1_000_000 * SKEIN + 5 * SKEIN // 2
    with pytest.raises(ConfigInvalid, match="cannot be funded now: it is in the phase cancelled"):
        shell.run("task", "fund", str(task_id), "1", "-a", "a2")


def test_what_another_program_did_meanwhile_is_done(shell: Shell, data: Path) -> None:
    task_id = create(shell, data)
    chain = shell.network.chain(1)
    action = wallet.cancel(wallet.read(chain, task_id), shell.address(1))
    cancelling, claiming = action.calls
    carry_out(chain, Action((cancelling,)))
    assert len(carry_out(chain, Action((claiming,))).steps) == 1
    assert carry_out(chain, Action((claiming,))).steps == ()
    with pytest.raises(ContractReverted, match="WrongPhase"):
        carry_out(chain, Action((cancelling,)))


def test_a_task_that_was_joined_cannot_be_cancelled(shell: Shell, data: Path) -> None:
    task_id = create(shell, data)
    join(shell, task_id)
    with pytest.raises(ConfigInvalid, match="somebody has joined it"):
        shell.run("task", "cancel", str(task_id), "-a", "a1")


def test_a_task_nobody_joins_comes_back(shell: Shell, data: Path) -> None:
    task_id = create(shell, data)
    with pytest.raises(ConfigInvalid, match="cannot be finalized now: it is in the phase commit"):
        shell.run("task", "finalize", str(task_id), "-a", "a2")
    shell.network.sleep(WINDOWS["commit"])
    shell.run("task", "finalize", str(task_id), "-a", "a2")
    shell.run("task", "claim", str(task_id), "--for", shell.address(1), "-a", "a2")
    assert shell.network.chain().token_balance(shell.address(1)) == 1_000_000 * SKEIN


def test_release_settle_finalize_claim(shell: Shell, data: Path) -> None:
    task_id = create(shell, data, "--set=scoring.quorum=1", "--set=scoring.panel_size=1")
    join(shell, task_id)
    with pytest.raises(ConfigInvalid, match="cannot have its key released now"):
        shell.run("task", "release-key", str(task_id), "-a", "a1")
    shell.network.sleep(WINDOWS["commit"])
    shell.network.chain(2).send("Arena", "revealSubmission", task_id, 1, DIGEST, SALT)
    shell.network.sleep(WINDOWS["reveal"])
    shell.run("task", "release-key", str(task_id), "-a", "a1")
    with pytest.raises(ConfigInvalid, match="cannot be finalized now"):
        shell.run("task", "finalize", str(task_id), "-a", "a2")

    for window in ("score_commit", "score_reveal"):
        shell.network.sleep(WINDOWS[window])
    late = shell.run("task", "settle", str(task_id), "-a", "a2").stdout
    assert "ask for a new seed, since nobody used the last one in time" in late

    for attempt in (1, 2):  # the only validator stays silent, twice
        shell.network.mine(2)
        drawn = shell.run("task", "settle", str(task_id), "-a", "a2").stdout
        assert "draw the panel of submission 1" in drawn and "settle submission 1" not in drawn
        shell.network.sleep(WINDOWS["score_commit"])
        shell.network.sleep(WINDOWS["score_reveal"])
        with pytest.raises(ConfigInvalid, match="has 1 submissions to be settled first"):
            shell.run("task", "finalize", str(task_id), "-a", "a2")
        settled = shell.run("task", "settle", str(task_id), "-a", "a2").stdout
        assert "settle submission 1" in settled
        with pytest.raises(ConfigInvalid, match="nothing to settle now"):
            shell.run("task", "settle", str(task_id), "-a", "a2")
        done = shell.run("task", "finalize", str(task_id), "-a", "a2").stdout
        assert ("open the next evaluation" if attempt == 1 else "finalize task") in done
    for account in ("a1", "a2", "a3"):
        shell.run("task", "claim", str(task_id), "-a", account)
    with pytest.raises(ConfigInvalid, match="has nothing to claim"):
        shell.run("task", "claim", str(task_id), "-a", "a1")
    chain = shell.network.chain()
    assert chain.token_balance(chain.deployment.address("Arena")) == 0
    assert chain.pool(shell.address(3)).locked == 0


def test_a_key_that_is_not_here_is_named(shell: Shell, data: Path) -> None:
    task_id = create(shell, data)
    (key_file,) = (shell.home / "held-out-keys").iterdir()
    key_file.write_text("0x" + "00" * 32)
    with pytest.raises(ConfigInvalid, match="does not hold the key that its name tells"):
        shell.run("task", "release-key", str(task_id), "-a", "a1")
    key_file.unlink()
    with pytest.raises(ConfigInvalid, match="it must lie there as"):
        shell.run("task", "release-key", str(task_id), "-a", "a1")
