"""The parts of a life that are about sponsors, by contract calls alone. They give SKEIN: it is a token like others."""

from collections.abc import Sequence

from life import DELEGATORS, Life
from network import SKEIN


def give(life: Life, task: int) -> None:
    """Two sponsor a task, one of them twice."""
    token = life.network.deployment.address("SkeinToken")
    for account in DELEGATORS:
        life.send(account, "SkeinToken", "approve", life.network.deployment.address("Sponsorships"), 2**255)
        life.send(account, "Sponsorships", "sponsorTask", task, token, 10 * SKEIN + account)
    life.send(DELEGATORS[0], "Sponsorships", "sponsorTask", task, token, 7)


def share(life: Life, task: int, submissions: Sequence[int], validators: Sequence[int]) -> None:
    """Everybody is paid; nothing comes back."""
    token = life.network.deployment.address("SkeinToken")
    for submission in submissions:
        life.send(2, "Sponsorships", "claimSubmission", task, token, submission)
    for account in validators:
        life.send(2, "Sponsorships", "claimValidator", task, token, life.address(account))
    take_back(life, task)


def take_back(life: Life, task: int) -> None:
    """What nobody earned goes to the sponsors, by whoever asks."""
    for account in DELEGATORS:
        token = life.network.deployment.address("SkeinToken")
        life.send(2, "Sponsorships", "refund", task, token, life.address(account))
