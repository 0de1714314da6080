"""What a federation's privacy costs a member: what is shown of it, and that a member never exceeds its budget."""

import shutil
from pathlib import Path

import pytest
from federating import Federated, spec
from network import Network
from opacus.accountants import RDPAccountant

from protocol.errors import ConfigInvalid
from protocol.federated.phases import Phase
from protocol.federated.spec import Privacy
from trainer.federated.ledger import table
from trainer.federated.local import Local
from trainer.federated.member import FederationMember

MEMBERS = (2, 3, 4, 5)


@pytest.mark.parametrize("method", ["update", "dp_sgd"])
def test_who_cannot_afford_another_update_leaves(network: Network, tmp_path: Path, method: str) -> None:
    privacy = Privacy(method=method, noise=4000, budget=4000)  # type: ignore[arg-type]
    federated = Federated(network, tmp_path, spec(privacy=privacy, exponent=1))
    federated.found(quorum=1, min_members=3, proposers=2)
    for account in MEMBERS:
        federated.join(account)
    federated.run(until=(Phase.COMMIT,))
    federated.work()
    spenders = federated.proposers()
    poor = federated.members[spenders[0]]
    work = poor.work(federated.record())
    assert work is not None and work.ledger is not None
    (entry,) = work.ledger.rounds
    assert 0 < entry["epsilon"] <= 4 and entry["round"] == 1
    work.epsilon = entry["epsilon"] * 1.01  # enough for this round and for no other
    work._affordable.clear()
    federated.run()
    assert federated.member(spenders[0]).seat == 0 and federated.member(spenders[1]).seat > 0
    assert federated.round().counted and federated.adds_up()
    federated.work()
    assert poor.is_over and federated.member(spenders[0]).stake == federated.member(spenders[0]).earned == 0
    federated.close()


def test_a_lost_disk_gives_no_privacy_back(network: Network, tmp_path: Path) -> None:
    privacy = Privacy(method="update", noise=4000, budget=90_000)
    federated = Federated(network, tmp_path, spec(privacy=privacy, exponent=1))
    federated.found(quorum=1, min_members=3, proposers=2)
    for account in MEMBERS:
        federated.join(account)
    federated.run(until=(Phase.REVEAL,))
    account = federated.proposers()[0]
    member = federated.members[account]
    known = member.work(federated.record())
    assert known is not None and known.ledger is not None
    spent = known.ledger.rounds
    member.close()
    member.journal.close()
    shutil.rmtree(known.means.work)
    again = federated.start(account, FederationMember, member._open_data, member.settings)
    again.tick()
    again.jobs.wait()
    work = again.work(federated.record())
    assert work is not None and work.ledger is not None
    assert work.ledger.rounds == spent and [entry["round"] for entry in spent] == [1]
    assert work.ledger.recover([1]) == []
    federated.close()


def test_the_table_is_the_accountants() -> None:
    entries = [{"round": 3, "spent": [1.1, 0.05, 20]}, {"round": 7, "spent": [1.1, 0.05, 20]}]
    accountant = RDPAccountant()
    for _ in range(40):
        accountant.step(noise_multiplier=1.1, sample_rate=0.05)
    first, second = table(entries, 5)
    assert first[:4] == (3, 1.1, 0.05, 20) and first[4] < second[4]
    assert second[4] == pytest.approx(accountant.get_epsilon(1e-5))


def test_code_of_ones_own_must_say_that_it_hides_rows(network: Network, tmp_path: Path) -> None:
    asked = spec(privacy=Privacy(method="dp_sgd", noise=1000, budget=9000))
    federated = Federated(network, tmp_path, asked)
    federated.found()
    member = federated.join(2, wrap=Silent)
    member.tick()
    member.jobs.wait()
    with pytest.raises(ConfigInvalid, match="which data with code of their own must do themselves"):
        member.tick()
    federated.close()


class Silent:
    """Does not say how it trains."""

    def __init__(self, local: Local) -> None:
        self.load, self.train, self.evaluate = local.load, local.train, local.evaluate

    def describe(self) -> dict[str, int]:
        return {"rows": 7}


def test_who_cannot_afford_the_first_update_does_not_join(network: Network, tmp_path: Path) -> None:
    federated = Federated(network, tmp_path, spec(privacy=Privacy(method="update", noise=500, budget=4000)))
    federated.found()
    member = federated.join(2)
    member.tick()
    member.jobs.wait()
    with pytest.raises(ConfigInvalid, match="Federation 1 is not joined: one more round would cost ε = "):
        member.tick()
    assert federated.record().member_count == 0
    federated.close()
