"""One run of a command: settings, the chain, the account, and how results are shown."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from rich.console import Console

from node.amounts import format_amount
from node.keys import address_in, load_keystore, read_password
from node.output import Output
from protocol.chain import Chain
from protocol.configuration import expanded, refuse_unknown_settings
from protocol.errors import ConfigInvalid
from protocol.store import StoreChain, open_store
from wallet.actions import Action, Change, Outcome, carry_out
from wallet.settings import WalletSettings
from wallet.simulation import preview
from wallet.units import SKEIN

# title, columns, rows
Table = tuple[str, Sequence[str], Sequence[Sequence[Any]]]


class Session:
    """Opens what it needs when it is needed: a command that only reads asks for no password."""

    def __init__(self, settings: WalletSettings, account: str | None, output: Output) -> None:
        self.settings = settings
        self.output = output
        self._chosen = account

    @classmethod
    def open(cls, account: str | None, as_json: bool, **options: Any) -> Self:
        """From the shared options of the command line; those that were not given come from the environment."""
        refuse_unknown_settings(WalletSettings)
        return cls(WalletSettings.read(**options), account, Output(as_json))

    @cached_property
    def chain(self) -> Chain:
        """The network, for reading."""
        return self.settings.chain(None)

    @cached_property
    def store(self) -> StoreChain:
        """Where artifacts are read and written."""
        return open_store(self.settings.store)

    @cached_property
    def keystore(self) -> Path:
        """The chosen key file: --account, else SKEIN_KEYSTORE, else the only one there is."""
        if self._chosen:
            return self._named(self._chosen)
        if self.settings.keystore:
            return expanded(self.settings.keystore)
        found = sorted(self.settings.keystores.glob("*.json"))
        if len(found) == 1:
            return found[0]
        if not found:
            raise ConfigInvalid("There is no account yet: make one with `skein account new NAME`.")
        raise ConfigInvalid(f"Choose an account with --account: {', '.join(path.stem for path in found)}.")

    def _named(self, name: str) -> Path:
        for path in (self.settings.keystores / f"{name}.json", Path(name)):
            if path.is_file():
                return path
        raise ConfigInvalid(f"There is no account {name}: `skein account list` shows those there are.")

    @cached_property
    def address(self) -> str:
        """The chosen account's address, as its key file says; needs no password."""
        return address_in(self.keystore)

    @property
    def has_account(self) -> bool:
        """Whether it is clear which account is meant: reading commands do without one."""
        return bool(self._chosen or self.settings.keystore or len(list(self.settings.keystores.glob("*.json"))) == 1)

    def new_keystore(self, name: str) -> Path:
        """Where the key of a new account goes; ConfigInvalid for a name that is taken or no file name."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise ConfigInvalid(f"{name!r} cannot be a name: use letters, digits, - and _.")
        path = self.settings.keystores / f"{name}.json"
        if path.exists():
            raise ConfigInvalid(f"There is an account {name} already: {path}.")
        return path

    @cached_property
    def signer(self) -> Chain:
        """The network, for the chosen account; asks for its password."""
        account = load_keystore(self.keystore, read_password(self.settings.password_file))
        return self.settings.chain(account)

    # --- acting and showing

    def perform(self, action: Action, dry_run: bool, **facts: Any) -> Outcome:
        """Simulate or send an action and show what it does; `facts` are shown beside."""
        outcome = preview(self.chain, self.address, action) if dry_run else self.send(action)
        self.show_outcome(outcome, facts)
        return outcome

    def send(self, action: Action) -> Outcome:
        """Send an action, telling on the terminal what is waited for."""
        signer = self.signer  # may ask for a password, which a status line would hide
        with self.doing("sending") as tell:
            return carry_out(signer, action, tell)

    @contextmanager
    def doing(self, what: str) -> Iterator[Callable[[str], None]]:
        """A line on standard error while something takes its time, where that is a terminal."""
        console = Console(stderr=True)
        with console.status(f"{what} …") if console.is_terminal else nullcontext() as status:
            yield lambda text: status.update(f"{text} …") if status else None

    def show_outcome(self, outcome: Outcome, facts: Mapping[str, Any]) -> None:
        """The steps with their gas, the figures before and after."""
        if self.output.json:
            self.output.record({**_outcome_document(outcome), **facts})
            return
        if outcome.simulated:
            self.output.line("Dry run: nothing was sent. It would do this:")
        steps = [(step.what, f"{step.gas_used:,}", step.transaction_hash or "–") for step in outcome.steps]
        self.output.table("", ("step", "gas", "transaction"), steps)
        for unit in dict.fromkeys(change.unit for change in outcome.changes):
            changes = [_change_row(change) for change in outcome.changes if change.unit == unit]
            self.output.table("", (unit.symbol, "before", "after", "change"), changes)
        self.output.line(f"Gas: {outcome.gas_used:,}, fee {format_amount(outcome.fee)} of the chain's own coin.")
        for name, value in facts.items():
            self.output.line(f"{name.replace('_', ' ').capitalize()}: {value}")

    def note(self, text: str) -> None:
        """A hint for people."""
        if not self.output.json:
            self.output.line(text)

    def show_facts(self, **facts: Any) -> None:
        """Named values; integers are amounts in wei."""
        if self.output.json:
            self.output.record({name: str(value) for name, value in facts.items()})
            return
        rows = [(name.replace("_", " "), format_amount(v) if isinstance(v, int) else v) for name, v in facts.items()]
        self.output.table("", ("", ""), rows)

    def show(self, document: Mapping[str, Any] | Sequence[Any], *tables: Table) -> None:
        """The document as JSON, or the tables (title, columns, rows) for people."""
        if self.output.json:
            self.output.line(json.dumps(document, indent=2))
            return
        for title, columns, rows in tables:
            self.output.table(title, columns, rows)


def _change_row(change: Change) -> tuple[str, str, str, str]:
    moved, unit = change.after - change.before, change.unit
    return (
        change.label,
        unit.round(change.before),
        unit.round(change.after),
        unit.round(moved, signed=True) if moved else "–",
    )


def _change_document(change: Change) -> dict[str, Any]:
    """`token` and `decimals` where it is not SKEIN."""
    document: dict[str, Any] = {
        "figure": change.label,
        "before": str(change.before),
        "after": str(change.after),
    }
    if change.unit != SKEIN:
        document |= {"token": change.unit.address, "symbol": change.unit.symbol, "decimals": change.unit.decimals}
    return document


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    return {
        "simulated": outcome.simulated,
        "steps": [
            {"what": step.what, "gas_used": step.gas_used, "transaction": step.transaction_hash}
            for step in outcome.steps
        ],
        "changes": [_change_document(change) for change in outcome.changes],
        "gas_used": outcome.gas_used,
        "fee": str(outcome.fee),
    }
