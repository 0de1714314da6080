"""The commands: what they print, and that every known error is one line and an exit code."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from indexing import Indexed
from network import Network
from sqlalchemy import BigInteger, Boolean, Integer
from typer.testing import CliRunner

from indexer import db
from indexer.cli import app
from indexer.settings import IndexerSettings
from indexer.tables import Account, Lock, Module, Pool, Position, Submission, Task, Validator, Withdrawal
from indexer.types import Uint256
from indexer.units import pad
from indexer.verify import Audit
from protocol.errors import ConfigInvalid


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the developer's own environment; and the defaults' files in a folder of the test's."""
    for name in ("INDEXER_RPC_URL", "SKEIN_RPC_URL", "INDEXER_DEPLOYMENT", "SKEIN_DEPLOYMENT", "INDEXER_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def invoke(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environment)


def settings_of(network: Network, path: Path) -> dict[str, str]:
    return {
        "INDEXER_RPC_URL": network.rpc_url,
        "INDEXER_DEPLOYMENT": str(network.deployment_path),
        "INDEXER_DATABASE_URL": f"sqlite:///{path}",
    }


def test_from_nothing_to_a_verified_index(network: Network, tmp_path: Path) -> None:
    own = settings_of(network, tmp_path / "index.db")
    assert invoke("sync", "--once", **own).exit_code == 0
    head = int(network.rpc("eth_blockNumber"), 16)
    known = json.loads(invoke("status", "--json", **own).stdout)
    assert (known["block"], known["chain_id"]) == (head, 31337)
    assert f"block            {head}\n" in invoke("status", **own).stdout
    assert invoke("rebuild", **own).stdout == f"Derived all tables up to block {head}.\n"
    verified = invoke("verify", **own)
    assert verified.exit_code == 0
    assert f"at block {head}: 0 differences." in verified.stdout
    assert json.loads(invoke("rebuild", "--json", **own).stdout) == {"block": head}
    told = json.loads(invoke("verify", "--json", **own).stdout)
    assert (told["block"], told["differences"]) == (head, []) and told["compared"] > 20
    copy = tmp_path / "copy.db"
    assert json.loads(invoke("backup", str(copy), "--json", **own).stdout) == {"copy": str(copy)} and copy.exists()


def columns() -> list[Any]:
    """Every column of the index that the chain has a view of, with its table."""
    own = {"created_at", "committed_at", "revealed_at", "settled_at", "registered_at", "finalized_at", "outcome"}
    own |= {"earned", "delegators", "withdrawn_at", "requested_at", "paid", "reward", "original_id", "scores"}
    own |= {"grid_score", "rank"}
    checked = (Account, Pool, Position, Withdrawal, Lock, Module, Task, Submission, Validator)
    return [
        pytest.param(table, column, id=f"{table.__name__}.{column.name}")
        for table in checked
        for column in table.__table__.columns  # type: ignore[attr-defined]
        if not column.primary_key and column.name not in own and (table, column.name) not in SHOWN_ONLY
    ]


# Sums for people, of what the other columns have; and what only the event says.
SHOWN_ONLY = {(Account, name) for name in ("slashed", "tasks_created", "submissions", "validations", "memberships")} | {
    (Pool, "slashed"), (Withdrawal, "shares"), (Lock, "announced_slash")
}  # fmt: skip


@pytest.mark.parametrize(("table", "column"), columns())
def test_a_wrong_figure_is_found(lived: Indexed, tmp_path: Path, table: Any, column: Any) -> None:
    """Any column of any table, wrong in one row, is a difference from the chain."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(lived.path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    wrong = {Integer: f'-1 - "{column.name}"', Boolean: f'NOT "{column.name}"', Uint256: f"'{pad(7)}'"}
    wrong[BigInteger] = wrong[Integer]
    where = {Withdrawal: "WHERE withdrawn_at IS NULL", Submission: "WHERE task_id IN (2, 8)", Task: "WHERE id = 2"}
    value = wrong.get(type(column.type), "'0x07'")
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(f'UPDATE "{table.__tablename__}" SET "{column.name}" = {value} {where.get(table, "")}')
    found = list(Audit(db.open_engine(f"sqlite:///{copy}"), lived.network.chain()))
    assert found, f"nobody noticed that {column} is wrong"


def test_verify_tells_what_differs(network: Network, tmp_path: Path) -> None:
    own = settings_of(network, tmp_path / "index.db")
    with Indexed(network, tmp_path / "index.db") as indexed:
        indexed.sync()
        with indexed.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE totals SET token_supply = '{pad(5)}'")
    found = invoke("verify", **own)
    assert found.exit_code == 1
    assert "supply: the index has 5, the chain 100000000000000000000000000\n" in found.stdout
    assert "last sums of the network: the index has " in found.stdout
    right = 10**26
    assert f"totals 1: the index has token_supply 5; the chain's events make token_supply {right}\n" in found.stdout
    assert "3 differences." in found.stdout
    with Indexed(network, tmp_path / "index.db") as indexed, indexed.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE totals SET token_supply = '{pad(right)}'")
        connection.exec_driver_sql(
            "DELETE FROM account_event WHERE position = (SELECT max(position) FROM account_event)"
        )
    found = invoke("verify", "--json", **own)
    told = json.loads(found.stdout)
    assert found.exit_code == 1 and all(line.startswith("account_event ") for line in told["differences"])
    assert told["rows"] > 100 and told["compared"] > 20


def test_what_syncs_loads_neither_the_tables_nor_what_they_are_made_with() -> None:
    """That would take longer than to index ten thousand events."""
    told = "import sys; from indexer import cli, programs, settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split()
    assert "indexer.index" in loaded
    assert not {"indexer.tables", "pydantic", "sqlalchemy", "sqlmodel", "websockets"} & set(loaded)


BAD: list[tuple[list[str], dict[str, str], int, str]] = [
    (["sync"], {"INDEXER_DEPLOYMENT": "nothing.json"}, 3, "No deployment can be read from nothing.json"),
    (["sync"], {"INDEXER_RPC_URL": "nowhere"}, 3, "'nowhere' is not an RPC endpoint"),
    (["sync", "--once"], {"INDEXER_RPC_URL": "http://127.0.0.1:1"}, 4, "No RPC endpoint answers"),
    (["status"], {"INDEXER_DATABASE_URL": "sqlite:///empty.db"}, 3, "holds no index: run `skein indexer sync` first"),
    (["verify"], {"INDEXER_DATABASE_URL": "sqlite:///empty.db"}, 3, "holds no index"),
    (["rebuild"], {"INDEXER_DATABASE_URL": "sqlite:///empty.db"}, 3, "holds no index"),
    (["status"], {"INDEXER_DATABASE_URL": "mydb"}, 3, "INDEXER_DATABASE_URL 'mydb' is not a database URL"),
    (["status"], {"INDEXER_DATABASE_URL": "sqlite://"}, 3, "needs a file"),
    (["status"], {"INDEXER_DATABASE_URL": "sqlite:////no/such/folder/x.db"}, 3, "cannot be used"),
    (["status"], {"INDEXER_DATABASE_URL": "sqlite:///text.db"}, 3, "cannot be used"),
    (["serve"], {"INDEXER_PORT": "99999"}, 3, "INDEXER_PORT cannot be '99999'"),
    (["serve"], {"INDEXER_HOST": "192.0.2.1"}, 3, "cannot be served at 192.0.2.1:8300"),
    (["sync"], {"INDEXER_CONFIRMATIONS": "-1"}, 3, "INDEXER_CONFIRMATIONS cannot be '-1'"),
    (["sync"], {"INDEXER_LOG_LEVEL": "LOUD"}, 3, "INDEXER_LOG_LEVEL cannot be 'LOUD'"),
]


@pytest.mark.parametrize(("arguments", "environment_", "code", "told"), BAD)
def test_errors_are_one_line(
    arguments: list[str], environment_: dict[str, str], code: int, told: str, network_state: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("This is no database, but it is long enough to be taken for one. " * 20)
    defaults = {"INDEXER_DEPLOYMENT": str(network_state / "deployment.json")}
    result = invoke(*arguments, **{**defaults, **environment_})
    assert result.exit_code == code, result.output
    assert told in result.stderr
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1


def test_for_programs_an_error_is_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["status", "--json", "--database-url", f"sqlite:///{tmp_path}/no/index.db"]
    monkeypatch.setattr(sys, "argv", ["indexer", *line])
    result = invoke(*line)
    error = json.loads(result.stderr)["error"]
    assert (result.exit_code, error["code"], result.stdout) == (3, 3, "")
    assert "unable to open database file" in error["message"]


def test_shared_settings_are_taken_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKEIN_RPC_URL", "http://one:1, http://two:2")
    assert IndexerSettings.from_environment().rpc_url == ["http://one:1", "http://two:2"]
    monkeypatch.setenv("INDEXER_RPC_URL", "http://own:1")
    assert IndexerSettings.from_environment().rpc_url == ["http://own:1"]
    given: dict[str, Any] = {"rpc_url": "http://given:1", "port": None}
    assert IndexerSettings.from_environment(**given).rpc_url == ["http://given:1"]
    with pytest.raises(ConfigInvalid, match="INDEXER_PORT cannot be 70000"):
        IndexerSettings.from_environment(port=70_000)


def test_help_is_quick_and_complete() -> None:
    told = invoke("--help").stdout
    assert all(name in told for name in ("sync", "serve", "run", "rebuild", "verify", "status"))
