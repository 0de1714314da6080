"""What anyone may do to bring a task to its end: draw, settle, draw again, finalize.

Every participant's client does it, so that nobody's money waits for somebody's server. Clients do not talk to one
another; they begin at different submissions and wait different moments. One that was quicker is no error: its
transaction is the one that was wanted.
"""

import logging
import time
from collections.abc import Iterator
from typing import Any

from eth_utils.crypto import keccak

from node.sender import Sender
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS, score_value
from protocol.errors import ContractReverted
from protocol.phases import Phase, SubmissionState, is_scorable
from protocol.seeds import is_seed_missed, seed_proof
from protocol.transactions import Receipt

logger = logging.getLogger(__name__)

_MAX_ATTEMPTS = 2
_UNSETTLED = (SubmissionState.COMMITTED, SubmissionState.REVEALED, SubmissionState.DUPLICATE, SubmissionState.UNSCORED)


class Upkeep:
    """The upkeep of the tasks that a client takes part in.

    `spread`: seconds within which the clients of a task take their turns at a step that only one of them can do.
    """

    def __init__(self, chain: Chain, sender: Sender, spread: float) -> None:
        self._chain = chain
        self._sender = sender
        self._spread = spread
        self._first_seen: dict[str, float] = {}

    def bring_on(self, task_id: int, task: Record, phase: Phase) -> None:
        """Do what can be done now; call it on every tick."""
        if phase == Phase.KEY and task.pending > 0:
            self._settle_all(task_id, task, phase)
        elif phase == Phase.SCORE_COMMIT and int(task.seed, 16) == 0:
            self._fix_seed(task_id, task)
        elif phase in (Phase.SETTLE, Phase.VOID, Phase.ABANDONED):
            if phase != Phase.ABANDONED and task.pending > 0:
                self._settle_all(task_id, task, phase)
                task = self._chain.task(task_id)
            self._close(task_id, task, phase)

    def forget(self, task_id: int) -> None:
        """Drop what is in memory of a task that is over."""
        kept = {key: since for key, since in self._first_seen.items() if not key.startswith(f"task:{task_id}:")}
        self._first_seen = kept

    def draw(self, task_id: int, task: Record, submission_id: int) -> bool:
        """Draw a submission's panel; False while that is not possible. Another client's draw is as good."""
        if self.renew_seed(task_id, task):
            return False
        self.prove_seed(task_id, task)
        return self._attempt(f"task:{task_id}:draw:{task.attempt}:{submission_id}", "drawPanel", task_id, submission_id)

    def _fix_seed(self, task_id: int, task: Record) -> None:
        """By one draw, while scores can be committed: later nobody could be told from who could not know."""
        for submission_id in self.in_my_order(task_id, task.submission_count):
            if is_scorable(self._chain.submission(task_id, submission_id), task.attempt):
                if self.is_my_turn(f"task:{task_id}:fix:{task.seed_ticket}"):
                    self.draw(task_id, task, submission_id)
                return

    def renew_seed(self, task_id: int, task: Record) -> bool:
        """Whether nobody used the seed in time; asks for a new one, which starts the windows anew."""
        if not is_seed_missed(self._chain, task, self._chain.now()):
            return False
        key = f"task:{task_id}:renew:{task.seed_ticket}"
        if self.is_my_turn(key):
            self._attempt(key, "renewSeed", task_id)
        return True

    def prove_seed(self, task_id: int, task: Record) -> bool:
        """Prove the seed of the attempt, if it is decided and nobody has. Whether it is proved then."""
        if int(task.seed, 16) != 0 or self._is_proved(task.seed_ticket):
            return True
        proof = seed_proof(self._chain, task.seed_ticket)
        key = f"task:{task_id}:prove:{task.seed_ticket}"
        if proof is None or not self.is_my_turn(key):
            return False
        return self._attempt(key, "prove", task.seed_ticket, proof, contract="Randomness")

    def _is_proved(self, ticket: int) -> bool:
        try:
            self._chain.call("Randomness", "seed", ticket)
        except ContractReverted:
            return False
        return True

    def in_my_order(self, task_id: int, count: int) -> Iterator[int]:
        """Submission ids from a place of one's own on, so that the clients of a task share the work."""
        start = self._lot(f"task:{task_id}") % count if count else 0
        return (1 + (start + step) % count for step in range(count))

    def _settle_all(self, task_id: int, task: Record, phase: Phase) -> None:
        if phase == Phase.SETTLE and task.attempt > 0 and self.renew_seed(task_id, task):
            return
        for submission_id in self.in_my_order(task_id, task.submission_count):
            submission = self._chain.submission(task_id, submission_id)
            if _needs_settling(submission, task, phase) and not self._is_appealed(task_id, task, submission_id):
                self._settle(task_id, task, submission_id, submission)

    def _is_appealed(self, task_id: int, task: Record, submission_id: int) -> bool:
        """Whether the submission waits for the larger panel of the next attempt."""
        if task.appealed == 0:
            return False
        return bool(self._chain.call("Arena", "appealOf", task_id, submission_id).attempt == task.attempt)

    def _settle(self, task_id: int, task: Record, submission_id: int, submission: Record) -> None:
        scored = submission.state in (SubmissionState.REVEALED, SubmissionState.UNSCORED)
        has_seed = int(task.seed, 16) != 0
        if scored and has_seed and not self._chain.call("Arena", "panel", task_id, submission_id):
            self.draw(task_id, task, submission_id)
        self._attempt(f"task:{task_id}:settle:{task.attempt}:{submission_id}", "settle", task_id, submission_id)

    def _close(self, task_id: int, task: Record, phase: Phase) -> None:
        if task.pending > 0 and phase != Phase.ABANDONED:
            return
        unscored = task.unscored > 0 and task.attempt < _MAX_ATTEMPTS
        again = phase == Phase.SETTLE and (unscored or task.appealed > 0)
        function = "redraw" if again else "finalize"
        key = f"task:{task_id}:{function}:{task.attempt}"
        if self.is_my_turn(key):
            self._attempt(key, function, task_id)

    def _attempt(self, key: str, function: str, *args: Any, contract: str = "Arena") -> bool:
        """Whether it was done by us; it is not even sent if it would be refused now."""
        try:
            receipt = self._sender.send(key, contract, function, *args)
        except ContractReverted as refused:
            logger.debug("Left %s%s to others: %s", function, args, refused)
            return False
        _report(receipt)
        return True

    def is_my_turn(self, key: str) -> bool:
        """Whether it is this client's turn at a step that only one can do; they come at different moments."""
        since = self._first_seen.setdefault(key, time.monotonic())
        return time.monotonic() - since >= self._spread * (self._lot(key) % 1000) / 1000

    def _lot(self, key: str) -> int:
        return int.from_bytes(keccak(text=f"{self._chain.address} {key}")[:8])


