"""`skein kind`: the kinds of tasks, whether one holds what it must, and something to begin with."""

import importlib
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from node.options import command
from node.output import Output
from node.settings import ClientSettings
from protocol.errors import ConfigInvalid, ProtocolError
from protocol.staging import local_storage, write_file

app = typer.Typer(
    help="Kinds of tasks: what there is, whether one of your own is right.", no_args_is_help=True, rich_markup_mode=None
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class NotConformant(ProtocolError):
    """A kind fails a check."""


@app.command("list")
def list_(as_json: Json = False) -> None:
    """All kinds, with their metrics."""
    from protocol import tasks

    rows = []
    for name in tasks.KINDS:
        found = tasks.kind(name)
        metrics = ", ".join(f"{metric} {'↑' if told.maximise else '↓'}" for metric, told in found.metrics.items())
        rows.append((name, metrics, "an adapter of a base model" if found.adapts else "a model"))
    Output(as_json).table("Kinds", ("kind", "metrics", "trains"), rows)


@app.command("check")
def check(
    kinds: Annotated[
        list[str] | None, typer.Argument(metavar="[KIND]…", help="Names, or MODULE:CLASS of your own. Default: all.")
    ] = None,
) -> None:
    """Try on its example whether a kind holds what honest parties rely on: determinism, limits, round trips."""
    from protocol import tasks
    from protocol.tasks.bench import Bench, Fails
    from protocol.tasks.conformance import CHECKS

    failed = []
    for name in kinds or list(tasks.KINDS):
        with tempfile.TemporaryDirectory(prefix="skein-kind-") as place:
            bench = Bench(_kind(name), Path(place))
            for each in CHECKS:
                try:
                    each(bench)
                except Fails as fault:
                    failed.append(name)
                    typer.echo(f"{name}: {each.__name__} FAILS: {fault}.")
                else:
                    typer.echo(f"{name}: {each.__name__} holds")
    if failed:
        raise NotConformant(f"Not conformant: {', '.join(dict.fromkeys(failed))}.")


@app.command("example")
def example(
    kind: Annotated[str, typer.Argument(metavar="KIND")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
) -> None:
    """Write a small task of a kind, with all that it needs: `skein task create DIR/task.json` makes it."""
    if folder.exists():
        raise ConfigInvalid(f"{folder} exists already; name a new folder.")
    made = _kind(kind).example(folder.resolve())
    metric, told = next(iter(_kind(kind).metrics.items()))
    task: dict[str, Any] = {
        "kind": kind,
        "title": f"An example of {kind}",
        "metric": metric,
        "maximise": told.maximise,
        "data": {"source": made.origin},
        "model": dict(made.model),
    }
    if made.published is not None:
        task["base"] = str(made.published)
    with local_storage(f"Writing {folder}"):
        write_file(folder / "task.json", json.dumps(task, indent=2).encode())
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
        digest = open_store(client.store).put(make_base(source.expanduser(), Path(place) / "base"))
    Output(as_json).record({"digest": digest})


def _kind(name: str) -> Any:
    """The class of a kind, or of one that is not registered, as MODULE:CLASS."""
    from protocol import tasks

    module, colon, attribute = name.partition(":")
    if not colon:
        return tasks.kind(name)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigInvalid(f"There is no kind {name}: {error}.") from None
