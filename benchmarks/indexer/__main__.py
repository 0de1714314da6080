"""Measure the indexer: catching up, following, reorgs, answering. Figures depend on what else the machine does."""

import itertools
import os
from typing import Annotated

import typer

from benchmarks.indexer.chain import Chain, chain, databases
from benchmarks.indexer.measure import Cost, answered, caught_up, followed, rebuilt, starting

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
Events = Annotated[int, typer.Option(help="Events on the chain.")]
PerBlock = Annotated[int, typer.Option(help="Events in each block.")]
Database = Annotated[str, typer.Option(help="sqlite or postgresql.")]


@app.command()
def catchup(events: Events = 100_000, per_block: PerBlock = 100, database: Database = "sqlite", runs: int = 3) -> None:
    """From an empty database to the head, in a process of its own."""
    with chain(events, per_block) as made:
        for cost in _catch_up(made, events, database, runs):
            typer.echo(cost)
        typer.echo(f"of this, the start of Python: {1e6 * starting() / events:.1f} µs CPU/event")


def _catch_up(made: Chain, events: int, database: str, runs: int) -> list[Cost]:
    """The same in several new databases; the last SQLite one is what the chain has an index in afterwards."""
    costs = []
    with databases(database, made.folder) as urls:
        for url in itertools.islice(urls, runs):
            made.use(url)
            costs.append(caught_up(made, events))
            made.engine.dispose()
    return costs


@app.command()
def rebuild(events: Events = 100_000, per_block: PerBlock = 100, database: Database = "sqlite") -> None:
    """All tables again from the raw logs, without the chain."""
    with chain(events, per_block) as made, databases(database, made.folder) as urls:
        made.use(next(urls))
        made.start("sync", "--once").wait()
        typer.echo(rebuilt(made, events))
        made.engine.dispose()


@app.command()
def follow(
    events: Events = 20_000, per_block: PerBlock = 100, blocks: int = 100, database: Database = "sqlite"
) -> None:
    """New blocks, one by one, until their rows can be read; then reorgs of 20 blocks, to one other and to as many."""
    with chain(events, per_block) as made, databases(database, made.folder) as urls:
        made.use(next(urls))
        made.start("sync", "--once").wait()
        for line in followed(made, per_block, blocks):
            typer.echo(line)
        made.engine.dispose()


@app.command()
def api(events: Events = 20_000, per_block: PerBlock = 100, seconds: float = 5) -> None:
    """Requests per second over 16 connections: what many ask, what nobody has asked before, and beside new blocks."""
    with chain(events, per_block) as made:
        for line in answered(made, seconds):
            typer.echo(line)


@app.command()
def everything(events: Events = 100_000, per_block: PerBlock = 100, times: int = 4) -> None:
    """All of the above on one chain that grows to so many times its length, and what an event costs there, to here."""
    with chain(events, per_block) as made:
        _tell("PostgreSQL", _catch_up(made, events, "postgresql", 1))
        short = _catch_up(made, events, "sqlite", 2)
        _tell("SQLite", short)
        start = starting()
        typer.echo(f"of this, the start of Python: {1e6 * start / events:.1f} µs CPU/event")
        made.grow((times - 1) * events, per_block)
        made.finish()
        (long,) = _catch_up(made, times * events, "sqlite", 1)
        _tell("SQLite", [long])
        ratio = (long.cpu - start) / times / (short[-1].cpu - start)
        typer.echo(f"but for the start, an event in {times} times the history costs {ratio:.2f} times as much")
        typer.echo(rebuilt(made, times * events))
        for line in itertools.chain(answered(made, 3), followed(made, per_block, 50)):
            typer.echo(line)
        made.engine.dispose()


def _tell(kind: str, costs: list[Cost]) -> None:
    for cost in costs:
        typer.echo(f"{kind:10} {cost}  (load {os.getloadavg()[0]:.1f})")


if __name__ == "__main__":
    app()
