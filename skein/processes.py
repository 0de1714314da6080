"""Child processes with a name, a log file and an end: none outlives its supervisor.

Children lead their own process groups, so that a Ctrl-C at the terminal reaches the supervisor alone, which then ends
them in order. Should the supervisor itself be killed, its watchdog ends them.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from protocol.errors import ProtocolError
from skein import watchdog

T = TypeVar("T")
STOP_SECONDS = 10.0
EARLY_SECONDS = 5.0  # a process that ends so soon after its start will do it again
MAX_EARLY_DEATHS = 3


class ProcessFailed(ProtocolError):
    """A process that should be running has ended, or is not ready in time."""


@dataclass
class Process:
    """One child; `command` starts it again, `environment` is what was added to the supervisor's own."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    popen: subprocess.Popen[bytes]
    started: float
    early_deaths: int = 0

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def tail(self, lines: int = 5) -> str:
        """The end of the log: what to show when it failed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Supervisor:
    """Starts, restarts and ends processes; a context manager that ends all of them."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.processes: dict[str, Process] = {}
        logs.mkdir(parents=True, exist_ok=True)
        self._watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__], stdin=subprocess.PIPE, start_new_session=True
        )

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        again: Sequence[str] | None = None,
    ) -> Process:
        """Run a command; what it prints is appended to `<logs>/<name>.log`. `again`: the command of later starts."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                list(command),
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self._tell_watchdog(f"+{popen.pid}")
        process = Process(name, list(again or command), dict(environment or {}), log, popen, time.monotonic())
        self.processes[name] = process
        return process

    def restart(self, name: str) -> Process:
        """Start a process again as it was started, after ending what is left of it."""
        old = self.processes[name]
        self.stop(name)
        return self.start(name, old.command, old.environment)

    def revive(self) -> list[str]:
        """Start again what has ended by itself, and name it; ProcessFailed for what ends again and again at once."""
        ended = [process for process in self.processes.values() if not process.running]
        for process in ended:
            is_early = time.monotonic() - process.started < EARLY_SECONDS
            deaths = process.early_deaths + 1 if is_early else 0
            if deaths >= MAX_EARLY_DEATHS:
                self.check()
            self.restart(process.name).early_deaths = deaths
        return [process.name for process in ended]

    def kill(self, name: str) -> None:
        """SIGKILL to the process and its children, as a power cut would."""
        process = self.processes[name]
        watchdog.send(process.popen.pid, signal.SIGKILL)
        process.popen.wait()

    def check(self) -> None:
        """Raise ProcessFailed when a process has ended by itself."""
        for process in self.processes.values():
            if not process.running:
                raise ProcessFailed(
                    f"{process.name} ended with exit code {process.popen.returncode}; "
                    f"its log {process.log} ends:\n{process.tail()}"
                )

    def stop(self, *names: str) -> None:
        """End processes (all by default), newest first: SIGTERM, and SIGKILL to what is left after ten seconds."""
        chosen = [self.processes.pop(name) for name in reversed(names or tuple(self.processes))]
        for process in chosen:
            watchdog.send(process.popen.pid, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for process in chosen:
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(max(0.0, until - time.monotonic()))
            watchdog.send(process.popen.pid, signal.SIGKILL)
            process.popen.wait()
            self._tell_watchdog(f"-{process.popen.pid}")

    def _tell_watchdog(self, line: str) -> None:
        assert self._watchdog.stdin is not None
        with suppress(BrokenPipeError):
            self._watchdog.stdin.write(line.encode() + b"\n")
            self._watchdog.stdin.flush()

    def close(self) -> None:
        """End everything, the watchdog last."""
        self.stop()
        assert self._watchdog.stdin is not None
        with suppress(BrokenPipeError):
            self._watchdog.stdin.close()
        self._watchdog.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def until(
    ready: Callable[[], T | None], timeout: float, what: str, meanwhile: Callable[[], object] = lambda: None
) -> T:
    """The first true answer of `ready`, asked ten times a second; ProcessFailed if there is none in `timeout` seconds.

    `meanwhile` is called after each vain question: `Supervisor.check` to stop waiting for what has died.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = ready()
        if answer:
            return answer
        meanwhile()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{what} is not there after {timeout:.0f} seconds.")
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on now."""
    with_sockets = [socket.socket() for _ in range(count)]
    try:
        for each in with_sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in with_sockets]
    finally:
        for each in with_sockets:
            each.close()


def arm_signals() -> None:
    """Make SIGTERM and SIGHUP end this program as Ctrl-C does: through every `finally`."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
