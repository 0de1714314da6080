"""SQLite and PostgreSQL: the same tables, the same answers; and schemas that grow up with the programs."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from indexing import Indexed, serving
from life import Life, settled, stake
from network import Network
from postgres import Postgres
from sqlalchemy import Engine, MetaData, Table, inspect
from sqlalchemy.exc import InternalError
from sqlmodel import SQLModel

from indexer import db, index
from indexer.migrations import configuration
from indexer.rows import Contradiction
from indexer.tables import BOOKKEEPING, DERIVED, RAW, Account, Block, Journal, Slash
from protocol.errors import ConfigInvalid

Tables = Callable[[Network], dict[str, list[tuple[object, ...]]]]
KEPT = (*BOOKKEEPING, *RAW)


@pytest.fixture(scope="module")
def twin(lived: Indexed, server: Postgres) -> Any:
    """The index `lived`, in PostgreSQL."""
    with Indexed(lived.network, server.database()) as running:
        running.sync()
        yield running


def test_the_tables_are_the_same(lived: Indexed, twin: Indexed) -> None:
    assert twin.tables() == lived.tables()
    assert twin.differences() == []


def paths(client: httpx.Client, account: str) -> list[str]:
    """Every route that answers with data of the index, about the first task and one account."""
    told = client.get("/openapi.json").json()["paths"]
    chosen = [path for path, ways in told.items() if "get" in ways and not path.startswith(("/live", "/metrics"))]
    named = {"{id}": "1", "{task_id}": "1", "{address}": account}
    for name, value in named.items():
        chosen = [path.replace(name, value) for path in chosen]
    return [path for path in chosen if "{" not in path and not path.endswith((".csv", "z"))]


def test_the_answers_are_the_same(lived: Indexed, twin: Indexed) -> None:
    account = Life(lived.network).address(2)
    with serving(lived.url) as one, serving(twin.url) as other:
        asked = [path for path in paths(one, account) if path not in ("/status", "/graphql", "/stream")]
        assert len(asked) > 25
        for path in asked:
            told = one.get(path)
            assert (path, other.get(path).status_code) == (path, told.status_code)
            if told.headers["content-type"] == "application/json":
                assert (path, other.get(path).json()) == (path, told.json())


def test_amounts_are_sorted_as_numbers(database: str) -> None:
    engine = db.open_engine(database)
    db.prepare(engine)
    amounts = [0, 1, 9, 10, 99, 2**64, 10**77, 2**256 - 1]
    with engine.begin() as connection:
        rows = index.Rows(connection)
        for at, amount in enumerate(amounts):
            rows.add(Account, address=str(at), balance=amount)
        rows.flush()
        table = Account.__table__  # type: ignore[attr-defined]
        found = connection.execute(table.select().order_by(table.c.balance)).all()
    assert [row.balance for row in found] == amounts
    engine.dispose()


def test_reorgs_of_every_depth(life: Life, server: Postgres, fresh: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the journal, by deriving again, and a rebuild: PostgreSQL as SQLite."""
    monkeypatch.setattr(index, "JOURNAL_BLOCKS", 12)
    with Indexed(life.network, server.database()) as indexed:
        stake(life)
        settled(life)
        indexed.sync()
        assert 0 < len(indexed.rows(Journal)) <= 12
        for depth in (10, 20):
            life.network.reorg(depth)
            indexed.sync()
            assert indexed.tables() == fresh(life.network)
        indexed.index.rebuild()
        assert indexed.tables() == fresh(life.network)


def test_a_second_writer_is_refused(network: Network, server: Postgres) -> None:
    url = server.database()
    with Indexed(network, url) as one, Indexed(network, url) as two:
        one.sync()
        with pytest.raises(ConfigInvalid, match="Another process writes"):
            two.sync()


@pytest.mark.parametrize("values", [{"position": 1}, {"position": 2, "task_id": 2**63}], ids=["twice", "too large"])
def test_what_fits_no_row_is_a_contradiction(values: dict[str, int], network: Network, database: str) -> None:
    with Indexed(network, database) as indexed:
        for position in (1, 1) if values == {"position": 1} else (2,):
            rows = indexed.index._rows

            def write(position: int = position, rows: Any = rows) -> None:
                with indexed.index._transaction():
                    rows.add(Slash, operator="a", module="m", **{**values, "position": position})
                    rows.flush()

            if indexed.rows(Slash) or position == 2:
                with pytest.raises(Contradiction):
                    write()
            else:
                write()


