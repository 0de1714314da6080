"""Settings of a member of a federation: environment variables with the prefix TRAINER_, overridden by options."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from node.policy import Policy
from trainer.federated.perceptron import Effort


class MemberSettings(Policy):
    """What a member brings into a federation."""

    model_config = SettingsConfigDict(env_prefix="TRAINER_")

    data: str = ""
    """CSV or Parquet file, folder of such, sql:URL?query=SELECT …, python:module:factory, or flower:APP."""
    epochs: Annotated[int, Field(ge=1)] = 2
    """Passes over the own rows per round."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Rows per step."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.1
    """Size of a step."""
    again: bool = False
    """Join once more, after having left or fallen out."""
    epsilon: Annotated[float | None, Field(gt=0)] = None
    """The most ε of differential privacy to spend, if less than the federation allows."""

    def effort(self) -> Effort:
        """How it trains."""
        return Effort(self.epochs, self.batch_size, self.learning_rate)
