"""Following the chain: finality, reorgs of every depth, and databases that must not be written to."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from indexing import Indexed
from life import Life, settled, stake
from network import Network, running_network

from indexer import db, index
from indexer.fold import Fold
from indexer.index import Index
from indexer.rows import Contradiction
from indexer.tables import AccountEvent, Block, Checkpoint, EventKind, Journal, Log, RecentBlock, Task
from protocol.deployment import Deployment
from protocol.errors import ConfigInvalid, DeepReorg
from skein.processes import until

Tables = Callable[[Network], dict[str, list[tuple[object, ...]]]]


def raw_changes(running: Indexed) -> int:
    """Rows that the writer's connection has changed so far."""
    return int(running.index._connection.connection.driver_connection.total_changes)


def test_a_reorg_in_the_middle_of_a_task(life: Life, indexed: Indexed, fresh: Tables) -> None:
    stake(life)
    settled(life)
    indexed.sync()
    before = indexed.tables()
    life.network.reorg(20)
    indexed.sync()
    assert indexed.tables() == fresh(life.network)
    assert indexed.tables()["slash"] != before["slash"]
    assert indexed.differences() == []


def test_the_cost_of_a_reorg_is_that_of_its_depth(life: Life, indexed: Indexed) -> None:
    def cost() -> int:
        for _ in range(5):
            life.send(2, "SkeinToken", "transfer", life.address(3), 1)
        indexed.sync()
        before = raw_changes(indexed)
        life.network.reorg(5)
        indexed.sync()
        return raw_changes(indexed) - before

    first = cost()
    stake(life)
    settled(life)
    indexed.sync()
    assert raw_changes(indexed) > 1_000
    assert abs(cost() - first) <= 10


