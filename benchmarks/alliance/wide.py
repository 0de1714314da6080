"""The same attacks on more data and more members: `python -m benchmarks.alliance wide [DATA…] [--seconds N]`.

Every run is written as soon as it is over, and one that is there is not made again: the grid can be run in parts, and
its table (`tables`) can be made at any time. What says most comes first.
"""

import itertools
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.alliance.data import NAMES, fetch
from benchmarks.alliance.grid import COLLUDING, ROUNDS, foes
from protocol.errors import ConfigInvalid
from protocol.federated.rules import Rule
from protocol.federated.votes import Voting
from skein.attacks import ATTACKS
from skein.federation import Terms
from skein.simulate import Data, Setting, simulate

FILE = Path(__file__).parent / "results" / "wide.jsonl"
COMMITTEE = 25
SEEDS = (0, 1), (2, 3, 4)  # first and later
PROPOSERS = {20: 10, 100: 20}  # by members
DEFENCES: dict[str, dict[str, Any]] = {
    "all": {},
    "mean": {"rule": Rule(), "vote": False, "slash": False},
    "no test": {"voting": Voting(focus=0, unseen=0)},
}


class Run(NamedTuple):
    """One simulation."""

    data: str
    members: int
    unlike: bool
    attack: str
    attackers: float
    defence: str
    seed: int


def runs(names: Iterable[str]) -> Iterator[Run]:
    """What the aim is about first: up to 30 %; 20 members before 100; `no test` only against backdoors."""
    attacks = [*(name for name in ATTACKS if name != "honest"), COLLUDING]
    first = [("none", 0.0, "all"), ("none", 0.0, "mean"), ("backdoor", 0.3, "no test")]
    first += [(attack, share, "all") for share in (0.3, 0.2, 0.1) for attack in attacks]
    later = [(attack, 0.3, "mean") for attack in attacks]
    later += [(attack, share, "all") for share in (0.4, 0.5) for attack in attacks]
    for seeds, chosen, members in itertools.product(SEEDS, (first, later), PROPOSERS):
        for seed, foe, data, unlike in itertools.product(seeds, chosen, names, (False, True)):
            yield Run(data, members, unlike, *foe, seed)


def measure(run: Run, data: Data) -> dict[str, Any]:
    """A run's figures."""
    setting = Setting(
        members=run.members,
        rounds=ROUNDS,
        terms=Terms(rounds=ROUNDS, proposers=PROPOSERS[run.members], committee=COMMITTEE),
        seed=run.seed,
        **foes(run),
        **DEFENCES[run.defence],
    )
    found = asdict(simulate(setting, data)[1])
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def known() -> dict[Run, dict[str, Any]]:
    """What was measured before."""
    if not FILE.exists():
        return {}
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return {Run(*(row.pop(name) for name in Run._fields)): row for row in rows}


def run(names: tuple[str, ...] = NAMES, seconds: float = float("inf")) -> None:
    """Measure what is missing, and append it, until it is all there or the time is over."""
    ends, loaded, there = time.monotonic() + seconds, dict[str, Data](), known()
    for each in runs(names):
        if time.monotonic() > ends:
            return
        if each in there:
            continue
        if each.data not in loaded:
            loaded[each.data] = fetch(each.data)
        try:
            found = json.dumps({**each._asdict(), **measure(each, loaded[each.data])})
        except ConfigInvalid:  # too few rows for so many members
            continue
        with FILE.open("a", encoding="utf-8") as file:
            file.write(found + "\n")
        print(found, flush=True)
