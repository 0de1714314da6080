"""Bounties in other tokens: given, claimed, taken back. Functions here build actions; nothing is sent.

Tokens are strangers': every command deals with one of them, so that a bad one stands in nobody else's way.
"""

from collections.abc import Iterator

from node.history import events_of
from protocol.chain import Chain
from protocol.errors import ConfigInvalid, ContractReverted
from protocol.phases import Phase
from wallet.actions import Action, Call, Figure, with_approval
from wallet.tasks import Task, expect
from wallet.units import Unit, knowing, unit_of


def tokens_of(chain: Chain, task: Task) -> list[str]:
    """The tokens in which a task was sponsored, in the order of their first gifts."""
    if "Sponsorships" not in chain.deployment.contracts:
        return []
    given = events_of(chain, "Sponsorships.TaskSponsored", task_id=task.id)
    return list(dict.fromkeys(str(event.args["token"]) for event in given))


def bounties(chain: Chain, task: Task) -> list[tuple[str, str, str]]:
    """What a task's sponsors gave: amount, symbol and address of each token. The symbol is what the token says."""
    found = []
    for token in tokens_of(chain, task):
        assets = int(chain.call("Sponsorships", "pot", task.id, token).assets)
        try:
            unit = unit_of(chain, token)
        except ConfigInvalid:
            unit = Unit("?", 0, token)
        amount, _, symbol = unit.format(assets).partition(" ")
        found.append((amount, symbol, token))
    return found


def sponsor(chain: Chain, account: str, task: Task, token: str, amount: str) -> Action:
    """Add a bounty in a token; the amount is a decimal number of it."""
    expect(task, "be sponsored", Phase.COMMIT)
    unit = unit_of(chain, token)
    assets = unit.parse(amount)
    known = knowing(chain, {"ERC20": token})
    held = int(known.call("ERC20", "balanceOf", account))
    if held < assets:
        raise ConfigInvalid(f"{account} holds {unit.format(held)}, less than {unit.format(assets)}.")
    what = f"add {unit.format(assets)} to the bounties of task {task.id}"
    call = Call(what, "Sponsorships", "sponsorTask", (task.id, token, assets))
    calls = with_approval(known, account, "Sponsorships", assets, call, token="ERC20")
    given = Figure("bounties", "Sponsorships", "pot", (task.id, token), lambda pot: int(pot.assets), unit)
    return Action(calls, (_wallet(account, unit), given), {"ERC20": token})


def claim(chain: Chain, account: str, task: Task, token: str) -> Action:
    """All that the account has in a task's sponsorships in a token: as trainer, as validator, as sponsor."""
    expect(task, "be claimed from", Phase.FINALIZED, Phase.CANCELLED)
    unit = unit_of(chain, token)
    calls = tuple(_claims(chain, account, task, token, unit))
    if not calls:
        raise ConfigInvalid(f"{account} has nothing to claim from task {task.id} in {unit.symbol}.")
    return Action(calls, (_wallet(account, unit),), {"ERC20": token})


def _claims(chain: Chain, account: str, task: Task, token: str, unit: Unit) -> Iterator[Call]:
    submission = int(chain.call("Arena", "submissionOf", task.id, account))
    roles: list[tuple[str, str, object]] = [
        ("as sponsor", "refund", account),
        ("as validator", "claimValidator", account),
    ]
    if submission:
        roles.append(("as trainer", "claimSubmission", submission))
    for role, verb, whose in roles:
        words = (task.id, token, whose)
        if assets := _due(chain, verb, words):
            yield Call(f"claim {unit.format(assets)} {role}", "Sponsorships", verb, words)


def _due(chain: Chain, verb: str, words: tuple[object, ...]) -> int:
    """What the call would pay: anyone may make it, so that nobody in particular can try."""
    try:
        return int(chain.call("Sponsorships", verb, *words))
    except ContractReverted as refused:
        if refused.error == "AlreadyClaimed":
            return 0
        raise


def _wallet(account: str, unit: Unit) -> Figure:
    return Figure("in the wallet", "ERC20", "balanceOf", (account,), int, unit)
