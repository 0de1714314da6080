"""The far end of the sandbox: loads the evaluator once, then forks one confined process per evaluation.

Run by `validator.sandbox` as `python -I -m validator.sandbox_child [EVALUATOR [FOLDER…]]`; without an evaluator it only
says how it would confine one. Loading the libraries takes
seconds, forking milliseconds. Started as a program of its own, it holds no key, no password and no connection.

Standard input: one job a line, JSON {"job": {...}, "inputs": [folder…], "output": folder, "limits": {...}}.
Standard output: {"layers": [...]} once ready, or {"failed": reason}; then one line per job:
{"exit": code or null, "signal": number or null, "cpu": processor seconds, "peak": bytes}.
"""

import errno
import importlib
import json
import os
import select
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
_LOST = {"exit": EXIT_RETRY, "signal": None, "cpu": 0.0, "peak": 0}

Evaluator = Callable[[dict[str, Any], Path], None]


def main() -> None:
    """Serve jobs until standard input closes."""
    sys.path[:0] = sys.argv[2:]
    try:
        modules = [importlib.import_module(evaluator) for evaluator in sys.argv[1:2]]
        run: Evaluator | None = modules[0].run if modules else None
    except Exception as error:  # whatever an import raises, the parent must hear it
        _answer({"failed": f"{type(error).__name__}: {error}"})
        return
    layers = _probe()
    _answer({"layers": layers})
    while run is not None and (line := _next_line()):
        _answer(_report_of(partial(_supervise, run, json.loads(line), layers)) or _LOST)


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _next_line() -> bytes:
    """Unbuffered, so that select() sees what there is."""
    line = b""
    while not line.endswith(b"\n") and (piece := os.read(0, 65536)):
        line += piece
    return line


def _report_of(work: Callable[[int], None]) -> dict[str, Any]:
    """Fork, run `work(pipe)` in the child and return what it wrote into the pipe; empty when it died before."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _run_and_leave(partial(work, writing))
    os.close(writing)
    _leave_if_orphaned(reading)
    with os.fdopen(reading, "rb") as pipe:
        report = pipe.read()
    os.waitpid(child, 0)
    return dict(json.loads(report)) if report else {}


def _leave_if_orphaned(report: int) -> None:
    """Wait for the report. No job is sent before it, so input now means that the client is gone: end all with us."""
    if report not in select.select([report, 0], [], [])[0]:
        os._exit(0)


def _probe() -> list[str]:
    """Which layers this system grants, found by trying each in a process that is thrown away."""
    attempts = {
        "namespaces": isolation.enter_namespaces,
        "landlock": lambda: isolation.restrict_files([], Path(os.devnull)),
        "seccomp": isolation.filter_calls,
    }
    granted = [name for name, attempt in attempts.items() if _report_of(partial(_try_layer, attempt)).get("granted")]
    cut_off = {"namespaces", "seccomp"} & set(granted)
    return ["limits", *granted, *([] if cut_off else ["audit"])]


def _try_layer(attempt: Callable[[], bool], pipe: int) -> None:
    _tell(pipe, granted=attempt())


def _tell(pipe: int, **report: Any) -> None:
    os.write(pipe, json.dumps(report).encode())


def _supervise(run: Evaluator, request: dict[str, Any], layers: list[str], pipe: int) -> None:
    """Enter new namespaces and wait for their first process; when it ends, all in them ends."""
    isolation.die_with_parent()
    if "namespaces" in layers and not isolation.enter_namespaces():
        raise OSError(errno.EAGAIN, "namespaces were granted before and are refused now")
    first = os.fork()
    if first == 0:
        _run_and_leave(partial(_be_first, run, request, layers, pipe))
    os.waitpid(first, 0)


def _be_first(run: Evaluator, request: dict[str, Any], layers: list[str], pipe: int) -> None:
    """Process 1 ignores the signals by which limits are enforced, so the evaluation is its child."""
    isolation.die_with_parent()
    evaluation = os.fork()
    if evaluation == 0:
        os.close(pipe)
        _run_and_leave(partial(_evaluate, run, request, layers), Path(request["output"]) / "error.txt")
    _, status, usage = os.wait4(evaluation, 0)
    _tell(
        pipe,
        exit=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    )


def _evaluate(run: Evaluator, request: dict[str, Any], layers: list[str]) -> None:
    isolation.die_with_parent()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    output = Path(request["output"])
    os.chdir(output)
    isolation.limit(isolation.Limits(**request["limits"]))
    confined = [
        "landlock" not in layers or isolation.restrict_files(map(Path, request["inputs"]), output),
        "seccomp" not in layers or isolation.filter_calls(),
    ]
    if not all(confined):
        raise OSError(errno.EAGAIN, "a layer of confinement was granted before and is refused now")
    if "audit" in layers:
        isolation.audit()
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
