"""The look for copies goes through strangers' models as well: none of them hides a copy of another, or ends it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile.artifacts import Hostile, artifact, cid_of, corpus
from hostile.bench import Bench, open_bench, open_desk
from hostile.models import filled, good
from safetensors.numpy import save
from samples import CANCER
from world import KEY, World, _sets, open_world, write_model

from protocol.copies import distance
from protocol.errors import ArtifactError
from protocol.heldout import encrypt
from protocol.models import write_tensors
from protocol.phases import SubmissionState
from protocol.tasks import load
from protocol.tasks.runs import MODEL_FILE, read_model
from validator.sandbox import Sandbox

CORPUS = corpus()
# Of each sort of trouble one; the rest of the corpus goes through the same gates.
NO_MODELS = ("NaN", "header bomb", "overlapping offsets", "pickle", "400,000 empty tensors", "code beside the model")
NOT_FETCHED = ("larger than allowed", "path upwards", "manifest of nothing", "file that no store has", "file cut short")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Bench:
    root = tmp_path_factory.mktemp("bench")
    return open_bench(root, sandbox, encrypt(_sets(root)[1], KEY, root / "sealed"))


def publish(bench: Bench, data: bytes) -> str:
    return artifact({MODEL_FILE: data}, "").publish(bench.store.root)


@pytest.mark.parametrize("name", NO_MODELS)
def test_nothing_is_near_to_what_is_no_model(bench: Bench, name: str) -> None:
    mine, other = publish(bench, good()), CORPUS[name].publish(bench.store.root)
    assert bench.evaluations.distance(bench.case, mine, other) is None
    assert bench.evaluations.distance(bench.case, other, mine) is None


@pytest.mark.parametrize("name", NOT_FETCHED)
def test_what_cannot_be_fetched_is_told(bench: Bench, name: str) -> None:
    with pytest.raises(ArtifactError):
        bench.evaluations.distance(bench.case, publish(bench, good()), CORPUS[name].publish(bench.store.root))


@pytest.mark.parametrize("value", [3e38, 1e-44, -0.0])
def test_numbers_of_any_size_have_a_distance(bench: Bench, value: float) -> None:
    found = bench.evaluations.distance(bench.case, publish(bench, good()), publish(bench, filled(value)()))
    assert found is not None and 0.99e9 < found < 1.01e9
    assert bench.evaluations.distance(bench.case, *2 * [publish(bench, filled(value)())]) == 0


def test_models_are_compared_within_what_an_evaluation_may_take(tmp_path: Path, sandbox: Sandbox) -> None:
    """Of 24 MB each, with 256 MiB: the arithmetic takes little beside the models."""
    limits = {"max_model_bytes": 2**25, "max_memory_bytes": 2**28}
    changes: dict[str, Any] = {"model": CANCER.model | {"hidden": [4096, 1400]}}
    spec = CANCER.model_copy(update=changes | {"limits": CANCER.limits.model_copy(update=limits)})
    sealed = encrypt(_sets(tmp_path)[1], KEY, tmp_path / "sealed")
    large = open_desk(tmp_path, sandbox, sealed, spec)
    blank = load(spec).blank()
    digests = [publish(large, save({n: np.full_like(a, v) for n, a in blank.items()})) for v in (1.0, 1.5)]
    assert large.evaluations.distance(large.case, *digests) == 333_333_333


def test_what_names_a_base_model_is_no_weight() -> None:
    one = {"base": np.full(32, 200, np.uint8), "a": np.array([1, 0], np.float32)}
    other = one | {"a": np.array([0, 1], np.float32)}
    assert distance(one, other) == int(2**0.5 * 1e9)
    assert distance({"q": one["base"]}, {"q": one["base"] // 2}) == 5 * 10**8


def test_a_thief_hides_behind_no_crowd_of_strange_models(network: Any, tmp_path: Path, sandbox: Sandbox) -> None:
    """The first model is an enemy's, the second is stolen by the fourth; the third no store has."""
    with open_world(network, tmp_path, sandbox) as world:
        spec = world.spec(copy_distance=1_000_000)
        task = world.task(spec, panel_size=1, quorum=1)
        files = _files(CORPUS["NaN"])
        world.entrant(2, task, files)
        world.entrant(3, task)
        gone = world.entrant(4, task)
        _steal(world, spec, task)
        world.validator(6)
        world.work()
        world.network.set_time(world.chain.task(task).commit_ends)
        world.work()
        _forget(world, gone.model_folder(task))
        world.pass_to(task, "reveal_ends")
        world.release(task)
        world.work()
        world.network.set_time(world.chain.task(task).score_commit_ends - 100)
        world.score(task)
        for _ in range(3):
            world.work()
        states = SubmissionState
        assert world.states(task) == [states.INVALID, states.SCORED, states.UNAVAILABLE, states.COPIED]


def _files(hostile: Hostile) -> dict[str, bytes]:
    (data,) = hostile.blocks.values()
    return {MODEL_FILE: data}


def _steal(world: World, spec: Any, task: int) -> None:
    """Account 5 hands in the model of account 3 with a breath of noise."""
    thief = world.trainer(5)
    write_model(world.root / "stolen", 3)
    weights = dict(read_model(load(spec), world.root / "stolen"))
    weights["layers.0.weight"] = weights["layers.0.weight"] * np.float32(1 + 1e-5)
    write_tensors(thief.model_folder(task) / MODEL_FILE, weights)


def _forget(world: World, model: Path) -> None:
    """Takes a model out of the store."""
    cid = cid_of((model / MODEL_FILE).read_bytes())
    (world.store.root / cid[-2:] / cid).unlink()
