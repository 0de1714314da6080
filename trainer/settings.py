"""Settings of the trainer: environment variables with the prefix TRAINER_, overridden by options."""

from pydantic_settings import SettingsConfigDict

from node.policy import Policy

_BUDGET = ("epochs", "batch_size", "learning_rate", "weight_decay", "dropout", "validation", "patience")


class TrainerSettings(Policy):
    """Which tasks to train for, and how. What is left empty of the training, the task's kind decides.

    See `protocol.tasks.base.Budget` for the meaning and range of each.
    """

    model_config = SettingsConfigDict(env_prefix="TRAINER_", env_ignore_empty=True, extra="ignore")

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    dropout: float | None = None
    validation: float | None = None
    patience: int | None = None
    seed: int | None = None
    """Of the training; empty: one that follows from address and task, so that no two trainers make the same model."""

    def budget(self) -> dict[str, float]:
        """The choices that were made, by their names in Budget."""
        chosen = {name: getattr(self, name) for name in _BUDGET}
        return {name: value for name, value in chosen.items() if value is not None}
