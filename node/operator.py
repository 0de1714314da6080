"""What an operator does beside running a client: take out what was earned, and leave."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import typer

from node import leaving
from node.amounts import format_amount, format_duration, round_amount
from node.locks import is_locked
from node.output import NotFound, Output
from node.participant import Means, Participant
from node.program import means_of, serve
from node.settings import ClientSettings
from protocol.chain import Chain
from protocol.errors import ConfigInvalid

Claim = tuple[int, int, str, tuple[object, ...]]
"""Task, token wei, function of the arena, its arguments."""


def claim(
    output: Output,
    client: ClientSettings,
    find: Callable[[Chain], Sequence[Claim]],
    only: Sequence[int],
    dry_run: bool,
) -> None:
    """Claim what `find` finds, in the tasks `only` or in all; a running client and this command never do so twice."""
    means = means_of(client, client.account())
    try:
        found = [each for each in find(means.chain) if not only or each[0] in only]
        if missing := sorted(set(only) - {each[0] for each in found}):
            raise NotFound(f"There is nothing to claim in task {missing[0]}: it is not finalized, or was claimed.")
        for task_id, _, function, arguments in [] if dry_run else found:
            means.sender.send(f"task:{task_id}:claim", "Arena", function, *arguments)
    finally:
        means.journal.close()
    verb = "would be claimed" if dry_run else "claimed"
    rows = [(task_id, str(wei) if output.json else round_amount(wei)) for task_id, wei, *_ in found]
    if rows or output.json:
        output.table("", ("task", verb.replace(" ", "_") if output.json else verb), rows)
    else:
        output.line("There is nothing to claim.")


def leave(
    output: Output,
    client: ClientSettings,
    make: Callable[[Means], Participant],
    engaged: Callable[[Chain], list[int]],
    dry_run: bool,
    sure: bool,
) -> None:
    """Join nothing any more, end what was joined, take own stake out. A client that runs does it; else this does."""
    means = means_of(client, client.account())
    try:
        plan = leaving.plan(means.chain, engaged(means.chain), client.withdrawal)
        output.record(_document(plan) if output.json else _told(plan))
        if dry_run:
            return
        if not sure:
            _ask("Leave?")
        leaving.wish_to_leave(means.journal, client.withdrawal)
    finally:
        means.journal.close()
    if is_locked(means.chain, means.chain.address, client.home):
        output.line("The client that runs with this key does the rest, and ends.")
    else:
        serve(client, make, client.program)


def stay(output: Output, client: ClientSettings) -> None:
    """Take the wish to leave back."""
    means = means_of(client, client.account())
    try:
        leaving.wish_to_stay(means.journal)
        requested = sum(each.assets for each in leaving.own_requests(means.chain))
    finally:
        means.journal.close()
    if output.json:
        output.record({"leaving": False, "requested": str(requested)})
        return
    output.line("The client stays, and joins tasks again.")
    if requested:
        output.line(
            f"{format_amount(requested)} SKEIN are on their way out all the same: "
            "`skein stake withdraw` pays them after the cool-down."
        )


def _document(plan: leaving.Plan) -> dict[str, Any]:
    return asdict(plan) | {"own_stake": str(plan.own_stake), "requested": str(plan.requested)}


def _told(plan: leaving.Plan) -> dict[str, str]:
    promised = {"has to stay for": format_duration(plan.promised)} if plan.promised else {}
    return {
        "tasks to end first": ", ".join(map(str, plan.tasks)) or "none",
        "own stake to take out": f"{format_amount(plan.own_stake)} SKEIN",
        "on its way out": f"{format_amount(plan.requested)} SKEIN",
        **promised,
        "cool-down": format_duration(plan.cooldown),
        "goes to": plan.receiver,
    }


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigInvalid("This needs a yes: add --yes, or look first with --dry-run.")
    typer.confirm(question, abort=True, err=True)
