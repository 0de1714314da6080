"""The chain's node fails in every way that nodes do, for longer than anyone waits: the client goes on afterwards."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import play
import pytest
from misbehaving import Answer, Bend, Provider, behind, provider
from world import QUICK, World, write_model

from node.freshness import Freshness
from node.journal import Journal
from node.loop import Loop
from node.participant import Means
from node.program import settle_down
from node.sender import Sender
from protocol.chain import Chain
from protocol.phases import SubmissionState
from skein.processes import until
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings

FAILED_LOOKS = 4


def refusing(code: int, message: str) -> Callable[[Answer, Answer], Answer]:
    return lambda request, _: {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}}


OUTAGES: dict[str, Callable[[Answer, Answer], Any]] = {
    "overloaded": lambda request, answer: 503,
    "asks for less": lambda request, answer: 429,
    "says too many": refusing(-32005, "limit exceeded"),
    "breaks inside": refusing(-32603, "Internal error"),
    "has lost its newest block": refusing(-32000, "header not found"),
    "has no state": refusing(-32000, "missing trie node 12ab (path ) state 0x12 is not available"),
    "knows nothing": lambda request, answer: {"jsonrpc": "2.0", "id": request["id"], "result": None},
    "answers something else": lambda request, answer: {"jsonrpc": "2.0", "id": request["id"]},
    "is far behind": lambda request, answer: {**answer, "result": "0x"} if request["method"] == "eth_call" else answer,
    "is another chain's": lambda request, answer: (
        {**answer, "result": "0x1"} if request["method"] == "eth_chainId" else 503
    ),
}


@contextmanager
def living(world: World, node: Provider, account: int) -> Iterator[tuple[ArenaTrainer, list[Exception]]]:
    """A trainer that ticks in a thread, talking to its node alone; what ended it, if anything did."""
    chain = Chain(node.url, world.network.deployment, world.network.accounts[account])
    chain.rpc.patience = 0.05
    journal = Journal.open(world.root / "home", chain)
    means = Means(chain, Sender(chain, journal, 2), journal, world.store, journal.folder, 2)
    trainer = ArenaTrainer(means, TrainerSettings(**QUICK))
    freshness, ended = Freshness(chain, 2), []

    def tick() -> None:
        freshness.look()
        trainer.tick()

    loop = Loop(tick, 0.05, "trainer")

    def run() -> None:
        try:
            loop.run()
        except Exception as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield trainer, ended
    finally:
        node.bend = lambda request, answer: answer
        loop.stop()
        thread.join()
        trainer.jobs.close()
        journal.close()


def test_gas_above_the_limit_holds_up_no_other_task(world: World, caplog: pytest.LogCaptureFixture) -> None:
    trainer = world.trainer(2)
    for task in (world.task(), world.task()):
        write_model(trainer.model_folder(task), task)
    trainer.chain.max_fee_per_gas = 1
    world.work()
    trainer.tick()
    dear = "above the maximum of 1e-09 gwei: wait, or raise SKEIN_MAX_FEE_GWEI"
    assert [f"task={task}:" in line and dear in line for task, line in enumerate(warnings(caplog), 1)] == [True, True]
    trainer.chain.max_fee_per_gas = None
    world.work()
    assert world.states(1) == world.states(2) == [SubmissionState.COMMITTED]


def test_no_money_for_gas_is_said_once_and_waited_for(world: World, caplog: pytest.LogCaptureFixture) -> None:
    trainer = world.trainer(2)
    write_model(trainer.model_folder(world.task()), 2)
    address, money = trainer.chain.address, trainer.chain.balance(trainer.chain.address)
    world.network.rpc("anvil_setBalance", address, "0x0")
    for _ in range(4):
        world.network.mine()
        settle_down(trainer)
    assert [address in line and "send it some" in line for line in warnings(caplog)] == [True] * len(warnings(caplog))
    assert 1 <= len(warnings(caplog)) <= 2
    world.network.rpc("anvil_setBalance", address, hex(money))
    settle_down(trainer)
    assert world.states(1) == [SubmissionState.COMMITTED]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("how", OUTAGES)
def test_an_outage_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr("node.loop.LONGEST_PAUSE", 0.2)
    play.stake(world.network, 2)
    with provider(world.network.rpc_url) as node, living(world, node, 2) as (trainer, ended):
        until(lambda: node.count("eth_call") > FAILED_LOOKS, 60, "a look at the chain")
        task = 1
        write_model(trainer.model_folder(task), 2)

        def begin() -> None:
            assert world.task() == task
            for account in (3, 4):  # else the task is abandoned
                play.register(world.network, task, account)

        def outage(change: Callable[[], None]) -> None:
            node.bend = OUTAGES[how]
            asked = len(node.asked)
            until(lambda: len(node.asked) > asked + FAILED_LOOKS or ended, 60, "looks that fail")
            change()
            time.sleep(0.3)
            node.bend = lambda request, answer: answer

        outage(begin)
        until(lambda: world.states(task) == [SubmissionState.COMMITTED] or ended, 60, "the commitment")
        outage(lambda: world.network.set_time(world.chain.task(task).commit_ends))
        until(lambda: world.states(task) == [SubmissionState.REVEALED] or ended, 60, "the revelation")
        assert ended == []


def flipping(node: str) -> Bend:
    """Two nodes behind one name, one of them two blocks late: every other request finds it."""
    late, count = behind(node, 2), 0

    def bend(request: Answer, answer: Answer) -> Answer | int:
        nonlocal count
        count += 1
        return late(request, answer) if count % 2 else answer

    return bend


@pytest.mark.parametrize("how", [pytest.param("lags by 50 blocks", marks=pytest.mark.deep), "flips between two heads"])
def test_a_node_that_shows_the_past_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr("node.loop.LONGEST_PAUSE", 0.2)
    play.stake(world.network, 2)
    world.network.mine(60)
    real = world.network.rpc_url
    bend = behind(real, 50) if how.startswith("lags") else flipping(real)
    with provider(real) as node, living(world, node, 2) as (trainer, ended):
        trainer.chain.timeout = 0.5
        until(lambda: node.count("eth_call") > FAILED_LOOKS, 60, "a look at the chain")
        task = world.task()
        write_model(trainer.model_folder(task), 2)
        for account in (3, 4):  # else the task is abandoned
            play.register(world.network, task, account)
        node.bend, asked = bend, len(node.asked)
        until(lambda: len(node.asked) > asked + 40 or ended, 60, "looks at the past")
        world.network.mine(60)  # what was late arrives
        until(lambda: world.states(task) == [SubmissionState.COMMITTED] or ended, 60, "the commitment")
        world.network.set_time(world.chain.task(task).commit_ends)
        world.network.mine(60)
        until(lambda: world.states(task) == [SubmissionState.REVEALED] or ended, 60, "the revelation")
        assert ended == []
    assert world.chain.submission(task, 1).slashed == 0
