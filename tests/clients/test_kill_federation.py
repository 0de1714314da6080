"""kill -9 after every step of the members of a federation comes to the same end."""

from pathlib import Path

import play
from federating import WINDOW, Federated, write_rows
from killer import deaths_of
from network import SKEIN, Network

from protocol.federated.phases import Phase
from trainer.federated.local import open_local
from trainer.federated.member import FederationMember
from trainer.federated.perceptron import Effort
from trainer.federated.program import settle_down
from trainer.federated.settings import MemberSettings

ACCOUNTS = (2, 3, 4)


def live(federated: Federated, account: int) -> None:
    """One life of a member."""
    source = str(federated.root / f"rows-{account}.csv")
    settings = MemberSettings(data=source, spread_seconds=0, retry_seconds=60)
    member = federated.start(account, FederationMember, lambda spec: open_local(source, spec, Effort()), settings)
    settle_down(member)
    member.close()
    member.means.journal.close()


def is_over(federated: Federated) -> bool:
    record = federated.record()
    return bool(record.round and not record.open and not record.member_count)


def test_members_killed_after_every_step_come_to_the_same_end(network: Network, tmp_path: Path) -> None:
    federated, deaths = Federated(network, tmp_path), dict.fromkeys(ACCOUNTS, 0)
    federated.found(rounds=1, proposers=1, quorum=2, min_members=3, bounty=90 * SKEIN)
    for account in ACCOUNTS:
        play.stake(network, account)
        write_rows(tmp_path / f"rows-{account}.csv", account, 6)
    for _ in range(14):
        network.mine(2)
        for account in ACCOUNTS:
            deaths[account] += deaths_of(lambda account=account: live(federated, account))  # type: ignore[misc]
        if is_over(federated):
            break
        network.sleep({Phase.RESTING: 30 * WINDOW, Phase.DRAW: 1}.get(federated.phase, WINDOW))
    record, chain = federated.record(), network.chain()
    assert record.rounds_left == record.owed == 0 and federated.round().accepted == 1
    stakes = [chain.call("Staking", "stakeOf", network.accounts[account].address) for account in ACCOUNTS]
    gained = [stake - play.STAKE for stake in stakes]
    assert sum(gained) + record.pool == 90 * SKEIN + federated.round().emission
    assert record.pool < 3 and min(gained) > 0
    assert federated.adds_up()
    assert min(deaths.values()) >= 8, deaths
