"""Ends the processes of a supervisor that is gone, however it went: also after SIGKILL, also outside Linux.

Run as a program of its own, in a session of its own: `python -I -S watchdog.py`, with the supervisor at the other end
of standard input. A line "+123" puts process group 123 under watch, "-123" takes it off. When the input ends, the
supervisor is gone: what is still under watch gets SIGTERM, and SIGKILL five seconds later.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 5.0


def send(group: int, number: int) -> bool:
    """Signal a process group; False when it does not exist any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(groups: list[int]) -> None:
    """SIGTERM to all, newest first, then SIGKILL to those that are left."""
    for group in reversed(groups):
        send(group, signal.SIGTERM)
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and any(send(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        send(group, signal.SIGKILL)


def main() -> None:
    """Follow the supervisor's lines to their end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[int, None] = {}
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            watched[group] = None
        else:
            watched.pop(group, None)
    end(list(watched))


if __name__ == "__main__":
    main()
