"""How a participant leaves: no new tasks, the running ones to their end, then all own stake out and to a safe place.

The wish stands in the journal, so it survives a kill, and the command that makes it may be another process than the
client that carries it out. Everything else is read from the chain: a lost disk only needs the wish again.
"""

import logging
from dataclasses import dataclass

from node.amounts import format_amount
from node.history import events_of
from node.journal import Journal
from node.sender import Sender
from node.withdrawals import Withdrawal, withdrawals
from protocol.chain import Chain
from protocol.errors import ContractReverted

logger = logging.getLogger(__name__)

_FACT = "leaving"


@dataclass(frozen=True)
class Plan:
    """What leaving will do: tasks to end, token wei to take out and on its way out, where it goes, from when.

    Nothing is taken out for another `promised` seconds, in which stake in escrow has to stay.
    """

    tasks: list[int]
    own_stake: int
    requested: int
    promised: int
    cooldown: int
    receiver: str


def wish_to_leave(journal: Journal, receiver: str | None) -> None:
    """Leave from the next tick on; `receiver` gets what comes out of the pool, None keeps it in the account."""
    journal.remember(_FACT, {"receiver": receiver})


def wish_to_stay(journal: Journal) -> None:
    """Take the wish back; what was requested already stays requested."""
    journal.forget(_FACT)


def is_leaving(journal: Journal) -> bool:
    """Whether the wish is there."""
    return journal.recall(_FACT) is not None


def plan(chain: Chain, tasks: list[int], receiver: str | None) -> Plan:
    """What `step` is going to do from now on."""
    requested = sum(each.assets for each in own_requests(chain))
    own = int(chain.pool(chain.address).own.assets)
    cooldown = int(chain.call("Staking", "COOLDOWN"))
    return Plan(tasks, own, requested, _promised(chain), cooldown, receiver or chain.address)


def _promised(chain: Chain) -> int:
    """Seconds for which stake in escrow still has to stay."""
    promise = chain.call("Staking", "escrowOf", chain.address)
    return max(int(promise.until) - chain.now(), 0) if int(promise.assets) else 0


def step(chain: Chain, sender: Sender, journal: Journal) -> bool:
    """Do what can be done now; True once all is out. To be called after every tick once no task is left.

    The names of the wishes count what happened before, so that each happens once, however often it is wished.
    """
    shares = int(chain.call("Staking", "sharesOf", chain.address, chain.address))
    if shares and _promised(chain):
        return False
    if shares:
        before = len(events_of(chain, "Staking.WithdrawalRequested", funder=chain.address))
        sender.send(f"leave:request:{before}", "Staking", "requestWithdrawal", chain.address, shares)
        logger.info("Requested the withdrawal of all own stake")
    waiting = own_requests(chain)
    if waiting:
        done = [_take_out(request, chain, sender) for request in waiting]
        return all(done) and step(chain, sender, journal)
    _send_away(chain, sender, (journal.recall(_FACT) or {}).get("receiver"))
    return True


def own_requests(chain: Chain) -> list[Withdrawal]:
    """What is on its way out, of own stake: what was requested from a vault is paid by that."""
    mine = withdrawals(chain, chain.address)
    return [each for each in mine if each.operator == chain.address and each.held_by is None]


def _take_out(request: Withdrawal, chain: Chain, sender: Sender) -> bool:
    if chain.now() < request.matures_at:
        return False
    try:
        sender.send(f"leave:withdraw:{request.id}", "Staking", "withdraw", request.id)
    except ContractReverted as refused:  # a lock of the account's other role; it ends with its task
        logger.debug("Could not withdraw request %d yet: %s", request.id, refused)
        return False
    logger.info("Withdrew %s SKEIN", format_amount(request.assets))
    return True


def _send_away(chain: Chain, sender: Sender, receiver: str | None) -> None:
    balance = chain.token_balance(chain.address)
    if receiver is None or receiver == chain.address or not balance:
        return
    before = len(events_of(chain, "SkeinToken.Transfer", **{"from": chain.address, "to": receiver}))
    sender.send(f"leave:send:{before}:{balance}", "SkeinToken", "transfer", receiver, balance)
    logger.info("Sent %s SKEIN to %s", format_amount(balance), receiver)
