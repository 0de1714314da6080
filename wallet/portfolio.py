"""What an account has staked, in all pools: found from the events of the stake ledger, so that no index is needed."""

from collections import defaultdict
from dataclasses import dataclass

from node.history import emitters, events_of
from protocol.chain import Chain
from wallet.stakes import own_part


@dataclass(frozen=True)
class Holding:
    """Stake of one account in one pool, wei.

    `staked` is what it is worth now, `in_vault` what the shares of the pool's vault are, None where there is no vault.
    `gained` is rewards less slashes of what was staked directly, since the first deposit: shares of a vault change
    hands, and have no history.
    """

    operator: str
    staked: int
    in_vault: int | None
    gained: int

    @property
    def worth(self) -> int:
        """All of it."""
        return self.staked + (self.in_vault or 0)


def holdings(chain: Chain, account: str) -> list[Holding]:
    """Every pool in which the account has, or had, stake: the largest first."""
    paid_in: defaultdict[str, int] = defaultdict(int)
    for event in events_of(chain, "Staking.Deposited", funder=account):
        paid_in[str(event.args["operator"])] += int(event.args["assets"])
    for event in events_of(chain, "Staking.WithdrawalRequested", funder=account):
        paid_in[str(event.args["operator"])] -= int(event.args["assets"])
    found = []
    for operator in sorted({*paid_in, *_vaults_with(chain, account)}):
        part = own_part(chain, account, operator)
        staked = part["yours"]
        found.append(Holding(operator, staked, part.get("yours_in_the_vault"), staked - paid_in[operator]))
    return sorted(found, key=lambda each: -each.worth)


def _vaults_with(chain: Chain, account: str) -> set[str]:
    """The operators whose vault has ever given the account shares."""
    created = events_of(chain, "DelegationVaults.VaultCreated")
    operators = {str(event.args["vault"]): str(event.args["operator"]) for event in created}
    first = chain.deployment.contracts["DelegationVaults"].first_block
    given = emitters(chain, "SkeinToken.Transfer", list(operators), first, to=account)  # shares move as any ERC-20 does
    return {operators[vault] for vault in given}
