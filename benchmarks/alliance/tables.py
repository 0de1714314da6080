"""The README's tables, from what `results/` holds: `python -m benchmarks.alliance tables`.

A table stands between `<!-- NAME -->` and `<!-- end -->`; nothing between them is written by hand.
"""

import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.alliance.grid import ALL, DEFENCES, FOES, NO_TEST, PLAIN, PROPOSERS, SEEDS, SETS, known
from benchmarks.alliance.plot import lines as draw_lines

README = Path(__file__).with_name("README.md")
RESULTS = README.parent / "results"
DATA = {
    "digits": "digits",
    "breast_cancer": "breast masses",
    "lending_club": "loans",
    "leaf_id_flavia": "leaves",
    "fashion_mnist": "clothes",
    "wine": "wine",
    "credit_data": "credit",
    "cells": "cells",
    "mlc_churn": "customers",
}
FAILS = 0.05  # above what a trigger works without anybody planting it

Rows = Iterable[Sequence[object]]


def markdown(head: Sequence[str], rows: Rows) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _read(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _kind(data: str, unlike: bool) -> str:
    return f"{DATA[data]}, {'unlike' if unlike else 'alike'}"


def backdoor() -> str:
    """How often each trigger leads to its class, with the accuracy where voters test for it."""
    defences = "30 % tolerated", "40 % tolerated", "40 %, tested"
    rows = [
        [
            _kind(row["data"], row["unlike"]),
            row["trigger"],
            f"{100 * row['clean']:.1f}",
            *(f"{100 * row[defence]['success']:.1f}" for defence in defences),
            f"{row['clean_accuracy']:.3f}",
            f"{row['40 %, tested']['accuracy']:.3f}",
        ]
        for row in _read("backdoor")
    ]
    return markdown(["data", "trigger", "nobody", *defences, "accuracy, nobody", "accuracy, tested"], rows)


def drawn() -> str:
    """Drawn triggers, by kind of data: what the test costs without attack, and how many triggers work."""
    lines = []
    for row in _read("drawn"):
        triggers = row["triggers"]
        line = [row["part"], _kind(row["data"], row["unlike"])]
        line += [f"{row[f'free_{what}']:.3f}" for what in ("mean", "untested", "tested")]
        line.append(f"{100 * row['free_accepted']:.0f}")
        line.append(f"{mean(each['tested']['quality'] for each in triggers):.3f}")
        clean, idle = ([each[what] for each in triggers] for what in ("clean", "idle"))
        line.append(_working(idle, clean))
        line += [_working([each[what]["success"] for each in triggers], clean) for what in ("untested", "tested")]
        line.append(_working([each["tested"]["success"] for each in triggers], list(map(max, clean, idle))))
        low = [each for each in triggers if each["clean"] <= FAILS]
        line.append(f"{sum(each['tested']['success'] > FAILS for each in low)} of {len(low)}")
        line.append(f"{sum(each['tested']['honest_lost'] for each in triggers)}")
        lines.append(line)
    head = ["part", "data", "nobody, `mean`", "untested", "tested", "honest accepted, %", "attacked, tested"]
    head += ["work idle", "work untested", "work tested", "beyond idle", "led nowhere, above 5 %", "honest lost"]
    return markdown(head, lines)


def _working(successes: Sequence[float], without: Sequence[float]) -> str:
    """How many triggers lead to their class in 5 % more of the rows, and the mean by which they do, in percent."""
    above = [success - base for success, base in zip(successes, without, strict=True)]
    return f"{sum(each > FAILS for each in above)} of {len(above)}, {100 * mean(above):.1f}"


def small() -> str:
    """Small federations, by data and attack."""
    lines = [
        [
            _kind(row["data"], row["unlike"]),
            row["attack"].replace("_", " "),
            f"{row['mean']:.3f}",
            f"{row['accuracy']:.3f}",
            f"{row['honest_lost']} of {row['honest']}",
            f"{100 * row['honest_accepted']:.0f}",
            "" if row["bad_accepted"] is None else f"{100 * row['bad_accepted']:.0f}",
        ]
        for row in _read("small")
    ]
    head = ["data", "attack", "accuracy, `mean`", "with votes", "honest lost", "honest accepted, %", "bad accepted, %"]
    return markdown(head, lines)


def voter() -> str:
    """What a vote takes, in milliseconds."""
    lines = [
        [
            row["updates"],
            row["columns"],
            ", ".join(map(str, row["hidden"])) or "none",
            row["classes"],
            row["held_out"],
            *(f"{row[f'{what}_ms']:,.1f}" for what in ("variation", "losses", "shifts", "suspected")),
        ]
        for row in _read("voter")
    ]
    head = ["updates", "columns", "hidden", "classes", "rows kept aside", "once: variation", "losses", "shifts", "test"]
    return markdown(head, lines)


def flower() -> str:
    """Rounds beside Flower's simulation."""
    by_members: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _read("flower"):
        if "seconds" in row:
            by_members[row["members"]].append(row)
    lines = []
    for members, found in by_members.items():
        seconds = [f"{row['seconds']:.2f} s" for row in found]
        lines.append([members, *seconds, ", ".join(f"{row['accuracy']:.3f}" for row in found)])
    return markdown(["members", "Flower", "`skein`", "`skein simulate`, with votes", "accuracies"], lines)


def rules() -> str:
    """The same rules beside Flower's, in milliseconds."""
    lines = [
        [f"`{row['what']}`", f"{row['flower_ms']:,.0f}", f"{row['ms']:,.0f}", f"{row['flower_ms'] / row['ms']:.1f}"]
        for row in _read("flower")
        if "flower_ms" in row
    ]
    return markdown(["rule", "Flower, ms", "here, ms", "times as quick"], lines)


Cell = tuple[str, int, bool, str, float, str]
Found = dict[Cell, list[dict[str, Any]]]
Place = tuple[str, int, bool]


def _cells() -> Found:
    found: Found = defaultdict(list)
    for run, row in known().items():
        found[run[:6]].append(row)
    return found


def _places(cells: Found, members: Iterable[int]) -> list[Place]:
    return [(data, count, unlike) for count in members for data in SETS for unlike in (False, True)]


def _quality(results: Sequence[dict[str, Any]]) -> float:
    """AUC where there are two classes, else accuracy."""
    return mean(row["accuracy"] if row["auc"] is None else row["auc"] for row in results)


def _worst(cells: Found, place: Place, share: float, defence: str) -> str:
    """The least quality over the attacks, with how many of the attacks and seeds were run if not all."""
    asked = FOES if share else ("none",)
    found = [cells[(*place, attack, share, defence)] for attack in asked if (*place, attack, share, defence) in cells]
    if not found:
        return ""
    told, seeds = f"{min(map(_quality, found)):.3f}", min(map(len, found))
    lacking = [f"{len(found)} of {len(asked)} attacks"] if len(found) < len(asked) else []
    lacking += [f"{seeds} of {len(SEEDS)} seeds"] if seeds < len(SEEDS) else []
    return f"{told} ({', '.join(lacking)})" if lacking else told


def shares() -> str:
    """What the worst attack leaves of a model, by data, members and the share of attackers, with all defences."""
    cells = _cells()
    lines: list[list[object]] = []
    for place in _places(cells, PROPOSERS):
        columns = [(0.0, PLAIN), (0.0, ALL), *((share, ALL) for share in (0.1, 0.2, 0.3, 0.4, 0.5)), (0.3, PLAIN)]
        told = [_worst(cells, place, *column) for column in columns]
        if any(told):
            lines.append([_kind(place[0], place[2]), place[1], *told])
    head = ["data", "members", "nobody, `mean`", "nobody", *(f"{share} %" for share in (10, 20, 30, 40, 50))]
    return markdown([*head, "30 %, `mean`"], lines)


def chart() -> None:
    """`results/grid.svg`: what the worst attack leaves with all defences, in percent, over the share of attackers."""
    cells, at = _cells(), (0.0, 0.3, 0.4, 0.5)
    told = {
        _kind(place[0], place[2]): [_worst(cells, place, share, ALL) for share in at] for place in _places(cells, [20])
    }
    courses = {name: [100 * float(each.split()[0]) for each in row] for name, row in told.items() if all(row)}
    title = "20 members: AUC or accuracy in % under the worst attack, by % of attackers"
    draw_lines(RESULTS / "grid.svg", title, [100 * share for share in at], courses)


def defences() -> str:
    """What the worst attack of 30 % of 20 members leaves of a model under each defence."""
    cells = _cells()
    places = _places(cells, [20])
    lines = [[defence, *(_worst(cells, place, 0.3, defence) for place in places)] for defence in DEFENCES]
    return markdown(["defence", *(_kind(data, unlike) for data, _, unlike in places)], lines)


def planted() -> str:
    """How often the grid's trigger leads to its class, in percent, with nobody and with 30 % planting it."""
    cells = _cells()
    columns = [("none", 0.0, PLAIN), ("none", 0.0, ALL), *(("backdoor", 0.3, what) for what in (PLAIN, NO_TEST, ALL))]
    lines: list[list[object]] = []
    for place in _places(cells, PROPOSERS):
        found = [cells.get((*place, *column), []) for column in columns]
        if found[-1]:
            told = [f"{100 * mean(row['backdoor'] for row in rows):.1f}" if rows else "" for rows in found]
            lines.append([_kind(place[0], place[2]), place[1], len(found[-1]), *told])
    return markdown(["data", "members", "seeds", "nobody, `mean`", "nobody", "`mean`", "no test", "all"], lines)


def attacks() -> str:
    """By attack at 30 % with all defences, over all data and seeds: what it costs, what it earns, who is out."""
    cells = _cells()
    lines: list[list[object]] = []
    for members, attack in itertools.product(PROPOSERS, ("none", *FOES)):
        share = 0.3 if attack != "none" else 0.0
        rows, costs = [], {False: [0.0], True: [0.0]}
        for place in _places(cells, [members]):
            some, base = cells.get((*place, attack, share, ALL)), cells.get((*place, "none", 0.0, ALL))
            if some and base:
                costs[place[2]].append(_quality(base) - _quality(some))
                rows += some
        if rows:
            lines.append([members, attack.replace("_", " "), len(rows), *_told(rows, costs, members, share)])
    head = ["members", "attack", "runs", "costs at most, alike", "unlike", "honest lost", "honest balance"]
    return markdown([*head, "bad balance", "of it earned", "all out, after rounds", "attackers left"], lines)


def _told(rows: list[dict[str, Any]], costs: dict[bool, list[float]], members: int, share: float) -> list[str]:
    """The figures of an attack: points, members, SKEIN."""
    honest = len(rows) * round(members * (1 - share))
    told = [f"{100 * max(costs[unlike]):.1f}" if share else "" for unlike in (False, True)]
    told += [f"{sum(row['honest_lost'] for row in rows)} of {honest}", f"{mean(r['honest_balance'] for r in rows):.0f}"]
    if not share:
        return [*told, "", "", "", ""]
    told += [f"{mean(row['bad_balance'] for row in rows):.0f}", f"{mean(row['bad_earned'] for row in rows):.1f}"]
    cleaned = [row["rounds_to_clean"] for row in rows if row["rounds_to_clean"] is not None]
    told.append(f"{len(cleaned)} of {len(rows)}, {mean(cleaned):.1f}" if cleaned else f"0 of {len(rows)}")
    return [*told, f"{mean(row['bad_left'] for row in rows):.1f} of {round(members * share)}"]


TABLES = {
    "backdoor": backdoor,
    "drawn": drawn,
    "small": small,
    "voter": voter,
    "flower": flower,
    "rules": rules,
    "shares": shares,
    "defences": defences,
    "planted": planted,
    "attacks": attacks,
}


def filled(text: str) -> str:
    """The text with every table as the results have it now."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = marks.sub(lambda match, table=table: f"{match[1]}\n{table()}\n\n{match[2]}", text)
    return text


def write() -> None:
    """Fill the README in, and draw the grid."""
    chart()
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
