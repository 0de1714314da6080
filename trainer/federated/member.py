"""The client of the alliance: proposer and voter in one process, as the draw has it.

A tick reads the chain and does what is due. Nothing is kept that a restart would miss: updates are trained from seeds
that follow from the key, ballots stand in the journal before they are committed to, salts follow from the key.
"""

import logging
from functools import partial

from eth_utils.crypto import keccak

from protocol.calls import Record
from protocol.errors import ArtifactError, ConfigInvalid, ContractReverted, ModelInvalid, TaskFailed
from protocol.federated.phases import Phase
from protocol.federated.settlement import Ballot
from protocol.seeds import seed_proof
from trainer.federated.membership import Membership
from trainer.federated.privacy import BudgetExceeded
from trainer.federated.rounds import Place, RoundWork

logger = logging.getLogger(__name__)

_SETTLED_AT_ONCE = 24


class FederationMember(Membership):
    """A member of one federation, from joining to the last claim: `tick` on every turn of its loop."""

    _told = ""

    def tick(self) -> None:
        """Do all that is due now. What fails in a round is said, and the round goes on without it."""
        self.sender.resume()
        federation = self._call("federation")
        if not int(federation.creator, 16):
            raise ConfigInvalid(f"Federation {self.id} does not exist on this chain.")
        phase = Phase(self.chain.call("Alliance", "phase", self.id, block="pending"))
        member = self._call("member", self.chain.address)
        try:
            if not member.seat and not member.busy:
                self._join_or_end(federation, phase, member)
            else:
                self._go_on(federation, phase, member)
        except (TaskFailed, ModelInvalid, ArtifactError, ContractReverted, BudgetExceeded) as error:
            self._tell(f"Could not go on with federation={self.id} round={federation.round}: {error}")

    # --- a round

    def _go_on(self, federation: Record, phase: Phase, member: Record) -> None:
        work = self.work(federation)
        if work is None:
            return
        if member.seat and phase != Phase.DRAW and not work.is_affordable():
            self._leave(f"leave:{federation.round}")
            self._tell(f"Left federation={self.id}: one more update would exceed the privacy budget")
        elif phase == Phase.RESTING:
            self._rest(federation)
        elif phase == Phase.DRAW:
            self._draw(federation)
        elif phase in (Phase.TALLY, Phase.SETTLE):
            self._conclude(federation, phase, member, work)
        elif member.busy and member.round == federation.round:
            self._serve(federation, phase, member, work)

    def _rest(self, federation: Record) -> None:
        if not federation.rounds_left:
            self._leave("leave")
            return
        enough = federation.member_count >= federation.parameters.min_members
        if enough and self.chain.now() >= federation.rests_until and self._is_my_turn(f"start:{federation.round}"):
            self._try(f"start:{federation.round}", "startRound")

    def _draw(self, federation: Record) -> None:
        round_ = self._call("round", federation.round)
        if not self._is_my_turn(f"draw:{federation.round}"):
            return
        if self.chain.call("Randomness", "expired", round_.seed_ticket):
            self._try(f"renew:{round_.seed_ticket}", "renewRoundSeed")
            return
        if (proof := seed_proof(self.chain, round_.seed_ticket)) is not None:
            try:
                key = self._key(f"prove:{round_.seed_ticket}")
                self.sender.send(key, "Randomness", "prove", round_.seed_ticket, proof)
            except ContractReverted as refused:
                logger.debug("Left the proof to others: %s", refused)
        self._try(f"draw:{round_.seed_ticket}", "drawRound")

    def _serve(self, federation: Record, phase: Phase, member: Record, work: RoundWork) -> None:
        round_ = self._call("round", federation.round)
        proposes = member.slot < round_.proposer_count
        if proposes and phase == Phase.COMMIT:
            self._propose(federation, member, work)
        elif proposes and phase == Phase.REVEAL:
            self._reveal_update(federation, member, work)
        elif not proposes and phase == Phase.VOTE_COMMIT:
            self._vote(federation, member, work)
        elif not proposes and phase == Phase.VOTE_REVEAL:
            self._reveal_ballot(federation, member)
        elif not proposes and phase == Phase.ATTEST:
            self._attest(federation, member, work)

    def _entry(self, federation: Record, slot: int) -> Record:
        return self._call("entry", federation.round, slot)  # type: ignore[no-any-return]

    def _propose(self, federation: Record, member: Record, work: RoundWork) -> None:
        if int(self._entry(federation, member.slot).commitment, 16):
            return
        place = self._place(federation)
        digest = self.jobs.result(("train", federation.round), partial(work.make_update, place))
        if digest is None:
            return
        self._send(f"commit:{federation.round}", "commitUpdate", self._update_commitment(federation, digest))
        logger.info("Committed federation=%s round=%s", self.id, federation.round)

    def _reveal_update(self, federation: Record, member: Record, work: RoundWork) -> None:
        entry = self._entry(federation, member.slot)
        if not int(entry.commitment, 16) or int(entry.digest, 16):
            return
        digest = self.jobs.result(("publish", federation.round), partial(work.publish, self._place(federation)))
        if digest is None:
            return
        self._send(f"reveal:{federation.round}", "revealUpdate", digest, self._salt("update", federation.round))
        logger.info("Revealed federation=%s round=%s digest=%s", self.id, federation.round, digest)

    def _vote(self, federation: Record, member: Record, work: RoundWork) -> None:
        if int(self._entry(federation, member.slot).commitment, 16):
            return
        key = self._key(f"ballot:{federation.round}")
        known = self.journal.recall(key)
        if known is None:
            updates = self._updates(federation)
            found = self.jobs.result(("vote", federation.round), partial(work.judge, self._place(federation), updates))
            if found is None:
                return
            known = {"accepts": found.accepts, "harms": found.harms}
            self.journal.remember(key, known)
        commitment = self._ballot_commitment(federation, Ballot(known["accepts"], known["harms"]))
        self._send(f"ballot:{federation.round}", "commitBallot", commitment)
        logger.info("Voted federation=%s round=%s", self.id, federation.round)

    def _reveal_ballot(self, federation: Record, member: Record) -> None:
        known = self.journal.recall(self._key(f"ballot:{federation.round}"))
        if (
            known is None
            or not int(self._entry(federation, member.slot).commitment, 16)
            or self._voted(federation, member)
        ):
            return
        args = known["accepts"], known["harms"], self._salt("ballot", federation.round)
        self._send(f"open:{federation.round}", "revealBallot", *args)

    def _voted(self, federation: Record, member: Record) -> bool:
        round_ = self._call("round", federation.round)
        return bool(round_.ballots >> (member.slot - round_.proposer_count) & 1)

    def _attest(self, federation: Record, member: Record, work: RoundWork) -> None:
        if int(self._entry(federation, member.slot).digest, 16) or not self._voted(federation, member):
            return
        accepted = int(self._call("round", federation.round).accepted)
        updates = {slot: update for slot, update in self._updates(federation).items() if accepted >> slot & 1}
        place = self._place(federation)
        digest = self.jobs.result(("aggregate", federation.round), partial(work.combine, place, updates))
        if digest is not None:
            self._try(f"attest:{federation.round}", "attest", digest)

    def _conclude(self, federation: Record, phase: Phase, member: Record, work: RoundWork) -> None:
        if phase == Phase.TALLY:
            if self._is_my_turn(f"tally:{federation.round}"):
                self._try(f"tally:{federation.round}", "tally")
            return
        round_ = self._call("round", federation.round)
        key = f"settle:{federation.round}:{round_.settled}"
        if self._is_my_turn(key):
            self._try(key, "settleRound", _SETTLED_AT_ONCE)

    def _updates(self, federation: Record) -> dict[int, tuple[str, int]]:
        """Of the revealed updates by slot: the digest, and the proposer's stake."""
        round_ = self._call("round", federation.round)
        accounts = self._call("roles", federation.round)
        found = {}
        for slot in range(round_.proposer_count):
            if round_.revealed >> slot & 1:
                stake = int(self._call("member", accounts[slot]).stake)
                found[slot] = str(self._entry(federation, slot).digest), stake
        return found

    # --- tools

    def _place(self, federation: Record) -> Place:
        seed = int.from_bytes(keccak(self._salt("training", federation.round))[:8])
        return Place(int(federation.round), str(federation.model_digest), seed)

    def _tell(self, line: str) -> None:
        if self._told != line:
            self._told = line
            logger.warning(line)
