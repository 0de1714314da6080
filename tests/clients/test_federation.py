"""Members of a federation on a real chain: from joining to the claim, and what becomes of bad input."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import play
import pytest
from federating import WINDOW, Federated, any_words
from network import SKEIN, Network

from protocol.artifacts import manifest_of
from protocol.federated.fixed import NORM
from protocol.federated.phases import Phase
from protocol.federated.settlement import Ballot
from protocol.models import write_tensors
from trainer.federated.local import Facts, Local
from trainer.federated.member import FederationMember
from trainer.federated.rounds import Place, RoundWork

MEMBERS = (2, 3, 4, 5, 6)


@pytest.fixture
def federated(network: Network, tmp_path: Path) -> Iterator[Federated]:
    """Founded; nobody has joined."""
    running = Federated(network, tmp_path)
    running.found()
    yield running
    running.close()


def test_members_train_vote_aggregate_and_are_paid(network: Network, tmp_path: Path) -> None:
    federated = Federated(network, tmp_path)
    federated.found(rounds=1)
    for account in MEMBERS:
        federated.join(account)
    first = federated.record().model_digest
    federated.run()
    record, round_ = federated.record(), federated.round()
    assert round_.counted and round_.accepted and record.model_digest == round_.model_digest != first
    for _ in range(3):  # they leave and claim
        federated.work()
    chain = federated.network.chain()
    pools = [chain.call("Staking", "stakeOf", federated.network.accounts[account].address) for account in MEMBERS]
    left = federated.record().pool  # of shares that do not come out even
    assert sum(pools) + left == 5 * play.STAKE + 100 * SKEIN + round_.emission and left < 5
    assert all(chain.call("Staking", "lockable", federated.network.accounts[a].address) >= play.STAKE for a in MEMBERS)
    assert all(member.is_over for member in federated.members.values())
    assert federated.adds_up()
    federated.close()


def test_the_common_model_is_better_than_the_first(federated: Federated) -> None:
    for account in MEMBERS:
        federated.join(account)
    federated.run()
    member = federated.members[2]
    work = member.work(federated.record())
    assert work is not None
    first = federated.network.chain().call("Alliance", "federation", 1).parameters.model_digest
    losses = [work._loss(work.model(digest)) for digest in (first, federated.record().model_digest)]
    assert losses[1] < losses[0] - 0.1


def test_a_killed_member_goes_on_where_it_was(federated: Federated) -> None:
    for account in MEMBERS:
        federated.join(account)
    for phase in (Phase.COMMIT, Phase.REVEAL, Phase.VOTE_COMMIT, Phase.VOTE_REVEAL, Phase.ATTEST):
        federated.run(until=(phase,))
        for account, member in list(federated.members.items()):
            member.close()
            member.means.journal.close()
            federated.start(account, FederationMember, member._open_data, member.settings)
        federated.network.sleep(10_000 if phase > Phase.DRAW else 0)
    federated.run()
    assert federated.round().counted
    assert {federated.member(account).stake for account in MEMBERS} == {10 * SKEIN}
    assert federated.adds_up()


@pytest.mark.deep
def test_what_earlier_rounds_have_left_goes(federated: Federated) -> None:
    for account in MEMBERS:
        federated.join(account)
    federated.run()
    kept = [path for member in federated.members.values() for path in member.folder.glob("updates/0x*")]
    assert kept
    federated.network.sleep(30 * WINDOW)
    federated.run(until=(Phase.REVEAL,))
    assert federated.record().round == 2
    model = federated.record().model_digest
    for member in federated.members.values():
        assert {path.name for path in member.folder.glob("round-*")} <= {"round-2"}
        assert {path.name for path in member.folder.glob("models/0x*")} <= {model}
        assert not [*member.folder.glob("updates/0x*")]
    federated.run()
    assert federated.round().counted


# --- bad input


class Bad(FederationMember):
    """Proposes what `forge` writes, when it is drawn to propose."""

    def work(self, federation: Any) -> RoundWork | None:
        work = super().work(federation)
        if work is not None and not isinstance(work, BadWork):
            self._work = BadWork(**vars(work))
            self._work.forge = self.forge
            return self._work
        return work

    @staticmethod
    def forge(folder: Path, work: RoundWork) -> None:
        raise NotImplementedError


class BadWork(RoundWork):
    forge: Any

    def make_update(self, place: Place) -> str:
        target = self.folder / f"round-{place.round}" / "update"
        if not target.exists():
            target.mkdir(parents=True)
            self.forge(target, self)
        return manifest_of(target).digest


def write(folder: Path, tensors: Mapping[str, Any]) -> None:
    write_tensors(folder / "update.safetensors", dict(tensors))


def nan(folder: Path, work: RoundWork) -> None:
    write(folder, {"words": np.full(work.spec.parameters, np.nan, np.float32)})


def wrong_shape(folder: Path, work: RoundWork) -> None:
    write(folder, {"words": any_words(work.spec.parameters + 1)})


def huge(folder: Path, work: RoundWork) -> None:
    write(folder, {"words": np.full(work.spec.parameters, NORM, np.int32)})


def no_file(folder: Path, work: RoundWork) -> None:
    (folder / "readme.txt").write_text("nothing")


def harmful(folder: Path, work: RoundWork) -> None:
    words = np.array([1, -1] * work.spec.parameters, np.int32)[: work.spec.parameters]
    write(folder, {"words": words * int(NORM / np.sqrt(work.spec.parameters))})


def idle(folder: Path, work: RoundWork) -> None:
    write(folder, {"words": np.zeros(work.spec.parameters, np.int32)})


def proposing(federated: Federated, forge: Any) -> int:
    """A federation in which one drawn proposer is bad; its account."""
    for account in MEMBERS:
        federated.join(account)
    federated.until_drawn()
    bad = federated.proposers()[0]
    member = federated.members[bad]
    kind = type("Forger", (Bad,), {"forge": staticmethod(forge)})
    member.close()
    member.means.journal.close()
    federated.start(bad, kind, member._open_data, member.settings)
    return bad


@pytest.mark.parametrize("forge", [nan, wrong_shape, huge, no_file, harmful])
def test_what_is_no_good_update_is_slashed(federated: Federated, forge: Any) -> None:
    bad = proposing(federated, forge)
    federated.run()
    round_ = federated.round()
    slot = federated.proposers().index(bad)
    assert (round_.harmful >> slot & 1, round_.accepted >> slot & 1) == (1, 0)
    assert (federated.member(bad).stake, federated.member(bad).earned) == (9 * SKEIN, 0)
    assert round_.accepted == 3 & ~(1 << slot) and federated.record().model_digest == round_.model_digest
    assert federated.adds_up()


def test_no_work_is_not_paid(federated: Federated) -> None:
    bad = proposing(federated, idle)
    federated.run()
    assert (federated.member(bad).stake, federated.member(bad).earned) == (10 * SKEIN, 0)
    assert federated.round().counted and federated.adds_up()


def test_an_update_that_no_store_has_is_not_paid(federated: Federated) -> None:
    bad = proposing(federated, harmful)
    member = federated.members[bad]
    federated.work()
    work = member.work(federated.record())
    assert work is not None
    work.publish = work.make_update  # type: ignore[method-assign]
    federated.run()
    assert (federated.member(bad).stake, federated.member(bad).earned) == (10 * SKEIN, 0)
    assert federated.round().counted and federated.adds_up()


def test_a_store_that_is_away_rejects_nobody(federated: Federated, caplog: pytest.LogCaptureFixture) -> None:
    for account in MEMBERS:
        federated.join(account)
    federated.run(until=(Phase.REVEAL,))
    federated.network.sleep(WINDOW)
    hidden = federated.root / "hidden"
    federated.store.root.rename(hidden)
    federated.work()
    assert federated.phase == Phase.VOTE_COMMIT and "is not there: make the folder, or mount it" in caplog.text
    voters = [account for account in MEMBERS if account not in federated.proposers()]
    for account in voters:
        assert federated.members[account].means.journal.recall(federated.members[account]._key("ballot:1")) is None
    hidden.rename(federated.store.root)
    for member in federated.members.values():
        member.jobs._failures.clear()  # the pause of a minute is over
    federated.run()
    assert {federated.member(account).stake for account in MEMBERS} == {10 * SKEIN}
    assert federated.round().counted and federated.adds_up()


class Yes(FederationMember):
    """Accepts everything, unseen."""

    def _vote(self, at: Any, round_: Any, entry: Any, work: RoundWork) -> None:
        work.judge = lambda place, updates: Ballot(sum(1 << slot for slot in updates))  # type: ignore[method-assign]
        super()._vote(at, round_, entry, work)


def test_who_accepts_everything_is_not_paid_for_it(federated: Federated) -> None:
    bad = proposing(federated, harmful)
    friend = next(account for account in MEMBERS if account not in federated.proposers())
    member = federated.members[friend]
    member.close()
    member.means.journal.close()
    federated.start(friend, Yes, member._open_data, member.settings)
    federated.run()
    assert federated.member(bad).stake == 9 * SKEIN
    assert federated.member(friend).earned == 0
    assert federated.round().counted and federated.adds_up()


class Fails:
    """Data that fail in the middle."""

    def __init__(self, local: Local) -> None:
        self.local = local

    def load(self) -> Facts:
        return self.local.load()

    def train(self, weights: Any, seed: int) -> Any:
        raise OSError("the disk is gone")

    def evaluate(self, weights: Any) -> float:
        raise OSError("the disk is gone")

    def describe(self) -> Mapping[str, Any]:
        return self.local.describe()


def test_data_that_fail_cost_the_member_alone(federated: Federated, caplog: pytest.LogCaptureFixture) -> None:
    for account in MEMBERS[:-1]:
        federated.join(account)
    federated.join(MEMBERS[-1], wrap=Fails)
    federated.run()
    assert "the member's data failed: the disk is gone" in caplog.text
    assert federated.member(MEMBERS[-1]).stake == 10 * SKEIN * 98 // 100
    assert federated.round().counted and federated.adds_up()


def test_too_few_members_start_nothing(federated: Federated) -> None:
    for account in MEMBERS[:3]:
        federated.join(account)
    federated.work()
    federated.network.sleep(10_000)
    federated.work()
    assert federated.record().round == 0 and federated.adds_up()
