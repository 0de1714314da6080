"""Transactions of this account that its journal does not know: a sign of a second client, on whatever machine."""

import logging

from node.journal import Journal
from protocol.chain import Chain

logger = logging.getLogger(__name__)
_FACT = "nonce:others"


class Others:
    """Compares the account's transaction number on the chain with the journal, which knows ours beforehand."""

    def __init__(self, chain: Chain, journal: Journal) -> None:
        self._chain = chain
        self._journal = journal

    def notice(self) -> None:
        """Warn of what others sent since the last call, or since the journal was begun. ChainUnavailable."""
        used = self._chain.nonce("latest")
        known = self._journal.recall(_FACT)
        ours = self._journal.next_nonce()
        if known is not None and used <= max(ours, known["next"]):
            return
        if known is not None:
            first = max(ours, known["next"])
            one = used == first + 1
            logger.warning(
                "%s of %s not sent by this client: if that was no command of yours, such as "
                "`skein stake deposit`, another client uses this key, and needs one of its own",
                f"Transaction {first}" if one else f"Transactions {first} to {used - 1}",
                f"{self._chain.address} {'was' if one else 'were'}",
            )
        self._journal.remember(_FACT, {"next": used})
