"""Moves of a training task on a test network: what the parties would send, without their clients."""

from collections.abc import Mapping
from typing import Any

from network import SKEIN, Network

from protocol import encoding

KEY = b"k" * 32
SALT = b"s" * 32
STAKE = 1000 * SKEIN
PARAMETERS: Mapping[str, Any] = {
    "spec_digest": "0x" + "11" * 32,
    "held_out_digest": "0x" + "22" * 32,
    "key_hash": encoding.key_hash(KEY),
    "bounty": 1000 * SKEIN,
    "bond": 100 * SKEIN,
    "min_trainer_stake": SKEIN,
    "min_validator_stake": SKEIN,
    "commit_window": 1000,
    "reveal_window": 1000,
    "key_window": 1000,
    "score_commit_window": 1000,
    "score_reveal_window": 1000,
    "challenge_window": 0,
    "scale": 10**9,
    "tolerance": 10**6,
    "slash_tolerance": 10**8,
    "grid": 10**6,
    "panel_size": 3,
    "quorum": 2,
    "paid_ranks": 3,
    "maximise": True,
    "max_share": 10**18,
    "appeal_panel_size": 0,
    "appeal_bond": 0,
    "canary_root": "0x" + "00" * 32,
}


def stake(network: Network, account: int, assets: int = STAKE) -> None:
    """Deposit into the account's own pool."""
    chain = network.chain(account)
    chain.send("SkeinToken", "approve", network.deployment.address("Staking"), assets)
    chain.send("Staking", "deposit", chain.address, assets, chain.address)


def create_task(network: Network, account: int = 1, **changes: Any) -> int:
    """Publish a task; `changes` are to PARAMETERS."""
    chain, parameters = network.chain(account), {**PARAMETERS, **changes}
    chain.send("SkeinToken", "approve", network.deployment.address("Arena"), parameters["bounty"] + parameters["bond"])
    return int(chain.send("Arena", "createTask", parameters).event("Arena.TaskCreated").args["task_id"])


def digest_of(account: int) -> str:
    """The model of an account."""
    return f"0x{account:064x}"


def commit(network: Network, task: int, account: int, assets: int = STAKE, digest: str | None = None) -> int:
    """Stake and commit to a model."""
    stake(network, account, assets)
    chain = network.chain(account)
    commitment = encoding.submission_commitment(
        network.deployment.chain_id,
        network.deployment.address("Arena"),
        task,
        chain.address,
        digest or digest_of(account),
        SALT,
    )
    receipt = chain.send("Arena", "commitSubmission", task, assets, commitment)
    return int(receipt.event("Arena.SubmissionCommitted").args["submission_id"])


def register(network: Network, task: int, account: int, assets: int = STAKE) -> None:
    """Stake and join as a validator."""
    stake(network, account, assets)
    network.chain(account).send("Arena", "registerValidator", task, assets)


def reveal(network: Network, task: int, submission: int, account: int, digest: str | None = None) -> None:
    network.chain(account).send("Arena", "revealSubmission", task, submission, digest or digest_of(account), SALT)


def to_end_of(network: Network, task: int, window: str) -> None:
    """Move the clock to the end of a window: "commit", "reveal", "key", "score_commit" or "score_reveal"."""
    network.set_time(network.chain().task(task)[f"{window}_ends"])
