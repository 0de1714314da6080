"""`skein simulate --chain`: the simulated federation on a local chain, whose balances must be the simulation's.

The chain draws who proposes and who votes; what they do comes from the simulation; the contract settles it, and after
every round each member's stake and reward, the pool and the rounds that are left are compared to the wei.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from node.output import Output
from protocol.chain import Chain
from protocol.encoding import ballot_commitment, update_commitment
from protocol.errors import ProtocolError
from protocol.federated.settlement import Conduct
from protocol.seeds import seed_proof
from skein.federation import Federation, Member
from skein.localnet import Localnet, treasury

WINDOW = 1000
_SALT = bytes(32)
_NO_DATA = (0, "0x" + "00" * 32, "0x" + "00" * 32)


class Differs(ProtocolError):
    """The chain's balances are not the simulation's."""


def digest(*words: object) -> str:
    """A digest that stands for an artifact of the simulation."""
    return "0x" + hashlib.sha256(repr(words).encode()).hexdigest()


class Replay:
    """One federation on one chain."""

    def __init__(self, network: Localnet, federation: Federation) -> None:
        self.network, self.federation = network, federation
        self.owner = network.chain(treasury())
        self.alliance = self.owner.deployment.address("Alliance")
        keys = [hashlib.sha256(f"member {member.number}".encode()).digest() for member in federation.members]
        self.accounts: list[LocalAccount] = [Account.from_key(key) for key in keys]
        self.chains = [Chain(network.addresses.rpc_url, self.owner.deployment, account) for account in self.accounts]
        self.number = {account.address: at for at, account in enumerate(self.accounts)}
        self.round = 0
        self._found()

    def _found(self) -> None:
        terms = self.federation.terms
        owner, staking = self.owner, self.owner.deployment.address("Staking")
        for spender in (self.alliance, staking):
            owner.send("SkeinToken", "approve", spender, 2**255)
        least = 2
        proposers = min(terms.proposers, len(self.accounts) - 1)
        sizes = (terms.rounds, proposers, terms.committee, terms.quorum, max(least, proposers + terms.quorum))
        windows = (terms.silent_slash, 0, *[WINDOW] * 5)
        stakes = (terms.bounty, terms.stake, terms.floor)
        parameters = (digest("spec"), digest("model"), *stakes, *sizes, *windows, False)
        owner.send("Alliance", "createFederation", parameters)
        self.id = int(owner.call("Alliance", "federationCount"))
        for chain in self.chains:
            self.network.rpc("anvil_setBalance", chain.address, hex(10**20))
            owner.send("Staking", "deposit", chain.address, terms.stake, chain.address)
            chain.send("Alliance", "join", self.id, terms.stake, _NO_DATA)

    def play(self, rounds: int) -> None:
        """Play rounds while there are enough members; Differs as soon as one figure does."""
        for _ in range(rounds):
            record = self.owner.call("Alliance", "federation", self.id)
            if record.member_count < record.parameters.min_members or not record.rounds_left:
                return
            proposers, voters = self._draw()
            conduct, verdict = self.federation.decide(proposers, voters)
            self._say([*proposers, *voters], conduct)
            self.owner.send("Alliance", "settleRound", self.id, 200)
            emission = int(self.owner.call("Alliance", "round", self.id, self.round).emission)
            done = self.federation.settle(proposers, voters, conduct, verdict, emission)
            self.federation.history.append(done)
            self._compare()

    def _draw(self) -> tuple[list[Member], list[Member]]:
        self.owner.send("Alliance", "startRound", self.id)
        self.round += 1
        self.network.rpc("anvil_mine", "0x2", "0x1")
        ticket = int(self.owner.call("Alliance", "round", self.id, self.round).seed_ticket)
        proof = seed_proof(self.owner, ticket)
        if proof is not None:
            self.owner.send("Randomness", "prove", ticket, proof)
        self.owner.send("Alliance", "drawRound", self.id)
        accounts = self.owner.call("Alliance", "roles", self.id, self.round)
        drawn = [self.federation.members[self.number[account]] for account in accounts]
        proposers = int(self.owner.call("Alliance", "round", self.id, self.round).proposer_count)
        return drawn[:proposers], drawn[proposers:]

    def _say(self, drawn: Sequence[Member], conduct: Conduct) -> None:
        """Everything that was done, phase by phase."""
        for slot in range(conduct.proposers):
            self._send(drawn[slot], "commitUpdate", self._commitment(drawn[slot], self._update(slot)))
        self._pass()
        for slot in range(conduct.proposers):
            self._send(drawn[slot], "revealUpdate", self._update(slot), _SALT)
        self._pass()
        for slot, ballot in conduct.ballots.items():
            words = (*self._place(drawn[slot]), ballot.accepts, ballot.harms, _SALT)
            self._send(drawn[slot], "commitBallot", ballot_commitment(*words))
        self._pass()
        for slot, ballot in conduct.ballots.items():
            self._send(drawn[slot], "revealBallot", ballot.accepts, ballot.harms, _SALT)
        self._pass()
        for slot, model in conduct.attested.items():
            self._send(drawn[slot], "attest", digest("model", self.round, model))
        self._pass()

    def _update(self, slot: int) -> str:
        return digest("update", self.round, slot)

    def _place(self, member: Member) -> tuple[int, str, int, int, str]:
        chain_id = self.owner.deployment.chain_id
        return chain_id, self.alliance, self.id, self.round, self.accounts[member.number].address

    def _commitment(self, member: Member, update: str) -> str:
        return update_commitment(*self._place(member), update, _SALT)

    def _send(self, member: Member, function: str, *args: Any) -> None:
        self.chains[member.number].send("Alliance", function, self.id, *args)

    def _pass(self) -> None:
        self.network.rpc("evm_increaseTime", WINDOW)
        self.network.rpc("anvil_mine", "0x1", "0x1")

    def _compare(self) -> None:
        record = self.owner.call("Alliance", "federation", self.id)
        self._same("pool", self.federation.pool, int(record.pool))
        for member, account in zip(self.federation.members, self.accounts, strict=True):
            told = self.owner.call("Alliance", "member", self.id, account.address)
            self._same(f"earned of member {member.number}", member.earned, int(told.earned))
            if member.active:
                self._same(f"stake of member {member.number}", member.stake, int(told.stake))
            self._same(f"seat of member {member.number}", member.active, bool(told.seat))

    def _same(self, what: str, mine: object, theirs: object) -> None:
        if mine != theirs:
            raise Differs(f"After round {self.round} the {what} is {theirs} on the chain, {mine} in the simulation.")


def play_on_chain(federation: Federation, rounds: int, output: Output) -> None:
    """Play a fresh federation on a chain of its own. Differs if a balance does."""
    with (
        tempfile.TemporaryDirectory(prefix="skein-", ignore_cleanup_errors=True) as folder,
        Localnet(Path(folder), 1, 600, lambda _: None, starts_clock=False) as network,
    ):
        Replay(network, federation).play(rounds)
    if not output.json:
        output.line(f"Played on a chain: all balances agree after each of {len(federation.history)} rounds.")
