"""`python -m benchmarks.alliance COMMAND`: prints a line per figure and keeps all of them in results/COMMAND.json."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.alliance import aggregation, backdoor, behaviour, capture, drawn, flower, grid, small, tables, wide
from benchmarks.alliance.plot import lines

RESULTS = Path(__file__).parent / "results"
COMMANDS = {
    "grid": grid.run,
    "behaviour": behaviour.run,
    "capture": capture.run,
    "aggregation": aggregation.run,
    "backdoor": backdoor.run,
    "drawn": drawn.run,
    "small": small.run,
    "flower": flower.run,
}


def main(name: str) -> None:
    """Run one and keep what it found."""
    found = COMMANDS[name]()
    RESULTS.mkdir(exist_ok=True)
    text = ",\n".join(json.dumps(row) for row in found)
    (RESULTS / f"{name}.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
    for row in found:
        print(json.dumps(row))
    if name == "behaviour":
        draw(found)


def draw(found: list[dict[str, Any]]) -> None:
    """The balances over the rounds."""
    courses = {}
    for row in found:
        courses[f"honest {row['attackers']}"] = row["honest_course"]
        courses[f"bad {row['attackers']}"] = row["bad_course"]
    rounds = [behaviour.EVERY * (at + 1) for at in range(len(found[0]["honest_course"]))]
    lines(RESULTS / "behaviour.svg", "Mean balance in SKEIN over rounds, by share of attackers", rounds, courses)


def _wide(words: list[str]) -> None:
    """`wide [DATA…] [--seconds N]`, which keeps its own file."""
    seconds = float("inf")
    if "--seconds" in words:
        at = words.index("--seconds")
        seconds = float(words[at + 1])
        del words[at : at + 2]
    wide.run(tuple(words) or wide.NAMES, seconds)


if __name__ == "__main__":
    if sys.argv[1:] == ["tables"]:
        tables.write()
    elif sys.argv[1:2] == ["wide"] and set(sys.argv[2:]) <= {*wide.NAMES, "--seconds", *sys.argv[-1:]}:
        _wide(sys.argv[2:])
    elif len(sys.argv) == 2 and sys.argv[1] in COMMANDS:
        main(sys.argv[1])
    else:
        sys.exit(
            f"usage: python -m benchmarks.alliance {'|'.join(COMMANDS)}|tables|"
            f"wide [{'|'.join(wide.NAMES)}] [--seconds N]"
        )
