"""The audit reads the chain again: one row of any table altered, removed or added is told, by the table's name."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from indexing import COMPARED, Indexed
from life import TRAINERS, Life, stake
from misbehaving import provider
from postgres import Postgres
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from indexer import verify_anew
from indexer.reader import Reader
from indexer.rpc import Endpoints
from indexer.shape import shape_of
from indexer.tables import Checkpoint, Journal
from indexer.verify_anew import Anew
from protocol.errors import ChainUnavailable

TABLES = (*COMPARED[1:], Journal)  # all but the checkpoint: what is compared is compared at it
HOW = ("altered", "removed", "added")


@pytest.fixture(scope="module")
def held(lived: Indexed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    """An index of which much is not final, so that it has a journal."""
    path = tmp_path_factory.mktemp("held") / "index.db"
    with Indexed(lived.network, path, confirmations=300) as running:
        running.sync()
        yield running


@pytest.fixture(scope="module")
def anew(held: Indexed) -> Iterator[Anew]:
    """What the chain's events make, once for all tests."""
    endpoints = Endpoints([held.network.rpc_url], held.network.deployment.chain_id)
    reader = Reader(endpoints, held.network.deployment, check="all")
    with Anew(reader, held.network.deployment, held.one(Checkpoint)) as made:
        yield made
    endpoints.close()


@pytest.fixture
def connection(held: Indexed) -> Iterator[Connection]:
    """The index, in a transaction of which nothing stays."""
    with held.engine.connect() as open_, open_.begin() as transaction:
        yield open_
        transaction.rollback()


def other(value: Any) -> Any:
    """A value of the same kind that is another."""
    if isinstance(value, bytes):
        return b"[]" if value[:1] == b"[" else value + b"7"  # the journal is JSON
    return value + 1 if isinstance(value, int) else f"{value or '0x'}7"


def change(connection: Connection, table: type[SQLModel], how: str, chance: random.Random) -> None:
    """One row of the table altered, removed, or made of another."""
    shape = shape_of(table, "?")
    rows = connection.exec_driver_sql(f'SELECT {shape.names} FROM "{shape.name}"').all()
    row = list(chance.choice(rows))
    if how != "added":
        connection.exec_driver_sql(shape.delete, shape.key_in(row))
    if how != "removed":
        others = [name for name in shape.columns if name not in shape.keys]
        name = chance.choice(others if how == "altered" and others else shape.keys)
        at, unheard = shape.columns.index(name), 10**12 + chance.randrange(10**9)
        row[at] = unheard if name in shape.keys and isinstance(row[at], int) else other(row[at])
        connection.exec_driver_sql(shape.insert, tuple(row))


def test_nothing_differs_from_a_sound_index(anew: Anew, connection: Connection) -> None:
    sizes: dict[str, int] = {}
    assert list(anew.differences(connection, sizes.__setitem__)) == []
    assert set(sizes) == {table.__tablename__ for table in TABLES} and min(sizes.values()) > 0


def told_of(anew: Anew, connection: Connection, changes: dict[type[SQLModel], str], seed: int) -> list[str]:
    """What the audit tells of one changed row in each of these tables."""
    chance = random.Random(seed)
    with connection.begin_nested() as changing:
        for table, how in changes.items():
            change(connection, table, how, chance)
        told = list(anew.differences(connection))
        changing.rollback()
    return told


@pytest.mark.parametrize("at", range(len(TABLES)), ids=lambda at: TABLES[at].__tablename__)
def test_one_wrong_row_of_any_table_is_told(anew: Anew, connection: Connection, at: int) -> None:
    told = told_of(anew, connection, {TABLES[at]: HOW[at % len(HOW)]}, at)
    assert told and all(line.startswith(f"{TABLES[at].__tablename__} ") for line in told)


@pytest.mark.parametrize("how", HOW)
def test_one_wrong_row_of_every_table_is_told(anew: Anew, connection: Connection, how: str) -> None:
    told = told_of(anew, connection, dict.fromkeys(TABLES, how), 7)
    assert {line.split()[0] for line in told} == {table.__tablename__ for table in TABLES}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(TABLES), st.sampled_from(HOW)), seed=st.integers(0, 2**32))
def test_wrong_rows_are_told_by_their_tables_and_no_others(
    anew: Anew, connection: Connection, changes: dict[type[SQLModel], str], seed: int
) -> None:
    told = told_of(anew, connection, changes, seed)
    assert {line.split()[0] for line in told} == {table.__tablename__ for table in changes}
    assert len(told) <= 2 * len(changes)  # a row whose key is another is one too many and one too few


def test_what_is_wrong_is_said(anew: Anew, connection: Connection) -> None:
    sql = "UPDATE payout SET assets = '017' WHERE position = (SELECT min(position) FROM payout)"
    before = connection.execute(text("SELECT min(position) FROM payout")).scalar_one()
    paid = int(connection.execute(text(f"SELECT assets FROM payout WHERE position = {before}")).scalar_one()[2:])
    connection.execute(text(sql))
    (line,) = anew.differences(connection)
    place = f"{before >> 20}-{before % 2**20}"
    assert line == f"payout {place}: the index has assets 7; the chain's events make assets {paid}"


def test_of_many_rows_some_are_told_and_the_others_counted(anew: Anew, connection: Connection) -> None:
    rows = connection.execute(text("DELETE FROM account_event")).rowcount
    told = list(anew.differences(connection))
    assert len(told) == verify_anew.TOLD + 1
    assert told[-1] == f"account_event: {rows - verify_anew.TOLD} more rows differ"


def test_postgresql_is_held_against_the_chain_too(life: Life, server: Postgres) -> None:
    """By the bytes of its keys, whatever the order of its texts is."""
    with Indexed(life.network, server.database()) as indexed:
        stake(life)
        indexed.sync()
        assert indexed.differences() == []
        who = life.address(TRAINERS[0])
        with indexed.engine.begin() as connection:
            connection.execute(text("DELETE FROM balance_change WHERE account = :who"), {"who": who})
            connection.execute(text("UPDATE log SET data = 'x' WHERE position = (SELECT max(position) FROM log)"))
        told = indexed.differences()
        assert any(line.startswith("balance_change ") and who in line for line in told)
        assert any(line.startswith("log ") and "data 0x78;" in line for line in told)


def test_a_provider_that_leaves_logs_out_vouches_for_nothing(life: Life, indexed: Indexed) -> None:
    """Its index may lack them too: the blooms in the headers tell."""
    stake(life)
    indexed.sync()
    with provider(life.network.rpc_url) as bent:
        bent.bend = _without_last_log
        endpoints = Endpoints([bent.url], life.network.deployment.chain_id, patience=0)
        reader = Reader(endpoints, life.network.deployment, check="all")
        with pytest.raises(ChainUnavailable, match="it left out logs of blocks"):
            Anew(reader, life.network.deployment, indexed.one(Checkpoint)).__enter__()
        endpoints.close()


def _without_last_log(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    ranged = request["method"] == "eth_getLogs" and "fromBlock" in request["params"][0]
    return {**answer, "result": answer["result"][:-1]} if ranged else answer
