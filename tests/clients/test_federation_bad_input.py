"""What members may do wrong, beside what `test_federation.py` forges: the round ends, the ledger adds up."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from federating import Federated
from network import SKEIN, Network

from protocol.artifacts import manifest_of
from protocol.errors import TaskFailed
from protocol.federated.fixed import encode, flatten
from protocol.federated.wire import read_update, write_update
from trainer.federated.local import checked_training
from trainer.federated.rounds import Place, RoundWork

MEMBERS = (2, 3, 4, 5, 6)
Forge = Callable[[RoundWork, Place], None]


@pytest.fixture
def federated(network: Network, tmp_path: Path) -> Iterator[Federated]:
    """Founded and joined by all."""
    running = Federated(network, tmp_path)
    running.found(rounds=3)
    for account in MEMBERS:
        running.join(account)
    yield running
    running.close()


def forge(federated: Federated, account: int, make: Forge) -> None:
    """Let a member's next update be what `make` writes."""
    work = federated.members[account].work(federated.record())
    assert work is not None

    def make_update(place: Place) -> str:
        target = work.folder / f"round-{place.round}" / "update"
        if not target.exists():
            target.mkdir(parents=True)
            make(work, place)
        return manifest_of(target).digest

    work.make_update = make_update  # type: ignore[method-assign]


def target(work: RoundWork, place: Place) -> Path:
    return work.folder / f"round-{place.round}" / "update"


def copy(source: Path, to: Path) -> None:
    shutil.copytree(source, to, dirs_exist_ok=True)


def loss(federated: Federated, digest: str) -> float:
    work = federated.members[MEMBERS[0]].work(federated.record())
    assert work is not None
    return work._loss(work.model(digest))


def test_an_update_of_a_different_base_does_no_harm(federated: Federated) -> None:
    def from_elsewhere(work: RoundWork, place: Place) -> None:
        base = {name: np.full(shape, 3.0) for name, shape in work.spec.shapes.items()}
        for array in base.values():
            array[1:] = -3.0  # far from the model of the round
        trained = flatten(checked_training(work.local, base, 1))
        words = encode(trained, work.spec.exponent, np.random.default_rng(0))
        write_update(target(work, place), words, work.spec.packing, np.random.default_rng(0))

    federated.until_drawn()
    before = federated.record().model_digest
    bad, good = federated.proposers()
    forge(federated, bad, from_elsewhere)
    federated.run()
    assert federated.round().accepted == 2 and federated.member(bad).earned == 0
    assert federated.member(good).stake == 10 * SKEIN and federated.member(good).earned > 0
    assert loss(federated, federated.record().model_digest) < loss(federated, before) and federated.adds_up()


def test_the_update_of_an_earlier_round_is_a_duplicate(federated: Federated) -> None:
    federated.run()
    (sent,) = [*federated.root.glob("home/*/*/federation-1/round-1/update")][:1]
    kept = federated.root / "kept"
    copy(sent, kept)  # which members do not keep into the next round
    federated.until_drawn()
    bad = federated.proposers()[0]
    forge(federated, bad, lambda work, place: copy(kept, target(work, place)))
    stake, earned = federated.member(bad).stake, federated.member(bad).earned
    federated.run()
    slot = federated.proposers().index(bad)
    assert federated.round().duplicates == 1 << slot and federated.round().accepted == 3 & ~(1 << slot)
    assert (federated.member(bad).stake, federated.member(bad).earned) == (stake, earned) and federated.adds_up()


def test_who_copies_another_is_not_paid(federated: Federated) -> None:
    federated.until_drawn()
    first, second = federated.proposers()
    friend = federated.members[first].work(federated.record())
    assert friend is not None

    def nearly(work: RoundWork, place: Place) -> None:
        RoundWork.make_update(friend, seed_of_friend)
        folder = friend.folder / "round-1" / "update"
        words = read_update(folder, friend.spec.packing, friend.spec.parameters)
        words[0] += 1
        write_update(target(work, place), words, work.spec.packing, np.random.default_rng(0))

    seed_of_friend = federated.members[first]._place(federated.members[first]._standing())
    forge(federated, second, nearly)
    federated.run()
    assert federated.round().accepted == 1 and not federated.round().harmful
    assert federated.member(first).earned > 0 == federated.member(second).earned
    assert federated.member(second).stake == 10 * SKEIN and federated.adds_up()


class Breaks:
    """Data that can be read for a while."""

    def __init__(self, local: Any, reads: int) -> None:
        self.local, self.reads = local, reads
        self.load, self.describe = local.load, local.describe

    def read(self) -> None:
        self.reads -= 1
        if self.reads < 0:
            raise OSError("the disk is gone")

    def train(self, weights: Any, seed: int) -> Any:
        self.read()
        return self.local.train(weights, seed)

    def evaluate(self, weights: Any) -> float:
        self.read()
        return float(self.local.evaluate(weights))


@pytest.mark.parametrize(("proposes", "reads"), [(True, 0), (False, 2)], ids=["proposer", "in the middle of a ballot"])
def test_data_that_break_in_a_round_cost_a_silent_slash(federated: Federated, proposes: bool, reads: int) -> None:
    federated.until_drawn()
    account = next(each for each in MEMBERS if (each in federated.proposers()) == proposes)
    work = federated.members[account].work(federated.record())
    assert work is not None
    work.local = Breaks(work.local, reads)
    federated.run()
    assert work.local.reads < 0
    round_, others = federated.round(), set(MEMBERS) - {account}
    assert round_.counted and round_.accepted.bit_count() == (1 if proposes else 2)
    assert (federated.member(account).stake, federated.member(account).earned) == (10 * SKEIN * 98 // 100, 0)
    assert {federated.member(other).stake for other in others} == {10 * SKEIN} and federated.adds_up()


def test_a_round_without_a_quorum_pays_nobody_and_is_not_counted(federated: Federated) -> None:
    federated.until_drawn()
    proposers = federated.proposers()
    for account in set(MEMBERS) - set(proposers):
        member = federated.members.pop(account)
        member.close()
        member.means.journal.close()
    federated.run()
    record, round_ = federated.record(), federated.round()
    assert not round_.counted and record.rounds_left == 3 and record.owed == 0
    assert [federated.member(account).stake for account in proposers] == [10 * SKEIN] * 2
    absent = [federated.member(account).stake for account in set(MEMBERS) - set(proposers)]
    assert absent == [10 * SKEIN * 98 // 100] * 3 and federated.adds_up()
    assert record.model_digest == record.parameters.model_digest


class Odd:
    """Code of a member's own that returns what a test tells it to."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def train(self, weights: Any, seed: int) -> Any:
        return self.made


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"w": np.zeros(3)}, r"'w' has the shape \(3,\), not \(2,\)"),
        ({"w": np.array([1, np.nan])}, "'w' is not finite"),
        ({"w": ["a", "b"]}, "could not convert"),
        ({"v": np.zeros(2)}, "'v', which is no tensor of the model"),
        (None, "the member's data failed"),
    ],
)
def test_what_a_members_code_returns_is_checked(made: Any, reason: str) -> None:
    with pytest.raises(TaskFailed, match=reason):
        checked_training(Odd(made), {"w": np.zeros(2)}, 0)  # type: ignore[arg-type]
