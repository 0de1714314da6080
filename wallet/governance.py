"""Governance: proposals, votes, and carrying out what was decided. Functions here build actions; nothing is sent."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from eth_utils.crypto import keccak

from node.amounts import format_amount, format_duration
from node.history import events_of
from node.output import NotFound
from protocol.calls import Record, encode_call
from protocol.chain import Chain
from protocol.errors import ConfigInvalid
from wallet.actions import Action, Call, Figure


class Change(StrEnum):
    """What can be proposed here; a governor takes any call, these are the ones that the ledgers offer."""

    ENABLE_MODULE = "enable-module"
    FORBID_MODULE = "forbid-module"
    SET_GUARDIAN = "set-guardian"
    END_PAUSE = "end-pause"


class Support(IntEnum):
    """A vote, as the governor counts it."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


_MOST_EPOCHS = 1000  # what fits into a block; more need another call
STATES = ("pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed")
_Words = tuple[list[str], list[int], list[str]]


@dataclass(frozen=True)
class Proposal:
    """A proposal and how it stands. Votes are in wei of stake in escrow times its multiplier."""

    id: int
    proposer: str
    description: str
    words: _Words
    vote_start: int
    vote_end: int
    state: str
    against: int
    in_favour: int
    abstaining: int
    eta: int


def proposals(chain: Chain) -> list[Proposal]:
    """All of them, the newest first."""
    found = []
    for event in reversed(list(events_of(chain, "SkeinGovernor.ProposalCreated"))):
        args = event.args
        number = int(args["proposal_id"])
        votes = chain.call("SkeinGovernor", "proposalVotes", number)
        against, in_favour, abstaining = (int(each) for each in votes.to_dict().values())
        found.append(
            Proposal(
                number,
                args["proposer"],
                args["description"],
                (list(args["targets"]), list(args["values"]), list(args["calldatas"])),
                int(args["vote_start"]),
                int(args["vote_end"]),
                STATES[int(chain.call("SkeinGovernor", "state", number))],
                against,
                in_favour,
                abstaining,
                int(chain.call("SkeinGovernor", "proposalEta", number)),
            )
        )
    return found


