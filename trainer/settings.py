"""Settings of the trainer: environment variables with the prefix TRAINER_, overridden by options."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from node.policy import Policy
from node.settings import ClientSettings

_BUDGET = ("epochs", "batch_size", "learning_rate", "weight_decay", "dropout", "validation", "patience")


class TrainerClient(ClientSettings):
    """Network and key of a trainer; the settings file may give them in [trainer]."""

    program: ClassVar[str] = "trainer"


class TrainerSettings(Policy):
    """Which tasks to train for, and how. What is not set of the training, the task's kind decides.

    The ranges are those of `protocol.tasks.base.Budget`.
    """

    model_config = SettingsConfigDict(env_prefix="TRAINER_")

    epochs: Annotated[int, Field(ge=1)] | None = None
    """The most passes over the training data."""
    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Rows per step."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Size of a step."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """Pull of the weights towards zero."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Share of the hidden units that are left out at each step, below 1."""
    validation: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the training data kept aside to stop early."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Passes without progress after which training stops."""
    seed: int | None = None
    """Seed of the training; unset: it follows from address and task, so that no two trainers make the same model."""

    trials: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many trainings to try, with drawn settings where none are set; the best on the rows kept aside is taken."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")] = "auto"
    """What trains: "cpu", "cuda", "cuda:1", or "auto" for a GPU where there is one."""
    command: str | None = None
    """A program of your own that trains instead; see trainer/README.md."""
    backup: Path | None = None
    """A folder, on another disk, for copies of the models that stake was committed to, until they are revealed."""
    tensorboard: Path | None = None
    """A folder for TensorBoard's event files, one below it for each task."""

    def budget(self) -> dict[str, float]:
        """The choices that were made, by their names in Budget."""
        chosen = {name: getattr(self, name) for name in _BUDGET}
        return {name: value for name, value in chosen.items() if value is not None}
