"""Drives the contracts through whole lives of tasks, by contract calls alone, so that every event there is occurs."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from network import SKEIN, Network

from protocol.encoding import (
    INVALID,
    UNAVAILABLE,
    UNOPENABLE,
    ScoreEntry,
    batch_of,
    canary_leaf,
    canary_proof,
    canary_root,
    key_hash,
    scores_commitment,
    submission_commitment,
)
from protocol.transactions import Receipt

KEY = b"k" * 32
SALT = b"s" * 32
WINDOW = 1_000

PARAMETERS: dict[str, Any] = {
    "spec_digest": "0x" + "11" * 32,
    "held_out_digest": "0x" + "22" * 32,
    "key_hash": key_hash(KEY),
    "bounty": 1_000 * SKEIN,
    "bond": 200 * SKEIN,
    "min_trainer_stake": SKEIN,
    "min_validator_stake": SKEIN,
    "commit_window": WINDOW,
    "reveal_window": WINDOW,
    "key_window": WINDOW,
    "score_commit_window": WINDOW,
    "score_reveal_window": WINDOW,
    "scale": 10**9,
    "tolerance": 10**6,
    "slash_tolerance": 5 * 10**7,
    "grid": 10**6,
    "panel_size": 3,
    "quorum": 2,
    "paid_ranks": 3,
    "challenge_window": 0,
    "maximise": True,
    "max_share": 10**18,
    "appeal_panel_size": 0,
    "appeal_bond": 0,
    "canary_root": "0x" + "00" * 32,
}


def digest(name: object) -> str:
    """A digest that stands for an artifact."""
    return "0x" + hashlib.sha256(str(name).encode()).hexdigest()


class Life:
    """Calls of the contracts by the network's accounts, named by their index."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.arena = network.deployment.address("Arena")
        self.models: dict[tuple[int, int], str] = {}

    def send(self, account: int, contract: str, function: str, *args: Any) -> Receipt:
        return self.network.chain(account).send(contract, function, *args)

    def address(self, account: int) -> str:
        return str(self.network.accounts[account].address)

    # --- stake

    def approve(self, *accounts: int) -> None:
        for account in accounts:
            for contract in ("Staking", "Arena"):
                self.send(account, "SkeinToken", "approve", self.network.deployment.address(contract), 2**255)

    def deposit(self, funder: int, operator: int, assets: int) -> None:
        self.send(funder, "Staking", "deposit", self.address(operator), assets, self.address(funder))

    def request(self, funder: int, operator: int, part: float) -> int:
        shares = self.network.chain().call("Staking", "sharesOf", self.address(operator), self.address(funder))
        receipt = self.send(funder, "Staking", "requestWithdrawal", self.address(operator), int(shares * part))
        return int(receipt.event("Staking.WithdrawalRequested").args["withdrawal_id"])

    # --- tasks

    def create(self, creator: int, **changes: Any) -> int:
        receipt = self.send(creator, "Arena", "createTask", PARAMETERS | changes)
        return int(receipt.event("Arena.TaskCreated").args["task_id"])

    def join(self, task: int, trainers: Mapping[int, str], validators: Sequence[int], stake: int = 100 * SKEIN) -> None:
        """Trainers commit to models (by name), validators register."""
        for account, model in trainers.items():
            words = (self.network.deployment.chain_id, self.arena, task, self.address(account), digest(model), SALT)
            self.send(account, "Arena", "commitSubmission", task, stake + account, submission_commitment(*words))
            self.models[task, account] = digest(model)
        for account in validators:
            self.send(account, "Arena", "registerValidator", task, stake + account)

    def pass_to(self, task: int, end: str) -> None:
        """Let the chain's time pass to the end of a window, unless it is over already."""
        ends = int(self.network.chain().task(task)[end])
        if int(self.network.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) < ends:
            self.network.set_time(ends)

    def submission(self, task: int, account: int) -> int:
        return int(self.network.chain().call("Arena", "submissionOf", task, self.address(account)))

    def reveal(self, task: int, trainers: Sequence[int]) -> None:
        self.pass_to(task, "commit_ends")
        for account in trainers:
            submission = self.submission(task, account)
            self.send(account, "Arena", "revealSubmission", task, submission, self.models[task, account], SALT)

    def release(self, task: int, creator: int) -> None:
        self.pass_to(task, "reveal_ends")
        self.send(creator, "Arena", "releaseKey", task, KEY)

    def score(
        self,
        task: int,
        votes: Mapping[int, Mapping[int, int]],
        drawn_by: int = 0,
        copies: Mapping[int, int] | None = None,
        canaries: Sequence[tuple[int, Sequence[bytes], int, int]] = (),
        drawn: Sequence[int] = (),
    ) -> None:
        """Draws the panels of some submissions; validators (by account) commit and reveal scores by submission.

        `copies`: submissions that all call copies, with the originals. `canaries`: submission, leaves, place among
        them, score. `drawn`: further submissions, which nobody scores.
        """
        self.network.decide(task)
        chain = self.network.chain()
        for submission in sorted({submission for vote in votes.values() for submission in vote} | set(drawn)):
            self.send(drawn_by, "Arena", "drawPanel", task, submission)
        entries = {account: self._entries(task, account, vote, copies or {}) for account, vote in votes.items()}
        attempt = int(chain.task(task).attempt)
        for account, found in entries.items():
            words = (self.network.deployment.chain_id, self.arena, task, attempt, self.address(account))
            for batch, part in found.items():
                commitment = scores_commitment(*words, batch, part, SALT)
                self.send(account, "Arena", "commitScores", task, batch, commitment)
        self.pass_to(task, "score_commit_ends")
        for submission, leaves, place, score in canaries:
            proof = canary_proof(leaves, place)
            self.send(CREATOR, "Arena", "revealCanary", task, submission, score, b"c" * 32, proof)
        for account, found in entries.items():
            for batch, part in found.items():
                self.send(account, "Arena", "revealScores", task, batch, part, SALT)
        self.pass_to(task, "score_reveal_ends")

    def _entries(
        self, task: int, account: int, vote: Mapping[int, int], copies: Mapping[int, int]
    ) -> dict[int, list[ScoreEntry]]:
        entries: dict[int, list[ScoreEntry]] = {}
        for submission, score in vote.items():
            panel = self.network.chain().call("Arena", "panel", task, submission)
            if self.address(account) in panel:
                slot = panel.index(self.address(account))
                entry = ScoreEntry(submission, slot, score, digest((account, submission)), copies.get(submission, 0))
                entries.setdefault(batch_of(submission), []).append(entry)
        return entries

    def settle(self, task: int, settler: int, submissions: Sequence[int]) -> None:
        for submission in submissions:
            self.send(settler, "Arena", "settle", task, submission)

    def finish(self, task: int, trainers: Sequence[int], validators: Sequence[int], creator: int) -> None:
        """Finalize, and let everybody claim."""
        self.send(creator, "Arena", "finalize", task)
        for account in trainers:
            self.send(account, "Arena", "claimSubmission", task, self.submission(task, account))
        for account in validators:
            self.send(account, "Arena", "claimValidator", task, self.address(account))
        self.send(creator, "Arena", "claimCreator", task)


