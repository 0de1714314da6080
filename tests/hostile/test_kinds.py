"""Hostile models of every kind end as verdicts with their reasons, and numbers of any size in a score or a verdict."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hostile.artifacts import artifact
from hostile.bench import Bench as Desk
from hostile.bench import open_desk
from hostile.kinds import OF_ANY_KIND, OF_LANGUAGE_MODELS, Build, largest, weights
from world import KEY

from protocol.artifacts import manifest_of
from protocol.heldout import encrypt
from protocol.reports import Evaluation, Verdict
from protocol.tasks import KINDS, kind
from protocol.tasks.bench import Bench
from validator.sandbox import Sandbox

OTHERS = [name for name in KINDS if name != "classification"]  # whose corpus is in models.py
CORPUS = [(name, each) for name in OTHERS for each in OF_ANY_KIND]
CORPUS += [("causal_lm", each) for each in OF_LANGUAGE_MODELS]
REASONS = ("its outputs are not finite", "its losses are not finite")
HUGE = (float(np.finfo(np.float32).max), -1e30, 1e-45)


@dataclass(frozen=True)
class Stand:
    """A kind's example, and a validator for it."""

    bench: Bench
    desk: Desk

    def judge(self, build: Build) -> Evaluation | Verdict:
        return self.desk.judge(artifact(build(self.bench), "").publish(self.desk.store.root))


@pytest.fixture(scope="module")
def stand_of(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Iterator[Callable[[str], Stand]]:
    stands: dict[str, Stand] = {}

    def open_stand(name: str) -> Stand:
        if name not in stands:
            root: Path = tmp_path_factory.mktemp(name)
            bench = Bench(kind(name), root / "example")
            sealed = encrypt(bench.folders[1], KEY, root / "sealed")
            limits = bench.spec().limits.model_copy(update={"max_seconds": 20, "max_memory_bytes": 2**31})
            spec = bench.spec(held_out_digest=manifest_of(sealed).digest, limits=limits)
            stands[name] = Stand(bench, open_desk(root, sandbox, sealed, spec, bench.example.base))
        return stands[name]

    yield open_stand


@pytest.mark.parametrize(("name", "what"), CORPUS)
def test_a_hostile_model_of_any_kind_ends_as_a_verdict(stand_of: Callable[[str], Stand], name: str, what: str) -> None:
    build, says = (OF_ANY_KIND | OF_LANGUAGE_MODELS)[what]
    verdict = stand_of(name).judge(build)
    assert isinstance(verdict, Verdict), verdict.report.score
    assert verdict.verdict == "invalid", verdict.reason
    assert says in verdict.reason
    assert verdict.reason.isprintable()


@pytest.mark.parametrize("name", KINDS)
def test_a_model_of_another_kind_is_invalid(stand_of: Callable[[str], Stand], name: str) -> None:
    other = list(KINDS)[list(KINDS).index(name) - 1]
    made = weights(lambda _, __: None)(stand_of(other).bench)
    verdict = stand_of(name).judge(lambda _: made)
    assert isinstance(verdict, Verdict) and verdict.verdict == "invalid", verdict


@pytest.mark.parametrize("name", KINDS)
def test_numbers_of_any_size_end_in_a_score_or_a_reason(stand_of: Callable[[str], Stand], name: str) -> None:
    """After all of that, a model of nothing but zeros is scored: it is as honest as any."""
    stand = stand_of(name)
    for value in HUGE:

        def fill(bench: Bench, made: dict[str, np.ndarray], value: float = value) -> None:
            made[largest(bench)][...] = value

        told = stand.judge(weights(fill))
        assert isinstance(told, Evaluation) or told.reason in (
            "its outputs are not finite",
            "its losses are not finite",
        )
    assert isinstance(stand.judge(weights(lambda _, __: None)), Evaluation)
