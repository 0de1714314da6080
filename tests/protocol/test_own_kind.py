"""A kind that somebody else's package brings: found, tried, evaluated in the sandbox; and what is wrong with others."""

import importlib
import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocol import tasks
from protocol.artifacts import manifest_of
from protocol.errors import ConfigInvalid, SpecInvalid
from protocol.heldout import encrypt
from protocol.reports import Evaluation, read_report
from protocol.specs import spec_digest, write_spec
from protocol.store import DirectoryStore
from protocol.tasks import conformance
from protocol.tasks.bench import Bench
from protocol.tasks.runs import write_model
from skein.kinds import app
from validator.evaluation import Case, Evaluations
from validator.sandbox import Sandbox

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "kind"
KEY = b"k" * 32
Install = Callable[..., None]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def install(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Makes packages be there as pip would: a module, and what its distribution says of itself."""
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(package: str, version: str, kinds: dict[str, str], module: str = "", text: str = "") -> None:
        about = site / f"{package.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        lines = [f"{name} = {value}" for name, value in kinds.items()]
        (about / "entry_points.txt").write_text("\n".join([f"[{tasks.GROUP}]", *lines]) + "\n")
        if module:
            (site / f"{module}.py").write_text(text)
        importlib.invalidate_caches()
        tasks.installed.cache_clear()

    yield install
    tasks.installed.cache_clear()


@pytest.fixture
def example(site: Path, install: Install) -> None:
    """The package of examples/kind."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(project["name"], project["version"], project["entry-points"][tasks.GROUP])
    shutil.copy(EXAMPLE / "skein_regression.py", site)


def test_the_kind_of_the_guide_conforms() -> None:
    told = CliRunner().invoke(app, ["check", "--json", str(EXAMPLE / "skein_regression.py")], catch_exceptions=False)
    rows = json.loads(told.stdout)
    assert [row for row in rows if not row["holds"]] == [] and len(rows) > 10


@pytest.mark.usefixtures("example")
def test_an_installed_kind_is_listed_and_its_models_are_scored(site: Path, tmp_path: Path) -> None:
    listed = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    assert [listed[-1][name] for name in ("kind", "metrics", "from")] == [
        "regression",
        "squared_error ↓",
        "skein-regression 1.0.0",
    ]
    bench, store = Bench(tasks.kind("regression"), tmp_path / "bench"), DirectoryStore(tmp_path / "store")
    sealed = encrypt(bench.folders[1], KEY, tmp_path / "sealed")
    spec = bench.spec(held_out_digest=manifest_of(sealed).digest)
    case = Case(tmp_path / "task", spec, spec_digest(spec), store.put(sealed))
    write_spec(spec, case.spec_folder)
    write_model(bench.weights, tmp_path / "model")
    sandbox = Sandbox(folders=[site])
    try:
        evaluations = Evaluations(store, sandbox, 1 << 30)
        evaluations.prepare(case)
        finding = evaluations.assess(case, store.put(tmp_path / "model"), "0x" + KEY.hex())
    finally:
        sandbox.close()
    report = read_report(finding.report)
    assert isinstance(report, Evaluation)
    assert finding.score == round(bench.metrics.score * 10**9) < 0.1 * 10**9


def test_a_kind_of_ours_cannot_be_replaced(install: Install) -> None:
    install("evil", "1", {"image": "skein_evil:Image"}, "skein_evil", "raise SystemExit")
    assert tasks.kind("image").__module__ == "protocol.tasks.image"
    assert "image" not in tasks.installed()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_that_exists", "cannot be loaded: ModuleNotFoundError: No module named 'nothing_that_exists'"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("class Kind: kind = 'weather'", "is no class of the kind weather"),
        ("from protocol.tasks.image import Image as Kind", "is no class of the kind weather"),
    ],
)
def test_a_kind_that_is_none_says_why(install: Install, monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    install("skein-weather", "2.1", {"weather": "skein_weather:Kind"}, "skein_weather", text)
    monkeypatch.delitem(importlib.sys.modules, "skein_weather", raising=False)
    with pytest.raises(SpecInvalid, match=rf"kind: .*skein-weather 2\.1.*{told}"):
        tasks.kind("weather")
    listed = CliRunner().invoke(app, ["list", "--json"], catch_exceptions=False)
    assert told[:20] in listed.stdout


@pytest.mark.usefixtures("example")
def test_two_packages_cannot_bring_one_kind(install: Install) -> None:
    install("other-regression", "3", {"regression": "somewhere:Else"})
    with pytest.raises(SpecInvalid, match=r"brought by .*skein-regression 1\.0\.0.*; uninstall one"):
        tasks.kind("regression")


FILES = {
    "empty.py": ("", r"has 0 classes of kinds \(none\)"),
    "broken.py": ("class (", "There is no kind .*invalid syntax"),
    "half.py": (
        "from protocol.tasks import Task\nclass Half(Task): kind = 'half'",
        r"has 0 classes of kinds \(Half lacks evaluate and example and load and",
    ),
    "two.py": (
        "from protocol.tasks.image import Image\nclass A(Image): pass\nclass B(Image): pass",
        r"has 2 classes of kinds \(A, B\): name one, as in FILE.py:CLASS",
    ),
    "json.py": ("", "Another module is called json: give .*json.py another name"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_without_a_kind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, told = FILES[name]
    monkeypatch.syspath_prepend(str(tmp_path))  # and takes back what the command puts there
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigInvalid, match=told):
        CliRunner().invoke(app, ["check", str(tmp_path / name)], catch_exceptions=False)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"There is no file .*nowhere\.py"):
        CliRunner().invoke(app, ["check", str(tmp_path / "nowhere.py")], catch_exceptions=False)


def test_a_check_that_a_kind_breaks_is_told_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(conformance, "CHECKS", (conformance.specifications, conformance.tensors))
    (tmp_path / "blankless.py").write_text(
        "from protocol.tasks.image import Image\n"
        "class Blankless(Image):\n"
        "    def blank(self): raise RuntimeError('no')\n"
    )
    told = CliRunner().invoke(app, ["check", str(tmp_path / "blankless.py:Blankless")])
    assert "specifications holds" in told.output and "tensors FAILS: it raises RuntimeError: no." in told.output
    assert told.exit_code == 1
