"""Long work beside a loop: fetching, training, evaluating, in threads, so that every deadline is still met meanwhile.

A loop asks for the same result on every tick and gets it once it is there. Nothing here outlives the program: what must
is on disk, and after a restart the work is simply asked for again.
"""

import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

from protocol.errors import ProtocolError

T = TypeVar("T")


@dataclass
class _Failures:
    count: int
    not_before: float


class Jobs:
    """Results by key. A job that fails can be started again after a pause, `longest_pause` seconds at most."""

    def __init__(self, workers: int, first_pause: float = 1.0, longest_pause: float = 60.0) -> None:
        self._slots = threading.Semaphore(workers)
        self._running: dict[Hashable, Future[Any]] = {}
        self._failures: dict[Hashable, _Failures] = {}
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self.stopping = threading.Event()
        self.finished = 0
        """How many jobs have ended, well or not."""

    def result(self, key: Hashable, work: Callable[[], T]) -> T | None:
        """What `work` returned, or None while it runs; started here if it does not run yet.

        The result is given once: keep it, or have `work` find it on disk. What `work` raised is raised here, once each
        time; None follows until the pause is over.
        """
        if key not in self._running:
            if self._is_pausing(key):
                return None
            self._running[key] = self._start(work)
        future = self._running[key]
        if not future.done():
            return None
        del self._running[key]
        return cast(T, self._outcome(key, future))

    def _start(self, work: Callable[[], Any]) -> Future[Any]:
        """Daemon threads: a program that is told to stop does not wait for a slow download."""
        future: Future[Any] = Future()
        threading.Thread(target=self._run, args=(future, work), daemon=True, name="job").start()
        return future

    def _run(self, future: Future[Any], work: Callable[[], Any]) -> None:
        with self._slots:
            try:
                deliver = partial(future.set_result, work())
            except BaseException as error:  # raised again where the result is asked for
                deliver = partial(future.set_exception, error)
        self.finished += 1
        deliver()

    def _is_pausing(self, key: Hashable) -> bool:
        failures = self._failures.get(key)
        return failures is not None and time.monotonic() < failures.not_before

    def _outcome(self, key: Hashable, future: Future[Any]) -> Any:
        try:
            value = future.result()
        except ProtocolError:
            count = self._failures[key].count + 1 if key in self._failures else 0
            pause = min(self._first_pause * 2 ** min(count, 16), self._longest_pause)
            self._failures[key] = _Failures(count, time.monotonic() + pause)
            raise
        self._failures.pop(key, None)
        return value

    @property
    def busy(self) -> bool:
        """Whether anything runs."""
        return self.running > 0

    @property
    def running(self) -> int:
        """How many run or wait for their turn."""
        return sum(not future.done() for future in self._running.values())

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing runs any more."""
        wait(list(self._running.values()), timeout)

    def close(self) -> None:
        """Tell what runs to end early, if it looks at `stopping`."""
        self.stopping.set()


def die_with_parent() -> None:
    """Ask for SIGKILL when the parent ends, so that no child outlives a client; only Linux knows how."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