CREATOR, TRAINERS, VALIDATORS, DELEGATORS = 1, (2, 3, 4, 5, 6), (7, 8, 9, 10), (11, 12)


def stake(life: Life) -> None:
    """Everybody stakes; two delegate; commissions are announced, twice by one."""
    life.approve(CREATOR, *TRAINERS, *VALIDATORS, *DELEGATORS)
    for account in (*TRAINERS, *VALIDATORS):
        life.deposit(account, account, 2_000 * SKEIN + account)
    for account in DELEGATORS:
        life.deposit(account, VALIDATORS[0], 700 * SKEIN + account)
        life.deposit(account, TRAINERS[0], 300 * SKEIN)
    life.send(VALIDATORS[0], "Staking", "setCommission", 10**17)
    life.network.sleep(4_000)
    life.send(VALIDATORS[0], "Staking", "setCommission", 2 * 10**17)
    life.send(DELEGATORS[0], "Staking", "deposit", life.address(TRAINERS[1]), SKEIN, life.address(DELEGATORS[1]))


def promise(life: Life) -> None:
    """Own stake is put into escrow, one whose time is over is ended; entries are paused, and again not."""
    life.send(TRAINERS[2], "Staking", "escrow", 100 * SKEIN, 1)
    life.send(TRAINERS[3], "Staking", "escrow", 1_000 * SKEIN, 365 * 24 * 3600)
    life.send(0, "Staking", "setGuardian", life.address(15))
    life.send(15, "Staking", "pauseEntries", 3_600)
    life.send(0, "Staking", "pauseEntries", 0)
    life.network.sleep(10)
    life.send(0, "Staking", "endEscrow", life.address(TRAINERS[2]))


