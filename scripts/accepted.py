"""Compare what slither found with what contracts/accepted.toml explains.

    python scripts/accepted.py build/slither/findings.json

Both ways: what is not explained fails, and so does an explanation of what is not there any more. Called by
`scripts/prove`; needs nothing but Python.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

ACCEPTED = Path(__file__).resolve().parents[1] / "contracts" / "accepted.toml"


def accepted() -> list[dict[str, Any]]:
    """The entries of the file: check, where, why."""
    found: list[dict[str, Any]] = tomllib.loads(ACCEPTED.read_text(encoding="utf-8"))["slither"]
    return found


def place(finding: dict[str, Any]) -> str:
    """Contract.function, or Contract.function.variable, of the first thing that a finding is about."""
    parts: list[str] = []
    element = finding["elements"][0]
    while element and element["type"] in ("function", "variable", "contract", "node"):
        if element["type"] != "node":
            parts.insert(0, element["name"])
        element = element.get("type_specific_fields", {}).get("parent")
    return ".".join(parts)


def wrongs(path: Path) -> list[str]:
    """What is wrong, in sentences."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if not document["success"]:
        return [f"slither failed: {document['error']}"]
    found = {(each["check"], place(each)) for each in document["results"].get("detectors", [])}
    explained = {(each["check"], where) for each in accepted() for where in each["where"]}
    everywhere = {check for check, where in explained if where == "*"}
    seen = {check for check, _ in found}
    wrong = [f"{check} in {where} is not explained." for check, where in sorted(found - explained)
             if check not in everywhere]  # fmt: skip
    wrong += [f"{check} in {where} is explained, and not found any more." for check, where in sorted(explained - found)
              if where != "*" or check not in seen]  # fmt: skip
    print(f"slither: {len(found)} findings, {len(wrong)} without an explanation or a finding")
    return wrong


def main(arguments: list[str]) -> int:
    """Print what is wrong; the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    wrong = wrongs(Path(arguments[0]))
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
