"""The README's tables, from what `results/` holds: `python -m benchmarks.alliance tables`.

A table stands between `<!-- NAME -->` and `<!-- end -->`; nothing between them is written by hand.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.alliance.wide import Run, known

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
        line = [row["part"], _kind(row["data"], row["unlike"])]
        line += [f"{row[f'free_{what}']:.3f}" for what in ("mean", "untested", "tested")]
        line.append(f"{100 * row['free_accepted']:.0f}")
        line.append(f"{mean(each['tested']['quality'] for each in row['triggers']):.3f}")
        for what in ("untested", "tested"):
            works = [each[what]["works"] for each in row["triggers"]]
            line.append(f"{sum(each > FAILS for each in works)} of {len(works)}, {100 * mean(works):.1f}")
        line.append(f"{sum(each['tested']['honest_lost'] for each in row['triggers'])}")
        lines.append(line)
    head = ["part", "data", "nobody, `mean`", "untested", "tested", "honest accepted, %", "attacked, tested"]
    return markdown([*head, "work untested, % on average", "work tested", "honest lost"], lines)


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


Found = dict[tuple[str, int, bool, str, float, str], list[dict[str, Any]]]


def _cells() -> Found:
    found: Found = defaultdict(list)
    for run, row in known().items():
        found[run[: Run._fields.index("seed")]].append(row)
    return found


def _quality(results: Sequence[dict[str, Any]]) -> float:
    """AUC where there are two classes, else accuracy."""
    return mean(row["accuracy"] if row["auc"] is None else row["auc"] for row in results)


def wide() -> str:
    """What each attack leaves of a model, by data, members and the share of attackers, with all defences."""
    cells = _cells()
    lines = []
    for data, members, unlike in dict.fromkeys((key[0], key[1], key[2]) for key in sorted(cells)):
        place = data, members, unlike
        line: list[object] = [_kind(data, unlike), members]
        line += [_worst(cells, place, 0.0, "mean"), _worst(cells, place, 0.0, "all")]
        line += [_worst(cells, place, share, "all") for share in (0.1, 0.2, 0.3, 0.4, 0.5)]
        lines.append([*line, _worst(cells, place, 0.3, "mean")])
    shares = [f"{share} %" for share in (10, 20, 30, 40, 50)]
    return markdown(["data", "members", "nobody, `mean`", "nobody", *shares, "30 %, `mean`"], lines)


def _worst(cells: Found, place: tuple[str, int, bool], share: float, defence: str) -> str:
    """The least quality over the attacks; of how many, if not of all nine."""
    found = {key[3]: rows for key, rows in cells.items() if key[:3] == place and key[4:] == (share, defence)}
    if not found:
        return ""
    least = min(map(_quality, found.values()))
    told = f"{least:.3f}"
    return told if len(found) == (9 if share else 1) else f"{told} ({len(found)} of 9)"


def attacks() -> str:
    """By attack at 30 %, means over all data with 20 members: what it costs, what it earns, who is out."""
    cells = _cells()
    by_attack: dict[str, list[tuple[tuple[Any, ...], list[dict[str, Any]]]]] = defaultdict(list)
    for key, rows in cells.items():
        if key[1] == 20 and key[4:] in ((0.3, "all"), (0.0, "all")):
            by_attack[key[3]].append((key, rows))
    lines = []
    for attack, found in by_attack.items():
        base = [_quality(cells[(*key[:3], "none", 0.0, "all")]) - _quality(rows) for key, rows in found]
        rows = [row for _, some in found for row in some]
        cleaned = [row["rounds_to_clean"] for row in rows if row["rounds_to_clean"] is not None]
        told = [attack.replace("_", " "), len(rows), f"{100 * max(base):.1f}" if attack != "none" else ""]
        told += [f"{100 * mean(row['backdoor'] for row in rows):.1f}"]
        told += [f"{sum(row['honest_lost'] for row in rows)}", f"{mean(row['honest_balance'] for row in rows):.0f}"]
        if attack == "none":
            lines.append([*told, "", "", ""])
            continue
        told += [f"{mean(row['bad_balance'] for row in rows):.0f}", f"{mean(row['bad_earned'] for row in rows):.1f}"]
        lines.append([*told, f"{len(cleaned)}, after {mean(cleaned):.1f}" if cleaned else "0"])
    head = ["attack", "runs", "most it costs, points", "trigger works, %", "honest lost, all runs", "honest balance"]
    return markdown([*head, "bad balance", "of it earned", "runs with all out, rounds"], lines)


TABLES = {
    "backdoor": backdoor,
    "drawn": drawn,
    "small": small,
    "flower": flower,
    "rules": rules,
    "wide": wide,
    "attacks": attacks,
}


def filled(text: str) -> str:
    """The text with every table as the results have it now."""
    for name, table in TABLES.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = marks.sub(lambda match, table=table: f"{match[1]}\n{table()}\n\n{match[2]}", text)
    return text


def write() -> None:
    """Fill the README in."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
