"""How a member speaks to its federation on chain: commitments, exactly-once sending, turns at what anyone may do."""

import logging
import time
from typing import Any

from eth_utils.crypto import keccak

from node.participant import Means
from protocol.calls import Record
from protocol.encoding import ballot_commitment, salt, update_commitment
from protocol.errors import ContractReverted
from protocol.federated.settlement import Ballot

logger = logging.getLogger(__name__)


class Voice:
    """One account in one federation; `spread`: seconds within which members take turns."""

    def __init__(self, means: Means, federation_id: int, spread: float) -> None:
        self.means, self.id, self._spread = means, federation_id, spread
        self.chain, self.sender, self.journal = means.chain, means.sender, means.journal
        self.alliance = self.chain.deployment.address("Alliance")
        self._first_seen: dict[str, float] = {}

    def _update_commitment(self, federation: Record, digest: str) -> str:
        words = (self.chain.deployment.chain_id, self.alliance, self.id, federation.round, self.chain.address)
        return update_commitment(*words, digest, self._salt("update", federation.round))

    def _ballot_commitment(self, federation: Record, ballot: Ballot) -> str:
        words = (self.chain.deployment.chain_id, self.alliance, self.id, federation.round, self.chain.address)
        return ballot_commitment(*words, ballot.accepts, ballot.harms, self._salt("ballot", federation.round))

    def _salt(self, purpose: str, round_id: int) -> bytes:
        account = self.chain.account
        assert account is not None
        return salt(bytes(account.key), purpose, self.chain.deployment.chain_id, self.alliance, self.id, round_id)

    def _call(self, function: str, *args: Any) -> Any:
        return self.chain.call("Alliance", function, self.id, *args)

    def _key(self, name: str) -> str:
        return f"federation:{self.id}:{name}"

    def _send(self, name: str, function: str, *args: Any) -> None:
        self.sender.send(self._key(name), "Alliance", function, self.id, *args)

    def _try(self, name: str, function: str, *args: Any) -> None:
        """What anyone may do: one who was quicker is no error."""
        try:
            self._send(name, function, *args)
        except ContractReverted as refused:
            logger.debug("Left %s to others: %s", function, refused)

    def _is_my_turn(self, key: str) -> bool:
        """Members take their turns by lot, within `spread_seconds`, so that one of them does it."""
        lot = int.from_bytes(keccak(text=f"{self.chain.address} {key}")[:8]) % 1000
        first = self._first_seen.setdefault(key, time.monotonic())
        return time.monotonic() - first >= self._spread * lot / 1000
