"""A language model's task, from a creator's file to the payout, with real clients on a real chain."""

from pathlib import Path

import play
from world import World

from node.history import events_of
from protocol.phases import SubmissionState
from protocol.tasks.tiny import sentences, write_published
from wallet.create import parameters, prepared, publish
from wallet.task_file import read_task_file

TASK = """
title = "Sentences"
kind = "causal_lm"
metric = "bits_per_byte"
maximise = false
base = "{base}"
[data]
source = "{text}"
[model]
context = 96
adapter = {{ rank = 4, alpha = 8, targets = ["q_proj", "v_proj", "down_proj"] }}
[limits]
max_memory_bytes = 1_000_000_000
"""


def test_a_language_model_is_adapted_scored_and_paid(world: World, tmp_path: Path) -> None:
    write_published(tmp_path / "published")
    (tmp_path / "text.txt").write_text("\n\n".join(text.decode() for text in sentences(40)) * 8)
    path = tmp_path / "task.toml"
    path.write_text(TASK.format(base=tmp_path / "published", text=tmp_path / "text.txt"))
    with prepared(read_task_file(path)) as made:
        publish(made, world.store)
        task, key = play.create_task(world.network, **parameters(made)), made.key
    for account in (2, 3):
        world.trainer(account, epochs=2, batch_size=8, learning_rate=0.005 * account)
    for account in (4, 5, 6):
        world.validator(account)
    world.live(task, key)
    record = world.chain.task(task)
    assert record.finalized
    assert world.states(task) == [SubmissionState.SCORED] * 2, world.reasons(task)
    scores = [world.chain.submission(task, number).score / 1e9 for number in (1, 2)]
    assert all(1 < score < 6 for score in scores)  # random weights need 8 bits for a byte
    assert record.slashed == 0
    for submission in (1, 2):
        revealed = events_of(world.chain, "Arena.ScoreRevealed", task_id=task, submission_id=submission)
        assert len(revealed) == 3
        assert len({event.args["report_digest"] for event in revealed}) == 1  # equal to the last bit
    assert all(world.own(account) > 1000 for account in range(2, 7))
