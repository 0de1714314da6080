"""What a panel's scores come to, and appeals: within a budget, once, whatever dies in between."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from killer import deaths_of
from life import Life
from network import SKEIN, Network

from node.appeals import Appeals, Standing
from node.journal import Journal
from node.policy import Policy
from node.rehearsal import Rehearsed, RehearsingSender
from node.sender import Sender
from node.upkeep import Upkeep
from protocol.encoding import INVALID
from protocol.phases import SubmissionState as S
from protocol.results import Result, read_result

CREATOR, TRAINERS, VALIDATORS, APPELLANT = 1, (2, 3, 4, 5), (7, 8, 9, 10), 11
GOOD, BAD = 700_000_000, 100_000_000
BOND = 3 * SKEIN


@pytest.fixture
def life(network: Network) -> Life:
    life = Life(network)
    life.approve(CREATOR, *TRAINERS, *VALIDATORS)
    for account in (*TRAINERS, *VALIDATORS):
        life.deposit(account, account, 2_000 * SKEIN)
    return life


@pytest.fixture
def journal(network: Network, tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path, network.chain(APPELLANT)) as opened:
        yield opened


def challenged(life: Life) -> int:
    """A task of three models whose panels have lied about the first, called the second a copy, and the third invalid;
    of the fourth they say nothing.
    """
    terms = {"challenge_window": 500, "appeal_panel_size": 4, "appeal_bond": BOND}
    task = life.create(CREATOR, panel_size=2, quorum=2, **terms)
    life.join(task, dict(zip(TRAINERS, "abcd", strict=True)), VALIDATORS)
    life.reveal(task, TRAINERS)
    life.release(task, CREATOR)
    said = {1: BAD, 2: GOOD, 3: INVALID}
    life.score(task, dict.fromkeys(VALIDATORS, said), copies={2: 1}, drawn=(4,))
    return task


def appeals(network: Network, journal: Journal, budget: int, kind: type[Sender] = Sender) -> Appeals:
    chain = network.chain(APPELLANT)
    sender = kind(chain, journal, 2)
    policy = Policy(appeal_budget=budget, spread_seconds=0)
    return Appeals(chain, sender, journal, policy, Upkeep(chain, sender, 0))


def work(found: Appeals, network: Network, task: int, *submissions: int, wrong: str | None = "it is a lie") -> None:
    found.work(task, network.chain().task(task), submissions, lambda *_: wrong)


def appealed(network: Network, task: int) -> list[int]:
    """By submission, 1 where an appeal stands."""
    return [int(network.chain().call("Arena", "appealOf", task, number).attempt) for number in (1, 2, 3, 4)]


def test_a_result_is_what_settling_makes_of_it(life: Life) -> None:
    task = challenged(life)
    chain = life.network.chain()
    found = [read_result(chain, task, chain.task(task), number) for number in (1, 2, 3, 4)]
    expected = [Result(True, BAD), Result(True, GOOD, copied=True), Result(True, INVALID), Result(agreed=False)]
    assert found == expected
    life.pass_to(task, "challenge_ends")
    life.settle(task, CREATOR, (1, 2, 3, 4))
    records = [chain.submission(task, number) for number in (1, 2, 3, 4)]
    assert [record.state for record in records] == [S.SCORED, S.COPIED, S.INVALID, S.UNSCORED]
    assert [record.score for record in records[:3]] == [BAD, GOOD, INVALID]


def test_bonds_stay_within_the_budget(life: Life, journal: Journal, tmp_path: Path) -> None:
    task, network = challenged(life), life.network
    work(appeals(network, journal, 2 * BOND), network, task, 1, 2, 3)
    assert appealed(network, task) == [1, 1, 0, 0]
    assert network.chain().call("SkeinToken", "allowance", life.address(APPELLANT), life.arena) == 0
    with Journal.open(
        tmp_path / "lost", network.chain(APPELLANT)
    ) as empty:  # the chain knows what the journal has lost
        work(appeals(network, empty, 2 * BOND), network, task, 3)
        assert appealed(network, task) == [1, 1, 0, 0]
        work(appeals(network, empty, 3 * BOND), network, task, 3)
    assert appealed(network, task) == [1, 1, 1, 0]


def test_what_comes_back_can_be_used_again(life: Life, journal: Journal) -> None:
    task, network = challenged(life), life.network
    work(appeals(network, journal, BOND), network, task, 1)
    life.pass_to(task, "challenge_ends")
    life.settle(task, CREATOR, (2, 3, 4))
    life.send(CREATOR, "Arena", "redraw", task)
    said = {1: GOOD, 4: GOOD}
    life.score(task, dict.fromkeys(VALIDATORS, said))
    told = Standing(network.chain(), life.address(APPELLANT))
    assert (told.out, told.won, told.lost) == (BOND, 0, {})
    life.pass_to(task, "challenge_ends")
    life.settle(task, CREATOR, (1,))
    told = Standing(network.chain(), life.address(APPELLANT))
    assert told.out == 0 and told.won > 0
    other = challenged(life)
    work(appeals(network, journal, BOND), network, other, 1)
    assert appealed(network, other) == [1, 0, 0, 0]


@pytest.mark.parametrize("verdict", ["", None])
def test_what_is_right_or_not_known_yet_is_left(life: Life, journal: Journal, verdict: str | None) -> None:
    task, network = challenged(life), life.network
    found = appeals(network, journal, 9 * BOND)
    work(found, network, task, 1, 2, wrong=verdict)
    assert appealed(network, task) == [0, 0, 0, 0]
    work(found, network, task, 1, 2)  # what was right is not asked for again
    assert appealed(network, task) == ([0, 0, 0, 0] if verdict == "" else [1, 1, 0, 0])


def test_one_that_others_made_is_left(life: Life, journal: Journal) -> None:
    task, network = challenged(life), life.network
    life.send(TRAINERS[0], "Arena", "appeal", task, 1)
    work(appeals(network, journal, 9 * BOND), network, task, 1)
    assert Standing(network.chain(), life.address(APPELLANT)).bonds == {} and journal.facts("appeal:") == {}


def test_a_wallet_without_the_bond_is_told(
    life: Life, journal: Journal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.appeals._PAUSE", 0.0)
    task, network = challenged(life), life.network
    chain = network.chain(APPELLANT)
    life.send(APPELLANT, "SkeinToken", "transfer", life.address(2), chain.token_balance(chain.address) - 1)
    found = appeals(network, journal, 9 * BOND)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            work(found, network, task, 1)
    told = [line for line in caplog.messages if "Did not appeal" in line]
    assert told == [f"Did not appeal task={task} submission=1: its bond is 3 SKEIN, more than {chain.address} has."]
    life.send(2, "SkeinToken", "transfer", chain.address, BOND)
    work(found, network, task, 1)
    assert appealed(network, task) == [1, 0, 0, 0]


def test_a_dry_run_sends_nothing(life: Life, journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    task, network = challenged(life), life.network
    with pytest.raises(Rehearsed, match=r"Would send SkeinToken\.approve for task:1:appeal:1"):
        work(appeals(network, journal, BOND, RehearsingSender), network, task, 1)
    assert "The result of task=1 submission=1 is wrong: it is a lie" in caplog.text
    assert appealed(network, task) == [0, 0, 0, 0]


def test_killed_after_every_step_it_appeals_once(life: Life, tmp_path: Path) -> None:
    task, network = challenged(life), life.network

    def live() -> None:
        with Journal.open(tmp_path, network.chain(APPELLANT)) as opened:
            found = appeals(network, opened, 2 * BOND)
            network.chain(APPELLANT).head()
            work(found, network, task, 1, 2, 3)

    deaths = deaths_of(live)
    assert deaths >= 10 and appealed(network, task) == [1, 1, 0, 0]
    told = Standing(network.chain(), life.address(APPELLANT))
    assert told.bonds == {(task, 1): BOND, (task, 2): BOND}
