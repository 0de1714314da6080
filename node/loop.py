"""The loop of a long-running client: look, act, sleep; survive what passes, end on what does not."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from node.supervision import notify
from protocol.errors import ProtocolError

logger = logging.getLogger(__name__)

T = TypeVar("T")
LONGEST_PAUSE = 60.0


class Loop:
    """Calls `tick` until it is told to stop by `stop()`, SIGTERM or SIGINT; a tick that has begun is finished.

    Retryable errors are logged and the tick is tried again, after pauses that double up to a minute; any other error
    ends the loop and is raised. A tick may return after how many seconds it wants the next one, `poll_seconds` at most.
    A second signal ends the process at once.
    """

    def __init__(self, tick: Callable[[], float | None], poll_seconds: float, name: str = "client") -> None:
        self._tick = tick
        self._poll_seconds = poll_seconds
        self._name = name
        self._stopping = threading.Event()
        self._failures = 0
        self._told = ""

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for: long work should look now and then."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End after the present tick."""
        self._stopping.set()

    def run(self) -> None:
        """Tick until told to stop."""
        with self._signals():
            logger.info("Started the %s", self._name)
            while not self.stopping:
                wish = self._try(self._tick)
                self._stopping.wait(self._back_off() if self._failures else self._pause(wish))
            notify(STOPPING=1)
            logger.info("Stopped the %s", self._name)

    def patiently(self, action: Callable[[], T]) -> T | None:
        """The result of `action`, tried again while its errors are retryable; None when told to stop before."""
        with self._signals():
            while not self.stopping:
                result = self._try(action)
                if not self._failures:
                    return result
                self._stopping.wait(self._back_off())
        return None

    def _try(self, action: Callable[[], T]) -> T | None:
        """The result, or None and one more failure."""
        result = self._attempt(action)
        notify(READY=1, WATCHDOG=1, STATUS=self._told or "at work")
        return result

    def _attempt(self, action: Callable[[], T]) -> T | None:
        try:
            result = action()
        except ProtocolError as error:
            if not error.retryable:
                raise
            self._failures += 1
            self._tell(error)
            return None
        if self._failures:
            logger.info("The %s goes on after %d failed tries", self._name, self._failures)
        self._failures, self._told = 0, ""
        return result

    def _pause(self, wish: float | None) -> float:
        return self._poll_seconds if wish is None else min(max(wish, 0.0), self._poll_seconds)

    def _back_off(self) -> float:
        return min(self._poll_seconds * 2.0 ** min(self._failures - 1, 16), LONGEST_PAUSE)

    def _tell(self, error: ProtocolError) -> None:
        """Say the same thing once, not at every try of a night-long outage."""
        if str(error) != self._told:
            self._told = str(error)
            logger.warning("The %s waits: %s", self._name, error)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first signal asks for the end, the second one gets it. Only the main thread may set handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def handle(number: int, frame: Any) -> None:
            self.stop()
            signal.signal(number, signal.SIG_DFL)

        for number in before:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
