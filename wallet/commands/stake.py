"""`skein stake`: deposits, delegations, exits, withdrawals, commission."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from node.amounts import parse_address, parse_amount, parse_duration, round_amount
from node.withdrawals import withdrawals
from wallet import escrow, stakes
from wallet.actions import Outcome
from wallet.commands.options import Address, Amount, DryRun, Operator, Percentage, command, parsed
from wallet.portfolio import Holding, holdings
from wallet.session import Session, Table

stake = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Deposits, delegations, exits, locks, commission, vaults."
)
ExitAmount = Annotated[
    int | None, typer.Argument(parser=parsed(parse_amount), metavar="[AMOUNT]", help="SKEIN; or use --all.")
]

ClaimAmount = Annotated[
    int | None,
    typer.Argument(parser=parsed(parse_amount), metavar="[AMOUNT]", help="SKEIN. Default: all that can be."),
]
Receiver = Annotated[str | None, typer.Option("--to", metavar="ADDRESS", help="Who is paid. Default: you.")]


@command(stake)
def deposit(session: Session, amount: Amount, dry_run: DryRun = False) -> None:
    """Move SKEIN from your wallet into your own pool; it can then be staked on tasks."""
    session.perform(stakes.deposit(session.chain, session.address, session.address, amount), dry_run)


@command(stake)
def delegate(session: Session, operator: Address, amount: Amount, dry_run: DryRun = False) -> None:
    """Move SKEIN from your wallet into an operator's pool; you share its rewards and its slashes."""
    session.perform(stakes.deposit(session.chain, session.address, operator, amount), dry_run)


@command(stake, "exit")
def exit_(
    session: Session,
    amount: ExitAmount = None,
    everything: Annotated[bool, typer.Option("--all", help="All that you have in the pool.")] = False,
    operator: Annotated[
        str | None, typer.Option("--from", metavar="OPERATOR", help="Whose pool. Default: your own.")
    ] = None,
    receiver: Receiver = None,
    dry_run: DryRun = False,
) -> None:
    """Request a withdrawal. It earns nothing from then on, can still be slashed, and is paid after the cool-down."""
    if (amount is None) != everything:
        raise typer.BadParameter("give an amount or --all, not both")
    pool = parsed(parse_address)(operator) if operator else session.address
    paid = parsed(parse_address)(receiver) if receiver else None
    outcome = session.perform(stakes.exit_pool(session.chain, session.address, pool, amount, paid), dry_run)
    _tell_maturity(session, outcome)


