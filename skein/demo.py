"""`skein demo`: a whole network at work on this machine, and its books at the end.

Every participant is a process of its own that talks only to the chain and the store. This program starts them, watches
through the API, and reads every figure that it shows from the chain or the API.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any, Self

from protocol.errors import ProtocolError
from protocol.store import open_store
from skein.api import Api, ApiFailed
from skein.audit import Wealth, checks, gas, verify_index, wealth
from skein.cast import Cast
from skein.localnet import Localnet
from skein.processes import until
from skein.report import Result
from skein.story import Story
from skein.winners import Evaluation, evaluate_again
from wallet.actions import carry_out
from wallet.create import Prepared, creation, prepared, publish
from wallet.held_out_keys import HeldOutKeys
from wallet.task_file import TaskFile, WindowSection

Say = Callable[[str], None]
Tell = Callable[[int, str], None]

# Seconds, on a machine with two free cores; a slower or busier one gets more. Of the first, training takes two thirds;
# the others are three times what the programs take, and the key's ends when it is released.
_WINDOWS = {"commit": 40, "reveal": 9, "key": 15, "score_commit": 14, "score_reveal": 8}
_NOMINAL_SECONDS = 4.0  # for `prepare_tasks` on such a machine
_SLOWEST = 6.0
_SCORING = {"tolerance": "0.0001", "slash_tolerance": "0.005", "grid": "0.0001"}
_LIMITS = {"max_seconds": 14, "max_memory_bytes": 2**31}
TASKS: tuple[dict[str, Any], ...] = (
    {
        "title": "Is a breast mass malignant?",
        "data": {"source": "breast_cancer", "held_out": 0.4},
        "model": {"hidden": [16]},
        "reward": {"bounty": "1000", "min_trainer_stake": "200", "min_validator_stake": "200"},
        "scoring": {**_SCORING, "panel_size": 5, "quorum": 3},
    },
    {
        "title": "Which digit was written?",
        "data": {"source": "digits", "held_out": 0.4},
        "model": {"hidden": [48]},
        "reward": {"bounty": "2000", "min_trainer_stake": "300", "min_validator_stake": "250"},
        "scoring": {**_SCORING, "panel_size": 4, "quorum": 2},  # of five validators, four are drawn for each model
    },
)
READY_SECONDS = 120.0


class DemoFailed(ProtocolError):
    """The network did not do what it is there for."""


class Demo:
    """One demonstration on a network that runs; `tell` gets each sentence of the story with its block."""

    def __init__(self, network: Localnet, say: Say, tell: Tell, started: float) -> None:
        self.network = network
        self.cast = Cast(network)
        self.api = Api(network.addresses.api_url)
        self.store = open_store(network.addresses.store)
        self.chain = network.chain()
        self._say = say
        self._tell = tell
        self._started = started
        self._titles: dict[str, str] = {}
        self._work_began = started
        self.first_reward_seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.api.close()

    # --- acts

    def prepare(self, tasks: list[Prepared]) -> Mapping[str, Wealth]:
        """Money, stakes, programs; then the tasks. Returns what everybody had before anything was staked."""
        self._say("handing out SKEIN")
        self.cast.fund()
        before = wealth(self.chain, self.cast, self.chain.head().number)
        self.cast.start()
        self._say("staking and delegating")
        self.cast.stake()
        self._say("waiting for the participants' programs")
        until(self.cast.is_ready, READY_SECONDS, "The last of the participants", self._revive)
        self._say("publishing the tasks")
        for task in tasks:
            self._create(task)
        if (pace := tasks[0].file.windows.commit / _WINDOWS["commit"]) > 1.1:
            self._say(f"this machine is busy: all deadlines are {pace:.1f} times as long as usual")
        self.network.start_clock()
        self._work_began = time.monotonic()
        return before

    def _revive(self) -> None:
        """Programs that died go on where they were; nothing is lost but time."""
        for name in self.network.supervisor.revive():
            self._say(f"{name} had died and was started again")

    def _create(self, task: Prepared) -> None:
        creator = self.cast["creator"]
        HeldOutKeys(creator.home / "held-out-keys").keep(task.key)
        publish(task, self.store)
        chain = self.network.chain(creator.account)
        outcome = carry_out(chain, creation(chain, creator.address, task))
        created = outcome.event("Arena.TaskCreated").args
        self._titles[created["spec_digest"]] = task.spec.title

    def watch(self, count: int, meanwhile: Callable[[list[dict[str, Any]]], None] = lambda tasks: None) -> None:
        """Tell the story until all money is paid out; `meanwhile` gets the API's tasks again and again."""
        story = Story(self.api, self.cast, lambda digest: self._titles.get(digest, digest))
        tasks: list[dict[str, Any]] = []
        while True:
            with suppress(ApiFailed):  # the API may be what died; it is started again below
                self._tell_news(story)
                tasks = list(self.api.all("/tasks", order="id"))
                if len(tasks) == count and all(self._is_over(task) for task in tasks):
                    return
            self._revive()
            self._check_time(tasks)
            meanwhile(tasks)
            time.sleep(0.5)

    def _tell_news(self, story: Story) -> None:
        for block, sentence in story.news():
            self._note(sentence)
            self._tell(block, sentence)

    def _check_time(self, tasks: list[dict[str, Any]]) -> None:
        """All windows, three times over: what is not done then hangs."""
        limit = READY_SECONDS + sum(3 * int(task[f"{name}_window"]) for task in tasks[:1] for name in _WINDOWS)
        if time.monotonic() - self._work_began > limit:
            phases = ", ".join(f"task {task['id']} is in the phase {task['phase']}" for task in tasks)
            raise DemoFailed(f"Not all was paid out after {limit:.0f} seconds: {phases or 'no task is indexed'}.")

    def _note(self, sentence: str) -> None:
        if " earns " in sentence and not self.first_reward_seconds:
            self.first_reward_seconds = time.monotonic() - self._started

    def _is_over(self, task: dict[str, Any]) -> bool:
        if not (task["finalized"] and task["creator_claimed"]):
            return False
        claims = (f"/tasks/{task['id']}/{kind}" for kind in ("submissions", "validators"))
        return all(each["claimed"] for path in claims for each in self.api.all(path))

    # --- books

    def result(self, before: Mapping[str, Wealth]) -> Result:
        """Everything worth knowing, read at a block that chain and API both have; nothing moves any more."""
        self._say("checking the books")
        block = self.chain.head().number
        until(lambda: self.api.block() >= block, 30, "The newest block in the API")
        after = wealth(self.chain, self.cast, block)
        tasks = list(self.api.all("/tasks", order="id"))
        return Result(
            names={actor.address: actor.name for actor in self.cast},
            titles={task["id"]: self._titles[task["spec_digest"]] for task in tasks},
            api_url=self.api.url,
            block=block,
            tasks=tasks,
            leaderboards={task["id"]: list(self.api.all(f"/tasks/{task['id']}/submissions")) for task in tasks},
            winners=self._winners(tasks),
            slashes=list(self.api.all("/slashes", order="position")),
            before=before,
            after=after,
            gas=gas(self.chain, block),
            checks=checks(self.chain, self.api, self.cast, block, before, after),
            differences=verify_index(self.network),
            first_reward_seconds=self.first_reward_seconds,
            seconds=time.monotonic() - self._started,
        )

    def _winners(self, tasks: list[dict[str, Any]]) -> dict[int, Evaluation]:
        """The best of each task that has one."""
        boards = {task["id"]: self.api.get(f"/tasks/{task['id']}/leaderboard", limit=1)["data"] for task in tasks}
        return {
            task_id: evaluate_again(self.chain, self.store, task_id, board[0]["id"])
            for task_id, board in boards.items()
            if board
        }


def run(network: Localnet, files: Future[list[Prepared]], say: Say, tell: Tell, started: float) -> Result:
    """The whole demonstration on a network that runs, its clock not started. Raises DemoFailed, ProcessFailed."""
    with Demo(network, say, tell, started) as demo:
        before = demo.prepare(files.result())
        say("the network is at work")
        demo.watch(len(TASKS))
        return demo.result(before)


def prepare_tasks(stack: ExitStack) -> list[Prepared]:
    """Split, seal and specify both tasks; their files stay until `stack` is closed."""
    began = time.monotonic()
    files = [TaskFile.model_validate({**task, "limits": _LIMITS}) for task in TASKS]
    made = [stack.enter_context(prepared(file)) for file in files]
    pace = min(max(1.0, (time.monotonic() - began) / _NOMINAL_SECONDS), _SLOWEST)
    windows = WindowSection(**{name: round(pace * seconds) for name, seconds in _WINDOWS.items()})
    return [replace(task, file=task.file.model_copy(update={"windows": windows})) for task in made]
