"""Runs the evaluation of a stranger's model in a confined child process, and tells whose fault a failure is.

What the specification limits (processor time, memory) and what a model does by itself (a crash) comes back as data.
What this machine does (cannot start the child, disk full, killed from outside, much too slow) is `SandboxUnavailable`,
to be tried again and never a verdict on a model.
"""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from protocol.errors import ProtocolError
from validator.isolation import EXIT_SLOW, Limits
from validator.sandbox_child import EXIT_BROKEN, EXIT_MEMORY

logger = logging.getLogger(__name__)

_CHILD = (sys.executable, "-I", "-m", "validator.sandbox_child")
_START_SECONDS = 300  # loading the libraries on a machine that is busy with everything else
# Numeric libraries start threads as they load; a forked child has none of them, so they must never exist.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
# A third of an evaluation's time went into giving large pieces of memory back and asking for them again.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(512 << 20)}
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH", "SYSTEMROOT")


class SandboxUnavailable(ProtocolError):
    """The evaluation could not be carried out here; says nothing about the model."""

    retryable = True


@dataclass(frozen=True)
class Ended:
    """How an evaluation ended. `fault` is None when it wrote its result, else what the evaluation did wrong."""

    fault: str | None
    cpu_seconds: float
    peak_bytes: int


class Sandbox:
    """Confined evaluations, one child process each, forked from a warm one that is started when first needed.

    `evaluator` is a module with `run(job: dict, output: Path) -> None`; `folders` are searched for it first.
    Threads may share a sandbox: each evaluation that runs at the same time has a warm process of its own.
    """

    def __init__(self, evaluator: str = "validator.evaluator", folders: Sequence[Path] = ()) -> None:
        self._command = [*_CHILD, evaluator, *map(str, folders)]
        self._idle: list[_Warm] = []
        self._busy: set[_Warm] = set()
        self._lock = threading.Lock()

    def run(
        self, job: Mapping[str, Any], inputs: Sequence[Path], output: Path, limits: Limits, wall_seconds: float
    ) -> Ended:
        """Run one job that reads below `inputs`; its files are in `output` afterwards. Raises SandboxUnavailable."""
        request = {
            "job": dict(job),
            "inputs": [str(path.resolve()) for path in inputs],
            "output": str(output.resolve()),
            "limits": asdict(limits),
        }
        warm = self._take()
        try:
            report = warm.ask(request, wall_seconds)
        except BaseException:
            self._give_back(warm, usable=False)
            raise
        self._give_back(warm)
        return _judge(report, limits, output)

    def close(self) -> None:
        """End all children, also those at work: what runs there fails with SandboxUnavailable."""
        with self._lock:
            idle, self._idle = self._idle, []
            for busy in self._busy:
                busy.stop()  # the thread that waits for it clears up
        for warm in idle:
            warm.kill()

    def _take(self) -> "_Warm":
        with self._lock:
            alive = [warm for warm in self._idle if warm.alive()]
            found = alive.pop() if alive else None
            self._idle = alive
        warm = found or _Warm(self._command)
        with self._lock:
            self._busy.add(warm)
        return warm

    def _give_back(self, warm: "_Warm", usable: bool = True) -> None:
        with self._lock:
            self._busy.discard(warm)
            if usable:
                self._idle.append(warm)
        if not usable:
            warm.kill()


def confinement() -> list[str]:
    """The layers by which evaluations are confined on this system; see `validator.isolation`."""
    child = _Warm(_CHILD)
    child.kill()
    return child.layers


def tell_confinement() -> None:
    """Log how evaluations are confined, as a warning where only Python itself stands between model and network."""
    layers = confinement()
    weak = "audit" in layers
    told = "; use Linux for more" if weak else ""
    logger.log(logging.WARNING if weak else logging.INFO, "Evaluations are confined by %s%s", ", ".join(layers), told)


class _Warm:
    """A process that has the libraries loaded and forks an evaluation per request."""

    def __init__(self, command: Sequence[str]) -> None:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _ONE_THREAD | _KEEP_MEMORY
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxUnavailable(f"The evaluation process cannot be started: {error}.") from error
        try:
            self.layers: list[str] = self._greeting()
        except BaseException:
            self.kill()
            raise

    def _greeting(self) -> list[str]:
        greeting = self._read(_START_SECONDS)
        if "failed" in greeting:
            raise SandboxUnavailable(f"The evaluation process cannot load its libraries: {greeting['failed']}.")
        return list(greeting["layers"])

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any], wall_seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise SandboxUnavailable(f"The evaluation process is gone: {error}.") from error
        return self._read(wall_seconds)

    def _read(self, seconds: float) -> dict[str, Any]:
        """The next line. The child writes each in one piece, far below what a pipe takes at once."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                raise SandboxUnavailable(f"An evaluation did not end in {seconds:.0f} s; is the machine overloaded?")
        line = self._process.stdout.readline()
        if not line:
            raise SandboxUnavailable("The evaluation process was killed from outside; is the machine out of memory?")
        return dict(json.loads(line))

    def stop(self) -> None:
        """End it with all that it started: its group by signal, its evaluation with its process namespace."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """The same, and clear up."""
        self.stop()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it never read is of no use to it now
                    pipe.close()


def _judge(report: Mapping[str, Any], limits: Limits, output: Path) -> Ended:
    """Tell the evaluation's fault from the machine's."""
    ended, sent = report["exit"], report["signal"]
    fault: str | None
    if ended == 0:
        fault = None
    elif ended == EXIT_MEMORY:
        fault = f"needed more than {limits.memory_bytes >> 20} MiB of memory"
    elif ended == EXIT_BROKEN:
        fault = f"failed: {_last_line(output)}"
    elif ended == EXIT_SLOW:
        fault = f"took more than {limits.cpu_seconds} s of processor time"
    elif sent is not None and sent != signal.SIGKILL:
        fault = f"crashed with {signal.Signals(sent).name}"
    else:
        raise SandboxUnavailable(f"An evaluation could not be carried out here: {_last_line(output)}.")
    return Ended(fault, float(report["cpu"]), int(report["peak"]))


def _last_line(output: Path) -> str:
    """What the trace of a failed evaluation ends with."""
    try:
        with (output / "error.txt").open(encoding="utf-8", errors="replace") as trace:
            lines = trace.read(8000).strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "killed from outside"
