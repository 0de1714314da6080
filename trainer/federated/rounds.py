"""What a member computes in a round: its update, its ballot, the aggregate."""

import logging
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from node.participant import Means
from protocol.artifacts import manifest_of
from protocol.errors import ArtifactError, DigestMismatch, ModelInvalid, StoreUnreachable, TaskFailed
from protocol.federated.fixed import ModelWords, Update, Words, decode, encode, flatten, step, unflatten
from protocol.federated.rules import aggregate
from protocol.federated.settlement import Ballot
from protocol.federated.spec import FederationSpec
from protocol.federated.votes import ballot, screen
from protocol.federated.wire import most_bytes, read_model, read_update, write_model, write_update
from protocol.staging import local_storage, promote, staged_directory
from protocol.store import Limits
from trainer.federated.ledger import PrivacyLedger
from trainer.federated.local import Facts, Local, Table, checked_loss, checked_training
from trainer.federated.privacy import BudgetExceeded

logger = logging.getLogger(__name__)

_HEADER_BYTES = 1 << 20


class Place(NamedTuple):
    """A round, the digest of the model that it starts from, and the seed of this member's training in it."""

    round: int
    model: str
    seed: int


@dataclass
class RoundWork:
    """One member's means to take part in rounds."""

    spec: FederationSpec
    local: Local
    facts: Facts
    means: Means
    folder: Path
    epsilon: float | None = None
    _affordable: dict[int, bool] = field(default_factory=dict)

    # --- proposing

    def make_update(self, place: Place) -> str:
        """The digest of the round's update, which is then on this disk. The same seed makes the same update."""
        target = self.folder / f"round-{place.round}" / "update"
        if not target.exists():
            words, random = self._train(place)
            with local_storage(f"Writing the update to {target}"), staged_directory(target) as stage:
                size = write_update(stage, words, self.spec.packing, random)
                promote(stage, target)
            logger.info("Trained round=%s bytes=%s", place.round, size)
        return manifest_of(target).digest

    def _train(self, place: Place) -> tuple[Words, np.random.Generator]:
        ledger = self.ledger
        if ledger is not None and not ledger.has(place.round):
            ledger.allow()
        model, random = self.model(place.model), np.random.default_rng(place.seed)
        parameters = decode(model, self.spec.exponent)
        trained = checked_training(self.local, self._weights(model), place.seed % 2**32)
        change = flatten(trained) - parameters
        privacy = self.spec.privacy
        if privacy is not None and privacy.method == "update":
            largest = 2.0**self.spec.exponent
            change *= min(1.0, largest / max(float(np.linalg.norm(change)), 1e-300))
            change += random.normal(scale=largest * privacy.noise / 1000, size=change.shape)
        words = encode(change, self.spec.exponent, random)
        if ledger is not None and not ledger.has(place.round):
            after = ledger.pay(place.round)
            logger.info("Privacy after round=%s: epsilon=%.3f delta=1e-%s", place.round, after, ledger.privacy.delta)
        return words, random

    def _weights(self, model: ModelWords) -> dict[str, Any]:
        return unflatten(decode(model, self.spec.exponent), self.spec.shapes)

    @property
    def ledger(self) -> PrivacyLedger | None:
        """What this member has spent of its privacy; None where the federation asks for none."""
        if self.spec.privacy is None:
            return None
        key = f"{self.folder.name}:privacy"
        return PrivacyLedger(self.spec.privacy, self.means.journal, key, self.local.describe(), self.epsilon)

    def check_affordable(self) -> None:
        """BudgetExceeded if one more update would cost too much privacy."""
        if (ledger := self.ledger) is not None:
            ledger.allow()

    def is_affordable(self) -> bool:
        """Whether one more update is within the budget; worked out once after every update."""
        made = len(self.ledger.rounds) if self.ledger is not None else 0
        if made not in self._affordable:
            try:
                self.check_affordable()
                self._affordable[made] = True
            except BudgetExceeded:
                self._affordable[made] = False
        return self._affordable[made]

    def publish(self, place: Place) -> str:
        """Put the update into the store."""
        self.make_update(place)
        return self.means.store.put(self.folder / f"round-{place.round}" / "update")

    def tidy(self, place: Place) -> None:
        """At a round's begin: remove what earlier ones have left. The store has it, ballots stand in the journal."""
        old = [path for path in self.folder.glob("round-*") if path.name != f"round-{place.round}"]
        old += self.folder.glob("updates/0x*")
        old += (path for path in self.folder.glob("models/0x*") if path.name != place.model)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)

    # --- voting

    def model(self, digest: str) -> ModelWords:
        """A global model's words."""
        folder = self.folder / "models" / digest
        if not folder.exists():
            self.means.store.get(digest, folder, Limits(8 * self.spec.parameters + _HEADER_BYTES, 1))
        return read_model(folder, self.spec.parameters)

    def update(self, digest: str) -> Words:
        """Another member's update, checked. ModelInvalid for what is none, ArtifactError for what cannot be had."""
        folder = self.folder / "updates" / digest
        if not folder.exists():
            limit = Limits(most_bytes(self.spec.packing, self.spec.parameters), 1)
            self.means.store.get(digest, folder, limit)
        return read_update(folder, self.spec.packing, self.spec.parameters)

    def judge(self, place: Place, updates: Mapping[int, tuple[str, int]]) -> Ballot:
        """An honest ballot: what is no update is harmful, what no store has is rejected, the rest is tried.

        StoreUnreachable (retry) while there is nobody to ask: others are not rejected for our trouble.
        """
        known, broken = self._fetch(updates)
        model = self.model(place.model)
        screened = screen(self.spec.voting, known)
        losses = {slot: self._loss(step(model, words)) for slot, words in known.items()}
        kept = {slot: words for slot, words in known.items() if slot not in screened}
        without, together = {}, 0.0
        if len(kept) >= 2:
            stakes = {slot: updates[slot][1] for slot in kept}
            together = self._loss(step(model, self._aggregate(kept, stakes)))
            for slot in kept:
                others = {other: words for other, words in kept.items() if other != slot}
                without[slot] = self._loss(step(model, self._aggregate(others, stakes)))
        base = self._loss(model)
        if losses and not any(map(math.isfinite, (base, *losses.values()))):
            raise TaskFailed("evaluation", "the member's data give no finite loss, whatever the model")
        said = ballot(self.spec.voting, broken, screened, losses, without, together, base, self._suspected(model, kept))
        shown = {slot: round(loss, 4) for slot, loss in losses.items()}
        logger.info("Judged round=%s losses=%s screened=%s broken=%s", place.round, shown, screened, sorted(broken))
        return said

    def _suspected(self, model: ModelWords, updates: Mapping[int, Words]) -> set[int]:
        """The updates that seem to plant a backdoor; none where data of a member's own code cannot tell."""
        if not isinstance(self.local, Table) or not self.spec.voting.suspects:
            return set()
        exponent = self.spec.exponent
        models = {slot: decode(step(model, words), exponent) for slot, words in updates.items()}
        return self.local.suspected(decode(model, exponent), models)

    def _fetch(self, updates: Mapping[int, tuple[str, int]]) -> tuple[dict[int, Words], set[int]]:
        known: dict[int, Words] = {}
        broken: set[int] = set()
        for slot, (digest, _) in updates.items():
            try:
                known[slot] = self.update(digest)
            except ModelInvalid as error:
                logger.info("The update of slot=%s is none: %s", slot, error)
                broken.add(slot)
            except StoreUnreachable:
                raise
            except ArtifactError as error:
                if not error.retryable and not isinstance(error, DigestMismatch):
                    broken.add(slot)  # it is there, and larger than any update
                logger.info("The update of slot=%s cannot be had: %s", slot, error)
        return known, broken

    def _loss(self, model: ModelWords) -> float:
        return checked_loss(self.local, self._weights(model))

    def _aggregate(self, updates: Mapping[int, Words], stakes: Mapping[int, int]) -> Words:
        return aggregate(
            self.spec.rule, [Update(f"{slot:04d}", words, max(1, stakes[slot])) for slot, words in updates.items()]
        )

    def combine(self, place: Place, accepted: Mapping[int, tuple[str, int]]) -> str:
        """The digest of the next model, which is then in the store."""
        words = {slot: self.update(digest) for slot, (digest, _) in accepted.items()}
        stakes = {slot: stake for slot, (_, stake) in accepted.items()}
        models = self.folder / "models"
        with local_storage(f"Writing the model to {models}"), staged_directory(models / "next") as stage:
            write_model(stage, step(self.model(place.model), self._aggregate(words, stakes)))
            target = models / manifest_of(stage).digest
            if not target.exists():
                promote(stage, target)
        return self.means.store.put(target)
