"""Validators and models that are nearly the same as an earlier one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from world import World, write_model

from protocol.artifacts import manifest_of
from protocol.copies import distance
from protocol.models import write_tensors
from protocol.phases import SubmissionState as S
from protocol.tasks import load
from protocol.tasks.runs import MODEL_FILE, read_model

floats = st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3)


@given(floats, floats)
def test_distances_are_relative_and_the_same_both_ways(one: list[float], other: list[float]) -> None:
    a, b = ({"x": np.array(values, np.float32)} for values in (one, other))
    assert distance(a, b) == distance(b, a) and distance(a, a) == 0
    norm = max(float(np.linalg.norm(each["x"].astype(float))) for each in (a, b))
    expected = float(np.linalg.norm(a["x"].astype(float) - b["x"].astype(float))) / norm if norm else 0.0
    assert abs(distance(a, b) - expected * 1e9) <= 2


def test_a_model_with_a_breath_of_noise_earns_nothing(world: World) -> None:
    """The earlier commit is paid; the thief has its score, no rank, and its stake back."""
    spec = world.spec(copy_distance=1_000_000)  # a thousandth
    task = world.task(spec)
    first, thief = world.entrant(2, task), world.trainer(3)
    world.entrant(4, task, files=None)
    weights = dict(read_model(load(spec), first.model_folder(task)))
    weights["layers.0.weight"] = weights["layers.0.weight"] * np.float32(1 + 1e-5)
    write_tensors(thief.model_folder(task) / MODEL_FILE, weights)
    assert manifest_of(thief.model_folder(task)).digest != manifest_of(first.model_folder(task)).digest
    for account in (5, 6, 7):
        world.validator(account)
    world.live(task)
    states = dict(zip((2, 3, 4), world.states(task), strict=True))
    assert states[2] == S.SCORED and states[3] == S.COPIED
    stolen = world.chain.submission(task, 2)
    assert stolen.slashed == 0 and stolen.weight == 0 and stolen.score > 0.9e9


def test_without_a_distance_only_identical_models_are_copies(world: World) -> None:
    task = world.task()
    first, other = world.entrant(2, task), world.trainer(3)
    write_model(other.model_folder(task), 3)
    for account in (5, 6, 7):
        world.validator(account)
    world.live(task)
    assert world.states(task) == [S.SCORED, S.SCORED]
    assert first.model_folder(task).exists()
