"""Backups are taken while the index is written to; a restored one goes on where the backup was taken."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from indexing import Indexed
from life import Life, settled, stake
from network import Network
from postgres import Postgres
from typer.testing import CliRunner

from indexer.cli import app
from skein.processes import until

Tables = Callable[[Network], dict[str, list[tuple[object, ...]]]]


def syncing(network: Network, database: str) -> "subprocess.Popen[str]":
    """`skein indexer sync`, in its own process."""
    own = {
        "INDEXER_RPC_URL": network.rpc_url,
        "INDEXER_DEPLOYMENT": str(network.deployment_path),
        "INDEXER_DATABASE_URL": database,
        "INDEXER_POLL_SECONDS": "0.02",
    }
    command = [sys.executable, "-m", "indexer.cli", "sync"]
    return subprocess.Popen(command, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True)


def backup(database: str, copy: Path) -> Result:
    return CliRunner().invoke(app, ["backup", str(copy)], env={"INDEXER_DATABASE_URL": database})


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_goes_on_where_it_was_taken(
    kind: str, life: Life, tmp_path: Path, server: Postgres, fresh: Tables
) -> None:
    """The process that syncs is at work all the while; the chain changes its mind after the backup."""
    stake(life)
    own = server.database() if kind == "postgresql" else f"sqlite:///{tmp_path}/index.db"
    process = syncing(life.network, own)
    assert process.stderr is not None
    try:
        until(lambda: "Indexed blocks" in str(process.stderr and process.stderr.readline()), 30, "the index")
        settled(life)
        if kind == "postgresql":
            dump, restored = tmp_path / "index.dump", server.database()
            server.run("pg_dump", own, "--format=custom", "--file", _writable(dump))
            server.run("pg_restore", restored, str(dump))
        else:
            assert backup(own, tmp_path / "copy.db").exit_code == 0
            restored = f"sqlite:///{tmp_path}/copy.db"
    finally:
        process.terminate()
        process.communicate()
    life.network.reorg(10)
    with Indexed(life.network, restored) as indexed:
        indexed.sync()
        assert indexed.tables() == fresh(life.network)
        assert indexed.differences() == []


def _writable(path: Path) -> str:
    path.touch()
    return str(path)


def test_a_backup_takes_nobodys_place(lived: Indexed, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert backup(lived.url, copy).exit_code == 0
    refused = backup(lived.url, copy)
    assert refused.exit_code == 3
    assert f"{copy} is there already" in refused.stderr
    nowhere = backup(lived.url, tmp_path / "no" / "copy.db")
    assert nowhere.exit_code == 3 and "cannot be written" in nowhere.stderr


def test_postgresql_has_its_own(server: Postgres, tmp_path: Path) -> None:
    refused = backup(server.database(), tmp_path / "copy")
    assert refused.exit_code == 3 and "pg_dump" in refused.stderr


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    refused = backup(f"sqlite:///{tmp_path}/empty.db", tmp_path / "copy.db")
    assert refused.exit_code == 3 and "holds no index" in refused.stderr
