"""The client's loop: what it survives, what ends it."""

import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from node.loop import Loop
from protocol.errors import ChainUnavailable, ConfigInvalid


def loop_of(*results: float | Exception | None, poll_seconds: float = 0.01) -> tuple[Loop, list[float]]:
    """A loop whose ticks return or raise these in turn; it stops after the last. And the times of the ticks."""
    times: list[float] = []

    def tick() -> float | None:
        result = results[len(times)]
        times.append(time.monotonic())
        if len(times) == len(results):
            loop.stop()
        if isinstance(result, Exception):
            raise result
        return result

    loop = Loop(tick, poll_seconds, "trainer")
    return loop, times


def test_it_ticks_until_it_is_told_to_stop() -> None:
    loop, times = loop_of(None, None, None)
    loop.run()
    assert len(times) == 3
    assert loop.stopping


def test_what_passes_is_survived_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    down = ChainUnavailable("The node is down.")
    loop, times = loop_of(down, down, down, down, None, None)
    with caplog.at_level("INFO"):
        loop.run()
    pauses = [after - before for before, after in pairwise(times)]
    assert all(pause >= 0.009 * 2**at for at, pause in enumerate(pauses[:4]))
    assert pauses[4] < pauses[3]
    assert caplog.text.count("The trainer waits: The node is down.") == 1
    assert "The trainer goes on after 4 failed tries" in caplog.text


@pytest.mark.parametrize("error", [ConfigInvalid("No."), ValueError("a bug")])
def test_what_does_not_pass_ends_it(error: Exception) -> None:
    loop, times = loop_of(None, error, None)
    with pytest.raises(type(error), match=str(error)):
        loop.run()
    assert len(times) == 2


def test_a_tick_can_ask_for_the_next_one_early() -> None:
    loop, times = loop_of(0.02, -1.0, 1000.0, None, poll_seconds=0.3)
    loop.run()
    assert 0.02 <= times[1] - times[0] < 0.2
    assert times[2] - times[1] < 0.2
    assert 0.3 <= times[3] - times[2] < 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_tick_finish(number: signal.Signals) -> None:
    finished = []

    def tick() -> None:
        os.kill(os.getpid(), number)
        time.sleep(0.02)
        finished.append(loop.stopping)

    loop, before = Loop(tick, 60), signal.getsignal(number)
    loop.run()
    assert finished == [True]
    assert signal.getsignal(number) is before


def test_it_can_be_run_beside_the_main_thread() -> None:
    loop, times = loop_of(None, None)
    thread = threading.Thread(target=loop.run)
    thread.start()
    thread.join(5)
    assert len(times) == 2


def failing(times: int) -> Callable[[], str]:
    left = [ChainUnavailable("down")] * times

    def action() -> str:
        if left:
            raise left.pop()
        return "done"

    return action


def test_patience_before_the_first_tick() -> None:
    loop = Loop(lambda: None, 0.001)
    assert loop.patiently(failing(3)) == "done"
    loop.stop()
    assert loop.patiently(failing(0)) is None
