"""What the demonstration found, as a document and as tables, and what must have come out."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from node.amounts import format_amount, round_amount
from node.output import Output
from protocol.encoding import score_value
from skein.audit import Check, GasUse, Wealth
from skein.cast import DELEGATIONS, ROLES
from skein.winners import Evaluation

CHEATS = {role.name: role.cheat for role in ROLES if role.cheat}


@dataclass(frozen=True)
class Result:
    """The demonstration's findings; `leaderboards` are the API's submissions by task, `names` the actors by address."""

    names: Mapping[str, str]
    titles: Mapping[int, str]
    api_url: str
    block: int
    tasks: list[dict[str, Any]]
    leaderboards: Mapping[int, list[dict[str, Any]]]
    winners: Mapping[int, Evaluation]
    slashes: list[dict[str, Any]]
    before: Mapping[str, Wealth]
    after: Mapping[str, Wealth]
    gas: list[GasUse]
    checks: list[Check]
    differences: str | None
    first_reward_seconds: float
    seconds: float

    # --- what must have come out

    def failures(self) -> list[str]:
        """What did not come out as it must, in sentences; empty if all did."""
        return [*self._task_failures(), *self._slash_failures(), *self._sum_failures()]

    def _task_failures(self) -> Iterator[str]:
        for task in self.tasks:
            if task["outcome"] != "settled":
                yield f"Task {task['id']} ended as {task['outcome']}."
            winner = self.winners.get(task["id"])
            if winner and abs(winner.ours - winner.consensus) > task["tolerance"]:
                yield f"The winner of task {task['id']} scores {winner.ours} here, the consensus is {winner.consensus}."
            for entry in self.leaderboards[task["id"]]:
                expected = "duplicate" if CHEATS.get(self._name(entry["trainer"])) else "scored"
                if entry["state"] != expected:
                    yield f"Model {entry['id']} of task {task['id']} is {entry['state']}, not {expected}."

    def _slash_failures(self) -> Iterator[str]:
        slashed = {(self._name(each["operator"]), each["task_id"], each["reason"]) for each in self.slashes}
        for name, reason in CHEATS.items():
            for task in self.tasks:
                if (name, task["id"], reason) not in slashed:
                    yield f"{name} was not slashed as {reason} in task {task['id']}."
        for name, task_id, reason in sorted(slashed):
            if CHEATS.get(name) != reason:
                yield f"{name} was slashed as {reason} in task {task_id}, and should not have been."

    def _sum_failures(self) -> Iterator[str]:
        for check in self.checks:
            if not check.holds:
                yield f"The books do not add up ({check.what}): {check.expected} is not {check.actual}."
        if self.differences:
            yield f"The index differs from the chain: {self.differences}"
        for name in DELEGATIONS:
            if self.after[name].total <= self.before[name].total:
                yield f"{name} earned nothing."

    def _name(self, address: str) -> str:
        return self.names.get(address, address)

    # --- as a document

    def document(self) -> dict[str, Any]:
        """Everything as JSON; amounts in wei as decimal strings, scores as value × 1e9."""
        return {
            "api": self.api_url,
            "block": self.block,
            "seconds": round(self.seconds, 1),
            "seconds_to_first_reward": round(self.first_reward_seconds, 1),
            "tasks": [self._task_document(task) for task in self.tasks],
            "accounts": [self._account_document(address) for address in self.names],
            "slashes": [self._slash_document(each) for each in self.slashes],
            "gas": [asdict(each) for each in self.gas],
            "checks": [
                {"what": each.what, "expected": str(each.expected), "actual": str(each.actual), "holds": each.holds}
                for each in self.checks
            ],
            "index_equals_chain": self.differences is None,
            "failures": self.failures(),
        }

    def _task_document(self, task: dict[str, Any]) -> dict[str, Any]:
        keys = ("id", "outcome", "bounty", "bond", "emission", "slashed", "trainer_pot", "validator_pot", "creator_pot")
        board = [{**entry, "name": self._name(entry["trainer"])} for entry in self.ranked(task["id"])]
        winner = self.winners.get(task["id"])
        more = {"title": self.titles[task["id"]], "winner": asdict(winner) if winner else None, "board": board}
        return {**{key: task[key] for key in keys}, **more}

    def _account_document(self, address: str) -> dict[str, Any]:
        name = self.names[address]
        sides = {
            side: {**{key: str(value) for key, value in asdict(wealth).items()}, "total": str(wealth.total)}
            for side, wealth in (("before", self.before[name]), ("after", self.after[name]))
        }
        return {"name": name, "address": address, **sides}

    def _slash_document(self, slash: dict[str, Any]) -> dict[str, Any]:
        keys = ("operator", "task_id", "submission_id", "assets", "reason", "transaction_hash")
        return {"name": self._name(slash["operator"]), **{key: slash[key] for key in keys}}

    def ranked(self, task_id: int) -> list[dict[str, Any]]:
        """The submissions, the best first, those without a rank at the end."""
        return sorted(self.leaderboards[task_id], key=lambda entry: (entry["rank"] or 10**9, entry["id"]))

    # --- for people

    def show(self, output: Output) -> None:
        """Tables, then the last lines."""
        for task in self.tasks:
            self._show_task(output, task)
        self._show_accounts(output)
        self._show_slashes(output)
        rows = [(each.kind, each.count, f"{each.least:,}", f"{each.mean:,}", f"{each.most:,}") for each in self.gas]
        output.table("\nGas by kind of transaction", ("transaction", "sent", "least", "mean", "most"), rows)
        sums = [
            (each.what, format_amount(each.expected), "=" if each.holds else "≠", format_amount(each.actual))
            for each in self._sums()
        ]
        output.table("\nSums in SKEIN, to the last wei", ("", "", "", ""), sums)
        output.line(self._told_of_the_index())

    def _told_of_the_index(self) -> str:
        accounts = sum(each.what.endswith("API = chain") for each in self.checks)
        return f"The API gives {accounts} accounts exactly what the chain gives them, and every other figure as well."

    def _sums(self) -> list[Check]:
        return [each for each in self.checks if not (each.holds and each.what.endswith("API = chain"))]

    def _show_task(self, output: Output, task: dict[str, Any]) -> None:
        rows = [
            (
                entry["rank"] or "–",
                self._name(entry["trainer"]),
                entry["state"],
                f"{score_value(entry['score']):.4f}" if entry["score"] is not None else "–",
                round_amount(int(entry["stake"]), 0),
                round_amount(int(entry["slashed"]), 2),
                round_amount(int(entry["reward"]), 2),
            )
            for entry in self.ranked(task["id"])
        ]
        bounty, emission = (round_amount(int(task[key]), digits) for key, digits in (("bounty", 0), ("emission", 2)))
        title = f"\nTask {task['id']}: {self.titles[task['id']]} Bounty {bounty} + {emission} SKEIN emitted"
        output.table(title, ("rank", "trainer", "state", "accuracy", "stake", "slashed", "reward"), rows)
        winner = self.winners.get(task["id"])
        if winner is None:
            return
        output.line(
            f"The winner {winner.digest[:18]}…, fetched and evaluated again on the {winner.samples} held-out samples: "
            f"accuracy {score_value(winner.ours):.6f}; consensus on chain: {score_value(winner.consensus):.6f}."
        )

    def _show_accounts(self, output: Output) -> None:
        rows = []
        for name, before in self.before.items():
            after = self.after[name]
            figures = (before.total, after.wallet, after.own, after.delegated, after.total)
            change = round_amount(after.total - before.total, 4, signed=True)
            rows.append((name, *(round_amount(figure, 2) for figure in figures), change))
        columns = ("SKEIN of", "before", "wallet", "staked", "delegated", "after", "change")
        output.table("\nWho had what, before and after", columns, rows)

    def _show_slashes(self, output: Output) -> None:
        rows = [
            (
                self._name(each["operator"]),
                each["task_id"],
                each["submission_id"],
                each["reason"],
                round_amount(int(each["assets"]), 4),
            )
            for each in self.slashes
        ]
        output.table("\nWhat was slashed, and why", ("who", "task", "model", "reason", "SKEIN"), rows)
