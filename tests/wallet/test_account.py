"""`skein account`."""

import json
import stat

import pytest
from eth_account import Account
from network import SKEIN
from shell import PASSWORD, Shell

from node.keys import address_in
from protocol.errors import ConfigInvalid


def test_new_makes_a_key_file_that_only_its_owner_reads(shell: Shell) -> None:
    made = shell.json("account", "new", "alice")
    path = shell.home / "keystores" / "alice.json"
    assert made == {"name": "alice", "address": address_in(path), "file": str(path)}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Account.from_key(Account.decrypt(json.loads(path.read_text()), PASSWORD)).address == made["address"]
    with pytest.raises(ConfigInvalid, match="There is an account alice already"):
        shell.run("account", "new", "alice")
    with pytest.raises(ConfigInvalid, match="cannot be a name"):
        shell.run("account", "new", "../alice")


def test_import_reads_the_key_from_standard_input(shell: Shell) -> None:
    key = Account.create()
    made = shell.json("account", "import", "bob", stdin=f"{key.key.hex()}\n")
    assert made["address"] == key.address
    with pytest.raises(ConfigInvalid, match="not a private key"):
        shell.run("account", "import", "eve", stdin="0x1234\n")


def test_a_bad_key_is_refused_before_a_password_is_asked_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKEIN_PASSWORD", raising=False)
    with pytest.raises(ConfigInvalid, match="not a private key"):
        shell.run("account", "import", "eve", stdin="0x1234\n")


def test_list_and_show_tell_what_accounts_have(shell: Shell) -> None:
    listed = {each["name"]: each for each in shell.json("account", "list")}
    assert set(listed) == {"a1", "a2", "a3"}
    assert listed["a1"]["wallet"] == str(1_000_000 * SKEIN)
    shown = shell.json("account", "show", "--account", "a2")
    assert (shown["address"], shown["wallet"], shown["own_stake"]) == (shell.address(2), listed["a2"]["wallet"], "0")
    assert "1,000,000.0000" in shell.run("account", "list").stdout


def test_send_moves_exactly_what_was_typed(shell: Shell) -> None:
    outcome = shell.json("account", "send", shell.address(2), "12.000000000000000001", "-a", "a1")
    (change,) = outcome["changes"]
    assert int(change["after"]) - int(change["before"]) == -(12 * SKEIN + 1)
    assert shell.network.chain().token_balance(shell.address(2)) == 1_000_012 * SKEIN + 1


def test_dry_run_sends_nothing_and_needs_no_password(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKEIN_PASSWORD")
    outcome = shell.json("account", "send", shell.address(2), "5", "-a", "a1", "--dry-run")
    assert outcome["simulated"] and outcome["steps"][0]["transaction"] is None and int(outcome["fee"]) > 0
    assert shell.network.chain().token_balance(shell.address(1)) == 1_000_000 * SKEIN


def test_an_impossible_transfer_is_refused_in_both_ways(shell: Shell) -> None:
    words = ("account", "send", shell.address(2), "1000000.1", "-a", "a1")
    for more in ((), ("--dry-run",)):
        with pytest.raises(ConfigInvalid, match=r"holds 1000000 SKEIN, less than 1000000\.1"):
            shell.run(*words, *more)


@pytest.mark.parametrize("amount", ["-1", "1e3", "ten", "0.0000000000000000001"])
def test_bad_amounts_are_usage_errors(shell: Shell, amount: str) -> None:
    told = shell.run("account", "send", shell.address(2), "--account", "a1", "--", amount, code=2)
    assert "AMOUNT" in told.stderr


def test_a_mistyped_address_is_a_usage_error(shell: Shell) -> None:
    told = shell.run("account", "send", shell.address(2).swapcase().replace("0X", "0x"), "1", "-a", "a1", code=2)
    assert "wrong checksum" in told.stderr


def test_several_accounts_have_to_be_chosen_from(shell: Shell) -> None:
    with pytest.raises(ConfigInvalid, match="Choose an account with --account: a1, a2, a3"):
        shell.run("account", "show")
    with pytest.raises(ConfigInvalid, match="There is no account nobody"):
        shell.run("account", "show", "-a", "nobody")
