"""Unattended care for a creator's tasks: keys are released in time, bonds and leftovers claimed.

Holds no state of its own: which tasks are ours follows from the keys on this disk, what is due from the chain.
"""

import logging

from node.freshness import Freshness
from node.locks import lock_account
from node.loop import Loop
from node.program import open_means
from node.rehearsal import Rehearsed
from node.sender import Sender
from protocol.calls import Record
from protocol.chain import Chain
from protocol.errors import ChainUnavailable, NotNow, ProtocolError
from protocol.logs import configure_logging
from protocol.phases import Phase, is_scorable, phase
from wallet.canaries import proof_of
from wallet.held_out_keys import HeldOutKeys
from wallet.session import Session

logger = logging.getLogger(__name__)


_RECENT = 32  # tasks that are looked at again: a reorganisation may give their numbers to others


class Watch:
    """Call `tick` again and again; `over` tells when all watched tasks are done with."""

    def __init__(self, chain: Chain, sender: Sender, keys: HeldOutKeys, confirmations: int) -> None:
        self.chain = chain
        self.sender = sender
        self.keys = keys
        self.confirmations = confirmations
        self._open: set[int] = set()
        self._done: set[int] = set()
        self._told: dict[int, str] = {}
        self._seen = 0

    @property
    def over(self) -> bool:
        """Whether tasks of ours were found and none is left to care for."""
        return bool(self._done) and not self._open

    def tick(self) -> None:
        """Find new tasks of ours and do what is due in each. A task that fails does not stop the others."""
        self.sender.resume()
        self._find()
        for task_id in sorted(self._open):
            try:
                self._tend(task_id, self.chain.task(task_id))
            except Rehearsed as told:
                logger.info("%s", told)
            except ProtocolError as error:
                if isinstance(error, ChainUnavailable) and not isinstance(error, NotNow):
                    raise
                self._tell(task_id, str(error))
            else:
                self._told.pop(task_id, None)

    def _tell(self, task_id: int, trouble: str) -> None:
        """Say it, unless it is what was said last about the task."""
        if self._told.get(task_id) != trouble:
            self._told[task_id] = trouble
            logger.error("Could not tend task=%d: %s", task_id, trouble)

    def _find(self) -> None:
        count = int(self.chain.call("Arena", "taskCount"))
        for task_id in range(max(1, self._seen + 1 - _RECENT), count + 1):
            if task_id not in self._done and self.keys.has(self.chain.task(task_id).parameters.key_hash):
                self._open.add(task_id)
        self._open = {task_id for task_id in self._open if task_id <= count}
        self._seen = count

    def _tend(self, task_id: int, task: Record) -> None:
        name = f"{task_id}:{task.parameters.key_hash}"
        now = phase(task, self.chain.now())
        if not self.keys.has(task.parameters.key_hash):
            self._open.discard(task_id)
        elif now is Phase.KEY:
            key = self.keys.find(task.parameters.key_hash)
            self.sender.send(f"release:{name}", "Arena", "releaseKey", task_id, key)
            logger.info("Released the key of task=%d", task_id)
        elif now is Phase.SCORE_REVEAL:
            self._tell_canaries(task_id, task, name)
        elif now in (Phase.FINALIZED, Phase.CANCELLED) and self._ours(task) and not task.creator_claimed:
            self.sender.send(f"creator:{name}", "Arena", "claimCreator", task_id)
            logger.info("Claimed the creator's part of task=%d", task_id)
        elif now in (Phase.FINALIZED, Phase.CANCELLED) and self._is_final(task_id):
            self._open.discard(task_id)
            self._done.add(task_id)

    def _tell_canaries(self, task_id: int, task: Record, name: str) -> None:
        """Tell the scores of our canaries among the submissions, now that all validators are bound."""
        canaries = self.keys.canaries(task.parameters.key_hash)
        if (
            not canaries
            or task.validator_count <= task.parameters.panel_size
            or task.challenge_ends <= task.score_reveal_ends
        ):
            return
        ours = {canary.digest: canary for canary in canaries}
        for number in range(1, task.submission_count + 1):
            submission = self.chain.submission(task_id, number)
            canary = ours.get(submission.digest)
            if canary is None or not is_scorable(submission, task.attempt):
                continue
            if self.chain.call("Arena", "canaryOf", task_id, number).known:
                continue
            told = (canary.score, bytes.fromhex(canary.salt), proof_of(canaries, canary))
            self.sender.send(f"canary:{name}:{number}", "Arena", "revealCanary", task_id, number, *told)
            logger.info("Told a canary task=%d submission=%d", task_id, number)

    def _ours(self, task: Record) -> bool:
        return bool(task.creator == self.chain.address)

    def _is_final(self, task_id: int) -> bool:
        """Whether it was over for long enough that it stays over."""
        block = self.chain.head().number - self.confirmations
        if block < self.chain.deployment.first_block:
            return False
        then = self.chain.call("Arena", "task", task_id, block=block)
        return bool(then.cancelled or then.finalized) and bool(then.creator_claimed or not self._ours(then))


def run(session: Session, until_done: bool, dry_run: bool = False) -> None:
    """`skein task watch`: tend until stopped, or until all is over; with `dry_run` say what is due now."""
    settings = session.settings
    configure_logging(settings.log_level, settings.log_json)
    account = session.signer.account
    assert account is not None
    # The creator's wallet uses the same key all the time, and two watches do no more than one: nothing to warn of.
    means = open_means(settings, account, "watch", dry_run, patient=True, alone=False)
    if means is None:
        return
    with means.journal, lock_account(means.chain, account.address, settings.home):
        watch = Watch(means.chain, means.sender, HeldOutKeys(settings.held_out_keys), settings.confirmations)
        freshness = Freshness(means.chain, settings.confirmations)

        def tick() -> None:
            freshness.look()
            watch.tick()
            if dry_run or (until_done and watch.over):
                loop.stop()

        loop = Loop(tick, settings.poll_seconds, "watch")
        loop.run()
