"""Every sentence of contracts/README.md names what proves it, and whatever it names is there."""

import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "contracts" / "README.md"
SENTENCE = re.compile(r"^(\d+)\. (.*(?:\n(?!\n|\d+\. |#).*)*)", re.MULTILINE)
NAMED = re.compile(r"`((?:test|testFuzz|check|invariant)_\w+)`")
FILE = re.compile(r"`((?:[\w*-]+/)*[\w*]+\.(?:py|sol|t\.sol|json|toml))`")


@cache
def proofs() -> set[str]:
    """The names of all tests, of Python and of forge."""
    sources = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "forge-tests").glob("*.sol")]
    pattern = re.compile(r"^\s*(?:def|function) ((?:test|testFuzz|check|invariant)_\w+)\(", re.MULTILINE)
    return {name for path in sources for name in pattern.findall(path.read_text(encoding="utf-8"))}


def sections() -> list[tuple[str, str]]:
    """(heading, text) of every part of the specification."""
    parts = re.split(r"^(#+ .*)$", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_all_tests_that_are_named_are_there() -> None:
    named = set(NAMED.findall(README.read_text(encoding="utf-8")))
    assert len(named) > 100
    assert named - proofs() == set()


def test_all_files_that_are_named_are_there() -> None:
    known = {path.name for folder in ("tests", "forge-tests", "contracts", "scripts", "protocol") for path in
             (ROOT / folder).rglob("*") if path.is_file()}  # fmt: skip
    for name in FILE.findall(README.read_text(encoding="utf-8")):
        last = name.rpartition("/")[2]
        pattern = re.compile(re.escape(last).replace(r"\*", ".*"))
        assert any(pattern.fullmatch(each) for each in known), name


def test_every_sentence_names_its_proof() -> None:
    bare = []
    for heading, text in sections():
        introduced = NAMED.search(text.split("\n1. ")[0]) or FILE.search(text.split("\n1. ")[0])
        for number, sentence in SENTENCE.findall(text):
            if not (introduced or NAMED.search(sentence) or FILE.search(sentence)):
                bare.append(f"{heading.strip('# ')} {number}")
    assert bare == []


def test_branches_that_no_test_takes_are_few_and_explained() -> None:
    measured = json.loads((ROOT / "contracts" / "coverage.json").read_text(encoding="utf-8"))
    assert len(measured) > 25
    for name, file in measured.items():
        assert file["taken"] + len(file["missed"]) == file["branches"], name
        assert file["taken"] >= 0.95 * file["branches"], name
        assert all(each["why"] for each in file["missed"]), name
