"""The real language model that ships in a package, from base model to paid-out task: its bits per byte must fall."""

import re
from pathlib import Path

import play
import pytest
from world import World

from benchmarks.smollm2.model import publish as publish_model
from benchmarks.smollm2.model import write_manual
from node.history import events_of
from protocol import tasks
from protocol.heldout import decrypt
from protocol.phases import SubmissionState
from protocol.specs import read_spec
from protocol.store import Limits
from wallet.create import parameters, prepared, publish
from wallet.task_file import read_task_file

TASK = """
title = "Python's manual"
kind = "causal_lm"
metric = "bits_per_byte"
maximise = false
base = "{base}"
[data]
source = "{text}"
held_out = 0.2
[model]
context = 256
adapter = {{ rank = 8, alpha = 16, targets = ["q_proj", "v_proj"] }}
[windows]
score_commit = "1d"
[scoring]
panel_size = 2
quorum = 2
[limits]
max_seconds = 7200
max_memory_bytes = 3_000_000_000
"""


@pytest.mark.deep
@pytest.mark.timeout(5400)
def test_a_real_language_model_is_adapted_scored_and_paid(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    base = publish_model(tmp_path / "published")
    text = write_manual(tmp_path / "manual.jsonl", 1600, 40)
    path = tmp_path / "task.toml"
    path.write_text(TASK.format(base=base, text=text))
    with prepared(read_task_file(path)) as made:
        publish(made, world.store)
        task, key = play.create_task(world.network, **parameters(made)), made.key
    world.trainer(2, epochs=2, batch_size=4, learning_rate=1e-3)
    for account in (4, 5):
        world.validator(account)
    world.live(task, key)
    assert world.states(task) == [SubmissionState.SCORED], world.reasons(task)
    score = world.chain.submission(task, 1).score / 1e9
    curve = [float(found) for found in re.findall(r"score=([0-9.]+)", caplog.text)]
    print(f"bits per byte: {score:.4f} on the held-out texts; while training {curve}")
    revealed = events_of(world.chain, "Arena.ScoreRevealed", task_id=task)
    assert len(revealed) == 2 and len({event.args["report_digest"] for event in revealed}) == 1
    assert 0.3 < score < untrained(world, task, key, tmp_path) - 0.01
    assert world.own(2) > 1000


def untrained(world: World, task: int, key: bytes, place: Path) -> float:
    """The score of the base model as it is, on the same held-out texts."""
    terms = world.chain.task(task).parameters
    large = Limits(2**32)
    spec = read_spec(world.store.get(terms.spec_digest, place / "spec", large))
    assert spec.base_digest is not None
    base = world.store.get(spec.base_digest, place / "base", large)
    held_out = decrypt(world.store.get(terms.held_out_digest, place / "sealed", large), key, place / "opened")
    kind = tasks.load(spec, base)
    return kind.evaluate(kind.blank(), kind.load(held_out)).score
