"""Escrow and vaults: own stake that is promised to stay, and delegations as ERC-4626 shares. Builds actions."""

from node.amounts import format_amount, format_duration
from protocol.chain import Chain
from protocol.errors import ConfigInvalid
from wallet.actions import Action, Call, Figure

_ZERO = "0x" + "00" * 20


def lock(chain: Chain, operator: str, assets: int, seconds: int) -> Action:
    """Promise that `assets` wei of the operator's own stake stay for `seconds` from now: weight and votes for it."""
    own = int(chain.call("Staking", "assetsOf", operator, operator))
    if assets == 0 or assets > own:
        raise ConfigInvalid(f"Between 0 and {format_amount(own)} SKEIN of own stake can be locked.")
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


def vault(chain: Chain, operator: str) -> str | None:
    """The address of the operator's vault, where there is one."""
    found = str(chain.call("DelegationVaults", "vaultOf", operator))
    return None if found == _ZERO else found


def create_vault(operator: str) -> Action:
    """Make the vault of an operator."""
    return Action((Call(f"make the vault of {operator}", "DelegationVaults", "createVault", (operator,)),))
