"""Who takes part in the demonstration: accounts, key files, stakes, and how each program is set."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from node.keys import create_keystore
from protocol.chain import Chain
from skein.localnet import Localnet, treasury
from wallet import stakes
from wallet.actions import Action, Call, carry_out

if TYPE_CHECKING:  # it takes a second to import, and most commands need no key
    from eth_account.signers.local import LocalAccount

SKEIN = 10**18
GAS_MONEY = 100 * 10**18  # of the local chain's own coin
PASSWORD = "demo"
# A key of a chain that is gone in minutes needs no slow password.
_KEYSTORE_WORK = 2


@dataclass(frozen=True)
class Role:
    """A participant before it has an account. `cheat` says what it does wrong; `settings` are its program's own."""

    name: str
    program: tuple[str, ...]
    about: str
    stake: int = 0
    cheat: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def trainer(name: str, about: str, **settings: str) -> Role:
    chosen = {f"TRAINER_{key.upper()}": value for key, value in settings.items()}
    return Role(f"trainer-{name}", ("skein", "trainer", "run"), about, 1000, settings=chosen)


def validator(number: int, stake: int) -> Role:
    return Role(f"validator-{number}", ("skein", "validator", "run"), "evaluates what it is drawn for", stake)


COPIED = "trainer-careful"
ROLES = (
    Role("creator", ("skein", "task", "watch"), "pays for two tasks and releases the keys of their held-out sets"),
    trainer("careful", "trains long, with little regularisation", epochs="120", learning_rate="0.003"),
    trainer("steady", "strong weight decay and dropout", epochs="60", weight_decay="0.05", dropout="0.2"),
    trainer("bold", "a high learning rate, large batches", epochs="40", learning_rate="0.02", batch_size="128"),
    trainer("hasty", "stops after a few steps", epochs="2", learning_rate="0.001"),
    Role("copier", ("skein.cheats", "copier"), "submits somebody else's model", 1000, "duplicate"),
    validator(1, 800),
    validator(2, 900),
    validator(3, 1000),
    Role("inventor", ("skein.cheats", "inventor"), "invents scores", 700, "deviating"),
    Role("mute", ("skein.cheats", "mute"), "commits to scores and never reveals them", 600, "silent"),
    Role("delegator-1", (), "delegates 500 SKEIN to trainer-careful"),
    Role("delegator-2", (), "delegates 500 SKEIN to validator-3"),
)
DELEGATIONS = {"delegator-1": (COPIED, 500), "delegator-2": ("validator-3", 500)}
COMMISSION = SKEIN // 10  # WAD; of the operators that take delegations
FUNDS = {"creator": 5000, "delegator-1": 1000, "delegator-2": 1000}
OPERATOR_FUNDS = 1500


@dataclass(frozen=True)
class Actor:
    """A participant with its account and its own directory."""

    role: Role
    account: "LocalAccount"
    home: Path

    @property
    def name(self) -> str:
        return self.role.name

    @property
    def address(self) -> str:
        return str(self.account.address)

    @property
    def keystore(self) -> Path:
        return self.home / "key.json"

    @property
    def is_operator(self) -> bool:
        return self.role.stake > 0


class Cast:
    """All actors, by name and by address."""

    def __init__(self, network: Localnet) -> None:
        self.network = network
        self.actors = [self._engage(role) for role in ROLES]
        self._by_address = {actor.address: actor for actor in self.actors}

    def _engage(self, role: Role) -> Actor:
        home = self.network.directory / role.name
        home.mkdir()
        account = create_keystore(home / "key.json", PASSWORD, _KEYSTORE_WORK)
        (home / "password").write_text(PASSWORD)
        return Actor(role, account, home)

    def __iter__(self) -> Iterator[Actor]:
        return iter(self.actors)

    def __getitem__(self, name: str) -> Actor:
        return next(actor for actor in self.actors if actor.name == name)

    def name_of(self, address: str) -> str:
        """The actor's name, or what else lives at the address."""
        actor = self._by_address.get(address)
        return actor.name if actor else self.network.name_of(address)

    # --- money

    def fund(self) -> None:
        """Give everybody SKEIN, and coin for gas."""
        chain = self.network.chain(treasury())
        for actor in self.actors:
            self.network.rpc("anvil_setBalance", actor.address, hex(GAS_MONEY))
            amount = FUNDS.get(actor.name, OPERATOR_FUNDS) * SKEIN
            chain.send("SkeinToken", "transfer", actor.address, amount)

    def stake(self) -> None:
        """Operators deposit, those with delegators announce a commission, delegators delegate."""
        for actor in filter(lambda actor: actor.is_operator, self.actors):
            self._do(actor, stakes.deposit(self._reading, actor.address, actor.address, actor.role.stake * SKEIN))
        for name, (operator, amount) in DELEGATIONS.items():
            announcement = Call("announce a commission", "Staking", "setCommission", (COMMISSION,))
            self._do(self[operator], Action((announcement,)))
            funder = self[name]
            self._do(funder, stakes.deposit(self._reading, funder.address, self[operator].address, amount * SKEIN))

    @property
    def _reading(self) -> Chain:
        return self.network.chain()

    def _do(self, actor: Actor, action: Action) -> None:
        carry_out(self.network.chain(actor.account), action)

    # --- programs

    def start(self) -> None:
        """Run every actor's program as a process of its own."""
        for actor in self.actors:
            if actor.role.program:
                self.network.start_program(actor.name, actor.role.program, self.environment(actor))

    def is_ready(self) -> bool:
        """Whether every program has begun to follow the chain."""
        logs = (self.network.supervisor.processes[actor.name].log for actor in self if actor.role.program)
        return all("Started the" in log.read_text(errors="replace") for log in logs)

    def environment(self, actor: Actor) -> dict[str, str]:
        """What an actor's program is told: network, key, home, its own settings."""
        common = {
            "SKEIN_KEYSTORE": str(actor.keystore),
            "SKEIN_PASSWORD_FILE": str(actor.home / "password"),
            "SKEIN_HOME": str(actor.home),
            "SKEIN_POLL_SECONDS": "1",
            "SKEIN_CONFIRMATIONS": "40",
            # Many processes share this machine's cores; none should take all.
            "OMP_NUM_THREADS": "1",
            "TRAINER_WORKERS": "1",
            **{f"{kind}_SPREAD_SECONDS": "2" for kind in ("TRAINER", "VALIDATOR")},
            **{f"{kind}_MIN_WINDOW_SECONDS": "1" for kind in ("TRAINER", "VALIDATOR")},
        }
        if actor.role.cheat == "duplicate":  # it has got hold of another trainer's files, and is in a hurry
            victim = self[COPIED]
            common |= {"TRAINER_LEAK": str(victim.home), "TRAINER_VICTIM": victim.address, "SKEIN_POLL_SECONDS": "0.5"}
        return {**self.network.addresses.environment, **common, **actor.role.settings}
