import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from validator.isolation import Limits
from validator.sandbox import Sandbox, SandboxUnavailable, confinement

LIMITS = Limits(cpu_seconds=1, memory_bytes=256 << 20, file_bytes=1 << 20)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def bombs() -> Iterator[Sandbox]:
    sandbox = Sandbox("bombs", [HERE])
    yield sandbox
    sandbox.close()


def run(sandbox: Sandbox, do: str, output: Path, inputs: tuple[Path, ...] = (), wall: float = 20, **job: object):
    return sandbox.run({"do": do, **job}, inputs, output, LIMITS, wall)


def test_an_evaluation_reads_its_inputs_and_writes_its_output(bombs: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "data").write_text("42")
    ended = run(bombs, "behave", tmp_path / "out", (tmp_path / "in",), read=str(tmp_path / "in" / "data"))
    assert ended.fault is None
    assert ended.peak_bytes > 0
    assert (tmp_path / "out" / "result").read_text() == "42"


@pytest.mark.parametrize(
    ("bomb", "fault"),
    [
        ("allocate", "needed more than 256 MiB of memory"),
        ("spin", "took more than 1 s of processor time"),
        ("crash", "crashed with SIGSEGV"),
        ("reject", "failed: ValueError: a thing that no verdict is known for"),
    ],
)
def test_what_the_evaluation_does_wrong_is_its_fault(bombs: Sandbox, tmp_path: Path, bomb: str, fault: str) -> None:
    assert run(bombs, bomb, tmp_path).fault == fault


@pytest.mark.parametrize("bomb", ["fill_disk", "multiply"])
def test_a_bomb_is_stopped_and_the_sandbox_goes_on(bombs: Sandbox, tmp_path: Path, bomb: str) -> None:
    with pytest.raises(SandboxUnavailable):
        run(bombs, bomb, tmp_path, wall=5)
    assert run(bombs, "crash", tmp_path).fault == "crashed with SIGSEGV"


def test_an_evaluation_that_hangs_is_killed_with_its_processes(bombs: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="did not end in 2 s"):
        run(bombs, "beat", tmp_path, wall=2)
    last = (tmp_path / "beat").read_text()
    time.sleep(0.5)
    assert (tmp_path / "beat").read_text() == last


def test_nothing_outlives_a_client_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from validator.sandbox import Sandbox, Limits\n"
        f"Sandbox('bombs', [Path({str(HERE)!r})])"
        f".run({{'do': 'beat'}}, [], Path({str(tmp_path)!r}), Limits(60, 1 << 28, 1 << 20), 60)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as client:
        while not (tmp_path / "beat").exists():
            assert client.poll() is None
            time.sleep(0.05)
        client.kill()
    time.sleep(0.5)
    last = (tmp_path / "beat").read_text()
    time.sleep(0.5)
    assert (tmp_path / "beat").read_text() == last


def test_no_connection_leaves_an_evaluation(bombs: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        with pytest.raises(SandboxUnavailable):
            run(bombs, "call_home", tmp_path, port=server.getsockname()[1])
        with pytest.raises(TimeoutError):
            server.accept()


def test_no_program_is_started_and_no_process_killed(bombs: Sandbox, tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        with pytest.raises(SandboxUnavailable):
            run(bombs, "start_program", tmp_path, touch=str(tmp_path / "touched"))
        with pytest.raises(SandboxUnavailable):
            run(bombs, "signal_parent", tmp_path, pid=bystander.pid)
        assert bystander.poll() is None
        bystander.kill()
    assert not (tmp_path / "touched").exists()


def test_files_outside_the_inputs_cannot_be_read(bombs: Sandbox, tmp_path: Path) -> None:
    if "landlock" not in confinement():
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "out").mkdir()
    (tmp_path / "keystore.json").write_text("secret")
    with pytest.raises(SandboxUnavailable):
        run(bombs, "steal", tmp_path / "out", secret=str(tmp_path / "keystore.json"))
    assert not (tmp_path / "out" / "result").exists()


def test_each_evaluation_is_alone_in_its_namespace(bombs: Sandbox, tmp_path: Path) -> None:
    if "namespaces" not in confinement():
        pytest.skip("this system grants no namespaces")
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        assert run(bombs, "look_around", tmp_path / str(number)).fault is None
        assert (tmp_path / str(number) / "result").read_text() == "1"


@pytest.mark.parametrize("layer", ["enter_namespaces()", "filter_calls()", "audit()"])
def test_each_layer_alone_keeps_the_network_out(layer: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = (
            "import socket, sys; from validator import isolation\n"
            f"sys.exit(9) if not isolation.{layer} else None\n"
            f"try: socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), timeout=2)\n"
            "except OSError: sys.exit(0)\nsys.exit(1)"
        )
        ended = subprocess.run([sys.executable, "-I", "-c", code], timeout=60)
    if ended.returncode == 9:
        pytest.skip("this system does not grant the layer")
    assert ended.returncode == 0


def test_the_child_gets_no_secret_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEIN_PASSWORD", "hunter2")
    sandbox = Sandbox("bombs", [HERE])
    ended = run(sandbox, "behave", tmp_path, read="/proc/self/environ")
    sandbox.close()
    assert ended.fault is None
    assert "hunter2" not in (tmp_path / "result").read_text()


def test_an_evaluator_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="cannot load its libraries: ModuleNotFoundError"):
        Sandbox("no_such_evaluator").run({}, [], tmp_path, LIMITS, 5)
