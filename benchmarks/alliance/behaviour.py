"""The published behaviour: `python -m benchmarks.alliance behaviour`.

10 members with 64 SKEIN each, 200 rounds, a share of them poisoning by flipped labels and voting against the honest.
"""

from dataclasses import replace
from statistics import mean
from typing import Any

from protocol.federated.settlement import WAD
from skein.federation import Terms
from skein.simulate import Setting, build, load

PUBLISHED = {0.1: (65.4, 51.0), 0.2: (67.2, 51.1), 0.3: (76.3, 35.2), 0.4: (84.0, 38.2)}
SEEDS = range(5)
EVERY = 20


def run() -> list[dict[str, Any]]:
    """Per share of attackers the final balances, and their course."""
    data, found = load("digits"), []
    for share, (honest, bad) in PUBLISHED.items():
        terms = Terms(bounty=100 * WAD, floor=0, rounds=200, proposers=4, committee=6)
        setting = Setting(members=10, attackers=share, attack="label_flip", collude=True, rounds=200, terms=terms)
        finals: dict[bool, list[float]] = {True: [], False: []}
        courses: dict[bool, list[list[float]]] = {True: [], False: []}
        for seed in SEEDS:
            federation, _ = build(replace(setting, seed=seed), data)
            course: dict[bool, list[float]] = {True: [], False: []}
            for _ in range(setting.rounds // EVERY):
                federation.run(EVERY)
                for kind, points in course.items():
                    points.append(mean(m.balance for m in federation.members if m.bad == kind) / WAD)
            for kind in (True, False):
                finals[kind].append(course[kind][-1])
                courses[kind].append(course[kind])
        found.append(
            {
                "attackers": share,
                "honest": round(mean(finals[False]), 1),
                "bad": round(mean(finals[True]), 1),
                "published_honest": honest,
                "published_bad": bad,
                "honest_course": [round(mean(points), 1) for points in zip(*courses[False], strict=True)],
                "bad_course": [round(mean(points), 1) for points in zip(*courses[True], strict=True)],
            }
        )
    return found
