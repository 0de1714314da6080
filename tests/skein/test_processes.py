"""Children end with their supervisor, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skein.processes import MAX_EARLY_DEATHS, ProcessFailed, Supervisor, free_ports, until

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
# A supervisor with one child that itself has a child; prints their ids and waits.
PARENT = """
import sys, time
from pathlib import Path
from skein.processes import Supervisor
supervisor = Supervisor(Path(sys.argv[1]))
child = supervisor.start("child", ["sh", "-c", "sleep 60 & echo $!; wait"])
while not child.log.read_text().strip():
    time.sleep(0.02)
print(child.popen.pid, child.log.read_text().strip(), flush=True)
time.sleep(60)
"""


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    if Path("/proc").is_dir():
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
    return subprocess.run(["ps", "-p", str(process)], capture_output=True, check=False).returncode == 0


def test_stop_ends_children_and_keeps_their_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        process = supervisor.start("speaker", ["sh", "-c", "echo $WORD; sleep 60"], {"WORD": "hello"})
        until(lambda: "hello" in process.tail(), 5, "The greeting")
        supervisor.check()
    assert not process.running
    assert process.tail() == "hello"


def test_stop_kills_what_ignores_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skein.processes.STOP_SECONDS", 0.2)
    with Supervisor(tmp_path) as supervisor:
        process = supervisor.start("stubborn", [sys.executable, "-c", STUBBORN])
        until(lambda: "up" in process.tail(), 10, "The child")
    assert process.popen.returncode == -signal.SIGKILL


def test_restart_runs_the_same_command_again(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        first = supervisor.start("clock", ["sh", "-c", "echo $$; sleep 60"])
        until(lambda: first.tail(), 5, "The first")
        supervisor.kill("clock")
        second = supervisor.restart("clock")
        until(lambda: len(second.tail().split()) == 2, 5, "The second")
        assert second.tail().split() == [str(first.popen.pid), str(second.popen.pid)]


def test_check_names_the_process_that_ended(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        process = supervisor.start("miner", ["sh", "-c", "echo out of luck; exit 3"])
        process.popen.wait()
        with pytest.raises(ProcessFailed, match=r"miner ended with exit code 3.*\nout of luck"):
            supervisor.check()


def test_revive_starts_again_what_has_died(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("first", ["sh", "-c", "echo one"], again=["sh", "-c", "echo two; sleep 60"]).popen.wait()
        assert supervisor.revive() == ["first"]
        until(lambda: supervisor.processes["first"].tail() == "one\ntwo", 5, "The second start")
        assert supervisor.revive() == []


def test_revive_gives_up_on_what_ends_at_once(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start("mayfly", ["sh", "-c", "exit 4"])
        with pytest.raises(ProcessFailed, match="mayfly ended with exit code 4"):
            for _ in range(MAX_EARLY_DEATHS):
                supervisor.processes["mayfly"].popen.wait()
                supervisor.revive()


def test_until_gives_up_with_a_sentence() -> None:
    with pytest.raises(ProcessFailed, match="The moon is not there after 0 seconds"):
        until(lambda: None, 0.05, "The moon")


def test_no_orphans_after_sigkill_of_the_supervisor(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    children = [int(word) for word in parent.stdout.readline().split()]
    assert len(children) == 2 and all(alive(child) for child in children)
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 10
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline, "children outlived their supervisor"
        time.sleep(0.05)


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5