def _needs_settling(submission: Record, task: Record, phase: Phase) -> bool:
    state = submission.state
    if state not in _UNSETTLED:
        return False
    if state == SubmissionState.DUPLICATE:
        return bool(submission.settled_attempt == 0)
    if state == SubmissionState.COMMITTED:
        return True
    return phase == Phase.SETTLE and is_scorable(submission, task.attempt)


def _report(receipt: Receipt) -> None:
    """One line for what a transaction of upkeep brought about, as the chain says it."""
    for event in receipt.events:
        if (line := _LINES.get(event.name)) is not None:
            logger.info(line.format(**event.args | _scored(event.args)))


def _scored(args: dict[str, Any]) -> dict[str, Any]:
    score = args.get("score")
    return {"score": score_value(score)} if score is not None and score not in VERDICTS else {}


_LINES = {
    "Arena.PanelDrawn": "Drew the panel task={task_id} submission={submission_id} attempt={attempt}",
    "Randomness.SeedProved": "Proved the seed ticket={ticket}",
    "Arena.SeedRequested": "Asked for a new seed task={task_id} attempt={attempt}",
    "Arena.SubmissionScored": "Settled task={task_id} submission={submission_id} score={score}",
    "Arena.SubmissionInvalid": "Settled task={task_id} submission={submission_id} verdict=invalid",
    "Arena.SubmissionUnavailable": "Settled task={task_id} submission={submission_id} verdict=unavailable",
    "Arena.SubmissionCopied": "Settled task={task_id} submission={submission_id} verdict=copied",
    "Arena.CanarySettled": "Settled task={task_id} submission={submission_id} verdict=canary",
    "Arena.AppealUpheld": "Upheld an appeal task={task_id} submission={submission_id}",
    "Arena.AppealRejected": "Rejected an appeal task={task_id} submission={submission_id}",
    "Arena.SubmissionUnscored": "Settled task={task_id} submission={submission_id} verdict=unscored",
    "Arena.SubmissionUnrevealed": "Settled task={task_id} submission={submission_id} verdict=unrevealed",
    "Arena.HeldOutUnopenable": "Settled task={task_id} submission={submission_id} verdict=unopenable",
    "Arena.TaskRedrawn": "Opened another attempt task={task_id} attempt={attempt}",
    "Arena.TaskFinalized": "Finalized task={task_id}",
    "Arena.SettlerPaid": "Earned {assets} wei for settling task={task_id} submission={submission_id}",
}
