"""Stake: deposits, delegations, exits, withdrawals, commission. Functions here build actions; nothing is sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.amounts import format_amount, format_duration
from node.withdrawals import withdrawals
from protocol.calls import Record
from protocol.chain import Chain
from protocol.errors import ConfigInvalid
from wallet.actions import Action, Call, Figure, with_approval
from wallet.units import knowing, require_some

WAD = 10**18
SHARES_PER_ASSET = 10**6  # at par; also the virtual shares of a pool, see contracts/libraries/SharesMath.sol


@dataclass(frozen=True)
class PoolState:
    """A pool in words: amounts in wei by name, the commission in force as a fraction, and until when (chain time) the
    operator has promised stake, if any."""

    amounts: dict[str, int]
    commission: float
    promised_until: int | None


def pool_state(chain: Chain, operator: str) -> PoolState:
    """What `skein stake show` shows of a pool."""
    pool = chain.pool(operator)
    amounts = {
        "own_stake": int(pool.own.assets),
        "own_exiting": int(pool.own.exiting_assets),
        "delegated_stake": int(pool.delegated.assets),
        "delegated_exiting": int(pool.delegated.exiting_assets),
        "locked": int(pool.locked),
        "lockable": int(chain.call("Staking", "lockable", operator)),
        "votes": int(chain.call("Staking", "getVotes", operator)),
    }
    promise = chain.call("Staking", "escrowOf", operator)
    if int(promise.assets):
        amounts["promised"] = int(promise.assets)
    commission = int(chain.call("Staking", "commissionOf", operator)) / WAD
    return PoolState(amounts, commission, int(promise.until) if int(promise.assets) else None)


def own_part(chain: Chain, account: str, operator: str) -> dict[str, int]:
    """What of a pool belongs to an account, wei by name: directly, and through the pool's vault where there is one."""
    part = {"yours": int(chain.call("Staking", "assetsOf", operator, account))}
    if address := vault(chain, operator):
        known = knowing(chain, {"DelegationVault": address})
        shares = known.call("DelegationVault", "balanceOf", account)
        part["yours_in_the_vault"] = int(known.call("DelegationVault", "convertToAssets", shares))
    return part


def vault(chain: Chain, operator: str) -> str | None:
    """The address of the operator's vault, where there is one."""
    found = str(chain.call("DelegationVaults", "vaultOf", operator))
    return found if int(found, 16) else None


def deposit(chain: Chain, funder: str, operator: str, assets: int) -> Action:
    """Move `assets` wei from the funder's wallet into a pool: its own, or (a delegation) another operator's."""
    require(chain, funder, assets)
    if funder != operator and not int(chain.call("Staking", "assetsOf", operator, operator)):
        raise ConfigInvalid(f"{operator} has no stake of its own, so its pool takes no delegations: ask it to deposit.")
    verb = "deposit" if funder == operator else "delegate"
    call = Call(f"{verb} {format_amount(assets)} SKEIN", "Staking", "deposit", (operator, assets, funder))
    return Action(with_approval(chain, funder, "Staking", assets, call), _figures(funder, operator))


def exit_pool(chain: Chain, funder: str, operator: str, assets: int | None, receiver: str | None = None) -> Action:
    """Request the withdrawal of `assets` wei, or of everything; it belongs to `receiver` from then on."""
    shares = _shares(chain, funder, operator, assets)
    if funder == operator:
        _require_no_promise(chain, operator, assets)
    told = "everything" if assets is None else f"{format_amount(assets)} SKEIN"
    if receiver in (None, funder):
        call = Call(f"request the withdrawal of {told}", "Staking", "requestWithdrawal", (operator, shares))
    else:
        what = f"request the withdrawal of {told} for {receiver}"
        call = Call(what, "Staking", "requestWithdrawalTo", (operator, shares, receiver))
    leaving = Figure("leaving the pool", "Staking", "pool", (operator,), _exiting)
    return Action((call,), (*_figures(funder, operator), leaving))


def _require_no_promise(chain: Chain, operator: str, assets: int | None) -> None:
    """ConfigInvalid where so much own stake cannot leave, since the operator has promised that it stays."""
    promise = chain.call("Staking", "escrowOf", operator)
    own, left = int(chain.call("Staking", "assetsOf", operator, operator)), int(promise.until) - chain.now()
    free = max(own - int(promise.assets), 0)
    if left > 0 and (own if assets is None else assets) > free:
        raise ConfigInvalid(
            f"{format_amount(int(promise.assets))} SKEIN of it are promised to stay for {format_duration(left)} more: "
            f"{format_amount(free)} can leave now."
        )


def _exiting(pool: Record) -> int:
    return int(pool.own.exiting_assets + pool.delegated.exiting_assets)


