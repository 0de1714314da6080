"""Three participants that do wrong, to show what becomes of them: `python -m skein.cheats copier|inventor|mute`.

Each is the real client with one step changed, and runs with the settings of the real client.
"""

import logging
import shutil
import sys
from pathlib import Path

from eth_utils.crypto import keccak

from node.participant import Means, Participant
from node.program import serve
from node.settings import ClientSettings
from protocol.calls import Record
from protocol.encoding import SCORE_SCALE
from protocol.logs import configure_logging
from protocol.specs import TaskSpec
from protocol.staging import promote, staged_directory
from trainer.arena import ArenaTrainer
from trainer.settings import TrainerSettings
from validator.arena import ArenaValidator
from validator.duties import Duty
from validator.evaluation import Case, Finding
from validator.sandbox import Sandbox
from validator.settings import ValidatorSettings

logger = logging.getLogger(__name__)


class Leak(TrainerSettings):
    """Also the environment variable TRAINER_LEAK: the files of a trainer that were not kept safe."""

    leak: Path
    victim: str


class Copier(ArenaTrainer):
    """Commits to a model that another trainer made, as soon as that one has committed; and is quick to reveal it."""

    policy: Leak

    def make_model(self, task_id: int, task: Record, spec: TaskSpec, deadline: int) -> Path | None:
        if not self.chain.call("Arena", "submissionOf", task_id, self.policy.victim):
            return None
        mine = self.model_folder(task_id)
        leaked = next(self.policy.leak.glob(f"**/task-{task_id}/model"), None)
        if leaked is None or mine.exists():
            return mine if mine.exists() else None
        with staged_directory(mine) as stage:
            shutil.copytree(leaked, stage, dirs_exist_ok=True)
            promote(stage, mine)
        logger.info("Took the model of %s task=%s", self.policy.victim, task_id)
        return mine


class Inventor(ArenaValidator):
    """Scores without looking: an accuracy between a half and one, whatever the model."""

    def find(self, task_id: int, task: Record, case: Case, duty: Duty) -> Finding | None:
        noise = keccak(text=f"{self.chain.address} {task_id} {duty.digest}")
        score = SCORE_SCALE // 2 + int.from_bytes(noise[:8]) % (SCORE_SCALE // 2)
        return Finding(score, case.folder, "0x" + noise.hex())


class Mute(ArenaValidator):
    """Commits to its scores, then never shows them."""

    def reveal(self, task_id: int, task: Record, batch: int, entries: object) -> None:
        self._tell(task_id, logging.INFO, f"Kept silent in task={task_id}")


def make_cheat(kind: str, means: Means) -> Participant:
    """The cheat of a kind."""
    if kind == "copier":
        return Copier(means, Leak())
    return {"inventor": Inventor, "mute": Mute}[kind](means, ValidatorSettings(), Sandbox())


def main() -> None:
    """Run the cheat that the command line names until it is told to stop."""
    kind = sys.argv[1]
    settings = ClientSettings.read()
    configure_logging(settings.log_level, settings.log_json)
    serve(settings, lambda means: make_cheat(kind, means), kind)


if __name__ == "__main__":
    main()