def settled(life: Life) -> int:
    """A task with honest people, a copy of a model, a model never revealed, a silent and an inventive validator."""
    task = life.create(CREATOR)
    life.send(DELEGATORS[0], "Arena", "fundTask", task, 55 * SKEIN)
    life.join(task, {2: "a", 3: "b", 4: "a", 5: "never", 6: "broken"}, VALIDATORS)
    life.request(DELEGATORS[0], VALIDATORS[0], 0.5)
    life.request(VALIDATORS[3], VALIDATORS[3], 0.9)
    life.reveal(task, (4, 3, 2, 6))
    life.release(task, CREATOR)
    honest = {1: 900_000_000, 2: 905_000_000, 5: INVALID}
    life.score(task, {7: honest, 8: honest, 9: {1: 100_000_000, 2: 900_000_000, 5: INVALID}})
    life.settle(task, DELEGATORS[1], (1, 2, 3, 4, 5))
    life.finish(task, TRAINERS, VALIDATORS, CREATOR)
    return task


def redrawn(life: Life) -> int:
    """A task to be minimised, where too few score at first, one model is never available, and the seed expires once.
    It is sponsored."""
    from sponsoring import give, share

    task = life.create(CREATOR, maximise=False, panel_size=4, quorum=3)
    give(life, task)
    life.join(task, {2: "c", 3: "d", 4: "gone"}, VALIDATORS)
    life.reveal(task, (2, 3, 4))
    life.release(task, CREATOR)
    life.network.mine(300)
    life.send(DELEGATORS[0], "Arena", "renewSeed", task)
    votes = {1: 2 * 10**9, 2: 3 * 10**9, 3: UNAVAILABLE}
    life.score(task, dict.fromkeys((7, 8), votes))
    life.settle(task, DELEGATORS[1], (1, 2, 3))
    life.send(DELEGATORS[1], "Arena", "redraw", task)
    life.score(task, dict.fromkeys(VALIDATORS, votes))
    life.settle(task, DELEGATORS[1], (3, 2, 1))
    life.finish(task, (2, 3, 4), VALIDATORS, CREATOR)
    share(life, task, (1, 2, 3), VALIDATORS)
    return task


def unopenable(life: Life) -> int:
    """A task whose key opens nothing: the creator's bond goes to the trainers."""
    task = life.create(CREATOR)
    life.join(task, {2: "e", 3: "f"}, VALIDATORS)
    life.reveal(task, (2, 3))
    life.release(task, CREATOR)
    life.score(task, {account: {1: UNOPENABLE, 2: UNOPENABLE} for account in VALIDATORS})
    life.settle(task, DELEGATORS[1], (1, 2))
    life.finish(task, (2, 3), VALIDATORS, CREATOR)
    return task


def ended_early(life: Life) -> None:
    """Tasks that end without scores: cancelled, abandoned, key never released, nobody revealed. One was sponsored."""
    from sponsoring import give, take_back

    cancelled, abandoned = life.create(CREATOR), life.create(CREATOR)
    late, unrevealed = life.create(CREATOR), life.create(CREATOR)
    give(life, cancelled)
    life.send(CREATOR, "Arena", "cancelTask", cancelled)
    life.send(CREATOR, "Arena", "claimCreator", cancelled)
    take_back(life, cancelled)
    life.join(abandoned, {2: "g"}, ())
    life.join(late, {2: "g", 3: "h"}, VALIDATORS)
    life.join(unrevealed, {2: "g"}, VALIDATORS)
    life.reveal(late, (2,))
    life.finish(abandoned, (2,), (), CREATOR)
    life.pass_to(late, "key_ends")
    life.settle(late, DELEGATORS[1], (2,))
    life.finish(late, (2, 3), VALIDATORS, CREATOR)
    life.settle(unrevealed, DELEGATORS[1], (1,))
    life.finish(unrevealed, (2,), VALIDATORS, CREATOR)


