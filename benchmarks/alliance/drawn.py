"""Drawn triggers against the voters' test for backdoors: `python -m benchmarks.alliance drawn`.

The test's defaults were chosen by the part `chosen on`; `held out` has other data, other seeds and other triggers.

Two models tell how often a trigger leads to its class without any backdoor: `clean`, which nobody attacked, and `idle`,
where the attackers send nothing and are declined, as by a test that knows who they are.
"""

import itertools
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from statistics import mean
from typing import Any, NamedTuple

from benchmarks.alliance.data import fetch
from benchmarks.alliance.triggers import draw, play, success
from protocol.federated.rules import Rule
from protocol.federated.votes import Voting
from skein.attacks import Attack
from skein.federation import Federation, Terms
from skein.simulate import Result, Setting

ROUNDS, SHARE = 10, 0.3
UNTESTED: dict[str, Any] = {"voting": Voting(focus=0, unseen=0)}
IDLE = Attack(forge=lambda change, _: 0 * change)


class Part(NamedTuple):
    """Which data, and which seeds of simulations and of triggers."""

    data: tuple[str, ...]
    seeds: range
    triggers: range


PARTS = {
    "chosen on": Part(("digits", "breast_cancer", "leaf_id_flavia", "credit_data"), range(900, 908), range(8000, 8020)),
    "held out": Part(("lending_club", "fashion_mnist", "cells", "mlc_churn"), range(7700, 7708), range(47_000, 47_020)),
}


def quality(result: Result) -> float:
    """AUC where there are two classes, else accuracy."""
    return result.accuracy if result.auc is None else result.auc


def accepted(federation: Federation, bad: bool) -> float:
    """The part of the updates of the good or of the bad that were accepted."""
    found = [
        happened.verdict.accepted >> slot & 1
        for happened in federation.history
        for slot, number in enumerate(happened.proposers)
        if federation.members[number].bad == bad
    ]
    return mean(found) if found else 0.0


def row(part: str, name: str, unlike: bool) -> dict[str, Any]:
    """One kind of data: without attack by `mean`, untested and tested; then every trigger, untested and tested.

    `success`: how often the trigger leads to its class.
    """
    chosen, data = PARTS[part], fetch(name)
    basic = Setting(rounds=ROUNDS, terms=Terms(rounds=ROUNDS), dirichlet=0.5 if unlike else None)
    plain = {"rule": Rule(), "vote": False, "slash": False}
    settings = [replace(basic, seed=seed) for seed in chosen.seeds]
    free = {
        what: [play(replace(setting, **options), data) for setting in settings]
        for what, options in {"mean": plain, "untested": UNTESTED, "tested": {}}.items()
    }
    idle = [play(replace(setting, attackers=SHARE, **UNTESTED), data, IDLE) for setting in settings]
    found: dict[str, Any] = {"part": part, "data": name, "unlike": unlike}
    found |= {f"free_{what}": round(mean(quality(each[2]) for each in each_of), 4) for what, each_of in free.items()}
    found["free_accepted"] = round(mean(accepted(each[0], False) for each in free["tested"]), 3)
    found["triggers"] = []
    for at, seed in enumerate(chosen.triggers):
        trigger, place = draw(seed, data), at % len(settings)
        line: dict[str, Any] = {"trigger": trigger.name, "rows": trigger.rows, "own": trigger.own}
        line |= {"parts": trigger.parts, "clean": round(success(*free["untested"][place][:2], trigger), 4)}
        line["idle"] = round(success(*idle[place][:2], trigger), 4)
        for what, options in {"untested": UNTESTED, "tested": {}}.items():
            federation, test, result = play(
                replace(settings[place], attackers=SHARE, **options), data, trigger.attack()
            )
            line[what] = {
                "success": round(success(federation, test, trigger), 4),
                "quality": round(quality(result), 4),
                "honest_accepted": round(accepted(federation, False), 3),
                "bad_accepted": round(accepted(federation, True), 3),
                "honest_lost": result.honest_lost,
            }
        found["triggers"].append(line)
    return found


def run() -> list[dict[str, Any]]:
    """Both parts, on all processors."""
    places = [(part, *place) for part in PARTS for place in itertools.product(PARTS[part].data, (False, True))]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(row, *zip(*places, strict=True)))
