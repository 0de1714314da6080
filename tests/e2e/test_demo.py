"""The whole demonstration with real processes; then under fire: kill -9 of every program, a reorg of 20 blocks."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol.chain import Chain
from protocol.deployment import Deployment
from skein import demo
from skein.localnet import Localnet
from skein.processes import until
from skein.report import Result
from wallet.create import Prepared

Tasks = list[dict[str, Any]]
SEED = 20260101
REORG = 20  # blocks
# Killed programs need their time to come back: longer windows than the demonstration's own.
WINDOWS = {"commit": 180, "reveal": 40, "key": 40, "score_commit": 75, "score_reveal": 40}


# A whole demonstration is one fixture: minutes, and more where the machine is busy.
pytestmark = pytest.mark.timeout(1500)


@dataclass(frozen=True)
class Kept:
    """A demonstration that is over and still runs: its report, what it told on the way, and its process."""

    report: dict[str, Any]
    process: subprocess.Popen[str]
    story: Path
    directory: Path

    @property
    def chain(self) -> Chain:
        addresses = json.loads((self.directory / "localnet.json").read_text())
        return Chain(addresses["rpc_url"], Deployment.read(Path(addresses["deployment"])))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """As `scripts/demo --keep --json` runs it, after a set-up of a minute."""
    place = tmp_path_factory.mktemp("kept")
    command = [sys.executable, "-m", "skein", "demo", "--dir", str(place / "demo"), "--json", "--keep"]
    command += ["--since", str(time.time() - 60)]
    with (place / "story").open("w") as story:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=story, text=True)
    try:
        assert process.stdout
        lines = list(takewhile(lambda line: line != "}\n", process.stdout))
        report = json.loads("".join([*lines, "}"])) if lines else {}
        yield Kept(report, process, place / "story", place / "demo")
    finally:
        process.kill()
        process.communicate()


def test_all_is_as_it_must_be(kept: Kept) -> None:
    report, story = kept.report, kept.story.read_text()
    assert report, story[-3000:]
    assert report["failures"] == [] and report["index_equals_chain"]
    assert all(check["holds"] for check in report["checks"])
    assert {(slash["name"], slash["reason"]) for slash in report["slashes"]} == {
        ("copier", "duplicate"),
        ("inventor", "deviating"),
        ("mute", "silent"),
    }
    assert 60 < report["seconds_to_first_reward"] < report["seconds"]
    assert "Traceback" not in story and "creates task 1" in story and "copier loses" in story
    used = {each["kind"]: each for each in report["gas"]}
    assert {"Arena.settle", "Arena.revealScores", "Staking.deposit"} <= used.keys()
    assert all(0 < each["least"] <= each["mean"] <= each["most"] for each in used.values())


def test_who_works_earns_and_who_cheats_loses(kept: Kept) -> None:
    accounts = kept.report["accounts"]
    change = {each["name"]: int(each["after"]["total"]) - int(each["before"]["total"]) for each in accounts}
    assert all(change[name] < 0 for name in ("copier", "inventor", "mute", "creator"))
    assert all(change[name] > 0 for name in ("validator-1", "validator-2", "validator-3"))
    assert all(change[name] > 0 for name in ("trainer-careful", "trainer-steady", "trainer-bold"))
    assert all(change[name] > 0 for name in ("delegator-1", "delegator-2"))


def test_the_winners_are_good_and_scored_right(kept: Kept) -> None:
    for task in kept.report["tasks"]:
        ranking = kept.chain.call("Arena", "ranking", task["id"])
        assert [entry["id"] for entry in task["board"] if entry["rank"]] == ranking
        assert task["winner"]["ours"] == task["winner"]["consensus"] == task["board"][0]["score"] > 900_000_000


def test_the_api_and_the_chain_agree_on_every_account(kept: Kept) -> None:
    for account in kept.report["accounts"]:
        told = httpx.get(f"{kept.report['api']}/accounts/{account['address']}").json()["data"]
        after = account["after"]
        assert int(told["balance"]) == int(after["wallet"]) == kept.chain.token_balance(account["address"])
        for stake in told["stakes"]:
            assets = kept.chain.call("Staking", "assetsOf", stake["operator"], account["address"])
            assert int(stake["assets"]) == assets
        assert sum(int(stake["assets"]) for stake in told["stakes"]) == int(after["own"]) + int(after["delegated"])


def test_it_goes_on_until_it_is_told_to_stop(kept: Kept) -> None:
    before = kept.chain.head().number
    until(lambda: kept.chain.head().number > before, 20, "The next block")
    kept.process.terminate()
    assert kept.process.wait(60) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(kept.report["api"])


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").write_text("precious")
    command = [sys.executable, "-m", "skein", "demo", "--dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.strip().endswith("is not empty: the demonstration needs a directory of its own.")


# --- under fire


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[[Callable[[demo.Demo, Tasks], None]], Result]]:
    """Runs the demonstration in this process; the argument is called again and again while it goes on."""
    with ExitStack() as stack:

        def run(meanwhile: Callable[[demo.Demo, Tasks], None]) -> Result:
            network = stack.enter_context(Localnet(tmp_path, cooldown_seconds=10, starts_clock=False))
            play = demo.Demo(network, lambda text: None, lambda block, sentence: None, time.monotonic())
            show = stack.enter_context(play)
            before = show.prepare([with_windows(task) for task in demo.prepare_tasks(stack)])
            show.watch(len(demo.TASKS), lambda tasks: meanwhile(show, tasks))
            return show.result(before)

        yield run


def with_windows(task: Prepared) -> Prepared:
    given = task.file.windows
    longer = {name: max(seconds, getattr(given, name)) for name, seconds in WINDOWS.items()}
    return replace(task, file=task.file.model_copy(update={"windows": given.model_copy(update=longer)}))


@pytest.mark.deep
def test_kill_9_of_every_program_at_random_moments(play: Callable[..., Result]) -> None:
    dice = random.Random(SEED)
    victims: list[str] = []
    killed: set[str] = set()
    next_kill = 0.0

    def meanwhile(show: demo.Demo, tasks: Tasks) -> None:
        nonlocal next_kill
        supervisor = show.network.supervisor
        if not victims:
            names = sorted(supervisor.processes)
            victims.extend(dice.sample(names, len(names)))
        if tasks and time.monotonic() > next_kill:
            next_kill = time.monotonic() + dice.uniform(4, 12)
            name = victims.pop()
            supervisor.kill(name)  # the demonstration starts it again
            killed.add(name)

    result = play(meanwhile)
    assert {"chain", "indexer", "api", "creator", "trainer-careful", "validator-1"} <= killed
    assert result.failures() == []


@pytest.mark.deep
def test_a_reorg_of_20_blocks_in_the_middle_of_a_task(play: Callable[..., Result]) -> None:
    dropped: list[tuple[int, int]] = []

    def meanwhile(show: demo.Demo, tasks: Tasks) -> None:
        commits = sum(task["submission_count"] for task in tasks)
        if not dropped and commits >= 6 and all(task["phase"] == "commit" for task in tasks):
            show.network.rpc("anvil_reorg", REORG, [])
            chain = show.network.chain()
            left = sum(chain.task(task["id"]).submission_count for task in tasks)
            dropped.append((commits, left))

    result = play(meanwhile)
    (before, after), *_ = dropped
    assert after < before, "the reorg dropped nothing"
    assert result.failures() == []
