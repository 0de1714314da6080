"""What a participant's account has at stake, and in which tasks."""

import json
from collections.abc import Iterator
from typing import Any

from node.amounts import format_duration, round_amount
from node.appeals import Standing
from node.history import events_of
from node.output import Output
from protocol import phases
from protocol.calls import Record
from protocol.chain import Chain
from protocol.phases import Phase


def standing(chain: Chain, address: str) -> dict[str, int]:
    """Token wei, but for `gas_money` (wei of the chain's own money).

    `earned` and `slashed` are the operator's own part since the beginning; `free` is what new tasks can lock.
    Of appeals: bonds that wait for a larger panel, bonds lost, and what came back beside the bonds.
    """
    pool = chain.pool(address)
    rewards = events_of(chain, "Staking.RewardDistributed", operator=address)
    slashes = events_of(chain, "Staking.Slashed", operator=address)
    appeals = Standing(chain, address)
    return {
        "balance": chain.token_balance(address),
        "gas_money": chain.balance(address),
        "own_stake": int(pool.own.assets),
        "delegated": int(pool.delegated.assets),
        "exiting": int(pool.own.exiting_assets + pool.delegated.exiting_assets),
        "locked": int(pool.locked),
        "free": int(chain.call("Staking", "lockable", address)),
        "earned": sum(event.args["operator_assets"] for event in rewards),
        "slashed": sum(event.args["own_assets"] + event.args["own_exiting_assets"] for event in slashes),
        "appeals_out": appeals.out,
        "appeals_won": appeals.won,
        "appeals_lost": sum(appeals.lost.values()),
    }


def tasks(chain: Chain) -> Iterator[tuple[int, Record, Phase]]:
    """Every task with its phase, the newest first."""
    now = chain.now()
    for task_id in range(int(chain.call("Arena", "taskCount")), 0, -1):
        task = chain.task(task_id)
        yield task_id, task, phases.phase(task, now)


def time_left(chain: Chain, task: Record) -> int | None:
    """Seconds until the present phase ends, by the chain's clock."""
    now = chain.now()
    deadline = phases.deadline(task, now)
    return None if deadline is None else deadline - now


def show(output: Output, address: str, held: dict[str, Any], rows: list[dict[str, Any]], columns: list[str]) -> None:
    """A status for people (amounts in SKEIN) or, as JSON, for programs (amounts in wei, decimal strings)."""
    if output.json:
        exact = [{name: _exact(name, value) for name, value in row.items()} for row in (held, *rows)]
        output.line(json.dumps({"address": address, "stake": exact[0], "tasks": exact[1:]}))
        return
    output.record({"address": address} | {name: _shown(name, value) for name, value in held.items()})
    output.line("")
    if rows:
        output.table("", columns, [[_shown(name, row[name]) for name in columns] for row in rows])
    else:
        output.line("No tasks to look after.")


def _exact(name: str, value: Any) -> Any:
    return str(value) if name in _AMOUNTS and value is not None else value


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return "–"
    if name == "time_left":
        return format_duration(value)
    return round_amount(value) if name in _AMOUNTS else value


_AMOUNTS = frozenset(
    (
        *("balance", "gas_money", "own_stake", "delegated", "exiting", "locked", "free", "earned", "slashed"),
        *("appeals_out", "appeals_won", "appeals_lost"),
        *("stake", "claimable"),
    )
)
