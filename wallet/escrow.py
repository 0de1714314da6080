"""Escrow and vaults: own stake that is promised to stay, and delegations as ERC-4626 shares. Builds actions."""

from node.amounts import format_amount, format_duration
from node.withdrawals import withdrawals
from protocol.chain import Chain
from protocol.errors import ConfigInvalid
from wallet.actions import Action, Call, Figure, with_approval
from wallet.stakes import require, vault, wallet_figure
from wallet.units import knowing, require_some, unit_of


def lock(chain: Chain, operator: str, assets: int, seconds: int) -> Action:
    """Promise that `assets` wei of the operator's own stake stay for `seconds` from now: weight and votes for it."""
    own = int(chain.call("Staking", "assetsOf", operator, operator))
    if own == 0:
        raise ConfigInvalid(f"{operator} has no own stake that could be locked: `skein stake deposit` comes first.")
    if not 0 < assets <= own:
        raise ConfigInvalid(f"More than 0 and at most {format_amount(own)} SKEIN of own stake can be locked.")
    longest = int(chain.call("Staking", "MAX_ESCROW"))
    if seconds > longest:
        raise ConfigInvalid(f"Stake can be locked for {format_duration(longest)} at most.")
    call = Call(
        f"lock {format_amount(assets)} SKEIN for {format_duration(seconds)}", "Staking", "escrow", (assets, seconds)
    )
    return Action((call,), _figures(operator))


def unlock(chain: Chain, operator: str) -> Action:
    """End a promise whose time is over."""
    promised = chain.call("Staking", "escrowOf", operator)
    if int(promised.assets) == 0:
        raise ConfigInvalid(f"{operator} has locked nothing.")
    if chain.now() < int(promised.until):
        raise ConfigInvalid(f"The time is over in {format_duration(int(promised.until) - chain.now())}.")
    return Action((Call(f"end the lock of {operator}", "Staking", "endEscrow", (operator,)),), _figures(operator))


def _figures(operator: str) -> tuple[Figure, ...]:
    return (
        Figure("locked by promise", "Staking", "escrowOf", (operator,), lambda promised: int(promised.assets)),
        Figure("the pool's weight", "Staking", "weightOf", (operator,)),
        Figure("votes", "Staking", "getVotes", (operator,)),
    )


def create_vault(operator: str) -> Action:
    """Make the vault of an operator."""
    return Action((Call(f"make the vault of {operator}", "DelegationVaults", "createVault", (operator,)),))


def vault_deposit(chain: Chain, account: str, operator: str, assets: int) -> Action:
    """Delegate through the operator's vault: its shares can be sent and lent."""
    known, address = _vault(chain, operator)
    most = int(known.call("DelegationVault", "maxDeposit", account))
    require(chain, account, assets)
    if not most:
        raise ConfigInvalid(f"The vault of {operator} takes nothing: its operator has no own stake, or entries pause.")
    if assets > most:
        raise ConfigInvalid(f"The vault of {operator} takes at most {format_amount(most)} SKEIN now.")
    call = Call(f"deposit {format_amount(assets)} SKEIN", "DelegationVault", "deposit", (assets, account))
    calls = with_approval(known, account, "DelegationVault", assets, call)
    return Action(calls, _vault_figures(chain, account, address), {"DelegationVault": address})


def vault_exit(chain: Chain, account: str, operator: str, assets: int | None) -> Action:
    """Burn shares worth `assets` wei, or all of the account's, and request the withdrawal of what they are worth."""
    known, address = _vault(chain, operator)
    held = int(known.call("DelegationVault", "balanceOf", account))
    worth = int(known.call("DelegationVault", "convertToAssets", held))
    if held == 0:
        raise ConfigInvalid(f"{account} has no shares of the vault of {operator}.")
    if assets is not None:
        require_some(assets)
        if assets > worth:
            raise ConfigInvalid(
                f"The shares are worth {format_amount(worth)} SKEIN, less than {format_amount(assets)}."
            )
    shares = held if assets is None else min(held, int(known.call("DelegationVault", "previewWithdraw", assets)))
    told = "everything" if assets is None else f"{format_amount(assets)} SKEIN"
    call = Call(
        f"request the withdrawal of {told} from the vault",
        "DelegationVault",
        "requestRedeem",
        (shares, account, account),
    )
    return Action((call,), _vault_figures(chain, account, address), {"DelegationVault": address})


def vault_claim(chain: Chain, account: str, operator: str, assets: int | None, receiver: str | None = None) -> Action:
    """Have the vault pay `assets` wei, or all that it can now, of what the account has requested, to `receiver`."""
    known, address = _vault(chain, operator)
    most, shares = (int(known.call("DelegationVault", each, account)) for each in ("maxWithdraw", "maxRedeem"))
    if not shares:
        raise ConfigInvalid(_why_nothing(chain, account, operator, address))
    verb, amount = "redeem", shares
    if assets is not None:
        require_some(assets)
        if assets > most:
            raise ConfigInvalid(f"{format_amount(most)} SKEIN can be claimed now, less than {format_amount(assets)}.")
        verb, amount = "withdraw", assets
    told = f"claim {format_amount(most if assets is None else assets)} SKEIN from the vault"
    call = Call(told, "DelegationVault", verb, (amount, receiver or account, account))
    left = Figure("left to claim now", "DelegationVault", "maxWithdraw", (account,))
    return Action((call,), (wallet_figure(receiver or account), left), {"DelegationVault": address})


def _why_nothing(chain: Chain, account: str, operator: str, address: str) -> str:
    """Why the vault pays the account nothing, as a sentence."""
    waiting = [each for each in withdrawals(chain, account) if each.held_by == address]
    if not waiting:
        return f"{account} waits for nothing from the vault of {operator}: `skein stake vault-exit` requests."
    left = min(each.matures_at for each in waiting) - chain.now()
    if left > 0:
        return f"Nothing can be claimed yet: the first request can be in {format_duration(left)}."
    return f"The locks of the pool of {operator} hold all of it back, until its tasks are over."


def _vault(chain: Chain, operator: str) -> tuple[Chain, str]:
    """The chain that knows the operator's vault, and its address."""
    address = vault(chain, operator)
    if address is None:
        raise ConfigInvalid(f"{operator} has no vault yet: `skein stake vault {operator}` makes it.")
    return knowing(chain, {"DelegationVault": address}), address


def _vault_figures(chain: Chain, account: str, address: str) -> tuple[Figure, ...]:
    shares = Figure("shares of the vault", "DelegationVault", "balanceOf", (account,), int, unit_of(chain, address))
    return (wallet_figure(account), shares)
