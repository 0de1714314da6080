"""kill -9 at every step of sending: whatever is done again afterwards, one transaction takes effect."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from network import Network

from node.intents import Intent, Sent, State
from node.journal import Journal
from node.sender import Sender
from protocol.chain import Chain
from protocol.transactions import Signed

NOBODY = "0x00000000000000000000000000000000000000AA"
FORK = multiprocessing.get_context("fork")


def power_cut() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class FragileChain(Chain):
    """Dies around signing and broadcasting."""

    dies = ""

    def sign(self, transaction: dict[str, Any]) -> Signed:
        if self.dies == "before signing":
            power_cut()
        return super().sign(transaction)

    def broadcast(self, raw: str) -> None:
        if self.dies == "before broadcasting":
            power_cut()
        super().broadcast(raw)
        if self.dies == "before the answer":
            power_cut()


class FragileJournal(Journal):
    """Dies around its commits."""

    dies = ""

    def _add(self, intent: int, sent: Sent) -> None:
        super()._add(intent, sent)
        if self.dies == "in the journal's commit":
            power_cut()

    def begin(self, *args: Any, **options: Any) -> Intent:
        intent = super().begin(*args, **options)
        if self.dies == "after the journal's commit":
            power_cut()
        return intent

    def settle(self, intent: Intent, state: State, *args: Any, **options: Any) -> Intent:
        if self.dies == "before the outcome":
            power_cut()
        settled = super().settle(intent, state, *args, **options)
        if self.dies == "after the outcome":
            power_cut()
        return settled


POINTS = [
    "before signing",
    "in the journal's commit",
    "after the journal's commit",
    "before broadcasting",
    "before the answer",
    "before the outcome",
    "after the outcome",
]


def pay(network: Network, home: Path, dies: str) -> None:
    """A client from its start on."""
    chain = FragileChain(network.rpc_url, network.deployment, network.accounts[1])
    journal = FragileJournal.open(home, chain)
    chain.dies = journal.dies = dies
    sender = Sender(chain, journal)
    sender.resume()
    sender.send("pay", "SkeinToken", "transfer", NOBODY, 7)


def run(target: Callable[..., None], *args: Any) -> int:
    """The exit code of a process of its own."""
    process = FORK.Process(target=target, args=args)
    process.start()
    process.join(30)
    assert process.exitcode is not None
    return process.exitcode


def took_effect_once(network: Network) -> bool:
    chain = network.chain(1)
    return (chain.token_balance(NOBODY), chain.nonce("latest"), chain.nonce("pending")) == (7, 1, 1)


@pytest.mark.parametrize(("first", "second"), list(product(POINTS, POINTS)))
def test_a_crash_and_another_one_do_no_harm(module_network: Network, tmp_path: Path, first: str, second: str) -> None:
    snapshot = module_network.snapshot()
    assert run(pay, module_network, tmp_path, first) == -signal.SIGKILL
    assert run(pay, module_network, tmp_path, second) in (-signal.SIGKILL, 0)
    assert run(pay, module_network, tmp_path, "") == 0
    assert took_effect_once(module_network)
    module_network.revert(snapshot)


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_and_a_reorganisation_do_no_harm(module_network: Network, tmp_path: Path, point: str) -> None:
    snapshot = module_network.snapshot()
    module_network.mine(2)
    run(pay, module_network, tmp_path, point)
    module_network.reorg(2)
    assert run(pay, module_network, tmp_path, point) in (-signal.SIGKILL, 0)
    module_network.reorg(1)
    assert run(pay, module_network, tmp_path, "") == 0
    assert took_effect_once(module_network)
    module_network.revert(snapshot)
