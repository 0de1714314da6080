"""The past that is kept is the chain's past, and the syncing process says how it is doing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
from indexing import Indexed
from life import Life, stake
from network import Network

from indexer import db
from indexer.pulse import Pulse
from indexer.reader import Reader
from indexer.sync import Sync
from indexer.tables import Block, NetworkPast, PoolPast, Totals, Vitals
from indexer.units import NETWORK_STEP, POSITION_BITS
from skein.processes import until


def oldest(indexed: Indexed) -> int:
    """The block below which anvil forgets states."""
    return int(indexed.network.rpc("eth_blockNumber"), 16) - 480


def test_the_stake_of_a_pool_was_what_is_kept(lived: Indexed) -> None:
    chain, last = lived.network.chain(), {}
    for row in lived.rows(PoolPast):
        if row.position >> POSITION_BITS > oldest(lived):
            last[row.operator, row.position >> POSITION_BITS] = row
    assert len(last) > 20
    for (operator, block), row in last.items():
        pool = chain.call("Staking", "pool", operator, block=block)
        assert (row.own_assets, row.delegated_assets) == (pool["own"]["assets"], pool["delegated"]["assets"])
        assert lived.one(Block, number=block).timestamp == row.timestamp


def test_the_sums_of_each_minute_were_the_chains(lived: Indexed) -> None:
    chain, last = lived.network.chain(), {}
    for block in lived.rows(Block):
        last[block.timestamp - block.timestamp % NETWORK_STEP] = block.number
    rows = lived.rows(NetworkPast)
    assert [row.timestamp for row in rows] == sorted(last)
    asked = [(row, block) for row in rows if (block := last[row.timestamp]) > oldest(lived)]
    assert len(asked) > 2
    for row, block in asked:
        assert row.token_supply == chain.call("SkeinToken", "totalSupply", block=block)
        assert row.staked + row.exiting == chain.call("Staking", "totalAssets", block=block)
        assert row.tasks == chain.call("Arena", "taskCount", block=block)
    (sums,) = lived.rows(Totals)
    for name in NetworkPast.model_fields.keys() - {"timestamp"}:
        assert getattr(rows[-1], name) == getattr(sums, name), name


def test_the_pulse_counts_looks_reorgs_and_failures(network: Network, tmp_path: Path) -> None:
    with Indexed(network, tmp_path / "index.db", ["http://127.0.0.1:1", network.rpc_url]) as indexed:
        pulse = Pulse(indexed.engine, indexed.endpoints)
        indexed.follower = Sync(Reader(indexed.endpoints, network.deployment), indexed.index, pulse)
        stake(Life(network))
        indexed.sync()
        network.rpc("anvil_reorg", 3, [])
        network.mine(1)
        indexed.sync()
        pulse.beat(at_once=True)
        (row,) = indexed.rows(Vitals)
        assert row.head == int(network.rpc("eth_blockNumber"), 16)
        assert (row.reorgs, row.replaced_blocks) == (1, 3)
        assert orjson.loads(row.rpc_errors) == [1, 0]
        assert 0 < row.started_at <= row.looked_at <= row.written_at


def test_a_sync_that_waits_for_its_chain_says_so(network: Network, tmp_path: Path) -> None:
    """The figures of a process whose endpoint is gone: it lives, it looked long ago, and errors grow."""
    url = f"sqlite:///{tmp_path}/index.db"
    command = [sys.executable, "-m", "indexer.cli", "sync", "--database-url", url, "--deployment"]
    environment = {**os.environ, "INDEXER_RPC_URL": network.rpc_url, "INDEXER_POLL_SECONDS": "0.05"}
    db.prepare(db.open_engine(url))
    engine = db.open_engine(url, read_only=True)

    def vitals() -> dict[str, int]:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT * FROM vitals").mappings().first()
        return dict(found or {})

    with subprocess.Popen([*command, str(network.deployment_path)], env=environment) as process:
        try:
            until(lambda: vitals().get("looked_at"), 60, "the first look")
            network.anvil.supervisor.stop()
            until(lambda: sum(orjson.loads(vitals()["rpc_errors"])) > 0, 60, "an error that is told")
            assert vitals()["written_at"] >= vitals()["looked_at"]
        finally:
            process.send_signal(signal.SIGTERM)
