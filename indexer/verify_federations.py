"""The federations of the index against the chain's."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from indexer.tables import Federation, FederationRound, Invitation, Member, Role

Rows = Callable[..., Iterator[Any]]
Call = Callable[..., Any]
Compare = Callable[[str, Any, Mapping[str, Any]], Iterator[str]]
_COUNTED = ("drawing", "open")


def differences(rows: Rows, call: Call, compare: Compare) -> Iterator[str]:
    """All records that differ, each one line."""
    for row in rows(Federation):
        told = call("Alliance", "federation", row.id)
        # the bounty is the first content of the pool
        flat = {**told["parameters"], **{name: value for name, value in told.items() if name != "parameters"}}
        yield from compare(f"federation {row.id}", row, flat)
    for row in rows(Member):
        told = dict(call("Alliance", "member", row.federation_id, row.account))
        data = told.pop("data")
        told |= {"row_count": data["rows"], "schema_hash": data["schema_hash"], "rows_root": data["rows_root"]}
        seated = {"state": "seated"} if told["seat"] else {}
        yield from compare(f"member {row.account} of federation {row.federation_id}", row, _known(row, told | seated))
    for row in rows(Invitation):
        allowed = call("Alliance", "isInvited", row.federation_id, row.account)
        yield from compare(f"invitation of {row.account}", row, {"invited": allowed})
    yield from _rounds(rows, call, compare)


def _rounds(rows: Rows, call: Call, compare: Compare) -> Iterator[str]:
    for row in rows(FederationRound):
        told = dict(call("Alliance", "round", row.federation_id, row.number))
        told |= dict(call("Alliance", "deadlines", row.federation_id, row.number))
        if row.state in _COUNTED:
            del told["counted"]
        yield from compare(f"round {row.number} of federation {row.federation_id}", row, _known(row, told))
    for row in rows(Role):
        place = row.federation_id, row.round, row.slot
        told = dict(call("Alliance", "entry", *place))
        if row.accepts is not None:
            told |= dict(call("Alliance", "ballot", *place))
        yield from compare(f"slot {row.slot} of round {row.round} of federation {row.federation_id}", row, told)


def _known(row: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the table has a column for; `round` of a member is a role's, and `busy` is not kept."""
    return {name: value for name, value in told.items() if hasattr(row, name)}
