"""The far end of the sandbox: loads the evaluator once, then forks one confined process per evaluation.

Run by `validator.sandbox` as `python -I -m validator.sandbox_child [EVALUATOR [FOLDER…]]`; without an evaluator it only
says how it would confine one. Loading the libraries takes seconds, forking milliseconds. Started as a program of its
own, it holds no key, no password and no connection.

Standard input: one job a line, JSON {"job": {...}, "inputs": [folder…], "output": folder, "limits": {...}}.
Standard output: {"layers": [...]} once ready, or {"failed": reason}; then one line per job:
{"exit": code or null, "signal": number or null, "cpu": processor seconds, "peak": bytes}.
"""

import errno
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from validator import isolation

EXIT_MEMORY = 71
EXIT_BROKEN = 72  # the evaluator raised something that it does not know as a verdict; error.txt has the trace
EXIT_RETRY = 75  # this machine's trouble (disk, files, a missing library), never the model's
_REFUSED = "a layer of confinement was granted before and is refused now"
_LOST = {"exit": EXIT_RETRY, "signal": None, "cpu": 0.0, "peak": 0}

Evaluator = Callable[[dict[str, Any], Path], None]


def main() -> None:
    """Serve jobs until standard input closes."""
    layers = _probe()
    sys.path[:0] = sys.argv[2:]
    try:
        modules = [importlib.import_module(evaluator) for evaluator in sys.argv[1:2]]
    except Exception as error:  # whatever an import raises, the parent must hear it
        _answer({"failed": f"{type(error).__name__}: {error}"})
        return
    if not modules:
        _answer({"layers": layers})
        return
    isolation.library_folders()
    gc.freeze()  # else a collection in an evaluation would write to, and so copy, all that it shares with this process
    if "namespaces" in layers and not isolation.enter_namespaces():
        _answer({"failed": f"OSError: {_REFUSED}"})
        return
    life, held = os.pipe()
    _fork(partial(_serve, modules[0].run, layers))
    os.close(held)
    _end_with_client(life)


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with_client(server: int) -> None:
    """End all processes here once the client is gone, or the one that serves it (which holds the pipe `server`)."""
    ends = select.poll()
    for end in (0, server):
        ends.register(end, 0)  # for a hang-up alone
    ends.poll()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _fork(work: Callable[[], None], trace: Path | None = None, fork: Callable[[], int] = os.fork) -> int:
    """The id of a child that runs `work`, see `_run_and_leave`."""
    child = fork()
    if child == 0:
        _run_and_leave(work, trace)
    return child


def _probe() -> list[str]:
    """Which layers this system grants, found by trying each in a process that is thrown away."""
    attempts = {
        "namespaces": _nest,
        "landlock": lambda: isolation.restrict_files([], Path(os.devnull)),
        "seccomp": isolation.filter_calls,
    }
    granted = [name for name, attempt in attempts.items() if _is_granted(attempt)]
    cut_off = {"namespaces", "seccomp"} & set(granted)
    return ["limits", *granted, *([] if cut_off else ["audit"])]


def _nest() -> bool:
    """Whether evaluations can have namespaces within those of the process that forks them."""
    inner = partial(_is_granted, isolation.enter_namespaces, isolation.fork_first)
    return isolation.enter_namespaces() and _is_granted(inner)


def _is_granted(attempt: Callable[[], bool], fork: Callable[[], int] = os.fork) -> bool:
    return os.waitpid(_fork(partial(_insist, attempt), fork=fork), 0)[1] == 0


def _insist(*attempts: Callable[[], bool]) -> None:
    if not all(attempt() for attempt in attempts):
        raise OSError(errno.EAGAIN, _REFUSED)


def _serve(run: Evaluator, layers: list[str]) -> None:
    """Process 1 of the outer namespaces, forked once: each evaluation is its child, in namespaces of its own."""
    isolation.die_with_parent()
    _answer({"layers": layers})
    while line := _next_line():
        _answer(_attend(run, json.loads(line), layers))


def _next_line() -> bytes:
    """Unbuffered: a forked child must not find a job in a buffer."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 65536)):
        line += piece
    return line


def _attend(run: Evaluator, request: dict[str, Any], layers: list[str]) -> dict[str, Any]:
    """Fork an evaluation and tell how it ended."""
    fork, trace = isolation.fork_first if "namespaces" in layers else os.fork, Path(request["output"]) / "error.txt"
    try:
        evaluation = _fork(partial(_evaluate, run, request, layers), trace, fork)
    except OSError:
        _leave_trace(trace)
        return _LOST
    _, status, usage = os.wait4(evaluation, 0)
    return {
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


def _evaluate(run: Evaluator, request: dict[str, Any], layers: list[str]) -> None:
    isolation.die_with_parent()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    output = Path(request["output"])
    os.chdir(output)
    confine = {
        "namespaces": isolation.enter_namespaces,
        "limits": lambda: isolation.limit(isolation.Limits(**request["limits"])),
        "landlock": lambda: isolation.restrict_files(map(Path, request["inputs"]), output),
        "seccomp": isolation.filter_calls,
        "audit": isolation.audit,
    }
    _insist(*(enter for layer, enter in confine.items() if layer in layers))
    run(request["job"], output)


def _run_and_leave(work: Callable[[], None], trace: Path | None = None) -> NoReturn:
    """Run in a forked child and end it without the parent's clean-up handlers; `trace`: where an error's goes."""
    code = EXIT_RETRY
    try:
        work()
        code = 0
    except MemoryError:
        code = EXIT_MEMORY
    except (OSError, ImportError) as error:
        code = EXIT_MEMORY if getattr(error, "errno", None) == errno.ENOMEM else EXIT_RETRY
        _leave_trace(trace)
    except BaseException:
        code = EXIT_BROKEN
        _leave_trace(trace)
    finally:
        os._exit(code)


def _leave_trace(path: Path | None) -> None:
    """Not where a client was killed and nobody waits for its evaluation any more: that is no error of this folder's."""
    if path is not None:
        path.write_text(traceback.format_exc()[-4000:], encoding="utf-8")


if __name__ == "__main__":
    main()
