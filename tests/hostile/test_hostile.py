"""Everything that strangers can hand in ends as a verdict with its reason, and nothing of it ends the validator."""

from pathlib import Path

import pytest
from hostile import held_out
from hostile.artifacts import artifact, corpus
from hostile.bench import Bench, open_bench
from hostile.models import HARMLESS, good
from world import KEY, _sets

from protocol.heldout import encrypt
from protocol.reports import Evaluation, Verdict
from protocol.tasks.runs import MODEL_FILE
from validator.sandbox import Sandbox

CORPUS = corpus()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Bench:
    root = tmp_path_factory.mktemp("bench")
    return open_bench(root, sandbox, encrypt(_sets(root)[1], KEY, root / "sealed"))


def test_the_corpus_is_large_and_without_repetition() -> None:
    assert len(CORPUS) > 120
    assert len({hostile.digest for hostile in CORPUS.values()}) == len(CORPUS)


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_submission_ends_as_a_verdict_with_its_reason(bench: Bench, name: str) -> None:
    hostile = CORPUS[name]
    verdict = bench.judge(hostile.publish(bench.store.root))
    assert isinstance(verdict, Verdict), verdict.report.score
    assert verdict.verdict == hostile.verdict, verdict.reason
    assert hostile.says in verdict.reason
    assert verdict.reason.isprintable()
    assert not Path("hostile-was-here").exists()


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_strange_but_allowed_is_scored(bench: Bench, name: str) -> None:
    told = bench.judge(artifact({MODEL_FILE: HARMLESS[name]()}, "").publish(bench.store.root))
    assert isinstance(told, Evaluation), told.reason
    assert 0 <= told.report.score <= 10**9


@pytest.mark.parametrize("name", held_out.SETS)
def test_a_hostile_held_out_set_is_unopenable(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    build, says = held_out.SETS[name]
    bench = open_bench(tmp_path, sandbox, held_out.write(tmp_path / "sealed", build()))
    verdict = bench.judge(artifact({MODEL_FILE: good()}, "").publish(bench.store.root))
    assert isinstance(verdict, Verdict)
    assert verdict.verdict == "unopenable", verdict.reason
    assert says in verdict.reason


def test_after_all_of_them_the_honest_model_is_scored(bench: Bench) -> None:
    told = bench.judge(artifact({MODEL_FILE: good()}, "").publish(bench.store.root))
    assert isinstance(told, Evaluation)
    assert told.report.score > 0.8e9
