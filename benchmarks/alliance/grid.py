"""What attacks do to a simulated federation under each defence: `python -m benchmarks.alliance grid [--seconds N]`.

Every run is the clients' own code (`skein.simulate`), written as soon as it is over, and one that is there is not made
again: the grid can be run in parts, and its tables (`tables`) can be made at any time. What says most comes first.
"""

import itertools
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.alliance.data import fetch
from benchmarks.alliance.reference import RoundVote
from protocol.errors import ConfigInvalid
from protocol.federated.rules import NAMES as RULES
from protocol.federated.rules import Rule
from protocol.federated.votes import Voting
from skein.attacks import ATTACKS
from skein.federation import Federation, Terms
from skein.simulate import Data, Result, Setting, simulate

FILE = Path(__file__).parent / "results" / "grid.jsonl"
SETS = "breast_cancer", "lending_club", "leaf_id_flavia", "fashion_mnist"
ROUNDS, COMMITTEE, SEEDS = 10, 25, range(5)
PROPOSERS = {20: 10, 100: 20}  # by members
COLLUDING = "colluding voters"
FOES = *(name for name in ATTACKS if name != "honest"), COLLUDING
ALL, PLAIN, ROUND_VOTE, NO_TEST = "all", "mean", "round vote", "no test"
_OPEN: dict[str, Any] = {"vote": False, "slash": False}
DEFENCES: dict[str, dict[str, Any]] = {
    **{name: {"rule": Rule(name=name), **_OPEN} for name in RULES},
    ROUND_VOTE: {"rule": Rule(), "slash": False},
    "vote": {"rule": Rule(), "slash": False},
    "vote and slash": {"rule": Rule()},
    NO_TEST: {"voting": Voting(focus=0, unseen=0)},
    ALL: {},
}
FIGURES = tuple(each.name for each in fields(Result) if each.name != "loss")


class Run(NamedTuple):
    """One simulation."""

    data: str
    members: int
    unlike: bool
    attack: str
    attackers: float
    defence: str
    seed: int


def runs() -> Iterator[Run]:
    """What the aim is about first, then more attackers and other defences, then fewer attackers and more members."""

    def of(members: int, *pairs: tuple[str, float]) -> Iterator[Run]:
        for seed, (defence, share) in itertools.product(SEEDS, pairs):
            for foe, data, unlike in itertools.product(FOES if share else ("none",), SETS, (False, True)):
                yield Run(data, members, unlike, foe, share, defence, seed)

    others = [name for name in DEFENCES if name not in (ALL, PLAIN)]
    free, aim = [(PLAIN, 0.0), (ALL, 0.0)], [(ALL, 0.3), (PLAIN, 0.3)]
    yield from of(20, *free)
    yield from of(20, *aim)
    yield from of(20, (ALL, 0.5), (ALL, 0.4), *((name, 0.3) for name in others))
    yield from of(100, *free)
    yield from of(100, *aim)
    yield from of(20, (ALL, 0.2), (ALL, 0.1))
    yield from of(100, (ALL, 0.5), (ALL, 0.4), (ALL, 0.2), (ALL, 0.1))


def setting(run: Run) -> Setting:
    """What a run is a simulation of."""
    colluding = run.attack == COLLUDING
    return Setting(
        members=run.members,
        rounds=ROUNDS,
        terms=Terms(rounds=ROUNDS, proposers=PROPOSERS[run.members], committee=COMMITTEE),
        seed=run.seed,
        attackers=run.attackers,
        attack="sign_flip" if colluding or run.attack == "none" else run.attack,
        collude=colluding,
        dirichlet=0.5 if run.unlike else None,
        **DEFENCES[run.defence],
    )


def measure(run: Run, data: Data) -> dict[str, Any]:
    """A run's figures."""
    kind = RoundVote if run.defence == ROUND_VOTE else Federation
    found = asdict(simulate(setting(run), data, kind)[1])
    return {name: round(found[name], 4) if isinstance(found[name], float) else found[name] for name in FIGURES}


def known() -> dict[Run, dict[str, Any]]:
    """What was measured before; every line of the file has a run and its figures."""
    if not FILE.exists():
        return {}
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    width = len(Run._fields)
    return {Run(*row[:width]): dict(zip(FIGURES, row[width:], strict=True)) for row in rows}


_fetched = cache(fetch)


def _measured(ends: float, run: Run) -> list[Any] | None:
    """None where there are too few rows for so many members, or the time is over."""
    if time.time() > ends:
        return None
    try:
        return [*run, *measure(run, _fetched(run.data)).values()]
    except ConfigInvalid:
        return None


def run(seconds: float = float("inf")) -> None:
    """Measure what is missing, on all processors, and append it, until it is all there or the time is over."""
    there, ends = known(), time.time() + seconds
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for found in pool.map(partial(_measured, ends), [each for each in runs() if each not in there]):
            if found is None:
                continue
            line = json.dumps(found)
            with FILE.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            print(line, flush=True)
