"""The whole corpus in one task of a real chain: each is settled by its verdict, the honest model wins, nobody dies."""

from collections.abc import Iterator
from pathlib import Path

import play
import pytest
from eth_account import Account
from hostile.artifacts import Hostile, artifact, corpus
from hostile.models import good
from network import SKEIN, Network
from samples import CANCER
from world import World, open_world

from protocol.encoding import ascii32, submission_commitment
from protocol.phases import SubmissionState
from protocol.tasks.runs import MODEL_FILE
from validator.sandbox import Sandbox

VALIDATORS = (3, 4, 5)
VERDICTS = {"invalid": SubmissionState.INVALID, "unavailable": SubmissionState.UNAVAILABLE}
LIMITS = CANCER.limits.model_copy(update={"max_model_bytes": 64 << 20})
WINDOWS = {f"{name}_window": 100_000 for name in ("commit", "reveal", "key", "score_commit", "score_reveal")}


@pytest.fixture
def world(network: Network, tmp_path: Path, sandbox: Sandbox) -> Iterator[World]:
    with open_world(network, tmp_path, sandbox) as world:
        yield world


class Crowd:
    """Trainers by the number of their submission, each with an account of its own."""

    def __init__(self, world: World, task: int) -> None:
        self.world, self.task = world, task
        self.rich = world.network.chain(0)
        self.submitted: list[tuple[object, str]] = []

    def commit(self, hostile: Hostile) -> None:
        digest = hostile.publish(self.world.store.root)
        trainer = Account.from_key(len(self.submitted).to_bytes(31) + b"t")
        self.world.network.rpc("anvil_setBalance", trainer.address, hex(10**20))
        self.rich.send("SkeinToken", "transfer", trainer.address, SKEIN)
        chain = self.world.network.chain(trainer)
        chain.send("SkeinToken", "approve", chain.deployment.address("Staking"), SKEIN)
        chain.send("Staking", "deposit", chain.address, SKEIN, chain.address)
        words = (chain.deployment.chain_id, chain.deployment.address("Arena"), self.task, chain.address)
        chain.send("Arena", "commitSubmission", self.task, SKEIN, submission_commitment(*words, digest, play.SALT))
        self.submitted.append((trainer, digest))

    def reveal(self) -> None:
        for number, (trainer, digest) in enumerate(self.submitted, start=1):
            chain = self.world.network.chain(trainer)
            chain.send("Arena", "revealSubmission", self.task, number, digest, play.SALT)


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_all_that_is_hostile_is_settled_on_a_chain(world: World) -> None:
    kinds = list(corpus().values())
    task = world.task(world.spec(limits=LIMITS), **WINDOWS)
    crowd = Crowd(world, task)
    for hostile in [*kinds, artifact({MODEL_FILE: good()}, "")]:
        crowd.commit(hostile)
    for account in VALIDATORS:
        world.validator(account)
    world.work()
    world.network.set_time(world.chain.task(task).commit_ends)
    crowd.reveal()
    world.pass_to(task, "reveal_ends")
    world.release(task)
    world.work()
    world.network.set_time(world.chain.task(task).score_commit_ends - 100)  # what no store has, is unavailable by now
    world.score(task)
    for _ in range(3):
        world.work()
    states = [VERDICTS[each.verdict] for each in kinds]
    assert world.states(task) == [*states, SubmissionState.SCORED]
    reasons = world.reasons(task)
    assert all(each.says in reasons[number] for number, each in enumerate(kinds, start=1))
    assert ascii32(world.outcome(task)) == "settled"
    assert [world.locked(account) for account in VALIDATORS] == [0] * len(VALIDATORS)
    assert all(world.own(account) > 1000 for account in VALIDATORS)
