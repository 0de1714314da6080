"""What happens around a client that runs for months: its files change, its machine sleeps, its store is away for hours,
its disk is full, its clock jumps.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import play
import pytest
from daemons import ipfs
from network import Network
from world import World, open_world

from protocol.ipfs import IpfsStore
from protocol.phases import SubmissionState as S
from skein.processes import until
from validator.sandbox import Sandbox

PASSWORD = "correct horse"


@dataclass
class Operator:
    """A trainer in a process of its own, its settings file and its password file."""

    folder: Path
    settings: Path = field(init=False)
    password: Path = field(init=False)

    def __post_init__(self) -> None:
        self.settings, self.password = self.folder / "config.toml", self.folder / "password"

    def furnish(self, network: Network, store: Path) -> None:
        """Write what it is started with."""
        keystore = network.keystore(2, self.folder, PASSWORD)
        self.password.write_text(PASSWORD + "\n")
        lines = {
            "rpc_url": network.rpc_url,
            "deployment": network.deployment_path,
            "store": f"dir:{store}",
            "home": self.folder / "home",
            "keystore": keystore,
            "password_file": self.password,
        }
        text = "".join(f'{name} = "{value}"\n' for name, value in lines.items())
        self.settings.write_text(
            f"[skein]\npoll_seconds = 0.2\nconfirmations = 2\n{text}[trainer]\nspread_seconds = 0\n"
        )

    @contextmanager
    def running(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "skein", "trainer", "run"]
        environment = {**os.environ, "SKEIN_CONFIG": str(self.settings), "TRAINER_EPOCHS": "3"}
        with log.open("wb") as out, subprocess.Popen(command, stderr=out, env=environment) as process:
            try:
                yield process
            finally:
                process.kill()

    def last_words(self) -> tuple[int, str]:
        """How a start ends that cannot succeed: exit code, what it says."""
        command = [sys.executable, "-m", "skein", "trainer", "run"]
        environment = {**os.environ, "SKEIN_CONFIG": str(self.settings)}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
        return ended.returncode, ended.stderr


@pytest.mark.deep
def test_files_that_change_under_a_client_and_a_machine_that_sleeps(world: World, tmp_path: Path) -> None:
    operator, log = Operator(tmp_path / "operator"), tmp_path / "log"
    operator.folder.mkdir()
    operator.furnish(world.network, world.root / "store")
    play.stake(world.network, 2)
    task = world.task()
    for account in (3, 4):
        play.register(world.network, task, account)
    with operator.running(log) as client:
        until(lambda: world.states(task) == [S.COMMITTED] or client.poll() is not None, 120, "the commitment")
        good = operator.settings.read_text()
        operator.settings.write_text("[skein\nrpc_url = nothing")
        operator.password.unlink()
        client.send_signal(signal.SIGSTOP)  # the lid is closed, and opened when it is nearly too late
        world.network.set_time(world.chain.task(task).reveal_ends - 100)
        client.send_signal(signal.SIGCONT)
        until(lambda: world.states(task) == [S.REVEALED] or client.poll() is not None, 120, "the revelation")
        client.send_signal(signal.SIGTERM)
        assert client.wait(60) == 0
    code, told = operator.last_words()
    assert code == 3 and told.startswith(f"Error: The settings file {operator.settings} is not TOML: ")
    operator.settings.write_text(good)
    missing = f"Error: The password file {operator.password} cannot be read: No such file or directory.\n"
    assert operator.last_words() == (3, missing)
    operator.password.write_text("another\n")
    code, told = operator.last_words()
    assert code == 3 and told.startswith("Error: The password does not open ") and told.count("\n") == 1
    assert "Traceback" not in log.read_text()


# --- a store that is away


@dataclass
class Gate:
    """A port in front of a daemon that can be shut: then nobody listens there."""

    target: tuple[str, int]
    port: int = 0
    _server: socket.socket | None = None

    def open(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._server,), daemon=True).start()

    def shut(self) -> None:
        assert self._server is not None
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next connection
        self._server.close()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=_bridge, args=(client, self.target), daemon=True).start()


def _bridge(client: socket.socket, target: tuple[str, int]) -> None:
    with client, socket.create_connection(target) as daemon:
        back = threading.Thread(target=_pass_on, args=(daemon, client), daemon=True)
        back.start()
        _pass_on(client, daemon)
        back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@dataclass
class Remote(World):
    """A world whose artifacts lie with a daemon."""

    daemon: str = ""

    @property
    def store(self) -> IpfsStore:  # type: ignore[override]
        return IpfsStore(self.daemon, timeout=5)


def hurry(world: World) -> None:
    """The pauses after what failed are over."""
    for client in world.clients:
        client.jobs._failures.clear()
    world.work()


@pytest.mark.deep
def test_an_ipfs_daemon_that_is_away_for_hours_costs_nothing(
    network: Network, tmp_path: Path, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with ipfs() as address, open_world(network, tmp_path, sandbox) as opened:
        gate = Gate(("127.0.0.1", int(address.rpartition("/")[2])))
        gate.open()
        world = Remote(opened.network, opened.root, sandbox, opened.clients, f"/ip4/127.0.0.1/tcp/{gate.port}")
        task = world.task()
        trainer = world.entrant(2, task)
        for account in (3, 4, 5):
            world.validator(account)
        world.work()

        def away(deadline: str) -> None:
            """Gone, until long after a deadline; then it is back, and pauses are over."""
            gate.shut()
            with caplog.at_level(logging.WARNING):
                world.pass_to(task, deadline)
                world.network.set_time(world.network.now() + 400)
                for _ in range(2):
                    world.work()
            gate.open()
            hurry(world)

        away("commit_ends")
        assert sum("Could not publish the model" in line for line in caplog.messages) == 1
        assert world.states(task) == [S.REVEALED] and trainer.hindrance is None
        world.pass_to(task, "reveal_ends")
        gate.shut()
        world.release(task)
        world.work()
        gate.open()
        hurry(world)
        away("score_commit_ends")
        assert sum("Could not publish the reports" in line for line in caplog.messages) <= 3
        world.pass_to(task, "score_reveal_ends")
        for _ in range(3):
            world.work()
        assert world.states(task) == [S.SCORED] and world.chain.task(task).slashed == 0


# --- a disk that is full


@pytest.mark.deep
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_disk_that_fills_up_while_it_evaluates_is_waited_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    task = world.task()
    world.entrant(2, task)
    validators = [world.validator(account, min_free_bytes=0) for account in (3, 4, 5)]
    world.unseal(task)
    small = validators[0].work
    subprocess.run(["cp", "-r", small, f"{small}.kept"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], check=True)
    try:
        subprocess.run(["cp", "-r", f"{small}.kept/.", small], check=True)
        with suppress(OSError), (small / "ballast").open("wb") as ballast:
            while True:
                ballast.write(bytes(65536))
                ballast.flush()
        with caplog.at_level(logging.WARNING):
            world.work()
        assert not world.has_committed(task, 3) and world.has_committed(task, 4)
        assert any("No space left on device" in line for line in caplog.messages)
        (small / "ballast").unlink()
        hurry(world)
        world.score(task)
        assert world.has_committed(task, 3)
        for _ in range(3):
            world.work()
        assert world.states(task) == [S.SCORED] and world.chain.task(task).slashed == 0
    finally:
        validators[0].journal.close()
        subprocess.run(["umount", "-l", small], check=True)


@pytest.mark.deep
def test_a_clock_that_jumps_by_hours_misses_no_deadline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forwards before the commitment, backwards before the revelation: deadlines go by the chain alone."""
    task, now = world.task(), time.time
    world.entrant(2, task)
    for account in (3, 4, 5):
        world.validator(account)
    monkeypatch.setattr(time, "time", lambda: now() + 5 * 3600)
    world.unseal(task)
    monkeypatch.setattr(time, "time", lambda: now() - 5 * 3600)
    world.score(task)
    for _ in range(3):
        world.work()
    assert world.states(task) == [S.SCORED] and world.chain.task(task).slashed == 0
