"""`skein account`: key files, balances, transfers."""

import sys
from typing import Annotated

import typer

from node.amounts import round_amount
from node.keys import address_in, create_keystore, import_key, read_password, require_key
from node.withdrawals import withdrawals
from wallet import stakes
from wallet.commands.options import Address, Amount, DryRun, command
from wallet.portfolio import holdings
from wallet.session import Session

account = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Key files, balances, transfers.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A name for the key file.")]


@command(account)
def new(session: Session, name: Name) -> None:
    """Make a new key and keep it in an encrypted file."""
    path = session.new_keystore(name)
    create_keystore(path, read_password(session.settings.password_file, confirm=True))
    session.show_facts(name=name, address=address_in(path), file=str(path))


@command(account, "import")
def import_(session: Session, name: Name) -> None:
    """Keep a private key that you have (typed, or on standard input) in an encrypted file."""
    path = session.new_keystore(name)
    if sys.stdin.isatty():
        key = typer.prompt("Private key (0x and 64 hexadecimal digits)", hide_input=True, err=True)
    else:
        key = sys.stdin.buffer.readline().decode(errors="replace")
    require_key(key.strip())  # before anybody thinks of a password for it
    import_key(path, key.strip(), read_password(session.settings.password_file, confirm=True))
    session.show_facts(name=name, address=address_in(path), file=str(path))


@command(account)
def show(session: Session) -> None:
    """What the account has: coin for gas, SKEIN in the wallet, in its own pool, with others, and on its way out."""
    chain, address = session.chain, session.address
    held = holdings(chain, address)
    session.show_facts(
        address=address,
        coin=chain.balance(address),
        wallet=chain.token_balance(address),
        own_stake=sum(each.staked for each in held if each.operator == address),
        delegated=sum(each.worth - (each.staked if each.operator == address else 0) for each in held),
        leaving=sum(each.assets for each in withdrawals(chain, address)),
    )


@command(account, "list")
def list_(session: Session) -> None:
    """All accounts of this computer, with what they have."""
    files = sorted(session.settings.keystores.glob("*.json"))
    found = [(path.stem, address_in(path)) for path in files]
    chain = session.chain
    rows = [
        (
            name,
            address,
            chain.balance(address),
            chain.token_balance(address),
            int(chain.call("Staking", "stakeOf", address)),
        )
        for name, address in found
    ]
    columns = ("name", "address", "coin", "wallet", "stake")
    document = [
        {name: str(value) if isinstance(value, int) else value for name, value in zip(columns, row, strict=True)}
        for row in rows
    ]
    table = [(row[0], row[1], *(round_amount(wei) for wei in row[2:])) for row in rows]
    session.show(document, ("Accounts", columns, table))


@command(account)
def send(session: Session, to: Address, amount: Amount, dry_run: DryRun = False) -> None:
    """Send SKEIN to an address."""
    session.perform(stakes.send(session.chain, session.address, to, amount), dry_run)