def proposal(chain: Chain, prefix: str) -> Proposal:
    """The one whose id begins so, in hexadecimal digits after 0x or in decimal ones."""
    found = [each for each in proposals(chain) if str(each.id) == prefix or f"0x{each.id:064x}".startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigInvalid(f'Several proposals begin with "{prefix}": give more digits; `skein gov list` shows them.')
    raise NotFound(f'There is no proposal "{prefix}": `skein gov list` shows those there are.')


def propose(chain: Chain, account: str, change: Change, address: str | None, reason: str) -> Action:
    """Propose a change of the ledgers' modules, of the guardian, or the end of a pause."""
    needs = change is not Change.END_PAUSE
    if needs != (address is not None):
        raise ConfigInvalid(f"{change} takes {'an' if needs else 'no'} address.")
    threshold = int(chain.call("SkeinGovernor", "proposalThreshold"))
    votes = int(chain.call("Staking", "getVotes", account))
    if votes < threshold:
        raise ConfigInvalid(
            f"{account} has {format_amount(votes)} votes, less than the {format_amount(threshold)} that a proposal "
            "takes: put more stake into escrow with `skein stake lock`, or have votes delegated to you."
        )
    words = _words(chain, change, address)
    told = " ".join(filter(None, (str(change), address)))
    return Action((Call(f"propose {told}", "SkeinGovernor", "propose", (*words, f"{told}\n\n{reason}".strip())),))


def _words(chain: Chain, change: Change, address: str | None) -> _Words:
    calls: list[tuple[str, str, tuple[object, ...]]]
    if change is Change.SET_GUARDIAN:
        calls = [("Staking", "setGuardian", (address,))]
    elif change is Change.END_PAUSE:
        calls = [("Staking", "pauseEntries", (0,))]
    else:
        enabled = change is Change.ENABLE_MODULE
        calls = [(ledger, "setModule", (address, enabled)) for ledger in ("Staking", "Emissions")]
    targets = [chain.deployment.address(contract) for contract, _, _ in calls]
    return targets, [0] * len(calls), [encode_call(*call) for call in calls]


def vote(chain: Chain, account: str, chosen: Proposal, support: Support, reason: str) -> Action:
    """Cast the account's votes, as many as it had when voting began."""
    if chosen.state != "active":
        raise ConfigInvalid(f"The proposal is {chosen.state}: votes are taken while it is active.")
    votes = int(chain.call("SkeinGovernor", "getVotes", account, chosen.vote_start))
    if votes == 0:
        raise ConfigInvalid(f"{account} had no votes when voting on this proposal began.")
    told = f"vote {support.name.lower()} with {format_amount(votes)} votes"
    words = (chosen.id, int(support), reason)
    side = Figure(
        f"votes {support.name.lower()}", "SkeinGovernor", "proposalVotes", (chosen.id,), lambda v: _at(v, support)
    )
    return Action((Call(told, "SkeinGovernor", "castVoteWithReason", words),), (side,))


def _at(votes: Record, support: Support) -> int:
    return int(list(votes.to_dict().values())[support])


def carry_on(chosen: Proposal) -> Action:
    """Queue what has won, or execute what has waited."""
    verb = {"succeeded": "queue", "queued": "execute"}.get(chosen.state)
    if verb is None:
        raise ConfigInvalid(f"The proposal is {chosen.state}: only one that succeeded or is queued can be carried on.")
    words = (*chosen.words, "0x" + keccak(text=chosen.description).hex())
    return Action((Call(f"{verb} the proposal", "SkeinGovernor", verb, words),))


def cancel(chosen: Proposal, account: str) -> Action:
    """Take one's own proposal back, before voting on it begins."""
    if chosen.proposer != account:
        raise ConfigInvalid(f"Only its proposer {chosen.proposer} can take the proposal back.")
    if chosen.state != "pending":
        raise ConfigInvalid(f"The proposal is {chosen.state}: it can be taken back while it is pending.")
    words = (*chosen.words, "0x" + keccak(text=chosen.description).hex())
    return Action((Call("take the proposal back", "SkeinGovernor", "cancel", words),))


def pause(chain: Chain, account: str, seconds: int) -> Action:
    """Refuse deposits and new locks for a while; the guardian's, and the owner's, who can end it with 0 as well."""
    guardian, owner = (str(chain.call("Staking", each)) for each in ("guardian", "owner"))
    if account not in (guardian, owner):
        if not int(guardian, 16):
            raise ConfigInvalid("Only a guardian can pause entries, and there is none: propose one by `skein gov`.")
        raise ConfigInvalid(f"Only the guardian {guardian} can pause entries.")
    longest = int(chain.call("Staking", "MAX_PAUSE"))
    if seconds > longest or (seconds == 0 and account != owner):
        raise ConfigInvalid(f"Entries can be paused for between 1s and {format_duration(longest)}.")
    told = f"pause entries for {format_duration(seconds)}" if seconds else "end the pause"
    return Action((Call(told, "Staking", "pauseEntries", (seconds,)),))


def advance(chain: Chain) -> Action:
    """Mint the epochs that have begun: anyone may. The first call of a task's settlement does the same."""
    start = int(chain.call("Emissions", "START"))
    if chain.now() < start:
        raise ConfigInvalid(f"The emission begins in {format_duration(start - chain.now())}.")
    begun = (chain.now() - start) // int(chain.call("Emissions", "EPOCH_LENGTH"))
    if int(chain.call("Emissions", "state").epochs) > begun:
        raise ConfigInvalid("All epochs that have begun are minted.")
    supply = Figure("supply", "SkeinToken", "totalSupply")
    carried = Figure("carried", "Emissions", "state", (), lambda state: int(state.carried))
    budget = Figure("this epoch's budget", "Emissions", "state", (), lambda state: int(state.budget))
    call = Call(f"mint up to epoch {begun}", "Emissions", "advance", (_MOST_EPOCHS,))
    return Action((call,), (supply, budget, carried))


def delegate(chain: Chain, account: str, delegatee: str) -> Action:
    """Let somebody cast the account's votes, now and for what it puts into escrow later."""
    figures = tuple(
        Figure(f"votes of {who}", "Staking", "getVotes", (who,)) for who in dict.fromkeys((account, delegatee))
    )
    return Action((Call(f"delegate votes to {delegatee}", "Staking", "delegate", (delegatee,)),), figures)