def test_a_reorg_deeper_than_the_journal(
    life: Life, indexed: Indexed, fresh: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the journal does not reach is derived again from the raw logs."""
    monkeypatch.setattr(index, "JOURNAL_BLOCKS", 5)
    stake(life)
    indexed.sync()
    assert 0 < len(indexed.rows(Journal)) <= 5
    life.network.reorg(15)
    indexed.sync()
    assert indexed.tables() == fresh(life.network)
    life.network.reorg(2)
    indexed.sync()
    assert indexed.tables() == fresh(life.network)


def test_a_reorg_below_finality_stops_and_changes_nothing(network: Network, tmp_path: Path) -> None:
    life = Life(network)
    stake(life)
    with Indexed(network, tmp_path / "index.db", confirmations=5) as indexed:
        indexed.sync()
        network.reorg(5)
        indexed.sync()
        before = indexed.tables()
        network.reorg(6)
        with pytest.raises(DeepReorg, match=r"changed below block \d+, which was final"):
            indexed.sync()
        assert indexed.tables() == before


def test_the_database_takes_its_log_in_between_blocks(
    life: Life, indexed: Indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the file alone, without the write-ahead log beside it."""

    def in_file() -> int:
        with closing(sqlite3.connect(shutil.copy(indexed.path, tmp_path / "alone.db"))) as alone:
            return int(alone.execute("SELECT number FROM checkpoint").fetchone()[0])

    indexed.sync()
    monkeypatch.setattr(index, "_REST_CHANGES", 0)
    indexed.index.rest()
    before = in_file()
    stake(life)
    indexed.sync()
    assert in_file() == before < indexed.index.state.number
    monkeypatch.setattr(index, "_REST_CHANGES", 10**6)
    indexed.index.rest()
    assert in_file() == before
    monkeypatch.setattr(index, "_REST_CHANGES", 0)
    indexed.index.rest()
    assert in_file() == indexed.index.state.number


def test_what_is_final_needs_no_hashes_and_no_journal(life: Life, indexed: Indexed) -> None:
    stake(life)
    indexed.sync()
    assert len(indexed.rows(RecentBlock)) > 20 < len(indexed.rows(Journal))
    life.network.mine(200)
    indexed.sync()
    checkpoint = indexed.one(Checkpoint)
    assert checkpoint.final == checkpoint.number - 64
    assert [row.number for row in indexed.rows(RecentBlock)] == list(range(checkpoint.final, checkpoint.number + 1))
    assert indexed.rows(Journal) == []
    assert len(indexed.rows(Block)) < 100


def test_a_shorter_branch_wins(life: Life, indexed: Indexed, fresh: Tables) -> None:
    stake(life)
    snapshot = life.network.snapshot()
    settled(life)
    indexed.sync()
    life.network.revert(snapshot)
    assert not indexed.follower.step(), "the chain was taken back, or the endpoint lags: nothing to do yet"
    life.network.mine(3)
    indexed.sync()
    assert indexed.rows(Task) == []
    found, expected = indexed.tables(), fresh(life.network)
    # What was final stays so, though this chain's own idea of it went back.
    assert {name for name in found if found[name] != expected[name]} == {"checkpoint", "recent_block"}


def test_another_chain_is_noticed(network: Network, network_state: Path, tmp_path: Path) -> None:
    network.mine(5)
    with Indexed(network, tmp_path / "index.db") as indexed:
        indexed.sync()
        before = indexed.tables()
    with running_network(network_state) as other:
        other.reorg(20)
        other.mine(10)
        with Indexed(other, tmp_path / "index.db") as indexed:
            indexed.sync()  # the same deployment, a common beginning: just a reorg
            assert indexed.tables() != before
            other.mine(100)
            indexed.sync()
    with Indexed(network, tmp_path / "index.db") as indexed:
        network.mine(100)
        with pytest.raises(DeepReorg, match="another chain"):
            indexed.sync()


def test_another_deployment_is_refused(network: Network, tmp_path: Path) -> None:
    with Indexed(network, tmp_path / "index.db") as indexed:
        indexed.sync()
    own = network.deployment
    arena = own.contracts["Arena"]
    moved = own.contracts | {"Arena": replace(arena, first_block=arena.first_block + 1)}
    with pytest.raises(ConfigInvalid, match="indexes another deployment"):
        Index(db.open_engine(f"sqlite:///{tmp_path}/index.db"), Deployment(own.chain_id, moved))


def test_a_second_writer_is_refused(network: Network, tmp_path: Path) -> None:
    with Indexed(network, tmp_path / "index.db") as one, Indexed(network, tmp_path / "index.db") as two:
        one.sync()
        with pytest.raises(ConfigInvalid, match="Another process writes"):
            two.sync()


def test_a_rebuild_gives_the_same_tables(life: Life, indexed: Indexed, fresh: Tables) -> None:
    stake(life)
    settled(life)
    indexed.sync()
    before = indexed.tables()
    told: list[int] = []
    indexed.index.rebuild(told.append)
    assert indexed.tables() == before
    assert told[-1] == max(row.number for row in indexed.rows(Block))
    life.network.reorg(20)
    indexed.sync()
    assert indexed.tables() == fresh(life.network), "the journal was made again too"


def test_tables_of_another_version_are_rebuilt(
    life: Life, indexed: Indexed, fresh: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    stake(life)
    indexed.sync()
    monkeypatch.setattr(db, "VERSION", db.VERSION + 1)
    indexed.restart()
    life.network.mine()
    with pytest.raises(ConfigInvalid, match="another version of the indexer: run `indexer rebuild`"):
        indexed.sync()
    indexed.index.rebuild()
    indexed.sync()
    assert indexed.tables() == fresh(life.network)


def test_an_unknown_event_is_counted_and_stops_nothing(life: Life, indexed: Indexed) -> None:
    """A contract of ours that logs what no ABI of ours has: an emitter of anonymous and odd events in its place."""
    token = life.network.deployment.address("SkeinToken")
    # Logs its call data's first word as topic (LOG1), then once without any topic (LOG0).
    life.network.rpc("anvil_setCode", token, "0x6000358060005260206000a160206000a000")
    chain = life.network.chain(2)
    sender = life.address(2)
    call = {"from": sender, "to": token, "data": "0x" + "ab" * 32, "gas": hex(100_000)}
    chain.rpc.request("eth_sendTransaction", call)
    life.network.mine()
    indexed.sync()
    odd = [row for row in indexed.rows(EventKind) if row.name is None]
    assert {row.topic0: row.events for row in odd} == {"0x" + "ab" * 32: 1, "": 1}
    assert len(indexed.rows(Log, topic0=None)) == 1
    before = indexed.tables()
    indexed.index.rebuild()
    assert indexed.tables() == before


def test_a_log_with_a_hole_is_noticed(life: Life, indexed: Indexed) -> None:
    """Events of a task whose creation is not in the log: nothing of that batch is written."""
    stake(life)
    indexed.sync()
    before = indexed.tables()
    task = life.create(1)
    life.join(task, {2: "a"}, ())
    batch = indexed.reader.recent(None, before_number(indexed) + 1, before_number(indexed) + 2)
    batch.logs = [log for log in batch.logs if len(log[6]) < 300]
    with pytest.raises(Contradiction, match="one changes task 1, which none made"):
        indexed.index.extend(batch, 0)
    assert indexed.tables() == before


def before_number(indexed: Indexed) -> int:
    return int(indexed.one(Checkpoint).number)


def test_nothing_is_read_before_the_contracts_are_there(network: Network, tmp_path: Path) -> None:
    head = int(network.rpc("eth_blockNumber"), 16)
    later = {name: replace(own, first_block=head + 3) for name, own in network.deployment.contracts.items()}
    network.deployment = Deployment(network.deployment.chain_id, later)
    with Indexed(network, tmp_path / "index.db") as indexed:
        assert not indexed.follower.step()
        network.mine(3)
        indexed.sync()
        assert indexed.one(Checkpoint).number == head + 3


def test_the_loop_ends_when_told(network: Network, indexed: Indexed) -> None:
    stop = threading.Event()
    loop = threading.Thread(target=indexed.follower.run, args=(stop, 0.05))
    loop.start()
    head = int(network.rpc("eth_blockNumber"), 16)
    until(lambda: indexed.rows(Checkpoint) and before_number(indexed) == head, 10, "the head in the index")
    stop.set()
    loop.join(5)
    assert not loop.is_alive()


def test_every_account_of_an_event_is_linked(life: Life, indexed: Indexed) -> None:
    indexed.sync()
    life.send(2, "SkeinToken", "transfer", life.address(3), 5)
    indexed.sync()
    position = max(row.position for row in indexed.rows(Log))
    assert {row.account for row in indexed.rows(AccountEvent, position=position)} == {life.address(2), life.address(3)}


def test_fold_takes_whole_blocks_only_once(indexed: Indexed) -> None:
    """An empty stretch folds to nothing, not even to a row of totals."""
    fold = Fold(indexed.index._rows, indexed.network.deployment)
    fold.run([], {}, 0)
    indexed.index._rows.flush()
    assert indexed.rows(EventKind) == []
