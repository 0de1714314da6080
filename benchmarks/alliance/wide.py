"""The same attacks on more data and more members: `python -m benchmarks.alliance wide [DATA…] [--seconds N]`.

Every cell is written as soon as it is measured, and one that is there is not measured again: the grid can be run in
parts. What says most comes first.
"""

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from benchmarks.alliance.data import NAMES, fetch
from benchmarks.alliance.grid import COLLUDING, ROUNDS, SEEDS, foes, means
from protocol.errors import ConfigInvalid
from protocol.federated.rules import Rule
from protocol.federated.votes import Voting
from skein.attacks import ATTACKS
from skein.federation import Terms
from skein.simulate import Data, Setting, simulate

FILE = Path(__file__).parent / "results" / "wide.jsonl"
COMMITTEE = 25
PROPOSERS = {20: 10, 100: 20}  # by members
DEFENCES: dict[str, dict[str, Any]] = {
    "all": {},
    "mean": {"rule": Rule(), "vote": False, "slash": False},
    "all but focus": {"voting": Voting(focus=0)},
}


class Cell(NamedTuple):
    """One setting, without its seed."""

    data: str
    members: int
    unlike: bool
    attack: str
    attackers: float
    defence: str


def cells(names: tuple[str, ...]) -> Iterator[Cell]:
    """At 30 % first; then the other shares; `all but focus` only against backdoors."""
    attacks = [*(name for name in ATTACKS if name != "honest"), COLLUDING]
    places = list(itertools.product(PROPOSERS, names, (False, True)))
    for members, data, unlike in places:
        for defence in DEFENCES:
            yield Cell(data, members, unlike, "none", 0.0, defence)
        for attack in attacks:
            yield Cell(data, members, unlike, attack, 0.3, "all")
        yield Cell(data, members, unlike, "backdoor", 0.3, "all but focus")
    for (members, data, unlike), attack in itertools.product(places, attacks):
        yield Cell(data, members, unlike, attack, 0.3, "mean")
    for share, (members, data, unlike), attack in itertools.product((0.4, 0.2, 0.1, 0.5), places, attacks):
        yield Cell(data, members, unlike, attack, share, "all")


def measure(cell: Cell, data: Data) -> dict[str, Any]:
    """A cell's figures, means over the seeds."""
    setting = Setting(
        members=cell.members,
        rounds=ROUNDS,
        terms=Terms(rounds=ROUNDS, proposers=PROPOSERS[cell.members], committee=COMMITTEE),
        **foes(cell),
        **DEFENCES[cell.defence],
    )
    results = [simulate(replace(setting, seed=seed), data)[1] for seed in SEEDS]
    earned = [result.bad_earned for result in results if result.bad_earned is not None]
    return {**cell._asdict(), **means(results), "bad_earned": round(mean(earned), 1) if earned else None}


def known() -> list[dict[str, Any]]:
    """What was measured before."""
    if not FILE.exists():
        return []
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def run(names: tuple[str, ...] = NAMES, seconds: float = float("inf")) -> None:
    """Measure what is missing, and append it, until it is all there or the time is over."""
    ends, loaded = time.monotonic() + seconds, dict[str, Data]()
    there = {tuple(row[name] for name in Cell._fields) for row in known()}
    for cell in cells(names):
        if time.monotonic() > ends:
            return
        if cell in there:
            continue
        if cell.data not in loaded:
            loaded[cell.data] = fetch(cell.data)
        try:
            found = json.dumps(measure(cell, loaded[cell.data]))
        except ConfigInvalid:  # too few rows for so many members
            continue
        with FILE.open("a", encoding="utf-8") as file:
            file.write(found + "\n")
        print(found, flush=True)
