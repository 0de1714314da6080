import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOLC = ROOT / ".toolchain" / "bin" / "solc"


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)


def compile_source(
    source: str, *options: object, remappings: tuple[str, ...] = (), cwd: Path = ROOT
) -> dict[str, object]:
    document = {
        "language": "Solidity",
        "sources": {"A.sol": {"content": source}},
        "settings": {"remappings": list(remappings), "outputSelection": {"*": {"*": ["abi"]}}},
    }
    result = run(SOLC, "--standard-json", *options, input=json.dumps(document), cwd=cwd)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_the_compiler_is_the_pinned_one():
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    answer = run(SOLC, "--version").stdout
    assert answer == run(ROOT / ".toolchain/bin/node", ROOT / "tools/solc_shim.js", "--version").stdout
    assert f"Version: {pinned}+commit" in answer


def test_the_compiler_follows_remappings_and_base_paths(tmp_path):
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "B.sol").write_text("contract B {}")
    output = compile_source('import "lib/B.sol"; contract A is B {}', remappings=("lib/=library/",), cwd=tmp_path)
    assert set(output["contracts"]) == {"A.sol", "library/B.sol"}
    output = compile_source('import "B.sol"; contract A is B {}', "--base-path", "library", cwd=tmp_path)
    assert set(output["contracts"]) == {"A.sol", "B.sol"}


@pytest.mark.parametrize(
    ("target", "message"), [("../outside/B.sol", "outside of the allowed folders"), ("none.sol", "File not found")]
)
def test_the_compiler_reads_nothing_else(tmp_path, target, message):
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "B.sol").write_text("contract B {}")
    output = compile_source(f'import "{tmp_path}/inside/{target}"; contract A {{}}', cwd=tmp_path / "inside")
    errors = [error["message"] for error in output["errors"] if error["severity"] == "error"]
    assert len(errors) == 1
    assert message in errors[0]
    allowed = compile_source(
        f'import "{tmp_path}/outside/B.sol"; contract A {{}}', "--allow-paths", "../outside", cwd=tmp_path / "inside"
    )
    assert "A.sol" in allowed["contracts"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--gas"], "option --gas is not supported"), (["A.sol"], "only --version"), (["--base-path"], "needs a value")],
)
def test_the_compiler_refuses_what_it_does_not_do(arguments, message):
    result = run(SOLC, *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_brownie_keeps_to_the_checkout():
    program = """import pathlib, shutil, solcx
print(pathlib.Path.home(), solcx.get_solcx_install_folder(), shutil.which("anvil"))"""
    environment = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}
    result = run(ROOT / ".venv-contracts/bin/python", "-c", program, env=environment)
    assert result.stdout.split() == [str(ROOT / ".toolchain" / part) for part in ("home", "solcx", "bin/anvil")]


def test_a_second_set_up_is_silent_and_quick():
    assert run(ROOT / "scripts/setup").returncode == 0
    started = time.monotonic()
    result = run(ROOT / "scripts/setup")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert time.monotonic() - started < 3


def test_set_up_without_python_says_what_to_install(tmp_path):
    checkout, commands = tmp_path / "checkout", tmp_path / "bin"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/setup", checkout / "scripts")
    commands.mkdir()
    for command in ("bash", "cat", "cksum", "dirname", "env", "mkdir"):
        (commands / command).symlink_to(shutil.which(command))
    result = run("bash", checkout / "scripts/setup", env={"PATH": str(commands)})
    assert result.returncode == 1
    assert result.stderr.startswith("setup: Python 3.11 to 3.13 with its venv module is needed")
    assert len(result.stderr.splitlines()) == 1


def test_a_set_up_that_failed_says_where_and_is_tried_again(tmp_path):
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/setup", checkout / "scripts")
    for name in ("package.json", "package-lock.json"):
        (checkout / name).write_text("not JSON")
    environment = {**os.environ, "HOME": str(tmp_path)}
    for _ in range(2):
        result = run(checkout / "scripts/setup", env=environment)
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1].startswith("setup: npm failed, for the reason printed above.")
    assert (checkout / ".toolchain/stamps/npm").read_text() == "unfinished\n"


def test_an_unknown_step_is_refused():
    result = run(ROOT / "scripts/test", "everything")
    assert result.returncode == 2
    assert (
        result.stderr
        == "test: no step is called everything; choose from check contracts gas forge prove app e2e deep\n"
    )
