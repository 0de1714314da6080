"""`skein federation watch`: what happens in a federation, in sentences, straight from the chain."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from node.amounts import format_amount
from node.history import events_about
from protocol.chain import Chain
from protocol.encoding import ascii32
from protocol.events import Event
from protocol.federated.votes import slots_of

_PAGE = 5000  # blocks asked for at once


class Story:
    """Events as they come; `over` once the federation has ended.

    Blocks are told `confirmations` late, so that nothing is told that a reorganisation takes back.
    """

    def __init__(self, chain: Chain, federation: int, confirmations: int) -> None:
        self._chain, self._id, self._confirmations = chain, federation, confirmations
        self._next = int(chain.deployment.contracts["Alliance"].first_block)
        self.over = False

    def news(self) -> Iterator[Event]:
        """Events since the last call."""
        last = self._chain.head().number - self._confirmations
        while self._next <= last:
            until = min(last, self._next + _PAGE - 1)
            for event in events_about(self._chain, "Alliance", self._id, self._next, until):
                self.over = self.over or event.name == "Alliance.FederationEnded"
                yield event
            self._next = until + 1


def follow(story: Story, tell: Callable[[Event], None], poll_seconds: float, once: bool) -> None:
    """Tell all that happened, then what happens, until the federation ends."""
    while True:
        for event in story.news():
            tell(event)
        if once or story.over:
            return
        time.sleep(poll_seconds)


def sentence(event: Event) -> str:
    """An event for people, or "" for what is said by another one."""
    name = event.name.partition(".")[2]
    if name not in _SENTENCES:
        return ""
    return _SENTENCES[name].format(**{key: _value(key, value) for key, value in event.args.items()})


def _value(key: str, value: Any) -> Any:
    if key in ("assets", "pool", "pot", "stake", "good_stake", "unlocked"):
        return format_amount(value)
    if key == "reason":
        return ascii32(value)
    if key in ("accepted", "harmful", "accepts", "harms", "approved"):
        return " ".join(str(slot + 1) for slot in slots_of(value)) or "none"
    if key in ("proposers", "voters"):
        return ", ".join(value)
    if key == "invited":
        return "invited" if value else "not invited any more"
    return value


_SENTENCES = {
    "FederationCreated": "{creator} founds the federation",
    "FederationFunded": "{funder} adds {assets} SKEIN to the pool",
    "MemberInvited": "{member} is {invited}",
    "MemberJoined": "{member} joins with {stake} SKEIN",
    "StakeAdded": "{member} adds {assets} SKEIN of stake",
    "MemberRemoved": "{member} is out: {reason}",
    "MemberReleased": "{member} has {unlocked} SKEIN of stake unlocked",
    "RoundStarted": "round {round} starts",
    "RoundSeedRequested": "round {round} asks for another seed",
    "RoundDrawn": "round {round} is drawn: {proposers} propose",
    "UpdateCommitted": "{proposer} commits to an update in round {round}",
    "UpdateRevealed": "{proposer} reveals its update in round {round}",
    "UpdateDuplicated": "the update of {proposer} in round {round} is a duplicate",
    "BallotRevealed": "{voter} votes in round {round}: accepts {accepts}, finds harmful {harms}",
    "RoundTallied": "round {round}: of the proposals are accepted {accepted}, harmful {harmful}",
    "ModelFinalized": "round {round} has the model {digest}",
    "MemberRewarded": "{member} earns {assets} SKEIN in round {round}",
    "MemberSlashed": "{member} loses {assets} SKEIN in round {round}: {reason}",
    "RoundSettlerPaid": "{settler} earns {assets} SKEIN for settling round {round}",
    "RoundClosed": "round {round} is over: {rounds_left} are left, with {pool} SKEIN",
    "MemberClaimed": "{member} claims {assets} SKEIN",
    "FederationEnded": "the federation ends, and {assets} SKEIN go back to {creator}",
}
