"""Runs the chain's node so that its state outlives SIGKILL at any moment.

Run as a program: `python -I -S chain_state.py STATE COMMAND...`. The node writes its state into one file, in place:
whoever kills it while it writes leaves half a file, with which it does not start again. So the file is put in order
first, from the newest whole copy; then a child copies it after every change, while this process becomes the node.
"""

import json
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

COPIES = 2  # the newest may be of a file that was being written
LOOK_SECONDS = 0.5
STILL_SECONDS = 0.2  # a file that has not changed for so long is probably whole


def copies(state: Path) -> list[Path]:
    """Where copies lie, the newest first."""
    return [state.with_name(f"{state.name}.{age}") for age in range(1, COPIES + 1)]


def repair(state: Path) -> bool:
    """Put the newest whole state into its place; False when there is none, and none of its files then."""
    for path in (state, *copies(state)):
        if is_whole(path):
            if path != state:
                _put(path, state)
            return True
    for path in (state, *copies(state)):
        path.unlink(missing_ok=True)
    return False


def is_whole(path: Path) -> bool:
    """Whether a file has a whole state."""
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (OSError, ValueError):
        return False


def keep(state: Path, parent: int) -> None:
    """Copy the state after each change, as long as the parent lives."""
    copied = _change(state)
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
        change = _change(state)
        if change in (None, copied) or time.time_ns() - change < STILL_SECONDS * 1e9:
            continue
        with suppress(OSError):  # a full disk: the next change may fit
            _copy(state)
            copied = change


def _change(state: Path) -> int | None:
    try:
        return state.stat().st_mtime_ns
    except OSError:
        return None


def _copy(state: Path) -> None:
    newest, *older = copies(state)
    for place, path in zip(older, (newest, *older), strict=False):
        with suppress(FileNotFoundError):
            path.replace(place)
    _put(state, newest)


def _put(source: Path, place: Path) -> None:
    """Copy a file so that the place has all of it or what it had before."""
    unfinished = place.with_name(place.name + ".new")
    shutil.copyfile(source, unfinished)
    unfinished.replace(place)


def main(state: Path, command: list[str]) -> None:
    """Repair, keep, and become the node."""
    repair(state)
    parent = os.getpid()
    if os.fork() == 0:
        keep(state, parent)
        return
    os.execv(command[0], command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
