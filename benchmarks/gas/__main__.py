"""Print what users pay in gas, beside plain OpenZeppelin and Solady contracts, measured in the same run.

    .venv/bin/python -m benchmarks.gas            # measures; writes report.json and the tables of README.md
    .venv/bin/python -m benchmarks.gas --check    # measures and compares: fails when a figure moved by more than 1 %

The measurements are `forge-tests/Gas.t.sol`.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from benchmarks.gas.pairs import FEW, MANY, PAIRS, PRICES, TRANSACTION, Pair

ROOT = Path(__file__).resolve().parents[2]
REPORT, README = Path(__file__).with_name("report.json"), Path(__file__).with_name("README.md")
SNAPSHOTS = [ROOT / "snapshots" / f"{name}.json" for name in ("GasBenchmark", "GasOfTasks")]
TOLERANCE = 0.01
TABLES = re.compile(r"(<!-- measured -->\n).*(<!-- until here -->)", re.DOTALL)

# Of each call its gas, and of how many slots and accounts by kind of access.
Report = dict[str, dict[str, int]]


def measure() -> Report:
    home = {**os.environ, "HOME": str(ROOT / ".toolchain" / "home")}
    forge = str(ROOT / ".toolchain" / "bin" / "forge")
    command = [forge, "test", "--offline", "--match-path", "forge-tests/Gas.t.sol"]
    done = subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The measurements failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: Report = {}
    for snapshot in SNAPSHOTS:
        for name, value in json.loads(snapshot.read_text()).items():
            call, _, kind = name.partition(" | ")
            if int(value):
                found.setdefault(call, {})[kind or "gas"] = int(value)
    return dict(sorted(found.items()))


def own_gas(report: Report, call: str) -> int:
    """Without what every transaction costs."""
    return report[call if call in report else call + FEW]["gas"] - TRANSACTION


def extra(pair: Pair) -> int:
    """Gas of the storage that the plain counterpart does not need, less that which only the counterpart needs."""
    more = sum(PRICES[kind] * len(slots) for kind, slots in pair.more.items())
    return max(0, more - sum(PRICES[kind] * len(slots) for kind, slots in pair.less.items()))


def ratios(report: Report, pair: Pair) -> tuple[float, float]:
    """To the plain counterpart: as it is, and without the extra storage."""
    ours, plain = own_gas(report, pair.action), own_gas(report, pair.plain)
    return ours / plain, (ours - extra(pair)) / plain


def storage(call: dict[str, int]) -> int:
    return sum(price * call.get(kind, 0) for kind, price in PRICES.items())


def pair_rows(report: Report) -> list[str]:
    rows = ["| action | gas | plain counterpart | gas | ratio | extra storage | ratio without it |"]
    rows.append("|---|---:|---|---:|---:|---:|---:|")
    for pair in PAIRS:
        ours, plain = (own_gas(report, call) for call in (pair.action, pair.plain))
        raw, adjusted = ratios(report, pair)
        cells = [
            pair.action,
            f"{ours:,}",
            pair.plain,
            f"{plain:,}",
            f"{raw:.2f}",
            f"{extra(pair):,}",
            f"{adjusted:.2f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def slot_rows() -> list[str]:
    rows = ["| action | slots and accounts that only it needs | that only its counterpart needs |", "|---|---|---|"]
    for pair in PAIRS:
        told = [
            "; ".join(f"{kind}: {', '.join(slots)}" for kind, slots in side.items()) for side in (pair.more, pair.less)
        ]
        rows.append(f"| {pair.action} | {told[0] or '–'} | {told[1] or '–'} |")
    return rows


def task_rows(report: Report) -> list[str]:
    rows = ["| verb of a task | 4 trainers, 4 validators | 64 and 64 | of it storage |", "|---|---:|---:|---:|"]
    for call in report:
        if call.endswith(FEW):
            few, many = report[call], report[call.removesuffix(FEW) + MANY]
            cells = [f"{each:,}" for each in (few["gas"] - TRANSACTION, many["gas"] - TRANSACTION, storage(many))]
            rows.append(f"| {call.removesuffix(FEW)} | {' | '.join(cells)} |")
    return rows


def tables(report: Report) -> str:
    """The part of the README that is measured."""
    return "\n".join([*pair_rows(report), "", *task_rows(report), "", *slot_rows()])


def moved(before: Report, now: Report) -> list[str]:
    told = []
    for call in sorted(before.keys() | now.keys()):
        old, new = (report.get(call, {}).get("gas", 0) for report in (before, now))
        if abs(new - old) > TOLERANCE * old:
            told.append(f"{call}: {old} before, {new} now")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.gas", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed report, write nothing")
    check = parser.parse_args().check
    report = measure()
    print(tables(report))
    if check:
        told = moved(json.loads(REPORT.read_text()), report)
        if told:
            sys.exit(f"Gas has moved ({'; '.join(told)}). If it should, run `python -m benchmarks.gas` and commit.")
        return
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    README.write_text(TABLES.sub(lambda found: f"{found[1]}{tables(report)}\n{found[2]}", README.read_text()))


if __name__ == "__main__":
    main()
