"""`skein indexer …`: parse, configure, call one function, and turn known errors into one line and an exit code."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protocol.errors import ChainUnavailable, ConfigInvalid, DeepReorg, ProtocolError
from protocol.logs import configure_logging, tell_error

if TYPE_CHECKING:  # the programs below import what they need, so that `--help` is quick
    from indexer.settings import IndexerSettings

app = typer.Typer(
    help="Mirrors the chain into a database and serves it. All options are also environment variables: INDEXER_….",
    no_args_is_help=True,
)

# As in all programs of the network: 3 configuration, 4 chain; 1 is the unexpected, and what verify finds.
_EXIT_CODES: tuple[tuple[type[ProtocolError], int], ...] = ((ConfigInvalid, 3), (ChainUnavailable, 4), (DeepReorg, 8))

RpcUrl = Annotated[str | None, typer.Option(help="RPC endpoints, comma-separated. [env: INDEXER_RPC_URL]")]
DeploymentFile = Annotated[Path | None, typer.Option(help="The contracts' addresses. [env: INDEXER_DEPLOYMENT]")]
Database = Annotated[str | None, typer.Option(help="Database URL. [env: INDEXER_DATABASE_URL]")]
Host = Annotated[str | None, typer.Option(help="Address to serve at. [env: INDEXER_HOST]")]
Port = Annotated[int | None, typer.Option(help="Port to serve at, 0 for any. [env: INDEXER_PORT]")]
Confirmations = Annotated[
    int | None, typer.Option(help="Blocks until one is final; unset: what the node says. [env: INDEXER_CONFIRMATIONS]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def told_errors() -> Iterator[None]:
    """Known errors as one line and an exit code; programming errors pass."""
    try:
        yield
    except ProtocolError as error:
        raise typer.Exit(report(error)) from error


@contextmanager
def _importing() -> Iterator[None]:
    """What is imported stays: to look for cycles among it takes a tenth of the start, and finds none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def report(error: ProtocolError) -> int:
    """Tell the error in a line; the exit code for it."""
    found = next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)
    tell_error(found, str(error))
    return found


def _settings(**given: object) -> "IndexerSettings":
    from indexer.settings import IndexerSettings

    settings = IndexerSettings.from_environment(**given)
    try:
        configure_logging(settings.log_level, settings.log_json)
    except ValueError as error:
        raise ConfigInvalid(
            f"INDEXER_LOG_LEVEL cannot be {settings.log_level!r}: use DEBUG, INFO or WARNING."
        ) from error
    return settings


@app.command()
def sync(
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    database_url: Database = None,
    confirmations: Confirmations = None,
    once: Annotated[bool, typer.Option("--once", help="Stop when the chain's head is reached.")] = False,
) -> None:
    """Follow the chain. Can be stopped and killed at any time; only one may run per database."""
    with told_errors():
        with _importing():
            from indexer import programs

        settings = _settings(
            rpc_url=rpc_url, deployment=deployment, database_url=database_url, confirmations=confirmations
        )
        programs.sync(settings, once)


@app.command()
def serve(database_url: Database = None, host: Host = None, port: Port = None) -> None:
    """Serve the API. Needs nothing but the database; any number may run."""
    with told_errors():
        with _importing():
            from indexer import programs

        programs.serve(_settings(database_url=database_url, host=host, port=port))


@app.command()
def run(
    rpc_url: RpcUrl = None,
    deployment: DeploymentFile = None,
    database_url: Database = None,
    host: Host = None,
    port: Port = None,
    confirmations: Confirmations = None,
) -> None:
    """Follow the chain and serve the API: both of the above, in two processes."""
    with told_errors():
        with _importing():
            from indexer import programs

        settings = _settings(
            rpc_url=rpc_url,
            deployment=deployment,
            database_url=database_url,
            host=host,
            port=port,
            confirmations=confirmations,
        )
        programs.run(settings)


@app.command()
def rebuild(deployment: DeploymentFile = None, database_url: Database = None, as_json: AsJson = False) -> None:
    """Derive all tables again from the raw logs, without the chain. Readers see nothing of it until it is done."""
    with told_errors():
        from indexer import programs

        settings = _settings(deployment=deployment, database_url=database_url)
        with _progress("Blocks") as told:
            number = programs.rebuild(settings, told)
        _tell(as_json, f"Derived all tables up to block {number}.", block=number)


@app.command()
def backup(
    copy: Annotated[Path, typer.Argument(help="The file to make.")],
    database_url: Database = None,
    as_json: AsJson = False,
) -> None:
    """Copy an SQLite index while it is written to. The copy goes on where it was taken."""
    with told_errors():
        from indexer import programs

        programs.backup(_settings(database_url=database_url), copy)
        if as_json:
            _tell(True, copy=str(copy))


@app.command()
def verify(rpc_url: RpcUrl = None, database_url: Database = None, as_json: AsJson = False) -> None:
    """Compare all figures with the contracts' own views, and all rows with its events; exit code 1 if one differs."""
    with told_errors():
        from indexer import programs

        differences = []
        audit = programs.audit(_settings(rpc_url=rpc_url, database_url=database_url))
        for difference in audit:
            differences.append(str(difference))
            if not as_json:
                typer.echo(difference)
        text = (
            f"Compared {audit.compared} answers of the chain and {audit.rows} rows at block {audit.block}: "
            f"{len(differences)} differences."
        )
        found = {"block": audit.block, "compared": audit.compared, "rows": audit.rows}
        _tell(as_json, text, **found, differences=differences)
        raise typer.Exit(1 if differences else 0)


@app.command()
def status(database_url: Database = None, as_json: AsJson = False) -> None:
    """How far the index is."""
    with told_errors():
        from indexer import programs

        known = programs.status(_settings(database_url=database_url))
        lines = (f"{name.replace('_', ' '):16} {value}" for name, value in known.items())
        _tell(as_json, "\n".join(lines), **known)


def _tell(as_json: bool, text: str = "", **found: object) -> None:
    """What a command found: as a sentence, or as an object for programs."""
    if as_json:
        import orjson

        text = orjson.dumps(found).decode()
    typer.echo(text)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    from rich.progress import Progress

    with Progress(disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


if __name__ == "__main__":
    app()
