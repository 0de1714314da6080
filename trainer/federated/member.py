"""The client of the alliance: proposer and voter in one process, as the draw has it.

A tick reads the chain and does what is due. Nothing is kept that a restart would miss: updates are trained from seeds
that follow from the key, ballots stand in the journal before they are committed to, salts follow from the key.
"""

import logging
from functools import partial
from typing import NamedTuple

from eth_utils.crypto import keccak

from protocol.calls import Record
from protocol.errors import ArtifactError, ConfigInvalid, ContractReverted, ModelInvalid, TaskFailed
from protocol.federated.phases import Phase, phase
from protocol.federated.settlement import Ballot
from protocol.federated.votes import slots_of
from protocol.seeds import seed_proof
from trainer.federated.membership import Membership
from trainer.federated.privacy import BudgetExceeded
from trainer.federated.rounds import Place, RoundWork

logger = logging.getLogger(__name__)

_SETTLED_AT_ONCE = 24


class Standing(NamedTuple):
    """A federation in one block: its record, its newest round (None before the first), this member, the phase now."""

    federation: Record
    round: Record | None
    member: Record
    phase: Phase

    @property
    def number(self) -> int:
        """Of the newest round."""
        return int(self.federation.round)

    def has_voted(self, round_: Record) -> bool:
        """Whether this member, a voter, has revealed its ballot."""
        return bool(round_.ballots >> (self.member.slot - round_.proposer_count) & 1)


