"""What a command does to the chain, as data: so that the same thing can be simulated, shown and sent.

An `Action` is a list of calls that a person signs, and the figures that they change. `preview` runs it in one simulated
block on top of the present one (`eth_simulateV1`); `carry_out` sends it. Both give the same `Outcome`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol.chain import Chain
from protocol.errors import ContractReverted
from protocol.events import Event
from wallet.units import SKEIN, Unit, knowing


@dataclass(frozen=True)
class Call:
    """One transaction to a contract; `what` is a short sentence without a full stop ("deposit 5 SKEIN").

    `done_if` is the error by which the contract says that it has been done already, by a client that runs beside us.
    """

    what: str
    contract: str
    function: str
    arguments: tuple[Any, ...] = ()
    done_if: str = ""


@dataclass(frozen=True)
class Figure:
    """An amount to show before and after; `pick` takes it out of the function's result."""

    label: str
    contract: str
    function: str
    arguments: tuple[Any, ...] = ()
    pick: Callable[[Any], int] = int
    unit: Unit = SKEIN


@dataclass(frozen=True)
class Action:
    """Calls in the order in which they are sent, and the figures worth showing.

    `instances`: the addresses of contracts that calls and figures name and no deployment holds (`INSTANCES`).
    """

    calls: tuple[Call, ...]
    figures: tuple[Figure, ...] = ()
    instances: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A call that was simulated or mined. `transaction_hash` is None for a simulated one."""

    what: str
    gas_used: int
    transaction_hash: str | None
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Change:
    """A figure before and after, in the smallest parts of its unit."""

    label: str
    before: int
    after: int
    unit: Unit = SKEIN


@dataclass(frozen=True)
class Outcome:
    """What an action did, or would do. `fee` is in wei of the chain's own coin."""

    simulated: bool
    steps: tuple[Step, ...]
    changes: tuple[Change, ...]
    fee: int

    @property
    def gas_used(self) -> int:
        return sum(step.gas_used for step in self.steps)

    def events(self, name: str) -> list[Event]:
        """The events of one kind, such as "Arena.TaskCreated", of all steps."""
        return [event for step in self.steps for event in step.events if event.name == name]

    def event(self, name: str) -> Event:
        """The only event of a kind that the action always makes."""
        (event,) = self.events(name)
        return event


def carry_out(chain: Chain, action: Action, say: Callable[[str], None] = lambda text: None) -> Outcome:
    """Send the calls one after the other, each when the one before is mined. Raises ContractReverted.

    `say` is told what is being done before each call.
    """
    chain = knowing(chain, action.instances)
    before = [_read(chain, figure) for figure in action.figures]
    steps, fee = [], 0
    for call in action.calls:
        say(call.what)
        try:
            receipt = chain.send(call.contract, call.function, *call.arguments)
        except ContractReverted as refused:
            if refused.error != call.done_if:
                raise
            continue
        steps.append(Step(call.what, receipt.gas_used, receipt.transaction_hash, tuple(receipt.events)))
        fee += receipt.gas_used * receipt.gas_price
    after = [_read(chain, figure) for figure in action.figures]
    return Outcome(False, tuple(steps), _changes(action, before, after), fee)


def _read(chain: Chain, figure: Figure) -> int:
    return figure.pick(chain.call(figure.contract, figure.function, *figure.arguments))


def _changes(action: Action, before: list[int], after: list[int]) -> tuple[Change, ...]:
    listed = zip(action.figures, before, after, strict=True)
    return tuple(Change(figure.label, old, new, figure.unit) for figure, old, new in listed)


def with_approval(
    chain: Chain, owner: str, spender: str, assets: int, *calls: Call, token: str = "SkeinToken"
) -> tuple[Call, ...]:
    """The calls, after an approval of exactly `assets` for the contract `spender` if the present one is too low.

    `token` is "ERC20" for the one that the chain knows by that name. Some tokens of others take no new approval before
    the old one is gone.
    """
    address = chain.deployment.address(spender)
    present = int(chain.call(token, "allowance", owner, address))
    if present >= assets:
        return calls
    approvals = [Call(f"approve {whom(spender)}", token, "approve", (address, assets))]
    if present and token != "SkeinToken":
        approvals.insert(0, Call("end the old approval", token, "approve", (address, 0)))
    return (*approvals, *calls)


def whom(contract: str) -> str:
    """A contract in words."""
    return f"the {contract} contract"