def appealed(life: Life) -> int:
    """A task where the first panels lie about one model and call another a copy; one appeal is right, one is wrong, one
    finds nobody to decide it; a canary that is not contested, and one whose creator lied."""
    salt, models = b"c" * 32, {2: "i", 3: "j", 4: "k", 5: "l", 6: "m"}
    leaves = [canary_leaf(digest(models[4]), 700_000_000, salt), canary_leaf(digest(models[6]), 0, salt)]
    terms = {"challenge_window": 500, "appeal_panel_size": 4, "appeal_bond": 3 * SKEIN}
    terms |= {"canary_root": canary_root(leaves)}
    task = life.create(CREATOR, panel_size=2, quorum=2, **terms)
    life.join(task, models, VALIDATORS)
    life.reveal(task, tuple(models))
    life.release(task, CREATOR)
    honest = dict.fromkeys(range(1, 6), 700_000_000)
    said = {account: honest | {1: 100_000_000} for account in VALIDATORS}
    life.score(task, said, copies={2: 1}, canaries=((3, leaves, 0, 700_000_000), (5, leaves, 1, 0)))
    for submission, appellant in ((1, 2), (2, 3), (4, 5), (5, 7)):
        life.send(appellant, "Arena", "appeal", task, submission)
    life.pass_to(task, "challenge_ends")
    life.settle(task, DELEGATORS[1], (3,))
    life.send(DELEGATORS[1], "Arena", "redraw", task)
    last = {1: 700_000_000, 2: 700_000_000, 5: 700_000_000}
    life.score(task, dict.fromkeys(VALIDATORS, last), copies={2: 1}, drawn=(4,))
    life.settle(task, DELEGATORS[1], (1, 2, 4, 5))
    life.finish(task, tuple(models), VALIDATORS, CREATOR)
    return task


def leave(life: Life) -> None:
    """Withdrawals are paid, one in part, one waits; tokens change hands, some for themselves; a module is forbidden."""
    promise(life)
    operator = life.address(TRAINERS[0])
    shares = life.network.chain().call("Staking", "sharesOf", operator, life.address(DELEGATORS[0])) // 2
    life.send(DELEGATORS[0], "Staking", "requestWithdrawalTo", operator, shares, life.address(13))
    life.network.sleep(8_000)
    life.send(DELEGATORS[1], "Staking", "withdrawPart", 3, 40 * SKEIN)
    for withdrawal in (1, 2):
        life.send(DELEGATORS[1], "Staking", "withdraw", withdrawal)
    life.request(DELEGATORS[1], VALIDATORS[0], 1)
    life.send(DELEGATORS[0], "Staking", "requestHeldWithdrawal", operator, shares // 2, life.address(13))
    life.send(2, "SkeinToken", "transfer", life.address(3), 5)
    life.send(2, "SkeinToken", "transfer", life.address(2), 5)
    life.send(13, "SkeinToken", "delegate", life.address(13))
    life.send(0, "Staking", "setModule", life.address(14), True)
    life.send(0, "Staking", "setModule", life.address(14), False)
    life.send(14, "SkeinToken", "approve", life.network.deployment.address("Staking"), 9 * SKEIN)
    life.send(14, "Staking", "distribute", life.address(VALIDATORS[0]), 9 * SKEIN)


def whole(life: Life) -> None:
    """All of it."""
    from deciding import decide, earn  # which need this file, as the next does
    from federation import federate

    stake(life)
    settled(life)
    redrawn(life)
    federate(life)
    unopenable(life)
    ended_early(life)
    appealed(life)
    earn(life)
    decide(life)
    leave(life)