class FederationMember(Membership):
    """A member of one federation, from joining to the last claim: `tick` on every turn of its loop."""

    _told = ""

    def tick(self) -> None:
        """Do all that is due now. What fails in a round is said, and the round goes on without it."""
        self.sender.resume()
        at = self._standing()
        if at.phase == Phase.NONE:
            raise ConfigInvalid(f"Federation {self.id} does not exist on this chain.")
        try:
            if not at.member.seat and not at.member.busy:
                self._join_or_end(at.federation, at.phase, at.member)
            else:
                self._go_on(at)
        except (TaskFailed, ModelInvalid, ArtifactError, ContractReverted, BudgetExceeded) as error:
            self._tell(f"Could not go on with federation={self.id} round={at.number}: {error}")

    def _standing(self) -> Standing:
        """All of one block, so that nothing contradicts itself."""
        read = partial(self.chain.call, "Alliance", block=self.chain.head().number)
        federation, member = read("federation", self.id), read("member", self.id, self.chain.address)
        round_ = read("round", self.id, federation.round) if federation.round else None
        return Standing(federation, round_, member, phase(federation, round_, self.chain.now()))

    # --- a round

    def _go_on(self, at: Standing) -> None:
        work = self.work(at.federation)
        if work is None:
            return
        if at.member.seat and at.phase != Phase.DRAW and not work.is_affordable():
            self._leave(f"leave:{at.number}")
            self._tell(f"Left federation={self.id}: one more update would exceed the privacy budget")
        elif at.phase == Phase.RESTING:
            self._rest(at.federation)
        elif at.round is None:
            return
        elif at.phase == Phase.DRAW:
            self._draw(at.number, int(at.round.seed_ticket))
        elif at.phase in (Phase.TALLY, Phase.SETTLE):
            self._conclude(at, at.round)
        elif at.member.busy and at.member.round == at.number:
            self._serve(at, at.round, work)

    def _rest(self, federation: Record) -> None:
        if not federation.rounds_left:
            self._leave("leave")
            return
        enough = federation.member_count >= federation.parameters.min_members
        if enough and self.chain.now() >= federation.rests_until and self._is_my_turn(f"start:{federation.round}"):
            self._try(f"start:{federation.round}", "startRound")

    def _draw(self, number: int, ticket: int) -> None:
        if not self._is_my_turn(f"draw:{number}"):
            return
        if self.chain.call("Randomness", "expired", ticket):
            self._try(f"renew:{ticket}", "renewRoundSeed")
            return
        if (proof := seed_proof(self.chain, ticket)) is not None:
            try:
                self.sender.send(self._key(f"prove:{ticket}"), "Randomness", "prove", ticket, proof)
            except ContractReverted as refused:
                logger.debug("Left the proof to others: %s", refused)
        self._try(f"draw:{ticket}", "drawRound")

    def _serve(self, at: Standing, round_: Record, work: RoundWork) -> None:
        entry = self._entry(at, at.member.slot)
        proposes = at.member.slot < round_.proposer_count
        if at.phase == Phase.COMMIT and not self.jobs.busy:
            work.tidy(self._place(at))
        if proposes and at.phase == Phase.COMMIT:
            self._propose(at, entry, work)
        elif proposes and at.phase == Phase.REVEAL:
            self._reveal_update(at, entry, work)
        elif not proposes and at.phase == Phase.VOTE_COMMIT:
            self._vote(at, round_, entry, work)
        elif not proposes and at.phase == Phase.VOTE_REVEAL:
            self._reveal_ballot(at, round_, entry)
        elif not proposes and at.phase == Phase.ATTEST:
            self._attest(at, round_, entry, work)

    def _entry(self, at: Standing, slot: int) -> Record:
        return self._call("entry", at.number, slot)  # type: ignore[no-any-return]

    def _propose(self, at: Standing, entry: Record, work: RoundWork) -> None:
        if int(entry.commitment, 16):
            return
        digest = self.jobs.result(("train", at.number), partial(work.make_update, self._place(at)))
        if digest is None:
            return
        self._send(f"commit:{at.number}", "commitUpdate", self._update_commitment(at.federation, digest))
        logger.info("Committed federation=%s round=%s", self.id, at.number)

    def _reveal_update(self, at: Standing, entry: Record, work: RoundWork) -> None:
        if not int(entry.commitment, 16) or int(entry.digest, 16):
            return
        digest = self.jobs.result(("publish", at.number), partial(work.publish, self._place(at)))
        if digest is None:
            return
        self._send(f"reveal:{at.number}", "revealUpdate", digest, self._salt("update", at.number))
        logger.info("Revealed federation=%s round=%s digest=%s", self.id, at.number, digest)

    def _vote(self, at: Standing, round_: Record, entry: Record, work: RoundWork) -> None:
        if int(entry.commitment, 16):
            return
        key = self._key(f"ballot:{at.number}")
        known = self.journal.recall(key)
        if known is None:
            updates = self._updates(at, int(round_.revealed))
            found = self.jobs.result(("vote", at.number), partial(work.judge, self._place(at), updates))
            if found is None:
                return
            known = {"accepts": found.accepts, "harms": found.harms}
            self.journal.remember(key, known)
        commitment = self._ballot_commitment(at.federation, Ballot(known["accepts"], known["harms"]))
        self._send(f"ballot:{at.number}", "commitBallot", commitment)
        logger.info("Voted federation=%s round=%s", self.id, at.number)

    def _reveal_ballot(self, at: Standing, round_: Record, entry: Record) -> None:
        known = self.journal.recall(self._key(f"ballot:{at.number}"))
        if known is None or not int(entry.commitment, 16) or at.has_voted(round_):
            return
        args = known["accepts"], known["harms"], self._salt("ballot", at.number)
        self._send(f"open:{at.number}", "revealBallot", *args)

    def _attest(self, at: Standing, round_: Record, entry: Record, work: RoundWork) -> None:
        if int(entry.digest, 16) or not at.has_voted(round_):
            return
        updates = self._updates(at, int(round_.accepted))
        digest = self.jobs.result(("aggregate", at.number), partial(work.combine, self._place(at), updates))
        if digest is not None:
            self._try(f"attest:{at.number}", "attest", digest)

    def _conclude(self, at: Standing, round_: Record) -> None:
        tallies = at.phase == Phase.TALLY
        name = f"tally:{at.number}" if tallies else f"settle:{at.number}:{round_.settled}"
        if self._is_my_turn(name):
            self._try(name, *(("tally",) if tallies else ("settleRound", _SETTLED_AT_ONCE)))

    def _updates(self, at: Standing, chosen: int) -> dict[int, tuple[str, int]]:
        """Of the updates in a mask, by slot: the digest, and the proposer's stake."""
        accounts = self._call("roles", at.number)
        return {
            slot: (str(self._entry(at, slot).digest), int(self._call("member", accounts[slot]).stake))
            for slot in slots_of(chosen)
        }

    # --- tools

    def _place(self, at: Standing) -> Place:
        seed = int.from_bytes(keccak(self._salt("training", at.number))[:8])
        return Place(at.number, str(at.federation.model_digest), seed)

    def _tell(self, line: str) -> None:
        if self._told != line:
            self._told = line
            logger.warning(line)
