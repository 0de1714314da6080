"""Tasks made through the command line, for the tests of what comes after."""

from pathlib import Path

import numpy as np
import pytest
from network import SKEIN
from shell import Shell

from protocol.encoding import submission_commitment

ROWS = 60
DIGEST, SALT = "0x" + "ab" * 32, b"\xcd" * 32
WINDOWS = {"commit": 100, "reveal": 100, "key": 100, "score_commit": 400, "score_reveal": 100}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three classes that can be told apart, as arrays."""
    folder = tmp_path / "flowers"
    folder.mkdir()
    labels = np.arange(ROWS) % 3
    np.save(folder / "x.npy", labels[:, None] + np.random.default_rng(0).normal(0, 0.1, (ROWS, 4)))
    np.save(folder / "y.npy", labels)
    return folder


def create(shell: Shell, data: Path, *more: str) -> int:
    settings = [f"--set=windows.{name}={seconds}" for name, seconds in WINDOWS.items()]
    made = shell.json("task", "create", "--data", str(data), "--bounty", "50", *settings, *more, "-a", "a1")
    return int(made["task"])


def join(shell: Shell, task_id: int) -> None:
    """a2 commits to a model, a3 validates."""
    deployment = shell.network.deployment
    for account in ("a2", "a3"):
        shell.run("stake", "deposit", "100", "-a", account)
    arena = deployment.address("Arena")
    commitment = submission_commitment(deployment.chain_id, arena, task_id, shell.address(2), DIGEST, SALT)
    shell.network.chain(2).send("Arena", "commitSubmission", task_id, 20 * SKEIN, commitment)
    shell.network.chain(3).send("Arena", "registerValidator", task_id, 30 * SKEIN)
