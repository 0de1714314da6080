"""Dry runs of a client: it fetches, trains and evaluates, and tells what it would send and publish."""

import logging
from pathlib import Path
from typing import Any

from node.sender import Sender
from protocol.artifacts import manifest_of
from protocol.errors import ProtocolError
from protocol.store import StoreChain
from protocol.transactions import Receipt

logger = logging.getLogger(__name__)


class Rehearsed(ProtocolError):
    """What would have been sent; nothing that follows from it can be rehearsed."""


class RehearsingSender(Sender):
    """Simulates and sends nothing. What an earlier run has sent is left alone, too."""

    def send(self, key: str, contract: str, function: str, *args: Any) -> Receipt:
        """Raises `Rehearsed` where a transaction would be sent, `ContractReverted` where it would be refused."""
        if (receipt := self.done(key)) is not None:
            return receipt
        gas = self.chain.estimate(contract, function, *args)
        raise Rehearsed(f"Would send {contract}.{function} for {key}, about {gas:,} gas.")

    def resume(self) -> None:
        """Nothing: the next real run looks after what is pending."""

    def abandon(self, key: str) -> None:
        """Nothing."""


class RehearsingStore(StoreChain):
    """Reads, and publishes nothing."""

    def put(self, directory: Path) -> str:
        digest = manifest_of(directory).digest
        logger.info("Would publish %s digest=%s", directory, digest)
        return digest
