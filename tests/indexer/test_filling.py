"""Catching up for the first time: what is put off until it is done, and what is fetched ahead."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from indexing import Indexed
from life import Life, settled, stake
from network import Network
from sqlalchemy import inspect

from indexer import reader
from indexer.foresight import Foresight
from indexer.tables import DERIVED, RAW, Lock, PanelMember, Position

Tables = Callable[[Network], dict[str, list[tuple[object, ...]]]]
ALL = {index.name for table in (*RAW, *DERIVED) for index in table.__table__.indexes}  # type: ignore[attr-defined]


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few blocks a request, few logs a transaction."""
    for name in ("FIRST_SPAN", "LONGEST_SPAN", "MOST_LOGS"):
        monkeypatch.setattr(reader, name, 2)


def indexes(indexed: Indexed) -> set[str]:
    found = inspect(indexed.engine)
    names = (index["name"] for table in found.get_table_names() for index in found.get_indexes(table))
    return {str(name) for name in names}


class StopAfter(Event):
    """An event that is set once it was looked at so often."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._left: Iterator[int] = iter(range(looks))

    def is_set(self) -> bool:
        return next(self._left, None) is None


@pytest.mark.usefixtures("small_steps")
def test_indexes_are_made_when_the_tables_are_full(lived: Indexed, tmp_path: Path, fresh: Tables) -> None:
    """However often the filling is interrupted."""
    with Indexed(lived.network, tmp_path / "index.db") as indexed:
        assert indexes(indexed) == ALL
        indexed.follower.step(StopAfter(3))
        assert indexes(indexed) == set()
        indexed.restart()
        indexed.follower.step(StopAfter(5))
        indexed.restart()
        assert indexes(indexed) == set()
        indexed.sync()
        assert indexes(indexed) == ALL
        assert indexed.tables() == fresh(lived.network)


def test_a_process_that_ended_before_the_indexes_is_made_good(lived: Indexed, tmp_path: Path) -> None:
    with Indexed(lived.network, tmp_path / "index.db") as indexed:
        indexed.follower.step()
        assert indexes(indexed) == set()
        indexed.restart()
        indexed.sync()
        assert indexes(indexed) == ALL


def test_a_rebuild_leaves_every_index(life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    indexed.index.rebuild()
    assert indexes(indexed) == ALL


def test_what_events_need_is_learned() -> None:
    foresight = Foresight()
    foresight.learn("Locked", ("operator", "module", 5, "staking"), Lock, ("operator", "module"))
    wanted = foresight.needs("Locked", [("a", "b", 1, "staking"), ("c", "b", 2, "staking"), ("a", "b", 3, "staking")])
    assert wanted == [(Lock, {("a", "b"), ("c", "b")})]
    assert foresight.needs("Unlocked", [("a", "b", 1, "staking")]) == []


def test_a_wrong_guess_is_mended() -> None:
    """Once both were the same person: which argument it was, shows only later."""
    foresight = Foresight()
    foresight.learn("Deposited", ("a", "a", 5), Position, ("a", "a"))
    foresight.learn("Deposited", ("a", "b", 5), Position, ("a", "b"))
    wanted = foresight.needs("Deposited", [("c", "d", 5)])
    assert wanted == [(Position, {("c", "c")}), (Position, {("c", "d")})]


def test_keys_that_are_no_arguments_are_not_learned() -> None:
    foresight = Foresight()
    foresight.learn("Weighted", (True, 7, ["a"]), PanelMember, (1, 7, 2))
    assert foresight.needs("Weighted", [(True, 8, ["a"])]) == []


@pytest.mark.usefixtures("small_steps")
def test_rows_are_fetched_together(life: Life, indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing kept from batch to batch, tens of events of the same kinds fetch few rows alone."""
    monkeypatch.setattr("indexer.rows.CACHED_CELLS", 0)
    stake(life)
    settled(life)
    indexed.sync()
    alone: list[Any] = []
    bulk = indexed.index._rows._bulk
    fetch_one = bulk.fetch_one
    monkeypatch.setattr(
        bulk, "fetch_one", lambda shape, key: (alone.append((shape.name, key)), fetch_one(shape, key))[1]
    )
    for _ in range(2):
        for at in range(30):
            life.send(2, "SkeinToken", "transfer", life.address(3 + at % 7), 1)
    indexed.sync()
    assert len(alone) < 60
    assert not [name for name, _ in alone if name == "account"]
    assert indexed.differences() == []
