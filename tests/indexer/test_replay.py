"""The replay property: after any mix of blocks, reorgs, restarts and crashes, the tables equal a fresh sync's."""

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from indexing import Indexed
from life import CREATOR, DELEGATORS, TRAINERS, VALIDATORS, Life, ended_early, settled, stake
from network import SKEIN, running_network
from postgres import Postgres
from sqlalchemy import event

from protocol.errors import ConfigInvalid, ContractReverted

PEOPLE = st.sampled_from((*TRAINERS, *VALIDATORS, *DELEGATORS))
BLOCKS_BEFORE = 25  # so that the deepest reorg leaves the contracts where they are


class Replay(RuleBasedStateMachine):
    """People act, blocks come and go, and an indexer looks on, is stopped, and is cut off in the middle of a write."""

    state: ClassVar[Path]
    new_database: ClassVar[Callable[[], str]]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp())
        self.network = self.stack.enter_context(running_network(self.state))
        self.life = Life(self.network)
        self.index = self.stack.enter_context(Indexed(self.network, type(self).new_database()))
        self.caught_up = False

    def teardown(self) -> None:
        self.stack.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        self.network.mine(BLOCKS_BEFORE)
        stake(self.life)

    def act(self, move: Callable[..., Any], *args: Any) -> None:
        """Calls, as far as the contracts allow them now: a reorg may have taken what they need."""
        self.caught_up = False
        with suppress(ContractReverted):
            move(*args)

    def send(self, account: int, contract: str, function: str, *args: Any) -> None:
        self.act(self.life.send, account, contract, function, *args)

    # --- what people do

    @rule(sender=PEOPLE, receiver=PEOPLE, wei=st.integers(0, 10))
    def transfer(self, sender: int, receiver: int, wei: int) -> None:
        self.send(sender, "SkeinToken", "transfer", self.life.address(receiver), wei)

    @rule(funder=PEOPLE, operator=PEOPLE, wei=st.integers(1, 5 * SKEIN))
    def deposit(self, funder: int, operator: int, wei: int) -> None:
        self.send(funder, "Staking", "deposit", self.life.address(operator), wei, self.life.address(funder))

    @rule(funder=PEOPLE, operator=PEOPLE, shares=st.integers(1, 10**24))
    def request(self, funder: int, operator: int, shares: int) -> None:
        self.send(funder, "Staking", "requestWithdrawal", self.life.address(operator), shares)

    @rule(withdrawal=st.integers(1, 5))
    def withdraw(self, withdrawal: int) -> None:
        self.network.sleep(4_000)
        self.send(2, "Staking", "withdraw", withdrawal)

    @rule()
    def task(self) -> None:
        self.act(settled, self.life)

    @rule()
    def short_tasks(self) -> None:
        self.act(ended_early, self.life)

    @rule(validators=st.sets(st.sampled_from(VALIDATORS)))
    def begin_task(self, validators: set[int]) -> None:
        self.act(lambda: self.life.join(self.life.create(CREATOR), {2: "x", 3: "x"}, sorted(validators)))

    # --- what the chain does

    @rule(blocks=st.integers(1, 70))
    def mine(self, blocks: int) -> None:
        self.network.mine(blocks)
        self.caught_up = False

    @rule(depth=st.integers(1, 20), kept=st.integers(0, 3))
    def reorg(self, depth: int, kept: int) -> None:
        """Blocks are replaced; some of the new ones hold transfers that no old one held."""
        account, token = self.network.accounts[18], self.network.deployment.address("SkeinToken")
        fork = int(self.network.rpc("eth_blockNumber"), 16) - depth
        nonce = int(self.network.rpc("eth_getTransactionCount", account.address, hex(fork)), 16)
        form = {"to": token, "value": 0, "gas": 200_000, "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
        form |= {"chainId": self.network.deployment.chain_id, "type": 2}
        call = "0xa9059cbb" + self.life.address(17)[2:].zfill(64)
        signed = [
            account.sign_transaction({**form, "nonce": nonce + at, "data": call + f"{depth:064x}"})
            for at in range(min(kept, depth))
        ]
        self.network.reorg(depth, [("0x" + tx.raw_transaction.hex(), at) for at, tx in enumerate(signed)])
        self.caught_up = False

    # --- what happens to the indexer

    @rule()
    def step(self) -> None:
        self.caught_up = not self.index.follower.step()

    @rule()
    def restart(self) -> None:
        self.index.restart()

    @rule(moment=st.integers(1, 60))
    def crash(self, moment: int) -> None:
        """The database is cut off at some moment, wherever that is in a transaction."""
        with cut_off(self.index, moment):
            try:
                self.caught_up = not self.index.follower.step()
            except ConfigInvalid as error:
                assert "cannot be used" in str(error)
        self.index.restart()

    @rule()
    def catch_up(self) -> None:
        self.index.sync()
        self.caught_up = True

    @invariant()
    def equals_a_fresh_sync(self) -> None:
        if not self.caught_up:
            return
        path = self.folder / "fresh.db"
        with Indexed(self.network, path) as fresh:
            fresh.sync()
            expected = fresh.tables()
        found = self.index.tables()
        assert found == expected
        assert self.index.differences() == []
        for file in self.folder.glob("fresh.db*"):
            file.unlink()


@contextmanager
def cut_off(indexed: Indexed, moment: int) -> Iterator[None]:
    """SQLite stops after so many hundred instructions of its machine, PostgreSQL's end of the line goes dead."""
    connection = indexed.index._connection
    driver = connection.connection.driver_connection
    if indexed.engine.dialect.name == "sqlite":
        left = iter(range(moment))
        driver.set_progress_handler(lambda: next(left, None) is None, 100)
        yield
        driver.set_progress_handler(None, 0)
        return
    steps = iter(range(moment % 12))

    def step(*_: object) -> None:
        if next(steps, None) is None:
            with psycopg.connect(indexed.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (driver.info.backend_pid,))

    event.listen(connection, "before_cursor_execute", step)
    event.listen(connection, "commit", step)
    yield
    event.remove(connection, "before_cursor_execute", step)
    event.remove(connection, "commit", step)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_tables_equal_a_fresh_sync(kind: str, network_state: Path, tmp_path: Path, server: Postgres) -> None:
    names = itertools.count()
    Replay.state = network_state
    Replay.new_database = (
        server.database if kind == "postgresql" else lambda: f"sqlite:///{tmp_path}/index{next(names)}.db"
    )
    run_state_machine_as_test(
        Replay,
        settings=settings(
            max_examples=3,
            stateful_step_count=14,
            deadline=None,
            # An example takes seconds: what fails is told as it is, not made smaller for minutes.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
