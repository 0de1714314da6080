"""`python -m benchmarks.alliance COMMAND`: prints a line per figure and keeps all of them in results/COMMAND.json."""

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.alliance import aggregation, backdoor, behaviour, capture, drawn, flower, grid, small, tables, voter
from benchmarks.alliance.plot import lines

RESULTS = Path(__file__).parent / "results"
COMMANDS = {
    "behaviour": behaviour.run,
    "capture": capture.run,
    "aggregation": aggregation.run,
    "backdoor": backdoor.run,
    "drawn": drawn.run,
    "small": small.run,
    "flower": flower.run,
    "voter": voter.run,
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


if __name__ == "__main__":
    words = sys.argv[1:]
    if words == ["tables"]:
        tables.write()
    elif words == ["grid"]:
        grid.run()
    elif words[:2] == ["grid", "--seconds"] and len(words) == 3 and words[2].isdigit():
        grid.run(int(words[2]))
    elif len(words) == 1 and words[0] in COMMANDS:
        main(words[0])
    else:
        sys.exit(f"usage: python -m benchmarks.alliance grid [--seconds N]|tables|{'|'.join(COMMANDS)}")
