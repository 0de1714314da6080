"""What the README and CONTRIBUTING promise about the tree itself."""

import ast
import importlib.metadata
import re
import statistics
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from skein.cli import app

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("protocol", "node", "indexer", "trainer", "validator", "wallet", "skein")
FILE_LINES = {".py": 300, ".sol": 500}
FUNCTION_LINES = 60
TEST_LINES = 40

# Files that may be longer, each with its limit and the reason.
LONG_FILES: dict[str, tuple[int, str]] = {
    "tests/contracts/test_staking_attacks.py": (345, "one attack after another, on the same few helpers"),
    "tests/contracts/test_alliance_rounds.py": (330, "one round from every side, on the same few helpers"),
    "tests/life.py": (350, "one story in which every event of the contracts occurs"),
    "contracts/interfaces/IArena.sol": (620, "all that the arena says and takes, in one place"),
    "contracts/Staking.sol": (560, "the ledger: whoever audits it reads whatever moves stake in one place"),
    "tests/contracts/test_scenarios.py": (360, "whole lives of tasks on the same few helpers"),
    "tests/node/test_sender.py": (330, "one matrix of chain troubles, on the same few helpers"),
}
# Functions that may be longer, as "path:name", with the reason.
LONG_FUNCTIONS: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked(start: str = "", end: str = "") -> list[Path]:
    """The files that git knows, by how their path from the root starts and ends."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listing.split("\0") if name and name.startswith(start) and name.endswith(end)]
    return [ROOT / name for name in sorted(names) if (ROOT / name).is_file()]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions() -> list[tuple[str, Function, int]]:
    """Every function as path:name, its tree, and its lines without decorators."""
    found = []
    for path in tracked(end=".py"):
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(item, Function):
                assert item.end_lineno is not None
                found.append((f"{relative(path)}:{item.name}", item, item.end_lineno - item.lineno + 1))
    return found


def test_no_file_is_over_its_budget():
    over = {}
    for end, most in FILE_LINES.items():
        lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in tracked(end=end)}
        over |= {name: lines for name, lines in lengths.items() if lines > most}
    assert over.keys() == LONG_FILES.keys(), over
    assert {name: lines for name, lines in over.items() if lines > LONG_FILES[name][0]} == {}


def test_functions_are_short():
    found = [(name, lines) for name, _, lines in functions()]
    over = {name: lines for name, lines in found if lines > (TEST_LINES if ":test_" in name else FUNCTION_LINES)}
    assert over.keys() == LONG_FUNCTIONS.keys(), over
    assert statistics.median(lines for name, lines in found if not name.startswith("tests/")) <= 8


def test_tests_are_plain_functions():
    for path in tracked("tests/", ".py"):
        classes = [item.name for item in ast.parse(path.read_text()).body if isinstance(item, ast.ClassDef)]
        assert not [name for name in classes if name.startswith("Test")], relative(path)


def test_nothing_tracked_names_a_place_on_somebodys_machine():
    places = re.compile(rb"/(root|work|home/\w+|Users/\w+)/|registry\.npmjs|files\.pythonhosted")
    for path in tracked():
        assert not places.search(path.read_bytes()), relative(path)


def test_the_readme_maps_every_folder():
    folders = {relative(path).split("/")[0] for path in tracked() if "/" in relative(path)}
    mapped = re.findall(r"^[\s|├└│─]*`?([a-z.-]+)/`?\s", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(mapped) == sorted(folder for folder in folders if not folder.startswith("."))
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def options(command: click.Command, path: tuple[str, ...]) -> list[str]:
    """A line for each command and each of its arguments and options, depth first."""
    context = click.Context(command, info_name=path[-1])
    if isinstance(command, click.Group):
        names = command.list_commands(context)
        return [line for name in names for line in options(command.get_command(context, name), (*path, name))]
    names = sorted("/".join(parameter.opts) for parameter in command.get_params(context) if parameter.name != "help")
    return [" ".join((*path, *names))]


def test_commands_and_options_are_the_listed_ones():
    """An option is a promise: adding, renaming or removing one means editing tests/cli_options.txt too."""
    listed = (ROOT / "tests/cli_options.txt").read_text().splitlines()
    assert options(typer.main.get_command(app), ("skein",)) == listed


@pytest.mark.parametrize("package", ["protocol", "node", "indexer", "wallet", "skein"])
def test_only_the_task_runtime_loads_torch(package):
    modules = [
        relative(path)[:-3].replace("/", ".").removesuffix(".__init__") for path in tracked(f"{package}/", ".py")
    ]
    apart = ("protocol.tasks", "indexer.migrations")  # the first may; the second are run by Alembic alone
    imports = ",".join(name for name in modules if not name.startswith(apart) and "__main__" not in name)
    program = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_everything_installed_is_pinned():
    lines = (ROOT / "requirements/app.txt").read_text().splitlines()
    pinned = {line for line in lines if not line.startswith("#")}
    installed = {
        f"{re.sub(r'[-_.]+', '-', package.name).lower()}=={package.version.split('+')[0]}"
        for package in importlib.metadata.distributions()
    }
    assert {line for line in installed if line.split("==")[0] not in {"pip", "skein"}} <= pinned
    assert lines == sorted(lines)


def test_everything_imported_is_declared():
    """A package that only comes along with another may go with it. The extras are what training and evaluating need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    requirements = project["dependencies"] + [each for name in extras if name != "dev" for each in extras[name]]
    declared = {re.split(r"[<>=\[; ]", line)[0].lower() for line in requirements}
    providers = importlib.metadata.packages_distributions()
    for path in (path for package in PACKAGES for path in tracked(f"{package}/", ".py")):
        imports = [
            item for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, ast.Import | ast.ImportFrom)
        ]
        names = {alias.name for item in imports if isinstance(item, ast.Import) for alias in item.names}
        names |= {item.module for item in imports if isinstance(item, ast.ImportFrom) and item.module}
        for name in {name.split(".")[0] for name in names} - sys.stdlib_module_names - set(PACKAGES):
            assert {re.sub(r"[-_.]+", "-", each).lower() for each in providers[name]} & declared, (relative(path), name)
