"""What attacks do to a simulated federation under each defence: `python -m benchmarks.alliance grid`.

Every cell is the mean over seeds of the clients' own code (`skein.simulate`); nothing is tuned to a cell.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from statistics import mean
from typing import Any, NamedTuple

from protocol.federated.rules import NAMES, Rule
from protocol.federated.votes import Voting
from skein.attacks import ATTACKS
from skein.federation import Terms
from skein.simulate import Result, Setting, load, simulate

SETS = ("digits", "breast_cancer")
SEEDS = range(5)
MEMBERS, ROUNDS = 20, 10
ROBUST = Rule(name="trimmed_mean", mix=True, clip_to_median=True)
COLLUDING = "colluding voters"


class Cell(NamedTuple):
    """One setting, without its seed."""

    data: str
    unlike: bool
    attack: str
    attackers: float
    defence: str


def defences() -> dict[str, dict[str, Any]]:
    """By name: the rule inside, whether members vote, whether votes cost stake."""
    plain: dict[str, dict[str, Any]] = {
        name: {"rule": Rule(name=name), "vote": False, "slash": False} for name in NAMES
    }
    return {
        **plain,
        "vote": {"rule": Rule(), "vote": True, "slash": False},
        "vote and slash": {"rule": Rule(), "vote": True, "slash": True},
        "all": {"rule": ROBUST, "vote": True, "slash": True},
    }


def cells() -> Iterator[Cell]:
    """All defences at 30 %; the first and the last at every other share; and no attack at all."""
    attacks = [*(name for name in ATTACKS if name != "honest"), COLLUDING]
    for data, unlike in itertools.product(SETS, (False, True)):
        for defence in defences():
            yield Cell(data, unlike, "none", 0.0, defence)
            for attack in attacks:
                yield Cell(data, unlike, attack, 0.3, defence)
        for attack, share, defence in itertools.product(attacks, (0.1, 0.2, 0.4, 0.5), ("mean", "all")):
            yield Cell(data, unlike, attack, share, defence)


def measure(cell: Cell) -> dict[str, Any]:
    """A cell's figures, means over the seeds."""
    data = load(cell.data)
    setting = Setting(
        data=cell.data,
        members=MEMBERS,
        rounds=ROUNDS,
        terms=Terms(rounds=ROUNDS),
        voting=Voting(focus=0, unseen=0),
        **foes(cell),
        **defences()[cell.defence],
    )
    results = [simulate(replace(setting, seed=seed), data)[1] for seed in SEEDS]
    return {
        **cell._asdict(),
        **means(results),
        "captured_rounds": round(mean(result.captured for result in results), 2),
    }


def foes(cell: Any) -> dict[str, Any]:
    """The parts of a setting that a cell's `attack`, `attackers` and `unlike` stand for."""
    colluding = cell.attack == COLLUDING
    return {
        "attackers": cell.attackers,
        "attack": "sign_flip" if colluding or cell.attack == "none" else cell.attack,
        "collude": colluding,
        "dirichlet": 0.5 if cell.unlike else None,
    }


def means(results: Sequence[Result]) -> dict[str, Any]:
    """What is told of every cell, over its seeds."""
    cleaned = [result.rounds_to_clean for result in results if result.rounds_to_clean is not None]
    return {
        "accuracy": round(mean(result.accuracy for result in results), 4),
        "auc": None if results[0].auc is None else round(mean(result.auc or 0.0 for result in results), 4),
        "backdoor": round(mean(result.backdoor for result in results), 4),
        "clean_runs": len(cleaned),
        "rounds_to_clean": round(mean(cleaned), 1) if cleaned else None,
        "honest_lost": round(mean(result.honest_lost for result in results), 2),
    }


def run() -> list[dict[str, Any]]:
    """All cells, on all processors."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(measure, cells(), chunksize=4))
