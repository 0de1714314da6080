"""Federations of 4 to 9 members, of whom 1 to 3 propose: `python -m benchmarks.alliance small`.

There is next to nothing to compare an update with, and a voter has many rows or few: who loses stake by mistake?
"""

import itertools
from statistics import mean
from typing import Any

from protocol.federated.rules import Rule
from skein.federation import Terms
from skein.simulate import Setting, load, simulate

SETS = "breast_cancer", "digits", "wine"
SIZES = (4, 1), (6, 2), (9, 3)  # members, proposers
SEEDS, ROUNDS, SHARE = range(700, 704), 10, 0.25


def row(name: str, unlike: bool, attack: str) -> dict[str, Any]:
    """One kind of data and of attackers, over sizes and seeds; `mean`: the accuracy of the mean without votes."""
    data, accuracies, plain = load(name), [], []
    honest = lost = 0
    accepted: dict[bool, list[int]] = {True: [], False: []}
    for (members, proposers), seed in itertools.product(SIZES, SEEDS):
        options: dict[str, Any] = {
            "members": members,
            "rounds": ROUNDS,
            "seed": seed,
            "dirichlet": 0.5 if unlike else None,
            "terms": Terms(rounds=ROUNDS, proposers=proposers),
        }
        if attack != "none":
            options |= {"attackers": SHARE, "attack": attack}
        federation, result = simulate(Setting(**options), data)
        accuracies.append(result.accuracy)
        plain.append(simulate(Setting(rule=Rule(), vote=False, slash=False, **options), data)[1].accuracy)
        honest += sum(not member.bad for member in federation.members)
        lost += result.honest_lost
        for happened in federation.history:
            for slot, number in enumerate(happened.proposers):
                accepted[federation.members[number].bad].append(happened.verdict.accepted >> slot & 1)
    return {
        "data": name,
        "unlike": unlike,
        "attack": attack,
        "mean": round(mean(plain), 4),
        "accuracy": round(mean(accuracies), 4),
        "honest": honest,
        "honest_lost": lost,
        "honest_accepted": round(mean(accepted[False]), 3),
        "bad_accepted": round(mean(accepted[True]), 3) if accepted[True] else None,
    }


def run() -> list[dict[str, Any]]:
    """All kinds."""
    return [row(*place) for place in itertools.product(SETS, (False, True), ("none", "label_flip", "sign_flip"))]
