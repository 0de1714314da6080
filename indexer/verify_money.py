"""Emission, vaults and the governor's proposals of the index against the chain's."""

from collections.abc import Callable, Iterator
from typing import Any

from indexer.tables import Ballot, EmissionAccount, Epoch, Proposal, Totals, Vault

Rows = Callable[..., Iterator[Any]]
Call = Callable[..., Any]
Differ = Callable[[str, Any, Any], Iterator[str]]
# IGovernor.ProposalState, by number.
_STATES = ("pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed")
# What the index calls a proposal -> what the governor may call it. A timelock can cancel what is queued, unseen.
_MEANS = {"ended": {"defeated", "succeeded"}, "queued": {"queued", "canceled"}}


def differences(
    rows: Rows, call: Call, differ: Differ, deployed: set[str], state_of: Callable[[Any], str]
) -> Iterator[str]:
    """All that differs, each one line. `deployed`: the contracts that there are. `state_of` a proposal: now."""
    if "Emissions" in deployed:
        yield from _emission(rows, call, differ)
    for row in rows(Vault):
        yield from differ(f"vault of {row.operator}", row.address, call("DelegationVaults", "vaultOf", row.operator))
    for row in rows(Proposal):
        yield from _proposal(row, call, differ, state_of(row))
    for row in rows(Ballot):
        told = call("SkeinGovernor", "hasVoted", int(row.proposal_id, 16), row.voter)
        yield from differ(f"that {row.voter} voted on {row.proposal_id}", True, told)


def _emission(rows: Rows, call: Call, differ: Differ) -> Iterator[str]:
    state, epochs, weight, drawn = call("Emissions", "state"), list(rows(Epoch)), 0, 0
    yield from differ("epochs that have begun", [row.id for row in epochs], list(range(state["epochs"])))
    for row in rows(EmissionAccount):
        told = call("Emissions", "account", row.module, row.id)["weight"]
        yield from differ(f"weight of {row.id} of {row.module}", row.weight, told)
        weight, drawn = weight + row.weight, drawn + row.drawn
    yield from differ("weight of all that emission flows to", weight, state["total_weight"])
    totals = next(iter(rows(Totals)), None)
    if totals is not None:
        sums = totals.emission_weight, totals.emission_drawn
        yield from differ("sums of the emission", sums, (weight, drawn))


def _proposal(row: Any, call: Call, differ: Differ, state: str) -> Iterator[str]:
    number, what = int(row.id, 16), f"proposal {row.id}"
    facts = {"proposer": "Proposer", "vote_start": "Snapshot", "vote_end": "Deadline", "eta": "Eta"}
    for name, function in facts.items():
        mine = getattr(row, name) or 0  # no time is 0 there
        yield from differ(f"{name} of {what}", mine, call("SkeinGovernor", f"proposal{function}", number))
    told = call("SkeinGovernor", "proposalVotes", number)
    for side in ("against", "for", "abstain"):
        yield from differ(f"votes {side} {what}", getattr(row, f"votes_{side}"), told[f"{side}_votes"])
    governed = _STATES[call("SkeinGovernor", "state", number)]
    if governed not in _MEANS.get(state, {state}):
        yield from differ(f"state of {what}", state, governed)
