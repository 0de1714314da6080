"""Governance: proposals, votes, and carrying out what was decided. Functions here build actions; nothing is sent."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from eth_utils.crypto import keccak

from node.amounts import format_amount
from node.history import events_of
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
    said = "Several proposals begin with" if found else "There is no proposal"
    raise ConfigInvalid(f"{said} {prefix}: `skein gov list` shows those there are.")


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


def delegate(chain: Chain, account: str, delegatee: str) -> Action:
    """Let somebody cast the account's votes, now and for what it puts into escrow later."""
    figures = tuple(
        Figure(f"votes of {who}", "Staking", "getVotes", (who,)) for who in dict.fromkeys((account, delegatee))
    )
    return Action((Call(f"delegate votes to {delegatee}", "Staking", "delegate", (delegatee,)),), figures)
