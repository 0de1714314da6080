"""Appeals that a client makes by itself, while its operator allows bonds for them (`--appeal-budget`).

What is wrong the programs find out; here is what they have in common: which results can be appealed, what the bonds may
cost in sum, and that each is sent once. Of all appeals the chain remembers what became of them, so that a lost disk
raises no budget.
"""

import logging
import time
from collections.abc import Callable, Iterable

from node.amounts import format_amount
from node.history import events_of
from node.journal import Journal
from node.policy import Policy
from node.sender import Sender
from node.upkeep import Upkeep
from protocol.calls import Record
from protocol.chain import Chain
from protocol.encoding import VERDICTS, score_value
from protocol.errors import ContractReverted
from protocol.events import Event
from protocol.phases import is_scorable
from protocol.results import Result, agrees, read_result

logger = logging.getLogger(__name__)

_PAUSE = 60.0  # seconds until a bond that could not be paid is thought of again

Key = tuple[int, int]
Judge = Callable[[int, Record, Result], str | None]
"""What is wrong with a submission's result: a clause, "" if nothing is, None while that is found out."""


class Appeals:
    """The appeals of one client."""

    def __init__(self, chain: Chain, sender: Sender, journal: Journal, policy: Policy, upkeep: Upkeep) -> None:
        self._chain = chain
        self._sender = sender
        self._journal = journal
        self._policy = policy
        self._upkeep = upkeep
        self._closed: set[tuple[int, int, int, str]] = set()
        self._told: set[tuple[int, int, str]] = set()
        self._not_before: dict[Key, float] = {}

    @property
    def allowed(self) -> bool:
        """Whether the operator allows any."""
        return self._policy.appeal_budget > 0

    def work(self, task_id: int, task: Record, submissions: Iterable[int], judge: Judge) -> None:
        """In the challenge phase: appeal those results of these submissions that are wrong; call it on every tick."""
        if task.validator_count <= task.parameters.panel_size:
            return  # there is no larger panel
        for submission_id in submissions:
            key = (task_id, task.attempt, submission_id, task.seed)
            if key in self._closed or time.monotonic() < self._not_before.get((task_id, submission_id), 0.0):
                continue
            if self._look(task_id, task, submission_id, judge):
                self._closed.add(key)

    def forget(self, task_id: int) -> None:
        """Drop what is known of a task that is over; the chain keeps what became of its appeals."""
        self._closed = {key for key in self._closed if key[0] != task_id}
        self._told = {told for told in self._told if told[0] != task_id}
        self._not_before = {key: until for key, until in self._not_before.items() if key[0] != task_id}
        for key in self._journal.facts(f"appeal:{task_id}:"):
            self._journal.forget(key)

    def _look(self, task_id: int, task: Record, submission_id: int, judge: Judge) -> bool:
        """Whether nothing is left to do about it."""
        if not is_scorable(self._chain.submission(task_id, submission_id), task.attempt):
            return True
        if self._chain.call("Arena", "appealOf", task_id, submission_id).attempt:
            return True  # there is one for each submission
        found = read_result(self._chain, task_id, task, submission_id)
        if found is None:
            return True
        wrong = judge(submission_id, task, found)
        return wrong == "" or (wrong is not None and self._appeal(task_id, task, submission_id, wrong))

    def _appeal(self, task_id: int, task: Record, submission_id: int, wrong: str) -> bool:
        """Appeal it, if that is allowed; whether nothing is left to do."""
        bond, about = int(task.parameters.appeal_bond), f"task={task_id} submission={submission_id}"
        key = f"task:{task_id}:appeal:{submission_id}"
        self._tell(task_id, submission_id, f"The result of {about} is wrong: {wrong}")
        if (reason := self._hindrance((task_id, submission_id), bond)) is not None:
            self._tell(task_id, submission_id, f"Did not appeal {about}: {reason}")
            self._not_before[task_id, submission_id] = time.monotonic() + _PAUSE
            return not self.allowed
        if not self._upkeep.is_my_turn(key):
            return False
        fact = f"appeal:{task_id}:{submission_id}"
        if self._journal.recall(fact) is None:
            self._journal.remember(fact, {"bond": str(bond)})
        try:
            self._approve(key, bond)
            self._sender.send(key, "Arena", "appeal", task_id, submission_id)
        except ContractReverted as refused:
            self._journal.forget(fact)
            if refused.error != "AlreadyAppealed":
                raise
            logger.info("Somebody else was quicker to appeal %s", about)
            return True
        logger.info("Appealed %s with a bond of %s SKEIN", about, format_amount(bond))
        return True

    def _hindrance(self, key: Key, bond: int) -> str | None:
        """Why an appeal cannot be paid, or None."""
        budget, command = self._policy.appeal_budget, f"`skein task appeal {key[0]} {key[1]}`"
        if not self.allowed:
            return f"no bonds are allowed (--appeal-budget); {command} costs one of {format_amount(bond)} SKEIN."
        spent = self._spent(key)
        if spent + bond > budget:
            return (
                f"its bond of {format_amount(bond)} SKEIN and the {format_amount(spent)} that are out or lost exceed "
                f"--appeal-budget {format_amount(budget)}; {command} does it all the same."
            )
        if self._chain.token_balance(self._chain.address) < bond:
            return f"its bond is {format_amount(bond)} SKEIN, more than {self._chain.address} has."
        return None

    def _spent(self, but: Key) -> int:
        """The bonds of all other appeals that have not come back, token wei."""
        bonds = {}
        for fact, content in self._journal.facts("appeal:").items():
            _, task_id, submission_id = fact.split(":")
            bonds[int(task_id), int(submission_id)] = int(content["bond"])
        standing = Standing(self._chain, self._chain.address)
        bonds.update(standing.bonds)
        return sum(bond for key, bond in bonds.items() if key != but and key not in standing.returned)

    def _approve(self, key: str, bond: int) -> None:
        arena = self._chain.deployment.address("Arena")
        if int(self._chain.call("SkeinToken", "allowance", self._chain.address, arena)) < bond:
            # other appeals may use up what is approved for this one, and then it is approved anew
            others = len(self._journal.facts("appeal:"))
            self._sender.send(f"{key}:approve:{others}", "SkeinToken", "approve", arena, bond)

    def _tell(self, task_id: int, submission_id: int, line: str) -> None:
        if (task_id, submission_id, line) not in self._told:
            self._told.add((task_id, submission_id, line))
            logger.warning(line)


