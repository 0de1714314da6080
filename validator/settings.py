"""Settings of the validator: environment variables with the prefix VALIDATOR_, overridden by options."""

from pydantic_settings import SettingsConfigDict

from node.policy import Policy


class ValidatorSettings(Policy):
    """Which tasks to score for, and with how much stake."""

    model_config = SettingsConfigDict(env_prefix="VALIDATOR_")
