"""Logs into rows: each log is decoded once, linked to the accounts it names, and given to its projection."""

from collections.abc import Iterable, Mapping
from typing import Any

from eth_utils.address import to_checksum_address

from indexer.projections import HANDLERS, At
from indexer.projections.accounts import totals
from indexer.projections.history import remember_network
from indexer.rows import Rows
from indexer.tables import POSITION_BITS, AccountEvent, EventKind
from indexer.types import ZERO_ADDRESS
from protocol.deployment import Deployment
from protocol.events import decode, event_abis
from protocol.values import field_names

RawLog = Mapping[str, Any]
# Address, first topic and name of an event.
Kind = tuple[str, str, str | None]
_NO_TOPICS = [""]


class Fold:
    """Folds the logs of one deployment into rows."""

    def __init__(self, rows: Rows, deployment: Deployment) -> None:
        self._rows = rows
        self._deployment = deployment
        self._nobody = {ZERO_ADDRESS, *(deployed.address for deployed in deployment.contracts.values())}
        self._named = {name: _address_fields(entry) for name, entry in event_abis().items()}
        # Events of the block so far, by what they are.
        self._kinds: dict[Kind, int] = {}

    def run(self, logs: Iterable[tuple[int, RawLog]], timestamps: Mapping[int, int], journal_above: int) -> None:
        """Fold whole blocks of logs, in order. Changes by blocks above `journal_above` can be undone later."""
        rows, at, block = self._rows, At(0, 0, ""), -1
        self._kinds = {}
        for position, log in logs:
            number = position >> POSITION_BITS
            if number != block:
                self._end(block, at.timestamp)
                block = number
                at.timestamp = timestamps[number]
                rows.start_block(journaling=number > journal_above)
            event = decode(log, self._deployment)
            kind = log["address"], (log["topics"] or _NO_TOPICS)[0], event and event.name
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
            if event is None:
                continue
            at.position, at.address = position, event.address
            self._link(position, event.name, event.args)
            handler = HANDLERS.get(event.name)
            if handler is not None:
                handler(rows, at, **event.args)
        self._end(block, at.timestamp)

    def _end(self, block: int, timestamp: int) -> None:
        if not self._kinds:
            return
        sums = totals(self._rows)
        for (address, topic0, name), events in self._kinds.items():
            kind = self._rows.ensure(EventKind, to_checksum_address(address), topic0)
            kind.name = name
            kind.events += events
            sums.events += events
            sums.unknown_events += 0 if name else events
        self._kinds = {}
        remember_network(self._rows, timestamp, sums)
        self._rows.end_block(block)

    def _link(self, position: int, name: str, args: Mapping[str, Any]) -> None:
        """The histories of the accounts: everybody whom the event names, once, but not the contracts themselves."""
        single, several = self._named[name]
        people = {args[field] for field in single}
        for field in several:
            people.update(args[field])
        for address in people - self._nobody:
            self._rows.record(AccountEvent, (address, position), (address, position))


def _address_fields(entry: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The arguments that are an address, and those that are a list of addresses."""
    kinds = list(zip(field_names(entry["inputs"]), (part["type"] for part in entry["inputs"]), strict=True))
    return [name for name, kind in kinds if kind == "address"], [name for name, kind in kinds if kind == "address[]"]