def _shares(chain: Chain, funder: str, operator: str, assets: int | None) -> int:
    held = int(chain.call("Staking", "sharesOf", operator, funder))
    if held == 0:
        raise ConfigInvalid(f"{funder} has no stake in the pool of {operator}.")
    if assets is None:
        return held
    require_some(assets)
    worth = int(chain.call("Staking", "assetsOf", operator, funder))
    if assets > worth:
        raise ConfigInvalid(f"Only {format_amount(worth)} SKEIN are staked there, less than {format_amount(assets)}.")
    if funder == operator:
        return assets * SHARES_PER_ASSET
    tranche = chain.pool(operator).delegated
    # Rounded up: the contract rounds the assets of these shares down, to at least what was asked for.
    shares = -(-assets * (int(tranche.shares) + SHARES_PER_ASSET) // (int(tranche.assets) + 1))
    return min(shares, held)


def withdraw(chain: Chain, funder: str, identities: Sequence[int]) -> Action:
    """Pay out the named requests, or all that are mature."""
    chosen = list(identities) or _mature(chain, funder)
    for each in chosen:
        _require_no_vault(chain, each)
    calls = tuple(Call(f"withdraw request {each}", "Staking", "withdraw", (each,)) for each in chosen)
    return Action(calls, (wallet_figure(funder),))


def _mature(chain: Chain, funder: str) -> list[int]:
    """The requests that can be paid; ConfigInvalid says when the first can, where there is none."""
    waiting, now = [each for each in withdrawals(chain, funder) if each.held_by is None], chain.now()
    if not waiting:
        raise ConfigInvalid(f"{funder} has requested no withdrawal: `skein stake exit` does. (Vaults: `vault-claim`.)")
    if mature := [each.id for each in waiting if each.matures_at <= now]:
        return mature
    first = min(each.matures_at for each in waiting)
    raise ConfigInvalid(
        f"{funder} has nothing to withdraw yet: the first request can be paid in {format_duration(first - now)}."
    )


def _require_no_vault(chain: Chain, identity: int) -> None:
    """ConfigInvalid for a request that was made through a vault."""
    record = chain.call("Staking", "withdrawal", identity)
    if record.is_held:
        raise ConfigInvalid(
            f"Request {identity} was made through a vault, which pays it: `skein stake vault-claim {record.operator}`."
        )


def withdraw_part(chain: Chain, funder: str, identity: int, assets: int) -> Action:
    """Pay out `assets` wei of a request that locks hold back as a whole."""
    require_some(assets)
    _require_no_vault(chain, identity)
    worth = int(chain.call("Staking", "withdrawable", identity))
    if assets > worth:
        raise ConfigInvalid(f"Request {identity} is worth {format_amount(worth)} SKEIN, less than that.")
    call = Call(
        f"withdraw {format_amount(assets)} SKEIN of request {identity}", "Staking", "withdrawPart", (identity, assets)
    )
    left = Figure("left of the request", "Staking", "withdrawable", (identity,))
    return Action((call,), (wallet_figure(funder), left))


def reward(chain: Chain, payer: str, operator: str, assets: int) -> Action:
    """Pay a reward into a pool: its operator and delegators share it by stake and commission."""
    require(chain, payer, assets)
    call = Call(f"pay {format_amount(assets)} SKEIN to the pool", "Staking", "distribute", (operator, assets))
    own = Figure("the operator's stake", "Staking", "assetsOf", (operator, operator))
    pool = Figure("the pool's active stake", "Staking", "stakeOf", (operator,))
    return Action(with_approval(chain, payer, "Staking", assets, call), (wallet_figure(payer), own, pool))


def set_commission(chain: Chain, rate: int) -> Action:
    """Announce a commission, WAD."""
    maximum = int(chain.call("Staking", "MAX_COMMISSION"))
    if rate > maximum:
        raise ConfigInvalid(f"The commission can be at most {100 * maximum / WAD:g} %.")
    told = f"announce a commission of {100 * rate / WAD:g} %"
    return Action((Call(told, "Staking", "setCommission", (rate,)),))


def send(chain: Chain, sender: str, to: str, assets: int) -> Action:
    """Move `assets` wei from one wallet to another."""
    require(chain, sender, assets)
    call = Call(f"send {format_amount(assets)} SKEIN to {to}", "SkeinToken", "transfer", (to, assets))
    return Action((call,), (wallet_figure(sender),))


def require(chain: Chain, account: str, assets: int) -> None:
    """ConfigInvalid unless the account's wallet holds these wei, and they are more than none."""
    require_some(assets)
    held = chain.token_balance(account)
    if held < assets:
        raise ConfigInvalid(f"{account} holds {format_amount(held)} SKEIN, less than {format_amount(assets)}.")


def wallet_figure(account: str) -> Figure:
    """The account's SKEIN outside all contracts."""
    return Figure("in the wallet", "SkeinToken", "balanceOf", (account,))


def _figures(funder: str, operator: str) -> tuple[Figure, ...]:
    return (
        wallet_figure(funder),
        Figure("staked", "Staking", "assetsOf", (operator, funder)),
        Figure("the pool's active stake", "Staking", "stakeOf", (operator,)),
        Figure("of it not locked", "Staking", "lockable", (operator,)),
    )
