"""`skein stake`, typed as people type it."""

import pytest
from network import COOLDOWN, SKEIN
from shell import Shell

from protocol.errors import ConfigInvalid
from wallet.units import knowing


def test_deposit_delegate_exit_withdraw(shell: Shell) -> None:
    operator = shell.address(1)
    assert shell.json("stake", "deposit", "10", "-a", "a1", "--dry-run")["simulated"]
    assert shell.json("stake", "show", "-a", "a1")["own_stake"] == "0"
    shell.run("stake", "deposit", "10", "-a", "a1")
    shell.run("stake", "delegate", operator, "2.5", "-a", "a2")
    shown = shell.json("stake", "show", operator, "-a", "a2")
    assert (shown["own_stake"], shown["delegated_stake"]) == (str(10 * SKEIN), str(5 * SKEIN // 2))

    assert shown["yours"] == str(5 * SKEIN // 2)
    told = shell.run("stake", "exit", "1", "--from", operator, "-a", "a2").stdout
    assert "Request 1 can be paid from 20" in told and "UTC on: skein stake withdraw 1" in told
    with pytest.raises(ConfigInvalid, match="can be paid in "):
        shell.run("stake", "withdraw", "-a", "a2")
    (request,) = shell.json("stake", "show", operator, "-a", "a2")["withdrawals"]
    assert request["assets"] == str(SKEIN)
    shell.network.sleep(COOLDOWN)
    shell.run("stake", "withdraw", str(request["id"]), "-a", "a2")
    assert shell.network.chain().token_balance(shell.address(2)) == 1_000_000 * SKEIN - 3 * SKEIN // 2


def test_a_vault_and_a_promise_are_shown(shell: Shell) -> None:
    operator = shell.address(1)
    shell.run("stake", "deposit", "10", "-a", "a1")
    made = shell.run("stake", "vault", operator, "-a", "a2").stdout
    assert f"Vault: {shell.json('stake', 'vault', operator, '-a', 'a2')['vault']}" in made
    shell.run("stake", "vault-deposit", operator, "3", "-a", "a2")
    shell.run("stake", "lock", "4", "30d", "-a", "a1")
    for words in (["--all"], ["6.1"]):
        with pytest.raises(ConfigInvalid, match=r"4 SKEIN of it are promised to stay for .* more: 6 can leave"):
            shell.run("stake", "exit", *words, "-a", "a1")
    shell.run("stake", "exit", "6", "-a", "a1", "--dry-run")
    shown = shell.json("stake", "show", operator, "-a", "a2")
    assert (shown["yours"], shown["yours_in_the_vault"], shown["promised"]) == ("0", str(3 * SKEIN), str(4 * SKEIN))
    assert int(shown["votes"]) >= 4 * SKEIN
    assert "The operator has promised 4.0000 until 20" in shell.run("stake", "show", operator, "-a", "a2").stdout
    told = shell.run("stake", "vault-exit", operator, "--all", "-a", "a2").stdout
    assert f"skein stake vault-claim {operator}" in told
    (waiting,) = shell.json("stake", "show", operator, "-a", "a2")["withdrawals"]
    assert waiting["vault"] == shell.json("stake", "vault", operator, "-a", "a2")["vault"]
    for words in ((), ("1",), ("1", "--part", "1")):
        with pytest.raises(ConfigInvalid, match=r"requested no withdrawal|made through a vault, which pays it: `skein"):
            shell.run("stake", "withdraw", *words, "-a", "a2")
    shell.network.sleep(COOLDOWN)
    shell.run("stake", "vault-claim", operator, "1", "-a", "a2", "--dry-run")
    shell.run("stake", "vault-claim", operator, "1", "-a", "a2", "--to", shell.address(3))
    shell.run("stake", "vault-claim", operator, "-a", "a2")
    assert shell.json("stake", "show", operator, "-a", "a2")["withdrawals"] == []


def test_an_account_is_told_what_it_has_in_every_pool(shell: Shell) -> None:
    first, second = shell.address(1), shell.address(2)
    shell.run("stake", "deposit", "10", "-a", "a1")
    shell.run("stake", "deposit", "10", "-a", "a2")
    shell.run("stake", "delegate", first, "6", "-a", "a3")
    shell.run("stake", "delegate", second, "4", "-a", "a3")
    shell.run("stake", "vault", second, "-a", "a1")
    shell.run("stake", "vault-deposit", second, "2", "-a", "a3")
    shell.run("stake", "reward", first, "8", "-a", "a2")  # 10 : 6, so that 3 are the delegator's
    shell.run("stake", "exit", "--all", "--from", second, "-a", "a3")
    held = shell.json("stake", "show", "-a", "a3")["holdings"]
    assert held == [
        {"operator": first, "staked": str(9 * SKEIN), "in_vault": "0", "gained": str(3 * SKEIN)},
        {"operator": second, "staked": "0", "in_vault": str(2 * SKEIN), "gained": "0"},
    ]
    account = shell.json("account", "show", "-a", "a3")
    assert (account["own_stake"], account["delegated"], account["leaving"]) == (
        "0",
        str(11 * SKEIN),
        str(4 * SKEIN),
    )
    told = shell.run("stake", "show", "-a", "a3").stdout
    assert f"Staked by {shell.address(3)}" in told and "+3.0000" in told
    assert "Staked by" not in shell.run("stake", "show", first).stdout  # which of three accounts is not said


def test_vault_shares_that_were_sent_are_found(shell: Shell) -> None:
    operator = shell.address(1)
    shell.run("stake", "deposit", "10", "-a", "a1")
    shell.run("stake", "vault", operator, "-a", "a1")
    shell.run("stake", "vault-deposit", operator, "5", "-a", "a2")
    chain = shell.network.chain(2)
    vault = str(chain.call("DelegationVaults", "vaultOf", operator))
    knowing(chain, {"DelegationVault": vault}).send("DelegationVault", "transfer", shell.address(3), 5 * SKEIN * 10**6)
    (held,) = shell.json("stake", "show", "-a", "a3")["holdings"]
    assert (held["operator"], held["staked"], held["in_vault"]) == (operator, "0", str(5 * SKEIN))
    (empty,) = shell.json("stake", "show", "-a", "a2")["holdings"]
    assert (empty["in_vault"], empty["gained"]) == ("0", "0")


def test_exit_needs_an_amount_or_all(shell: Shell) -> None:
    shell.run("stake", "deposit", "3", "-a", "a1")
    for words in ((), ("1", "--all")):
        assert "an amount or --all" in shell.run("stake", "exit", *words, "-a", "a1", code=2).stderr
    shell.run("stake", "exit", "--all", "-a", "a1")
    assert shell.json("stake", "show", "-a", "a1")["own_exiting"] == str(3 * SKEIN)


def test_commission_in_percent(shell: Shell) -> None:
    shell.run("stake", "commission", "12.5%", "-a", "a1")
    shell.network.sleep(COOLDOWN)
    assert shell.json("stake", "show", "-a", "a1")["commission"] == "0.125"
    with pytest.raises(ConfigInvalid, match="at most 50 %"):
        shell.run("stake", "commission", "51", "-a", "a1")


def test_tables_are_readable(shell: Shell) -> None:
    told = shell.run("stake", "deposit", "10", "-a", "a1").stdout
    assert "deposit 10 SKEIN" in told and "+10.0000" in told and "Gas:" in told
    shown = shell.run("stake", "show", shell.address(1), "-a", "a2").stdout
    assert "own stake" in shown and "10.0000" in shown
