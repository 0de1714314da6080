"""Settings of the validator: environment variables with the prefix VALIDATOR_, overridden by options."""

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from node.policy import Policy
from node.settings import ClientSettings


class ValidatorClient(ClientSettings):
    """Network and key of a validator; the settings file may give them in [validator]."""

    program: ClassVar[str] = "validator"


class ValidatorSettings(Policy):
    """Which tasks to score for, and with how much stake."""

    model_config = SettingsConfigDict(env_prefix="VALIDATOR_")
