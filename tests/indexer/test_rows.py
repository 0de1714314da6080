"""The unit of work: values, images, and undoing."""

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from indexer import db
from indexer.bulk import fetching
from indexer.index import Contradiction, Index
from indexer.rows import Rows, undo
from indexer.shape import shape_of
from indexer.stake_math import INDEX_START, assets_of, decay, withdrawal_value
from indexer.tables import DERIVED, Account, BalanceChange, Lock, Module, Slash
from indexer.units import pad, position_of, shown
from protocol.deployment import Deployment

UINT256 = st.integers(0, 2**256 - 1)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = db.open_engine(f"sqlite:///{tmp_path}/rows.db")
    db.prepare(engine)
    return engine


def content(engine: Engine) -> dict[str, list[Any]]:
    tables: Any = [table.__table__ for table in DERIVED]  # type: ignore[attr-defined]
    with engine.connect() as connection:
        return {str(table.name): sorted(map(tuple, connection.execute(select(table)).all())) for table in tables}


@given(UINT256, UINT256)
def test_amounts_sort_as_numbers_and_come_back(one: int, two: int) -> None:
    assert (pad(one) < pad(two)) == (one < two)
    assert int(shown(pad(one))) == one and len(pad(one)) <= 80


@pytest.mark.parametrize("value", [-1, 2**256])
def test_what_is_no_amount_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        pad(value)


@given(st.integers(0, 2**43 - 1), st.integers(0, 2**20 - 1))
def test_positions_order_and_name_events(block: int, index: int) -> None:
    position = position_of(block, index)
    assert position < 2**63
    assert (position >> 20, position & (2**20 - 1)) == (block, index)
    assert position < position_of(block + 1)


def test_a_block_with_too_many_logs_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 1048576 logs"):
        position_of(1, 2**20)


def test_rows_come_back_as_they_were_written(engine: Engine) -> None:
    with engine.begin() as connection:
        rows = Rows(connection)
        rows.add(Account, address="a", balance=2**256 - 1)
        rows.ensure(Module, "m").enabled = True
        rows.flush()
        again = Rows(connection)
        account, module = again.edit(Account, "a"), again.get(Module, "m")
        assert (account.balance, account.earned, account.submissions) == (2**256 - 1, 0, 0)
        assert module is not None and module.enabled is True
        assert again.get(Account, "b") is None
        with pytest.raises(Contradiction, match="one changes account b, which none made"):
            again.edit(Account, "b")


def test_a_row_is_read_once_and_forgotten_when_told(engine: Engine) -> None:
    with engine.begin() as connection:
        rows = Rows(connection)
        rows.ensure(Account, "a").balance = 5
        assert rows.ensure(Account, "a").balance == 5
        rows.forget()
        assert rows.get(Account, "a") is None
        rows.flush()
    assert content(engine)["account"] == []


def test_the_cache_keeps_what_changed_last(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.rows.CACHED_CELLS", 10)
    with engine.begin() as connection:
        rows = Rows(connection)
        store = rows._stores[Account]
        for batch in range(5):
            for at in range(10):
                rows.ensure(Account, f"{batch}-{at}").balance = at
            rows.flush()
            assert (len(store.rows), len(store.old)) == (0, 10)
        rows.edit(Account, "4-7").balance += 1
        rows.edit(Account, "0-7").balance += 1
        rows.flush()
        assert {key for (key,) in store.old} == {"4-7", "0-7"}
        assert rows.edit(Account, "4-7").balance == 8
    assert len(content(engine)["account"]) == 50


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from("abc"), st.integers(0, 9)), max_size=30), st.integers(0, 6)
)
def test_undoing_gives_back_every_row(changes: list[tuple[int, str, int]], to: int) -> None:
    """Blocks of changes, then back to one of them: the same as if the later ones had never been."""
    folder = tempfile.TemporaryDirectory()
    engine = db.open_engine(f"sqlite:///{folder.name}/rows.db")
    db.prepare(engine)

    def run(blocks: range) -> None:
        with engine.begin() as connection:
            rows = Rows(connection)
            for block in blocks:
                rows.start_block(journaling=block > 0)
                for at, (_, name, amount) in enumerate(change for change in changes if change[0] == block):
                    rows.ensure(Account, name).balance = amount
                    position = position_of(block, at)
                    rows.record(BalanceChange, (position, name), (position, name, pad(amount)))
                    rows.ensure(Lock, name, "m").assets += amount
                    rows.add(Slash, position=position, operator=name, module="m")
                    rows.edit(Slash, position).assets = amount
                rows.end_block(block)
                rows.flush()

    run(range(1, to + 1))
    expected = content(engine)
    run(range(to + 1, 7))
    with engine.begin() as connection:
        undo(connection, to)
    assert content(engine) == expected
    engine.dispose()
    folder.cleanup()


def test_a_row_of_history_cannot_be_made_twice(engine: Engine) -> None:
    index = Index(engine, Deployment(1, {}))

    def slash() -> None:
        with index._transaction():
            index._rows.add(Slash, position=1, operator="a", module="m")
            index._rows.flush()

    slash()
    with pytest.raises(Contradiction, match=r"slash\.position"):
        slash()
    index.close()


def test_every_table_has_a_shape() -> None:
    for table in DERIVED:
        shape = shape_of(table, "?")
        assert shape.keys and shape.insert.count("?") == len(shape.columns)
        assert set(shape.twin.__slots__) == set(table.model_fields)


AMOUNTS = st.integers(1, 10**33 - 1)


@given(AMOUNTS, st.lists(st.integers(0, 10**33), max_size=8))
def test_values_of_withdrawals_never_exceed_what_is_left(assets: int, slashes: list[int]) -> None:
    index, generation, left = INDEX_START, 0, assets
    for slash in slashes:
        if not left:
            break
        after = max(0, left - slash)
        index, generation = decay(index, generation, left, after)
        left = after
        assert 10**18 <= index <= INDEX_START
    worth = withdrawal_value(assets, INDEX_START, 0, index, generation)
    assert worth <= left
    assert left - worth <= assets // 10**15 + 1


@given(AMOUNTS, AMOUNTS)
def test_shares_are_worth_no_more_than_the_pool(shares: int, assets: int) -> None:
    assert assets_of(shares * 10**6, assets, shares * 10**6) <= assets
    assert assets_of(10**6, assets, assets * 10**6) == 1


def test_sqlite_is_new_enough() -> None:
    assert sqlite3.sqlite_version_info >= (3, 24), "upserts"


def test_rows_are_found_by_their_keys_and_no_table_is_read_whole(engine: Engine) -> None:
    with engine.connect() as connection:
        for table in DERIVED:
            shape = shape_of(table, "?")
            sql, keys = fetching(shape, 3), [1] * 3 * len(shape.keys)
            plan = [str(step[3]) for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(keys))]
            assert any(step.startswith("SEARCH old") for step in plan), (shape.name, plan)
            assert not any(step.startswith("SCAN old") for step in plan), (shape.name, plan)