@command(stake)
def withdraw(
    session: Session,
    requests: Annotated[
        list[int] | None, typer.Argument(metavar="[REQUEST]...", help="Default: all mature ones.")
    ] = None,
    part: Annotated[
        int | None,
        typer.Option(
            parser=parsed(parse_amount), metavar="AMOUNT", help="So much of one request, while locks hold it."
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Pay out requested withdrawals whose cool-down is over."""
    if part is not None:
        if not requests or len(requests) != 1:
            raise typer.BadParameter("name the one request of which a part is to be paid")
        session.perform(stakes.withdraw_part(session.chain, session.address, requests[0], part), dry_run)
        return
    session.perform(stakes.withdraw(session.chain, session.address, requests or []), dry_run)


@command(stake)
def commission(session: Session, percent: Percentage, dry_run: DryRun = False) -> None:
    """Announce your part of your delegators' rewards; it is in force after the cool-down."""
    session.perform(stakes.set_commission(session.chain, percent), dry_run)


@command(stake)
def reward(session: Session, operator: Address, amount: Amount, dry_run: DryRun = False) -> None:
    """Pay a reward into a pool, out of your wallet; its operator and delegators share it."""
    session.perform(stakes.reward(session.chain, session.address, operator, amount), dry_run)


@command(stake)
def lock(
    session: Session,
    amount: Amount,
    duration: Annotated[
        int, typer.Argument(parser=parsed(parse_duration), metavar="DURATION", help="From now on, such as 365d.")
    ],
    dry_run: DryRun = False,
) -> None:
    """Promise that so much of your own stake stays: up to 3.01 times the weight, and as many votes."""
    session.perform(escrow.lock(session.chain, session.address, amount, duration), dry_run)


@command(stake)
def unlock(session: Session, operator: Operator = None, dry_run: DryRun = False) -> None:
    """End a promise whose time is over; anyone may, for anyone."""
    session.perform(escrow.unlock(session.chain, operator or session.address), dry_run)


@command(stake)
def vault(session: Session, operator: Operator = None, dry_run: DryRun = False) -> None:
    """Make a pool's ERC-4626 vault where there is none, for any wallet that knows such; its address is shown."""
    pool = operator or session.address
    if address := stakes.vault(session.chain, pool):
        session.show_facts(operator=pool, vault=address)
        return
    outcome = session.perform(escrow.create_vault(pool), dry_run)
    session.note(f"Vault: {outcome.event('DelegationVaults.VaultCreated').args['vault']}")


@command(stake, "vault-deposit")
def vault_deposit(session: Session, operator: Address, amount: Amount, dry_run: DryRun = False) -> None:
    """Delegate through a pool's vault: you get its shares, which can be sent and lent like any token."""
    session.perform(escrow.vault_deposit(session.chain, session.address, operator, amount), dry_run)


@command(stake, "vault-exit")
def vault_exit(
    session: Session,
    operator: Address,
    amount: ExitAmount = None,
    everything: Annotated[bool, typer.Option("--all", help="All your shares.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Burn shares of a pool's vault and request what they are worth; `stake vault-claim` pays it."""
    if (amount is None) != everything:
        raise typer.BadParameter("give an amount or --all, not both")
    outcome = session.perform(escrow.vault_exit(session.chain, session.address, operator, amount), dry_run)
    _tell_maturity(session, outcome, f"vault-claim {operator}")


@command(stake, "vault-claim")
def vault_claim(
    session: Session,
    operator: Address,
    amount: ClaimAmount = None,
    receiver: Receiver = None,
    dry_run: DryRun = False,
) -> None:
    """Have a pool's vault pay what you requested from it and whose cool-down is over, the oldest first."""
    paid = parsed(parse_address)(receiver) if receiver else None
    session.perform(escrow.vault_claim(session.chain, session.address, operator, amount, paid), dry_run)


def _tell_maturity(session: Session, outcome: Outcome, words: str = "") -> None:
    requested = outcome.event("Staking.WithdrawalRequested").args
    number, matures_at = requested["withdrawal_id"], _time(int(requested["matures_at"]))
    session.note(f"Request {number} can be paid from {matures_at} on: skein stake {words or f'withdraw {number}'}")


@command(stake)
def show(session: Session, operator: Operator = None) -> None:
    """A pool, what you have in it and in all others, and the withdrawals that you requested."""
    pool = operator or session.address
    state = stakes.pool_state(session.chain, pool)
    mine = withdrawals(session.chain, session.address) if session.has_account else []
    held = holdings(session.chain, session.address) if session.has_account else []
    if session.has_account and pool != session.address:
        state.amounts.update(_own_part(session, pool, held))
    document: dict[str, Any] = {
        "operator": pool,
        **{name: str(wei) for name, wei in state.amounts.items()},
        "commission": f"{state.commission:.6g}",
        "promised_until": state.promised_until,
        "holdings": [_holding_document(each) for each in held],
        "withdrawals": [
            {
                "id": each.id,
                "operator": each.operator,
                "assets": str(each.assets),
                "matures_at": each.matures_at,
                "vault": each.held_by,
            }
            for each in mine
        ],
    }
    rows = [(name.replace("_", " "), round_amount(wei)) for name, wei in state.amounts.items()]
    rows.append(("commission, %", f"{100 * state.commission:g}"))
    requests = [
        (each.id, each.operator, round_amount(each.assets), _time(each.matures_at), each.held_by or "") for each in mine
    ]
    tables: list[Table] = [(f"Pool of {pool}", ("SKEIN", ""), rows)]
    if held:
        columns = ("in the pool of", "SKEIN", "in its vault", "gained")
        tables.append((f"Staked by {session.address}", columns, [_holding_row(each) for each in held]))
    if requests:
        tables.append(("Requested withdrawals", ("request", "operator", "SKEIN", "from", "vault"), requests))
    session.show(document, *tables)
    if state.promised_until is not None:
        session.note(
            f"The operator has promised {round_amount(state.amounts['promised'])} until {_time(state.promised_until)}."
        )


def _own_part(session: Session, pool: str, held: list[Holding]) -> dict[str, int]:
    """What of a pool belongs to the account, wei by name: known already, if it ever had anything there."""
    found = next((each for each in held if each.operator == pool), None)
    if found is None:
        return stakes.own_part(session.chain, session.address, pool)
    in_vault = {} if found.in_vault is None else {"yours_in_the_vault": found.in_vault}
    return {"yours": found.staked, **in_vault}


def _holding_document(holding: Holding) -> dict[str, str]:
    amounts = {"staked": holding.staked, "in_vault": holding.in_vault or 0, "gained": holding.gained}
    return {"operator": holding.operator, **{name: str(wei) for name, wei in amounts.items()}}


def _holding_row(holding: Holding) -> tuple[str, str, str, str]:
    gained = round_amount(holding.gained, signed=True)
    return holding.operator, round_amount(holding.staked), round_amount(holding.in_vault or 0), gained


def _time(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
