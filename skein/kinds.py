"""`skein kind`: the kinds of tasks, whether one holds what it must, and something to begin with."""

import importlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from node.options import command
from node.output import Output
from node.settings import ClientSettings
from protocol.configuration import expanded
from protocol.errors import ConfigInvalid, ProtocolError, SpecInvalid
from protocol.staging import local_storage, write_file

app = typer.Typer(
    help="Kinds of tasks: what there is, whether one of your own is right.", no_args_is_help=True, rich_markup_mode=None
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class NotConformant(ProtocolError):
    """A kind fails a check."""


@app.command("list")
def list_(as_json: Json = False) -> None:
    """All kinds, with their metrics, and the packages that bring them."""
    from protocol import tasks

    rows = []
    for name in (*tasks.KINDS, *tasks.installed()):
        brought = ", ".join(map(tasks.package_of, tasks.installed().get(name, ()))) or "skein"
        try:
            found = tasks.kind(name)
        except SpecInvalid as error:
            rows.append((name, str(error), "nothing", brought))
            continue
        metrics = ", ".join(f"{metric} {'↑' if told.maximise else '↓'}" for metric, told in found.metrics.items())
        rows.append((name, metrics, "an adapter of a base model" if found.adapts else "a model", brought))
    Output(as_json).table("Kinds", ("kind", "metrics", "trains", "from"), rows)


@app.command("check")
def check(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KIND]…", help="Names, or of your own FILE.py or MODULE:CLASS. Default: all."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try on its example whether a kind holds what honest parties rely on: determinism, limits, round trips."""
    from protocol import tasks

    output, rows = Output(as_json), list[tuple[str, str, bool, str]]()
    for name in kinds or [*tasks.KINDS, *tasks.installed()]:
        for each, fault in _check(_kind(name)):
            rows.append((name, each, fault is None, fault or ""))
            if not as_json:
                output.line(f"{name}: {each} {'holds' if fault is None else f'FAILS: {fault}.'}")
    if as_json:
        output.table("", ("kind", "check", "holds", "fault"), rows)
    if failed := [name for name, _, holds, _ in rows if not holds]:
        raise NotConformant(f"Not conformant: {', '.join(dict.fromkeys(failed))}.")


def _check(cls: Any) -> Iterator[tuple[str, str | None]]:
    """Every check's name, and what fails it."""
    from protocol.tasks.bench import Bench, Fails
    from protocol.tasks.conformance import CHECKS

    with tempfile.TemporaryDirectory(prefix="skein-kind-") as place:
        bench = Bench(cls, Path(place))
        for each in CHECKS:
            try:
                each(bench)
            except Fails as fault:
                yield each.__name__, str(fault)
            except Exception as error:  # of a kind that is being written, anything may come
                yield each.__name__, f"it raises {type(error).__name__}: {error}".rstrip(".")
            else:
                yield each.__name__, None


@app.command("example")
def example(
    kind: Annotated[str, typer.Argument(metavar="KIND")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    as_json: Json = False,
) -> None:
    """Write a small task of a kind, with all that it needs: `skein task create DIR/task.json` makes it."""
    if folder.exists():
        raise ConfigInvalid(f"{folder} exists already; name a new folder.")
    cls = _kind(kind)
    made = cls.example(folder.resolve())
    metric, told = next(iter(cls.metrics.items()))
    task: dict[str, Any] = {
        "kind": cls.kind,
        "title": f"An example of {cls.kind}",
        "metric": metric,
        "maximise": told.maximise,
        "data": {"source": made.origin},
        "model": dict(made.model),
    }
    if made.published is not None:
        task["base"] = str(made.published)
    with local_storage(f"Writing {folder}"):
        write_file(folder / "task.json", json.dumps(task, indent=2).encode())
    if as_json:
        Output(as_json).record({"file": str(folder / "task.json")})
    else:
        typer.echo(f"Wrote {folder / 'task.json'}")


@command(app, ClientSettings)
def base(
    client: ClientSettings,
    source: Annotated[Path, typer.Argument(metavar="DIR", help="config.json, tokenizer.json, model.safetensors.")],
    as_json: Json = False,
) -> None:
    """Put a base model from a local directory into the store, and print the digest by which tasks name it."""
    from protocol.store import open_store
    from protocol.tasks.bases import make_base

    with tempfile.TemporaryDirectory(prefix="skein-base-") as place:
        digest = open_store(client.store).put(make_base(expanded(source), Path(place) / "base"))
    Output(as_json).record({"digest": digest})


def _kind(name: str) -> Any:
    """The class of a kind: by its name, or of one that is not installed by FILE.py, FILE.py:CLASS or MODULE:CLASS."""
    from protocol import tasks

    module, colon, attribute = name.rpartition(":") if ":" in name else (name, "", "")
    if not colon and not module.endswith(".py"):
        return tasks.kind(name)
    try:
        loaded = _file(Path(module)) if module.endswith(".py") else importlib.import_module(module)
        found = getattr(loaded, attribute) if attribute else _only_kind(loaded)
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise ConfigInvalid(f"There is no kind {name}: {error}.") from None
    if not (isinstance(found, type) and issubclass(found, tasks.Task)):
        raise ConfigInvalid(f"There is no kind {name}: it is no class that implements protocol.tasks.base.Task.")
    if missing := sorted(found.__abstractmethods__):
        raise ConfigInvalid(f"{name} is no kind yet: it lacks {', '.join(missing)}.")
    return found


def _file(path: Path) -> Any:
    """A file as a module. Its folder is searched from now on: processes that try it elsewhere must find it as well."""
    path = expanded(path).resolve()
    if not path.is_file():
        raise ConfigInvalid(f"There is no file {path}.")
    sys.path.insert(0, str(path.parent))
    loaded = importlib.import_module(path.stem)
    if Path(loaded.__file__ or "").resolve() != path:
        raise ConfigInvalid(f"Another module is called {path.stem}: give {path} another name.")
    return loaded


def _only_kind(module: Any) -> Any:
    """The one class of a kind that a module defines."""
    from protocol.tasks import Task

    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Task) and value.__module__ == module.__name__
    ]
    finished = [value for value in found if not value.__abstractmethods__]
    if len(finished) != 1:
        raise ConfigInvalid(
            f"{module.__file__} has {len(finished)} classes of kinds ({_told(found)}): name one, as in FILE.py:CLASS."
        )
    return finished[0]


def _told(classes: list[type[Any]]) -> str:
    """Classes by name, and what unfinished ones lack."""
    lacks = [(each.__name__, sorted(getattr(each, "__abstractmethods__", ()))) for each in classes]
    return ", ".join(f"{name} lacks {' and '.join(missing)}" if missing else name for name, missing in lacks) or "none"
