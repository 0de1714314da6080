"""Tables are made anew in PostgreSQL while others read the old ones; SQLite's readers never notice anything."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from indexing import Indexed, serving
from life import Life, stake
from network import Network
from postgres import Postgres

from indexer import anew
from skein.processes import until


@pytest.fixture
def indexed(network: Network, server: Postgres) -> Iterator[Indexed]:
    """In PostgreSQL."""
    stake(Life(network))
    with Indexed(network, server.database()) as running:
        running.sync()
        yield running


def test_readers_go_on_while_tables_are_made_anew(indexed: Indexed) -> None:
    """Also when what was there had other columns."""
    before = indexed.tables()
    told: list[int] = []
    with psycopg.connect(indexed.url, autocommit=True) as other:
        other.execute("ALTER TABLE account ADD COLUMN more text; DROP TABLE ballot; CREATE INDEX odd ON pool (stake)")
    with serving(indexed.url) as api:

        def reads(number: int) -> None:
            told.append(number)
            found = api.get("/operators", params={"limit": 100 + len(told)}, timeout=10)
            assert found.status_code == 200 and len(found.json()["data"]) == 9

        indexed.index.rebuild(reads)
        assert told
        assert api.get("/operators").json()["data"]
    assert indexed.tables() == before
    with psycopg.connect(indexed.url) as other:
        schemas = other.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'skein%'").fetchall()
        indexes = {name for (name,) in other.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")}
    assert schemas == [] and "odd" not in indexes and {"ballot_voter", "account_event_account"} <= indexes
    indexed.restart()
    indexed.network.mine()
    indexed.sync()
    assert indexed.differences() == []


def test_who_reads_for_long_is_waited_for_and_nobody_else_waits(
    indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anew, "_LOCK_SECONDS", 1)
    before = indexed.tables()
    with psycopg.connect(indexed.url) as reader, serving(indexed.url) as api:
        reader.execute("SELECT number FROM checkpoint")
        rebuilding = threading.Thread(target=indexed.index.rebuild)
        rebuilding.start()
        try:
            with psycopg.connect(indexed.url, autocommit=True) as other:
                waits = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
                until(lambda: other.execute(waits).fetchone() == (1,), 60, "the rebuild at its end")
            assert api.get("/operators", timeout=20).status_code == 200
            assert rebuilding.is_alive()
        finally:
            reader.rollback()
            rebuilding.join(60)
    assert not rebuilding.is_alive()
    assert indexed.tables() == before


def test_a_rebuild_that_fails_leaves_the_old_tables(indexed: Indexed) -> None:
    before = indexed.tables()

    def fails(number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        indexed.index.rebuild(fails)
    assert indexed.tables() == before
    indexed.index.rebuild()
    assert indexed.tables() == before


def test_without_the_right_to_make_a_schema_tables_are_made_in_place(
    network: Network, server: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.database()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS modest")
        owner.execute("CREATE ROLE modest LOGIN")
        owner.execute("GRANT ALL ON SCHEMA public TO modest")
    stake(Life(network))
    with Indexed(network, url.replace("skein@", "modest@")) as indexed:
        indexed.sync()
        before = indexed.tables()
        indexed.index.rebuild()
        assert indexed.tables() == before
    assert "may not make a schema" in caplog.text