def test_a_reader_cannot_write(server: Postgres) -> None:
    url = server.database()
    writer, reader = db.open_engine(url), db.open_engine(url, read_only=True)
    db.prepare(writer)
    with reader.connect() as connection, pytest.raises(InternalError, match="read-only"):
        connection.exec_driver_sql("DELETE FROM account")
    writer.dispose()
    reader.dispose()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://a:b@c/d", "is of a mysql database: give one of sqlite or postgresql"),
        (
            "postgresql://someone:secret@127.0.0.1:1/x",
            r"someone:\*\*\*@127.0.0.1:1/x cannot be used \(.*\): check",
        ),
    ],
)
def test_a_database_that_cannot_be_used_is_told(url: str, told: str) -> None:
    with pytest.raises(ConfigInvalid, match=told):
        db.prepare(db.open_engine(url))


# --- migrations


def differences(engine: Engine, models: tuple[type[SQLModel], ...] = KEPT) -> list[Any]:
    """What Alembic would still change."""
    wanted = MetaData()
    for model in models:
        model.__table__.to_metadata(wanted)  # type: ignore[attr-defined]
    own = set(wanted.tables)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in own}
        )
        return list(compare_metadata(context, wanted))


def test_migrations_make_the_tables(database: str) -> None:
    """From nothing, step by step; and a new database, made at once, is the same."""
    engine = db.open_engine(database)
    with engine.begin() as connection:
        db._migrate(connection)
    assert differences(engine) == []
    found = inspect(engine)
    columns = {table: [repr(c["type"]) for c in found.get_columns(table)] for table in found.get_table_names()}
    engine.dispose()
    assert columns["log"] and ScriptDirectory.from_config(configuration(None)).get_current_head() == db.SCHEMA  # type: ignore[arg-type]


def test_a_new_database_needs_no_migration(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "_migrate", None)
    engine = db.open_engine(database)
    for _ in range(2):
        db.prepare(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert db._schema(connection) == db.SCHEMA
    engine.dispose()


def test_a_new_database_is_what_the_tables_say(database: str) -> None:
    """Made from the layout, which was made from them: columns, types, keys and indexes."""
    engine = db.open_engine(database)
    writer = db.open_writer(database)
    db.prepare(writer)
    writer.dispose()
    assert differences(engine, (*KEPT, *DERIVED)) == []
    found = inspect(engine)
    for model in (*KEPT, *DERIVED):
        table: Table = model.__table__  # type: ignore[attr-defined]
        indexes = {index["name"]: index["column_names"] for index in found.get_indexes(table.name)}
        assert indexes == {index.name: [column.name for column in index.columns] for index in table.indexes}
        assert found.get_pk_constraint(table.name)["constrained_columns"] == list(table.primary_key.columns.keys())
    engine.dispose()


@pytest.mark.parametrize("name", ["plain.db", "a b#c.db", "a%20b.db", "%25.db", "ü@x:y.db", "x.db?timeout=5", "x+y.db"])
def test_writers_and_readers_mean_the_same_file(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/{name}"
    writer, reader = db.open_writer(url), db.open_engine(url, read_only=True)
    db.prepare(writer)
    with reader.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM checkpoint").scalar() == 0
    writer.dispose()
    reader.dispose()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////no/such/folder/x.db", "/no/such/folder/x.db cannot be used (unable to open database file): check"),
        ("sqlite:///{}/text.db", "/text.db cannot be used (file is not a database): check"),
        ("sqlite:///{}", "cannot be used (unable to open database file): check"),
        ("sqlite://", "INDEXER_DATABASE_URL needs a file"),
        ("sqlite:///:memory:", "INDEXER_DATABASE_URL needs a file"),
        ("sqlite:///{}/old.db?timeout=1", "cannot be used (file is not a database): check"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(url: str, told: str, tmp_path: Path) -> None:
    for name in ("text.db", "old.db"):
        (tmp_path / name).write_text("no database at all\n" * 100)
    with pytest.raises(ConfigInvalid, match=re.escape(told)):
        db.prepare(db.open_writer(url.format(tmp_path)))


def test_a_database_from_before_migrations_goes_on(life: Life, database: str, fresh: Tables) -> None:
    """What is in it stays: nothing is read from the chain again."""
    with Indexed(life.network, database) as indexed:
        stake(life)
        indexed.sync()
        with indexed.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE vitals")
            connection.exec_driver_sql(f"DROP TABLE {db.VERSION_TABLE}")
        blocks = indexed.rows(Block)
        indexed.restart()
        assert differences(indexed.engine) == []
        assert indexed.rows(Block) == blocks
        settled(life)
        indexed.sync()
        assert indexed.tables() == fresh(life.network)


def test_a_database_from_the_future_is_refused(database: str) -> None:
    engine = db.open_engine(database)
    db.prepare(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {db.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(ConfigInvalid, match="made by a newer version of the indexer"):
        db.prepare(engine)
    engine.dispose()
