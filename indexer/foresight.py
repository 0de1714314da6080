"""Rows are fetched before they are needed, many at once: which ones, is learned from the events before.

A projection asks for rows one by one. Each that is not in memory costs a search of the database, or a journey to its
server. But the keys of rows are arguments of events: once an event of a kind has needed a row whose key was its
arguments `task_id` and `validator`, the next event of that kind will need the row of its own. A wrong guess fetches a
row that nobody asks for, and changes nothing else.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from indexer.layout import Key

# Which arguments make up the key: their places. -1 is the contract's address.
_Places = tuple[int, ...]
_GUESSES = 4


class Foresight:
    """What kinds of events have needed so far."""

    def __init__(self) -> None:
        # Per kind of event: pairs of a table and the places of a key.
        self._needs: dict[str, list[tuple[Any, _Places]]] = {}

    def learn(self, name: str, values: Sequence[Any], table: Any, key: Key) -> None:
        """An event with these arguments, and the contract's address behind them, needed this row."""
        places = tuple(_place(values, part) for part in key)
        needs = self._needs.setdefault(name, [])
        if None in places or (table, places) in needs:
            return
        if sum(known is table for known, _ in needs) < _GUESSES:
            needs.append((table, places))  # type: ignore[arg-type]

    def needs(self, name: str, events: Iterable[Sequence[Any]]) -> list[tuple[Any, set[Key]]]:
        """Tables and keys that these events, all of one kind, will need."""
        known = self._needs.get(name)
        if not known:
            return []
        events = list(events)
        return [(table, set(map(_getter(places), events))) for table, places in known]


def _getter(places: _Places) -> Any:
    if len(places) > 1:
        return itemgetter(*places)
    (place,) = places
    return lambda values: (values[place],)


def _place(values: Sequence[Any], part: Any) -> int | None:
    for place, value in enumerate(values):
        if value == part and type(value) is type(part):
            return place
    return None
