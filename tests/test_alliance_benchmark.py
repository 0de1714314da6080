"""What the README of benchmarks/alliance says, with fewer cells."""

import json

from benchmarks.alliance import capture, grid, tables
from benchmarks.alliance.__main__ import RESULTS


def test_committees_are_captured_as_often_as_counted() -> None:
    assert round(capture.probability(20, 8, 10, 6), 3) == 0.085
    assert capture.probability(20, 8, 10, 0) == 1


def test_a_cell_of_the_grid_is_what_was_kept() -> None:
    cell = grid.Cell("breast_cancer", False, "sign_flip", 0.3, "all")
    rows = json.loads((RESULTS / "grid.json").read_text(encoding="utf-8"))
    kept = next(row for row in rows if all(row[name] == value for name, value in cell._asdict().items()))
    found = grid.measure(cell)
    assert abs(found["accuracy"] - kept["accuracy"]) < 0.02
    assert abs(found["honest_lost"] - kept["honest_lost"]) < 0.5 and abs(found["clean_runs"] - kept["clean_runs"]) < 2


def test_the_tables_are_what_the_results_say() -> None:
    text = tables.README.read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in tables.TABLES)
    assert tables.filled(text) == text
