"""Add up which branches of the contracts the tests took, and write contracts/coverage.json.

    python scripts/branches.py build/branches

A branch is a condition and one of its outcomes. Fails when fewer than 95 % of a contract's are taken, when one that is
not taken has no reason in contracts/accepted.toml, and when a reason is given for a condition that is not there; random
walks take one or the other that is explained. What was taken of a source that has changed since does not count. Called
by `scripts/prove coverage`; needs nothing but Python and what Brownie compiled.
"""

import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "contracts" / "accepted.toml"
REPORT = ROOT / "contracts" / "coverage.json"
LEAST = 0.95
Place = tuple[str, int, int]  # path, first byte and end of a condition


def conditions() -> dict[Place, set[bool]]:
    """All conditions of the contracts, without those of tests, each with no outcome yet."""
    found: dict[Place, set[bool]] = {}
    for path in (ROOT / "build" / "contracts").glob("*.json"):
        build = json.loads(path.read_text(encoding="utf-8"))
        for source, functions in build.get("coverageMap", {}).get("branches", {}).items():
            name = build["allSourcePaths"][source]
            if name.startswith("contracts/") and not name.startswith("contracts/testing/"):
                for branches in dict(functions).values():
                    found.update({(name, start, end): set() for start, end, _ in branches.values()})
    return found


def add(found: dict[Place, set[bool]], folder: Path) -> None:
    """The outcomes that the processes of the tests have written."""
    for path in sorted(folder.glob("*.json")):
        for name, file in json.loads(path.read_text(encoding="utf-8")).items():
            if hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == file["source"]:
                for start, end, outcomes in file["taken"]:
                    found.get((name, start, end), set()).update(outcomes)


def code(place: Place) -> str:
    """The condition in one line."""
    name, start, end = place
    return " ".join((ROOT / name).read_bytes()[start:end].decode().split())


def report(found: dict[Place, set[bool]]) -> dict[str, Any]:
    """What stands in contracts/coverage.json: by contract, how many branches, how many are taken, and the others."""
    reasons = {(each["file"], each["code"], each["never"]): each["why"] for each in explained()}
    files: dict[str, Any] = {}
    for place, outcomes in sorted(found.items()):
        file = files.setdefault(place[0], {"branches": 0, "taken": 0, "part": 0.0, "missed": []})
        file["branches"] += 2
        file["taken"] += len(outcomes)
        file["part"] = round(file["taken"] / file["branches"], 4)
        for never in sorted({True, False} - outcomes):
            why = reasons.get((place[0], code(place), never), "")
            file["missed"].append({"code": code(place), "never": never, "why": why})
    return files


def explained() -> list[dict[str, Any]]:
    """The reasons given: file, code, never (the outcome that no test has), why."""
    found: list[dict[str, Any]] = tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("branch", [])
    return found


def wrongs(files: dict[str, Any]) -> list[str]:
    """What is wrong, in sentences."""
    wrong = [f"{name}: fewer than {LEAST:.0%} of its branches are taken."
             for name, file in files.items() if file["part"] < LEAST]  # fmt: skip
    missed = {
        (name, each["code"], each["never"]): each["why"] for name, file in files.items() for each in file["missed"]
    }
    wrong += [f"{name}: no test has `{text}` {value}, and accepted.toml gives no reason."
              for (name, text, value), why in missed.items() if not why]  # fmt: skip
    for each in explained():
        if each["code"] not in " ".join((ROOT / each["file"]).read_text(encoding="utf-8").split()):
            wrong.append(f"{each['file']}: accepted.toml explains `{each['code']}`, which is not there.")
    return wrong


def main(arguments: list[str]) -> int:
    """Print the table and what is wrong; the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = conditions()
    add(found, Path(arguments[0]))
    files = report(found)
    REPORT.write_text(json.dumps(files, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, file in files.items():
        print(f"{file['part']:8.1%} {file['taken']:>4} of {file['branches']:<4} {name}")
    taken, branches = (sum(file[key] for file in files.values()) for key in ("taken", "branches"))
    print(f"coverage: {taken} of {branches} branches are taken ({taken / branches:.1%})")
    wrong = wrongs(files)
    print("".join(f"{sentence}\n" for sentence in wrong), end="", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
