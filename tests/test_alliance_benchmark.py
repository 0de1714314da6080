"""What the README of benchmarks/alliance says, with fewer cells."""

from dataclasses import replace

from benchmarks.alliance import capture, grid, tables
from benchmarks.alliance.data import fetch
from benchmarks.alliance.reference import RoundVote
from skein.simulate import simulate


def test_committees_are_captured_as_often_as_counted() -> None:
    assert round(capture.probability(20, 8, 10, 6), 3) == 0.085
    assert capture.probability(20, 8, 10, 0) == 1


def test_runs_of_the_grid_are_what_was_kept() -> None:
    kept, data = grid.known(), fetch("breast_cancer")
    assert len(kept) > 1000 and set(kept) <= set(grid.runs())
    for attack, defence in (("sign_flip", "all"), ("label_flip", "median"), ("colluding voters", "round vote")):
        run = grid.Run("breast_cancer", 20, True, attack, 0.3, defence, 0)
        found = grid.measure(run, data)
        assert abs(found["auc"] - kept[run]["auc"]) < 0.02
        assert found["honest_lost"] == kept[run]["honest_lost"] and found["bad_left"] == kept[run]["bad_left"]


def test_a_vote_on_whole_rounds_accepts_all_or_nothing() -> None:
    run = grid.Run("breast_cancer", 20, False, "sign_flip", 0.3, "round vote", 1)
    for collude in (False, True):
        setting = replace(grid.setting(run), collude=collude)
        federation, _ = simulate(setting, fetch("breast_cancer"), RoundVote)
        assert {happened.verdict.accepted for happened in federation.history} == {0, (1 << 10) - 1}


def test_the_tables_are_what_the_results_say() -> None:
    text = tables.README.read_text(encoding="utf-8")
    assert all(f"<!-- {name} -->" in text for name in tables.TABLES)
    assert tables.filled(text) == text
