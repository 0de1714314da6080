"""Whether the chain's node shows the present: nodes lag, stand still, and a name may lead to several of them."""

import logging
import time

from node.amounts import format_duration
from protocol.chain import Chain
from protocol.errors import ChainUnavailable
from protocol.transactions import Block

logger = logging.getLogger(__name__)

_OLD = 600  # seconds by this machine's clock after which a newest block is worth a word
_STILL = 600.0  # seconds without a new one
_LOOK_PAUSE = 30.0  # seconds between two looks at the other endpoints


class Freshness:
    """Looks at the newest block on every tick of a client; says once what is wrong with it, and once that it is over.

    A node that is further behind what was seen before than `confirmations` is not believed: by its clock a deadline
    would seem far off.
    """

    def __init__(self, chain: Chain, confirmations: int) -> None:
        self._chain = chain
        self._confirmations = confirmations
        self._highest = 0
        self._newest = ""
        self._since = time.monotonic()
        self._next_look = 0.0
        self._trouble = ""

    def look(self) -> None:
        """ChainUnavailable while the node is too far behind."""
        head = self._chain.head()
        if self._is_suspect(head):
            self._ask_others()
            head = self._chain.head()
        self._highest = max(self._highest, head.number)
        if self._highest - head.number > self._confirmations:
            raise ChainUnavailable(
                f"The chain's node has fallen back from block {self._highest} to {head.number}: it lags, or stands for "
                "several that differ. Give another in SKEIN_RPC_URL."
            )
        self._tell(head)

    def _is_suspect(self, head: Block) -> bool:
        if head.hash != self._newest:
            self._newest, self._since = head.hash, time.monotonic()
        return head.number < self._highest or self._is_old(head) or self._stands_still()

    def _is_old(self, head: Block) -> bool:
        return time.time() - head.timestamp > _OLD

    def _stands_still(self) -> bool:
        return time.monotonic() - self._since > _STILL

    def _ask_others(self) -> None:
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_PAUSE
            self._chain.rpc.prefer_newest()

    def _tell(self, head: Block) -> None:
        trouble = "old" if self._is_old(head) else "still" if self._stands_still() else ""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        age = format_duration(max(0, int(time.time() - head.timestamp)))
        if trouble == "old":
            logger.warning(
                "The newest block %d is %s old: the node lags, the chain stands still, or this machine's clock is "
                "wrong. Deadlines go by the chain's clock",
                head.number,
                age,
            )
        elif trouble == "still":
            logger.warning("There is no block after %d since %s", head.number, format_duration(int(_STILL)))
        else:
            logger.info("The chain goes on at block %d", head.number)
