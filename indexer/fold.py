"""Logs into rows: each log is decoded once, linked to the accounts it names, and given to its projection."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from indexer.projections import HANDLERS, At
from indexer.projections.accounts import totals
from indexer.projections.history import remember_network
from indexer.rows import Rows
from indexer.stored import StoredLog
from indexer.twins import AccountEvent, EventKind
from indexer.units import POSITION_BITS, ZERO_ADDRESS
from protocol.deployment import Deployment
from protocol.events import Decoder, broken, decoders, event_abis


class _Kind:
    """Events of one sort from one contract: what is done with them, and how many there were."""

    __slots__ = ("address", "decode", "events", "handle", "name", "people", "topic0")

    def __init__(self, address: str, topic0: str, name: str | None, decode: Decoder | None) -> None:
        self.address = address
        self.topic0 = topic0
        self.name = name
        self.decode = decode
        self.handle = HANDLERS.get(name) if name else None
        self.people = _people(event_abis()[name]) if name else _nobody
        # Since they were last written.
        self.events = 0


# An event on its way into the tables: its kind, its position, and its arguments with the contract's address behind.
_Step = tuple[_Kind, int, tuple[Any, ...]]


class Fold:
    """Folds the logs of one deployment into rows."""

    def __init__(self, rows: Rows, deployment: Deployment) -> None:
        self._rows = rows
        self._deployment = deployment
        self._nobody = {ZERO_ADDRESS, *(deployed.address for deployed in deployment.contracts.values())}
        self._kinds: dict[tuple[str, bytes | None], _Kind] = {}
        self._events = self._unknown = 0

    def run(self, logs: Iterable[StoredLog], timestamps: Mapping[int, int], journal_above: int) -> None:
        """Fold whole blocks of logs, in order. Changes by blocks above `journal_above` can be undone later."""
        rows, at, block, journaling = self._rows, At(0, 0, ""), -1, False
        self._forget_counts()
        for kind, position, values in self._foreseen([self._step(log) for log in logs]):
            number = position >> POSITION_BITS
            if number != block:
                journaling = number > journal_above
                self._end(block, at.timestamp, write_counts=journaling)
                block = number
                at.timestamp = timestamps[number]
                rows.start_block(journaling)
            kind.events += 1
            self._events += 1
            if kind.name is None:
                self._unknown += 1
                continue
            at.position, at.address = position, kind.address
            for address in kind.people(values) - self._nobody:
                rows.record(AccountEvent, (position, address), (position, address))
            if kind.handle is not None:
                rows.event = kind.name, values
                kind.handle(rows, at, values)
        self._end(block, at.timestamp, write_counts=True)

    def _step(self, log: StoredLog) -> _Step:
        position, address, topic0, one, two, three, data, transaction_hash, _ = log
        kind = self._kinds.get((address, topic0)) or self._new_kind(address, topic0)
        if kind.decode is None:
            return kind, position, ()
        try:
            return kind, position, (*kind.decode(one, two, three, data), address)
        except ValueError as error:
            index = position & ((1 << POSITION_BITS) - 1)
            raise broken(str(kind.name), index, "0x" + transaction_hash.hex(), error) from error

    def _new_kind(self, address: str, topic0: bytes | None) -> _Kind:
        contract, word = self._deployment.name_of(address), "" if topic0 is None else "0x" + topic0.hex()
        name, decode = decoders(contract).get(word, (None, None)) if contract else (None, None)
        kind = self._kinds[address, topic0] = _Kind(address, word, name, decode)
        return kind

    def _foreseen(self, steps: list[_Step]) -> list[_Step]:
        """The rows that the events will need are fetched together."""
        kinds: dict[_Kind, list[tuple[Any, ...]]] = {}
        for kind, _, values in steps:
            kinds.setdefault(kind, []).append(values)
        for kind, events in kinds.items():
            if kind.handle is not None:
                self._rows.foresee(str(kind.name), events)
        return steps

    def _end(self, block: int, timestamp: int, write_counts: bool) -> None:
        """The end of a block. Sorts of events are counted once for all blocks that nothing will undo."""
        if block < 0:
            return
        self._rows.event = None
        sums = totals(self._rows)
        sums.events += self._events
        sums.unknown_events += self._unknown
        self._events = self._unknown = 0
        if write_counts:
            for kind in self._kinds.values():
                if kind.events:
                    row = self._rows.ensure(EventKind, kind.address, kind.topic0)
                    row.name = kind.name
                    row.events += kind.events
                    kind.events = 0
        remember_network(self._rows, timestamp, sums)
        self._rows.end_block(block)

    def _forget_counts(self) -> None:
        """Those that a run left which did not come to its end."""
        self._events = self._unknown = 0
        for kind in self._kinds.values():
            kind.events = 0


def _nobody(values: Sequence[Any]) -> set[str]:
    return set()


def _people(entry: Mapping[str, Any]) -> Callable[[Sequence[Any]], set[str]]:
    """The set of addresses among an event's arguments; lists of addresses too."""
    kinds = [part["type"] for part in entry["inputs"]]
    single = [f"v[{at}]" for at, kind in enumerate(kinds) if kind == "address"]
    several = [f"*v[{at}]" for at, kind in enumerate(kinds) if kind == "address[]"]
    named: Callable[[Sequence[Any]], set[str]] = eval(f"lambda v: {{{', '.join(single + several) or '*()'}}}")
    return named
