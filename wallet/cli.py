"""The wallet's command groups, as `skein` mounts them."""

from wallet.commands.account import account
from wallet.commands.federation import federation
from wallet.commands.gov import gov
from wallet.commands.stake import stake
from wallet.commands.task import task

__all__ = ["account", "federation", "gov", "stake", "task"]
