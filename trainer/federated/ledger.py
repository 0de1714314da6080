"""What a member has spent of its privacy: one entry for every update that it made, in its journal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from node.journal import Journal
from protocol.errors import ConfigInvalid
from protocol.federated.spec import Privacy
from trainer.federated.privacy import Spent, allow, cost_of_round, epsilon


@dataclass
class PrivacyLedger:
    """The ledger of one member in one federation; `budget` is its own limit of ε, if it has one."""

    privacy: Privacy
    journal: Journal
    key: str
    facts: Mapping[str, Any]
    budget: float | None = None

    @property
    def rounds(self) -> list[dict[str, Any]]:
        """The entries: "round", "spent", and "epsilon" after it."""
        return list((self.journal.recall(self.key) or {}).get("rounds", []))

    @property
    def spent(self) -> list[Spent]:
        """All releases so far."""
        return [Spent(*entry["spent"]) for entry in self.rounds]

    def has(self, round_id: int) -> bool:
        """Whether the round is paid for already: making the same update again costs nothing."""
        return any(entry["round"] == round_id for entry in self.rounds)

    def following(self) -> Spent:
        """What one more round releases. ConfigInvalid where the member's code does not say enough."""
        if self.privacy.method == "dp_sgd" and self.facts.get("privacy") != "dp_sgd":
            raise ConfigInvalid(
                "This federation asks for DP-SGD, which data with code of their own must do themselves: describe() "
                'then says "privacy": "dp_sgd", and "rows", "batch_size" and "epochs".'
            )
        rows = int(self.facts.get("rows", 1))
        return cost_of_round(self.privacy, rows, int(self.facts.get("batch_size", 1)), int(self.facts.get("epochs", 1)))

    def allow(self) -> float:
        """ε after one more round; BudgetExceeded if that is too much."""
        return allow(self.privacy, self.spent, self.following(), self.budget)

    def pay(self, round_id: int) -> float:
        """Enter a round; ε after it."""
        after = self.allow()
        self._enter(round_id, after)
        return after

    def recover(self, committed: Iterable[int]) -> list[int]:
        """Enter what the chain knows of and a lost journal does not, at what a round costs now; the rounds entered."""
        lost = sorted(number for number in set(committed) if not self.has(number))
        for number in lost:
            self._enter(number, epsilon([*self.spent, self.following()], 10.0**-self.privacy.delta))
        return lost

    def _enter(self, round_id: int, after: float) -> None:
        entry = {"round": round_id, "spent": list(self.following()), "epsilon": after}
        self.journal.remember(self.key, {"delta": self.privacy.delta, "rounds": [*self.rounds, entry]})


def table(entries: Sequence[Mapping[str, Any]], delta: int) -> list[tuple[int, float, float, int, float]]:
    """Round, noise over clip, sampling rate, steps, ε of all rounds up to it."""
    spent = [Spent(*entry["spent"]) for entry in entries]
    return [
        (int(entry["round"]), *spent[at], epsilon(spent[: at + 1], 10.0**-delta)) for at, entry in enumerate(entries)
    ]
