"""A client in a process of its own that dies of SIGKILL right after its next step: a journal entry, a broadcast, a file
or folder put in its place. Started again and again it makes one step a life.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from node.journal import Journal
from node.participant import Participant
from node.program import settle_down
from protocol.rpc import Rpc

_FORK = multiprocessing.get_context("fork")


def one_life(make: Callable[[], Participant]) -> int:
    """Run a client until it dies or has nothing to do; the exit code, -SIGKILL or 0."""
    return one_run(partial(_live_untouched, make))


def one_run(work: Callable[[], object]) -> int:
    """The same for any program that keeps a journal, or only sends."""
    process = _FORK.Process(target=_die_of_news, args=(work,))
    process.start()
    process.join(600)  # of a busy machine
    hung = process.exitcode is None
    process.kill()
    assert not hung, "it hangs"
    return int(process.exitcode or 0)


def deaths_of(work: Callable[[], object], most: int = 40) -> int:
    """Run a program until it has nothing to do; how often it died."""
    for deaths in range(most):
        ended = one_run(work)
        if ended == 0:
            return deaths
        assert ended == -signal.SIGKILL
    raise AssertionError("it dies for ever")


def short_life(make: Callable[[], Participant], seconds: float) -> int:
    """Run a client for at most so long, untouched but for the SIGKILL at the end; the exit code, -SIGKILL or 0."""
    process = _FORK.Process(target=_live_untouched, args=(make,))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _live_untouched(make: Callable[[], Participant]) -> None:
    client = make()
    settle_down(client)
    client.close()


def _die_of_news(work: Callable[[], object]) -> None:
    for name in ("remember", "begin", "replace"):
        setattr(Journal, name, _dying(getattr(Journal, name)))
    Rpc.request = _dying(Rpc.request, lambda _, method, *__: method == "eth_sendRawTransaction")  # type: ignore[method-assign]
    os.rename = _dying_of_news(os.rename)
    work()


def _dying_of_news(rename: Callable[..., None]) -> Callable[..., None]:
    """No step is what the next life does again: a file that is there, or one in a folder that is not whole."""

    def run(source: Any, target: Any, **options: Any) -> None:
        is_news = not Path(target).exists() and not Path(target).parent.name.endswith(".part")
        rename(source, target, **options)
        if is_news:
            os.kill(os.getpid(), signal.SIGKILL)

    return run


def _dying(function: Callable[..., Any], is_step: Callable[..., bool] = lambda *_: True) -> Callable[..., Any]:
    def run(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        if is_step(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return run
