"""The rows of a journal: wishes to change the chain, and the transactions that were signed for them."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from protocol.errors import ContractReverted


class State(StrEnum):
    """What became of an intent; anything may still change until it is `final`."""

    SIGNED = "signed"  # to be mined
    DONE = "done"  # mined, and it took effect
    REFUSED = "refused"  # mined, and a contract refused it
    CANCELLED = "cancelled"  # a transaction that does nothing was mined in its place
    DISPLACED = "displaced"  # another program used its nonce


@dataclass(frozen=True)
class Intent:
    """One row; `outcome` is the raw receipt of a mined one, and what a refusal said."""

    id: int
    key: str
    contract: str
    data: str
    nonce: int
    state: State
    final: bool
    abandoned: bool
    outcome: dict[str, Any] | None

    def refusal(self) -> ContractReverted:
        """The refusal of a refused one."""
        told = (self.outcome or {}).get("refusal", {})
        return ContractReverted(told.get("error", "Reverted"), told.get("args"), told.get("contract", self.contract))


@dataclass(frozen=True)
class Sent:
    """One signed transaction of an intent; `fields` is what was signed, `head` the newest block at that time."""

    hash: str
    raw: str
    fields: dict[str, Any]
    cancels: bool
    head: int


def read_intent(number: int, key: str, contract: str, data: str, nonce: int, *rest: Any) -> Intent:
    """From the columns of a row."""
    state, final, abandoned, told = rest
    outcome = json.loads(told) if told else None
    return Intent(number, key, contract, data, nonce, State(state), bool(final), bool(abandoned), outcome)


def read_sent(transaction: str, raw: str, fields: str, cancels: int, head: int) -> Sent:
    """From the columns of a row."""
    return Sent(transaction, raw, json.loads(fields), bool(cancels), head)
