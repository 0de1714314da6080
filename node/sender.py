"""Transactions that take effect exactly once, whatever dies in between.

| what happens                                  | what is done                                                       |
|-----------------------------------------------|--------------------------------------------------------------------|
| the process dies before the journal's commit  | nothing was sent; the next call begins anew                        |
| it dies after it                              | the same bytes are broadcast again: the nonce admits them once     |
| the node's answer is lost                     | the same                                                           |
| the node forgets a pending transaction        | the same                                                           |
| a reorganisation drops a mined one            | the same, until it lies `confirmations` blocks deep                |
| the fee is too low for the time being         | a second transaction with the same nonce and a higher fee          |
| another program uses the nonce                | once that is `confirmations` blocks deep, a new nonce              |
| a contract refuses it when it is mined        | recorded and raised; tried anew only when that is final            |

`resume` does the watching; call it when the program starts and at every tick.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from node.intents import Intent, Sent, State
from node.journal import Journal
from node.others import Others
from node.replacement import cancelling, dearer
from protocol.calls import encode_call
from protocol.chain import Chain
from protocol.errors import ChainUnavailable, ConfigInvalid, NotNow, ProtocolError
from protocol.rpc import RequestRefused
from protocol.transactions import Block, Receipt, read_receipt, refusal

logger = logging.getLogger(__name__)

_MAX_TRIES = 3  # of an intent that is refused each time, though it could be simulated
_PUSH_SECONDS = 5.0  # between two broadcasts of the same bytes


class JournalConflict(ProtocolError):
    """A key that was used with other content: what was signed first stands."""


class Sender:
    """Sends through a journal; one per account and process. See the module for what it withstands."""

    def __init__(
        self,
        chain: Chain,
        journal: Journal,
        confirmations: int = 32,
        bump_seconds: float = 60.0,
        still_wanted: Callable[[str], bool] = lambda key: True,
        alone: bool = True,
    ) -> None:
        """`confirmations`: blocks after which no reorganisation is expected; `bump_seconds`: patience with a fee.

        `still_wanted`: asked with an intent's key when a reorganisation dropped it; if not, it is abandoned.
        `alone`: whether what others send with the account is worth a warning.
        """
        self.chain = chain
        self.journal = journal
        self.confirmations = confirmations
        self.bump_seconds = bump_seconds
        self.still_wanted = still_wanted
        self._others = Others(chain, journal) if alone else None
        self._lock = threading.RLock()
        self._gap = (-1, 0.0)  # a nonce that nobody uses, and since when
        self._waiting: dict[str, float] = {}  # since when each transaction is pending
        self._calm = ""  # hash of the block at which nothing was left to do
        self._refused = ""  # the node's last words about a broadcast
        self._told = ""  # why nothing can be sent

    # --- for clients

    def send(self, key: str, contract: str, function: str, *args: Any) -> Receipt:
        """The receipt of the one transaction of `key`: sent now, or found again.

        Raises `ContractReverted` when it is refused, `NotNow` when gas is too dear or it is not mined in the chain's
        timeout (it may still be: call again), `OutOfGas`, `JournalConflict` when the key was used with other content.
        """
        data = encode_call(contract, function, args)
        with self._lock:
            intent = self._known(key)
            if intent is None or self._took_no_effect(intent):
                intent = self._begin(intent, key, contract, function, args)
            if intent.data != data:
                raise JournalConflict(f"{key} was already sent with other content, which stands: {self.journal.path}.")
            return self._result(self._wait(intent))

    def done(self, key: str) -> Receipt | None:
        """The receipt of an intent that took effect, as far as the journal knows."""
        intent = self.journal.newest(key)
        return self._receipt(intent) if intent and intent.state is State.DONE else None

    def resume(self) -> None:
        """Look after all that is not final: see what became of it, send again what the chain lacks, raise fees.

        A transaction in trouble is logged, and the others go on; raises only `ChainUnavailable`.
        """
        head = self.chain.head()
        if head.hash == self._calm:
            return
        if self._others:
            self._others.notice()
        with self._lock:
            followed = [self._followed(intent, head) for intent in self.journal.open_intents()]
            pending = [intent for intent in followed if intent.state is State.SIGNED]
            self._fill_gap(pending, head)
            for intent in pending:
                self._try_to_push(intent, head)
        self._calm = "" if pending else head.hash

    def abandon(self, key: str) -> None:
        """Give up an intent that is no longer wanted: never broadcast it again, and take its place if it is not mined.

        After it, `send` with the same key begins anew, unless the transaction is mined all the same.
        """
        with self._lock:
            intent = self.journal.newest(key)
            if intent is None or intent.final:
                return
            self.journal.abandon(intent)
            head = self.chain.head()
            intent = self._followed(self.journal.reread(intent), head)
            if intent.state is State.SIGNED:
                self._push(intent, head)
        self._calm = ""

    # --- the life of an intent

    def _known(self, key: str) -> Intent | None:
        """The key's intent as the chain has it now. One that is being cancelled is waited for."""
        intent = self.journal.newest(key)
        if intent is None or intent.final:
            return intent
        intent = self._followed(intent, self.chain.head())
        return self._wait(intent) if intent.abandoned else intent

    def _took_no_effect(self, intent: Intent) -> bool:
        """Whether a new transaction cannot make the intent take effect twice."""
        if intent.state is State.CANCELLED:
            return True
        if intent.state is State.REFUSED:
            return intent.final and self.journal.count(intent.key) < _MAX_TRIES
        return intent.state is State.DISPLACED and intent.final

    def _begin(self, before: Intent | None, key: str, contract: str, function: str, args: Any) -> Intent:
        """Simulate, sign and record. Nothing is recorded of what the contract refuses now."""
        fields = self.chain.build(contract, function, *args, nonce=0)
        head = self.chain.head()

        def sign(nonce: int) -> Sent:
            return self._signed({**fields, "nonce": nonce}, head)

        return self.journal.begin(key, contract, fields["data"], before, self.chain.nonce(), sign)

    def _signed(self, fields: dict[str, Any], head: Block, cancels: bool = False) -> Sent:
        signed = self.chain.sign(fields)
        return Sent(signed.hash, signed.raw, fields, cancels, head.number)

    def _wait(self, intent: Intent) -> Intent:
        """Broadcast it until it is mined, or its nonce is used up."""
        give_up, pause, next_push = time.monotonic() + self.chain.timeout, 0.02, 0.0
        while intent.state is State.SIGNED:
            head = self.chain.head()
            if time.monotonic() >= next_push:
                self._push(intent, head)
                next_push = time.monotonic() + _PUSH_SECONDS
            time.sleep(pause)
            pause = min(1.5 * pause, 1.0)
            intent = self._followed(intent, head)
            if intent.state is State.SIGNED and time.monotonic() > give_up:
                told = f" (the node says: {self._refused})" if self._refused else ""
                raise NotNow(
                    f"{intent.key} was not mined in {self.chain.timeout:g} s{told}; it is looked after further."
                )
        return intent

    def _result(self, intent: Intent) -> Receipt:
        if intent.state is State.DONE:
            return self._receipt(intent)
        if intent.state is State.REFUSED:
            raise intent.refusal()
        raise ChainUnavailable(
            f"Another program used transaction number {intent.nonce} of {self.chain.address}; {intent.key} gets a new "
            f"one in {self.confirmations} blocks. Give each program its own key."
        )

    def _receipt(self, intent: Intent) -> Receipt:
        return read_receipt((intent.outcome or {})["receipt"], self.chain.deployment)

    # --- watching

    def _followed(self, intent: Intent, head: Block) -> Intent:
        """The intent as the chain has it now, recorded."""
        if intent.final:
            return intent
        if (found := self._mined(intent)) is not None:
            return self._concluded(intent, *found, head)
        if self.chain.nonce("latest") <= intent.nonce:
            return (
                self._settled(intent, State.SIGNED, final=False) if self._is_wanted(intent) else self._given_up(intent)
            )
        if (found := self._mined(intent)) is not None:  # between the two questions
            return self._concluded(intent, *found, head)
        return self._settled(intent, State.DISPLACED, self._is_used_up_for_good(intent.nonce, head))

    def _mined(self, intent: Intent) -> tuple[Sent, dict[str, Any]] | None:
        for sent in self.journal.sent(intent):
            if (receipt := self.chain.raw_receipt(sent.hash)) is not None:
                return sent, receipt
        return None

    def _is_wanted(self, intent: Intent) -> bool:
        """Whether to go on with it. Asked of the client only when the chain dropped it, since it was wanted before."""
        if intent.state is State.SIGNED:
            return True
        logger.warning("The chain dropped %s together with its block", intent.key)
        return intent.abandoned or self.still_wanted(intent.key)

    def _given_up(self, intent: Intent) -> Intent:
        self.journal.abandon(intent)
        return self.journal.settle(intent, State.SIGNED, final=False)

    def _is_used_up_for_good(self, nonce: int, head: Block) -> bool:
        deep = max(head.number - self.confirmations, 0)
        return self.chain.nonce(deep) > nonce

    def _concluded(self, intent: Intent, sent: Sent, receipt: dict[str, Any], head: Block) -> Intent:
        final = head.number - int(receipt["blockNumber"], 16) >= self.confirmations
        if sent.cancels:
            return self._settled(intent, State.CANCELLED, final, {"receipt": receipt})
        if int(receipt["status"], 16) == 1:
            return self._settled(intent, State.DONE, final, {"receipt": receipt})
        if intent.state is State.REFUSED and (intent.outcome or {})["receipt"]["blockHash"] == receipt["blockHash"]:
            return self._settled(intent, State.REFUSED, final, intent.outcome)
        why = refusal(self.chain.rpc, self.chain.deployment, receipt)
        told = {"error": why.error, "args": why.args_, "contract": why.contract}
        return self._settled(intent, State.REFUSED, final, {"receipt": receipt, "refusal": told})

    def _settled(self, intent: Intent, state: State, final: bool, outcome: dict[str, Any] | None = None) -> Intent:
        """Record it, if it is news: most looks at the chain change nothing, and a commit costs a disk's sync."""
        if (intent.state, intent.final, intent.outcome) == (state, final, outcome):
            return intent
        return self.journal.settle(intent, state, final, outcome)

    # --- pushing

    def _push(self, intent: Intent, head: Block) -> None:
        """Broadcast what the intent wants now: its newest transaction, one that pays more, or one that cancels it."""
        wanted = [sent for sent in self.journal.sent(intent) if sent.cancels == intent.abandoned]
        if not wanted:
            wanted = [self._replace(intent, cancelling(self.journal.sent(intent)[-1].fields), head, cancels=True)]
        newest = wanted[-1]
        if self._is_stuck(newest, head) and (fields := dearer(newest.fields, self.chain)):
            newest = self._replace(intent, fields, head, newest.cancels)
            logger.info("Raised the fee of %s to %.3g gwei", intent.key, fields["maxFeePerGas"] / 1e9)
        self._broadcast(intent, newest)

    def _try_to_push(self, intent: Intent, head: Block) -> None:
        try:
            self._push(intent, head)
        except ConfigInvalid as error:
            if self._told != str(error):  # once, not at every block of a night
                logger.warning("Could not send %s: %s", intent.key, error)
            self._told = str(error)

    def _fill_gap(self, pending: list[Intent], head: Block) -> None:
        """Transactions are mined in the order of their nonces: one that another program took and lost holds up ours."""
        free = self.chain.nonce("pending") if pending else 0
        if not pending or free >= pending[0].nonce:
            self._gap = (-1, 0.0)
            return
        if self._gap[0] != free:
            self._gap = (free, time.monotonic())
        if time.monotonic() - self._gap[1] > self.bump_seconds:
            logger.warning("Filled transaction number %d of %s, which nobody used", free, self.chain.address)
            fields = {**cancelling(self.journal.sent(pending[0])[-1].fields), "nonce": free}
            filler = self.journal.fill(free, self._signed(fields, head, cancels=True))
            self._try_to_push(filler, head)

    def _replace(self, intent: Intent, fields: dict[str, Any], head: Block, cancels: bool) -> Sent:
        sent = self._signed(fields, head, cancels)
        self.journal.replace(intent, sent)
        return sent

    def _broadcast(self, intent: Intent, sent: Sent) -> None:
        self._waiting.setdefault(sent.hash, time.monotonic())
        try:
            self.chain.broadcast(sent.raw)
            self._refused = ""
        except RequestRefused as refused:
            # A used nonce and a fee that is too low come right by themselves; what does not shows in the timeout.
            self._refused = refused.reason
            logger.debug("The node did not take %s: %s", intent.key, refused.reason)

    def _is_stuck(self, sent: Sent, head: Block) -> bool:
        """Pending for long, although the chain goes on."""
        waited = time.monotonic() - self._waiting.get(sent.hash, time.monotonic())
        return waited > self.bump_seconds and head.number > sent.head + 1
