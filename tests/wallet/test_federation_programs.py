"""A federation as people run it: founded from the command line, its members whole processes, one of them a poisoner."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from network import SKEIN
from shell import PASSWORD, Shell

from protocol.federated.phases import Phase
from wallet import federations
from wallet.federation_example import write_example

MEMBERS = (2, 3, 4, 5, 6, 7)
POISONER = 7
WINDOWS = {"rest": 10_000, "commit": 10_000, "reveal": 10_000, "vote": 10_000, "ballot": 10_000, "attest": 10_000}
POISON = """
from trainer.federated.local import open_local
from trainer.federated.perceptron import Effort

class Poison:
    def __init__(self, spec):
        self.own = open_local({source!r}, spec, Effort())
        self.load, self.evaluate, self.describe = self.own.load, self.own.evaluate, self.own.describe

    def train(self, weights, seed):
        trained = self.own.train(weights, seed)
        return {{name: 9 * weights[name] - 8 * trained[name] for name in weights}}
"""


class Programs:
    """Members' processes by account, and the federation's clock."""

    def __init__(self, shell: Shell, files: Path) -> None:
        self.shell, self.files, self.running = shell, files, {}
        self.chain = shell.network.chain()
        (files / "poison.py").write_text(POISON.format(source=str(files / "member-6.csv")))

    def start(self, account: int) -> None:
        """As a member would: one command."""
        data = "python:poison:Poison" if account == POISONER else str(self.files / f"member-{account - 1}.csv")
        keystore = self.shell.home / "keystores" / f"a{account}.json"
        command = [sys.executable, "-m", "skein", "trainer", "join", "1", "--data", data, "--keystore", str(keystore)]
        options = {
            "poll-seconds": 0.3,
            "spread-seconds": 0,
            "retry-seconds": 0.3,
            "confirmations": 1,
            "min-window-seconds": 1,
        }
        command += [f"--{name}={value}" for name, value in options.items()]
        with (self.files / f"{account}.log").open("a") as log:
            environment = {**os.environ, "PYTHONPATH": f"{self.files}:{Path.cwd()}", "OMP_NUM_THREADS": "1"}
            self.running[account] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self, account: int) -> None:
        process = self.running.pop(account)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for it; nobody's process may end meanwhile."""
        give_up = time.monotonic() + 180
        while not condition():
            ended = {each: process.returncode for each, process in self.running.items() if process.poll()}
            logs = "\n".join((self.files / f"{each}.log").read_text()[-1500:] for each in ended or self.running)
            assert not ended and time.monotonic() < give_up, f"{what} {ended}\n{logs}"
            time.sleep(0.2)

    def record(self) -> Any:
        return self.chain.call("Alliance", "federation", 1)

    def member(self, account: int) -> Any:
        return self.chain.call("Alliance", "member", 1, self.shell.address(account))

    def phase(self) -> Phase:
        """From what is in a block: what is still to be mined does not count."""
        return federations.read(self.chain, 1).phase

    def pass_phase(self, phase: Phase, done: Callable[[Any], bool]) -> None:
        """Let the members do what a phase is for, then let its time pass."""
        number = self.record().round
        self.until(lambda: self.phase() != phase or done(self.chain.call("Alliance", "round", 1, number)), phase.name)
        if self.phase() == phase:
            self.shell.network.sleep(10_001)

    def run_round(self) -> None:
        """From a rest to the next one."""
        before = self.record().round
        self.shell.network.sleep(10_001)
        self.until(lambda: self.record().round > before, "the start")
        self.until(lambda: self.phase() != Phase.DRAW, "the draw")
        number, slots = self.record().round, len(self.chain.call("Alliance", "roles", 1, self.record().round))

        def committed(first: int, last: int) -> bool:
            entries = [self.chain.call("Alliance", "entry", 1, number, slot) for slot in range(first, last)]
            return all(int(entry.commitment, 16) for entry in entries)

        self.pass_phase(Phase.COMMIT, lambda round_: committed(0, round_.proposer_count))
        self.pass_phase(Phase.REVEAL, lambda round_: round_.revealed.bit_count() == round_.proposer_count)
        self.pass_phase(Phase.VOTE_COMMIT, lambda round_: committed(round_.proposer_count, slots))
        self.pass_phase(Phase.VOTE_REVEAL, lambda round_: round_.ballots.bit_count() == round_.voter_count)
        self.until(lambda: not self.record().open or self.record().round > number, "the settlement")


