"""What a member needs before it can do anything: the specification, its own data, the model."""

import logging
from collections.abc import Callable
from functools import partial

from node.history import events_of
from node.jobs import Jobs
from node.participant import Means
from protocol.calls import Record
from protocol.errors import ConfigInvalid, ProtocolError
from protocol.federated.spec import MAX_SPEC_BYTES, FederationSpec, read_federation
from protocol.store import Limits
from trainer.federated.local import Local
from trainer.federated.rounds import RoundWork
from trainer.federated.settings import MemberSettings
from trainer.federated.voice import Voice

logger = logging.getLogger(__name__)


class Opened(Voice):
    """A voice with work: opened once, beside the loop."""

    def __init__(
        self,
        means: Means,
        federation_id: int,
        settings: MemberSettings,
        open_data: Callable[[FederationSpec], Local],
    ) -> None:
        super().__init__(means, federation_id, settings.spread_seconds)
        self.settings, self._open_data, self._again = settings, open_data, settings.again
        self.jobs = Jobs(settings.workers, first_pause=settings.retry_seconds)
        self.folder = means.work / f"federation-{federation_id}"
        self._work: RoundWork | None = None

    @property
    def busy(self) -> bool:
        """Whether work runs beside the loop."""
        return self.jobs.busy

    def close(self) -> None:
        """Stop what runs beside the loop."""
        self.jobs.close()

    def work(self, federation: Record) -> RoundWork | None:
        """Specification, data and model, checked once; None while they are read."""
        if self._work is None:
            self._work = self.jobs.result("open", partial(self._open, federation))
        return self._work

    def _open(self, federation: Record) -> RoundWork:
        folder = self.folder / "spec"
        spec = read_federation(
            self.means.store.get(federation.parameters.spec_digest, folder, Limits(MAX_SPEC_BYTES, 1))
        )
        local = self._open_data(spec)
        try:
            facts, told = local.load(), dict(local.describe())
        except ProtocolError:
            raise
        except Exception as error:
            raise ConfigInvalid(f"The data could not be loaded: {type(error).__name__}: {error}.") from error
        logger.info("Read the data of federation=%s: %s", self.id, told)
        work = RoundWork(spec, local, facts, self.means, self.folder, self.settings.epsilon)
        work.model(str(federation.model_digest))  # a federation whose model is none is not joined
        self._recover(work)
        return work

    def _recover(self, work: RoundWork) -> None:
        """A lost disk gives no privacy back: what this account has committed to stands on chain."""
        if (ledger := work.ledger) is None:
            return
        made = events_of(self.chain, "Alliance.UpdateCommitted", federation_id=self.id, proposer=self.chain.address)
        if lost := ledger.recover(int(event.args["round"]) for event in made):
            logger.warning("Entered rounds=%s of federation=%s, of which only the chain knew, as spent", lost, self.id)