class Standing:
    """What became of an account's appeals: all `bonds` (token wei), those `returned`, those `lost`; what was won."""

    def __init__(self, chain: Chain, address: str) -> None:
        def told(name: str) -> dict[Key, int]:
            found = events_of(chain, f"Arena.{name}", appellant=address)
            return {
                (e.args["task_id"], e.args["submission_id"]): int(e.args.get("bond", e.args.get("assets", 0)))
                for e in found
            }

        self.bonds = told("SubmissionAppealed")
        upheld, self.lost = told("AppealUpheld"), told("AppealRejected")
        self.returned = upheld | told("AppealReturned")
        self.won = sum(assets - self.bonds[key] for key, assets in upheld.items())

    @property
    def out(self) -> int:
        """The bonds that wait for a larger panel, token wei."""
        decided = self.returned.keys() | self.lost.keys()
        return sum(bond for key, bond in self.bonds.items() if key not in decided)


def scores_said(chain: Chain, task_id: int, task: Record, submission_id: int) -> list[Event]:
    """The ScoreRevealed events of a submission's present panel."""
    said = events_of(chain, "Arena.ScoreRevealed", task_id=task_id, submission_id=submission_id)
    return [event for event in said if event.args["attempt"] == task.attempt]


def originals_in(said: Iterable[Event]) -> list[int]:
    """The submissions that a panel says another is a copy of."""
    return sorted({event.args["copy_of"] for event in said} - {0})


def contradiction(found: Result, task: Record, score: int, copied: bool | None) -> str:
    """What is wrong with a result for who finds this score or verdict; "" if nothing is. `copied`: None if unknown."""
    if not found.agreed:
        # in the first attempt another panel is drawn for nothing
        return f"its panel came to nothing, and it {_is(score)}" if task.attempt > 1 else ""
    if not agrees(found.score, score, task.parameters.slash_tolerance):
        who = "its creator says that the canary" if found.told else "its panel says that it"
        return f"{who} {_is(found.score)}, and it {_is(score)}"
    if copied is None or found.told or found.copied == copied:
        return ""
    return (
        "its panel says that it is a copy, and it is none"
        if found.copied
        else "its panel did not see that it is a copy"
    )


def _is(score: int) -> str:
    return f"is {VERDICTS[score]}" if score in VERDICTS else f"scores {score_value(score):g}"