@pytest.fixture
def programs(shell: Shell, tmp_path: Path) -> Iterator[Programs]:
    with running(shell, tmp_path / "files") as made:
        yield made


@contextmanager
def running(shell: Shell, files: Path) -> Iterator[Programs]:
    write_example(files, 6)
    for account in MEMBERS[2:]:
        shell.network.keystore(account, shell.home, PASSWORD).rename(shell.home / "keystores" / f"a{account}.json")
    made = Programs(shell, files)
    try:
        yield made
    finally:
        for account in list(made.running):
            made.kill(account)


def found(shell: Shell, files: Path) -> None:
    settings = [f"--set=windows.{name}={seconds}" for name, seconds in WINDOWS.items()]
    settings += ["--set=rounds.count=9", "--set=rounds.proposers=4", "--set=rounds.quorum=2", "--set=packing.bits=8"]
    settings += ["--set=rule.name=mean", "--set=rounds.min_members=6"]
    shell.run("federation", "create", str(files / "federation.toml"), "--bounty", "90", *settings, "-a", "a1")


def test_a_dry_run_says_what_a_member_would_send(shell: Shell, tmp_path: Path) -> None:
    files = tmp_path / "files"
    write_example(files, 6)
    shell.run("federation", "create", str(files / "federation.toml"), "-a", "a1")  # as the README has it
    data = ("--data", str(files / "member-1.csv"), "--keystore", str(shell.home / "keystores" / "a2.json"))
    shell.run("stake", "deposit", "100", "-a", "a2")
    sent = shell.network.chain(2).nonce()
    told = shell.run("trainer", "join", "1", *data, "--dry-run").output
    assert "Would send Alliance.join for federation:1:join" in told
    assert shell.network.chain(2).nonce() == sent
    shell.run("trainer", "join", "1", *data, "--once", "--confirmations", "0")
    assert shell.network.chain(2).nonce() == sent + 1  # nothing of the rehearsal is in the way


@pytest.mark.timeout(900)  # seven processes: on a busy machine each phase takes its time
def test_members_improve_a_model_and_the_poisoner_pays(programs: Programs) -> None:
    shell, chain = programs.shell, programs.chain
    found(shell, programs.files)
    for account in MEMBERS:
        shell.run("stake", "deposit", "20", "-a", f"a{account}")
        programs.start(account)
    shell.network.rpc("evm_setIntervalMining", 1)  # transactions wait for a block, as they do on real chains
    programs.until(lambda: programs.record().member_count == 6, "all have joined")
    first = programs.record().model_digest
    programs.run_round()
    programs.kill(3)
    programs.start(3)
    programs.run_round()
    for _ in range(6):
        if programs.member(POISONER).stake < 10 * SKEIN:
            break
        programs.run_round()
    assert programs.member(POISONER).stake <= 9 * SKEIN  # or a tenth less, if it was drawn to propose twice
    assert programs.record().model_digest != first

    shell.run("federation", "leave", "1", "-a", "a2")
    assert programs.running[2].wait(60) == 0 and "has left federation=1" in (programs.files / "2.log").read_text()
    told = shell.run("federation", "watch", "1", "--once").stdout
    assert f"{shell.address(POISONER)} loses 1 SKEIN in round" in told and "has the model 0x" in told
    assert sum(programs.member(account).earned for account in MEMBERS) == programs.record().owed > 0
    assert programs.member(2).earned == 0 and chain.call("Staking", "lockable", shell.address(2)) > 20 * SKEIN
    shown = json.loads(shell.run("federation", "show", "1", "--json").stdout)
    assert any(round_["counted"] and round_["harmful"] for round_ in shown["rounds"])
