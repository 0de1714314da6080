"""What each event does to the tables: `tables = fold(projections, log)`.

A projection is a pure step. It reads and writes rows and nothing else: no chain, no clock, no network, no other
projection. If it needs a fact, the event must carry it. One file per area, one function per event; its keyword-only
parameters are the event's arguments, compared with the ABI when the module is imported.
"""

import inspect
import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from indexer.rows import Rows
from protocol.events import event_abis
from protocol.values import field_names

_VOTES = "votes at a time are read from the contract that counts them, which keeps their past"
_OWNER = "who owns a contract is read from the contract"
_SETTING = "the governor's settings are read from the governor"

# Events that change no table. They are in the raw log and in the histories of the accounts they name, like all others.
IGNORED = {
    "Emissions.ModuleSet": "who may state weights is read from the contract",
    "Emissions.OwnershipTransferStarted": _OWNER,
    "Emissions.OwnershipTransferred": _OWNER,
    "SkeinGovernor.EIP712DomainChanged": "the governor's signing domain is fixed",
    "SkeinGovernor.ProposalThresholdSet": _SETTING,
    "SkeinGovernor.QuorumNumeratorUpdated": _SETTING,
    "SkeinGovernor.TimelockChange": _SETTING,
    "SkeinGovernor.VotingDelaySet": _SETTING,
    "SkeinGovernor.VotingPeriodSet": _SETTING,
    "SkeinToken.Approval": "allowances are read from the token by those who spend them",
    "SkeinToken.DelegateChanged": _VOTES,
    "SkeinToken.DelegateVotesChanged": _VOTES,
    "SkeinToken.EIP712DomainChanged": "the token's signing domain is fixed",
    "SkeinToken.OwnershipTransferStarted": _OWNER,
    "SkeinToken.OwnershipTransferred": _OWNER,
    "Randomness.SeedProved": "the arena's SeedFixed says which seed it took",
    "Staking.DelegateChanged": _VOTES,
    "Staking.DelegateVotesChanged": _VOTES,
    "Staking.EIP712DomainChanged": "the ledger's signing domain is fixed",
    "Staking.EntriesPaused": "until when entries are paused is read from the contract before one is sent",
    "Staking.GuardianSet": _OWNER,
    "Staking.OwnershipTransferStarted": _OWNER,
    "Staking.OwnershipTransferred": _OWNER,
}


@dataclass(slots=True)
class At:
    """Where an event stands: its position, the timestamp of its block, and the contract that emitted it."""

    position: int
    timestamp: int
    address: str


Projection = Callable[..., None]
F = TypeVar("F", bound=Projection)
# By the event's name; called with the event's arguments in the ABI's order.
HANDLERS: dict[str, Callable[[Rows, At, Sequence[Any]], None]] = {}


def on(name: str) -> Callable[[F], F]:
    """Register the projection of an event: `@on("Arena.TaskCreated")`.

    Raises TypeError at import when the ABI has no such event, when another function has it, or when the keyword-only
    parameters are not the event's arguments.
    """

    def register(function: F) -> F:
        _check(name, function)
        HANDLERS[name] = _by_place(name, function)
        return function

    return register


def _check(name: str, function: Projection) -> None:
    entry = event_abis().get(name)
    if entry is None:
        raise TypeError(f"{function.__name__}: the ABI has no event {name}")
    if name in HANDLERS:
        raise TypeError(f"{function.__name__}: {name} has a projection already")
    parameters = inspect.signature(function).parameters.values()
    takes = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    gives = set(_parameters(name))
    if takes != gives:
        raise TypeError(f"{function.__name__} takes {sorted(takes)} where {name} has {sorted(gives)}")


def _parameters(name: str) -> list[str]:
    """The event's arguments as Python can name them: `from` is `from_`."""
    return [argument + "_" * keyword.iskeyword(argument) for argument in field_names(event_abis()[name]["inputs"])]


def _by_place(name: str, function: Projection) -> Callable[[Rows, At, Sequence[Any]], None]:
    """The function, called with a list of arguments: written out, for a loop over names would take as long again."""
    named = "".join(f", {parameter}=v[{at}]" for at, parameter in enumerate(_parameters(name)))
    call: Callable[[Rows, At, Sequence[Any]], None] = eval(f"lambda rows, at, v: f(rows, at{named})", {"f": function})
    return call


from indexer.projections import (  # noqa: E402
    alliance,  # noqa: F401
    appeals,  # noqa: F401
    arena,  # noqa: F401
    evaluation,  # noqa: F401
    money,  # noqa: F401
    rounds,  # noqa: F401
    settlement,  # noqa: F401
    sponsors,  # noqa: F401
    stake,  # noqa: F401
    token,  # noqa: F401
)
