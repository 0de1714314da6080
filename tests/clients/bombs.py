"""What a model would do if a parser had a hole: loaded into the sandbox in the place of the evaluator."""

import ctypes
import os
import socket
import time
from pathlib import Path
from typing import Any


def run(job: dict[str, Any], output: Path) -> None:
    globals()[job["do"]](job, output)


def behave(job: dict[str, Any], output: Path) -> None:
    (output / "result").write_text(Path(job["read"]).read_text())


def look_around(job: dict[str, Any], output: Path) -> None:
    (output / "result").write_text(str(os.getpid()))


def allocate(job: dict[str, Any], output: Path) -> None:
    bytearray(1 << 40)


def spin(job: dict[str, Any], output: Path) -> None:
    while True:
        pass


def beat(job: dict[str, Any], output: Path) -> None:
    while True:
        (output / "beat").write_text(str(time.monotonic()))
        time.sleep(0.05)


def crash(job: dict[str, Any], output: Path) -> None:
    ctypes.string_at(0)


def reject(job: dict[str, Any], output: Path) -> None:
    raise ValueError("a thing that no verdict is known for")


def fill_disk(job: dict[str, Any], output: Path) -> None:
    (output / "result").write_bytes(bytes(1 << 24))


def call_home(job: dict[str, Any], output: Path) -> None:
    socket.create_connection(("127.0.0.1", job["port"]), timeout=5).sendall(b"secret")


def multiply(job: dict[str, Any], output: Path) -> None:
    while True:
        os.fork()


def start_program(job: dict[str, Any], output: Path) -> None:
    os.execv("/bin/sh", ["sh", "-c", f"touch {job['touch']}"])


def steal(job: dict[str, Any], output: Path) -> None:
    (output / "result").write_text(Path(job["secret"]).read_text())


def signal_parent(job: dict[str, Any], output: Path) -> None:
    os.kill(job["pid"], 9)
