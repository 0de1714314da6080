"""Bounties in other tokens, from the command line: given, shown, claimed by everybody who is to have a part."""

from pathlib import Path

import pytest
from creation import DIGEST, SALT, WINDOWS, create, join
from network import SKEIN
from shell import Shell

from protocol.errors import ConfigInvalid
from wallet.units import Unit, knowing


def mint(shell: Shell, account: int, assets: int) -> str:
    """A token of others, of which the account has some; its address."""
    token = shell.network.artifact("HostileToken")
    token.functions.mint(shell.address(account), assets).transact({"from": shell.address(0)})
    return str(token.address)


def test_a_bounty_in_another_token_reaches_all(shell: Shell, data: Path) -> None:
    task_id = create(shell, data, "--set=scoring.quorum=1", "--set=scoring.panel_size=1")
    token, ledger = mint(shell, 2, 100 * SKEIN), shell.network.deployment.address("Sponsorships")
    join(shell, task_id)
    words = ("task", "sponsor", str(task_id), token, "12.5", "-a", "a2")
    shown = shell.json(*words, "--dry-run")
    assert shown["simulated"] and [each["symbol"] for each in shown["changes"]] == ["HOSTILE", "HOSTILE"]
    done = shell.json(*words)
    assert [step["what"] for step in done["steps"]] == [step["what"] for step in shown["steps"]]
    assert done["changes"] == shown["changes"] and done["changes"][1]["after"] == str(25 * SKEIN // 2)
    (listed,) = shell.json("task", "show", str(task_id))["sponsors"]
    assert listed == {"amount": "12.5", "symbol": "HOSTILE", "token": token}

    shell.network.sleep(WINDOWS["commit"])
    shell.network.chain(2).send("Arena", "revealSubmission", task_id, 1, DIGEST, SALT)
    for phase in ("reveal", "key"):
        shell.network.sleep(WINDOWS[phase])  # no key: the task comes to nothing, and the sponsor has it all back
    with pytest.raises(ConfigInvalid, match="cannot be claimed from now"):
        shell.run("task", "claim", str(task_id), "--token", token, "-a", "a2")
    shell.run("task", "finalize", str(task_id), "-a", "a2")
    told = shell.run("task", "claim", str(task_id), "-a", "a2").stdout
    assert f"skein task claim {task_id} --token {token}" in told
    taken = shell.json("task", "claim", str(task_id), "--for", shell.address(2), "--token", token, "-a", "a3")
    assert [step["what"] for step in taken["steps"]] == ["claim 12.5 HOSTILE as sponsor"]
    assert taken["changes"][0]["after"] == str(100 * SKEIN)
    known = knowing(shell.network.chain(), {"ERC20": token})
    assert known.call("ERC20", "balanceOf", ledger) == 0
    with pytest.raises(ConfigInvalid, match="nothing to claim from task 1 in HOSTILE"):
        shell.run("task", "claim", str(task_id), "--token", token, "-a", "a2")


def test_what_cannot_be_sponsored_is_refused_in_a_sentence(shell: Shell, data: Path) -> None:
    task_id, token = create(shell, data), mint(shell, 2, SKEIN)
    arena = shell.network.deployment.address("Arena")

    def refused(sentence: str, chosen: str, amount: str) -> None:
        with pytest.raises(ConfigInvalid, match=sentence):
            shell.run("task", "sponsor", str(task_id), chosen, amount, "-a", "a2")

    refused("does not answer as an ERC-20 token", shell.address(9), "1")
    refused("does not answer as an ERC-20 token", arena, "1")
    refused("holds 1 HOSTILE, less than 2 HOSTILE", token, "2")
    refused("The amount is zero", token, "0")
    refused('"x" is not an amount of HOSTILE such as 12.5', token, "x")
    shell.network.sleep(WINDOWS["commit"])
    refused("cannot be sponsored now", token, "1")


def test_amounts_are_those_of_the_token() -> None:
    coin = Unit("USDC", 6, "0x" + "11" * 20)
    assert coin.parse("12.5") == 12_500_000 and coin.format(1) == "0.000001 USDC"
    assert coin.round(12_500_000) == "12.5000" and Unit("", 0).format(7) == "7 "
    with pytest.raises(ConfigInvalid, match="more than 6 decimal places"):
        coin.parse("0.0000001")
    with pytest.raises(ConfigInvalid, match="more than 0 decimal places"):
        Unit("WHOLE", 0).parse("1.5")
