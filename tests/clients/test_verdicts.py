"""Models from an enemy, and held-out sets that are none: each ends as a verdict with its reason."""

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from world import World, write_model

from protocol.encoding import ascii32
from protocol.heldout import encrypt
from protocol.phases import SubmissionState
from protocol.tasks.runs import MODEL_FILE

S = SubmissionState


class Payload:
    """What `pickle.load` would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def tampered(folder: Path, change: str) -> bytes:
    """A good model's file with one thing changed."""
    data = (write_model(folder, 1) / MODEL_FILE).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    if change == "shape":
        header["mean"]["shape"] = [6, 5]
    elif change == "nan":
        body[:4] = np.float32("nan").tobytes()
    elif change == "overlap":
        header["scale"]["data_offsets"] = header["mean"]["data_offsets"]
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(body)


def hostile_files(root: Path) -> dict[str, dict[str, bytes]]:
    """Files of a submission by what its verdict's reason says."""
    return {
        "expected F32 [30]": {MODEL_FILE: tampered(root / "a", "shape")},
        "holds NaN or infinity": {MODEL_FILE: tampered(root / "b", "nan")},
        "leaves a gap or overlaps another": {MODEL_FILE: tampered(root / "c", "overlap")},
        "its header would be longer than the file": {MODEL_FILE: pickle.dumps(Payload(root / "touched"))},
        f"must hold {MODEL_FILE} and nothing else": {"pytorch_model.bin": b"weights"},
        "at most 1,000,000": {MODEL_FILE: bytes(1_000_001)},
    }


def test_hostile_models_are_invalid_and_the_honest_one_wins(world: World) -> None:
    task = world.task()
    hostile = hostile_files(world.root)
    world.entrant(2, task)
    for account, files in enumerate(hostile.values(), start=10):
        world.entrant(account, task, files)
    for account in (3, 4, 5):
        world.validator(account)
    world.live(task)
    assert world.states(task) == [S.SCORED] + [S.INVALID] * len(hostile)
    for (reason, _), told in zip(hostile.items(), world.reasons(task).values(), strict=True):
        assert reason in told
    assert not (world.root / "touched").exists()
    assert world.own(2) > 1000
    assert all(world.own(account) < 1000 for account in range(10, 10 + len(hostile)))
    assert ascii32(world.outcome(task)) == "settled"


def spoil(world: World, task: int, submission: int, how: str) -> None:
    """Make the store lose, or lie about, the model of a submission."""
    manifest = world.store.manifest(world.chain.submission(task, submission).digest)
    for path in world.store.root.rglob(manifest.files[0].cid):
        path.unlink() if how == "lose" else path.write_bytes(bytes(manifest.files[0].size))


def test_models_that_no_store_has_are_unavailable(world: World) -> None:
    task = world.task()
    for account in (2, 3, 4):
        world.entrant(account, task)
    for account in (5, 6, 7):
        world.validator(account)
    world.work()
    world.pass_to(task, "commit_ends")
    spoil(world, task, 1, "lose")
    spoil(world, task, 2, "lie")
    world.pass_to(task, "reveal_ends")
    world.release(task)
    world.work()
    assert not world.chain.call("Arena", "scoresCommitmentOf", task, 1, world.network.accounts[5].address, 0).strip(
        "0x"
    )
    world.network.set_time(world.chain.task(task).score_commit_ends - 100)
    world.score(task)
    for _ in range(3):
        world.work()
    assert world.states(task) == [S.UNAVAILABLE, S.UNAVAILABLE, S.SCORED]
    assert "does not have" in world.reasons(task)[1]
    assert "are not it" in world.reasons(task)[2]
    assert world.own(2) < 1000 < world.own(4)


@pytest.mark.parametrize("case", ["wrong key", "wrong data"])
def test_a_held_out_set_that_cannot_be_used_voids_the_task(world: World, case: str) -> None:
    if case == "wrong key":
        spec = world.spec(key=b"x" * 32)
    else:
        encrypt(write_model(world.root / "no-data", 1), b"k" * 32, world.root / "sealed")
        spec = world.spec(held_out_digest=world.store.put(world.root / "sealed"))
    task = world.task(spec)
    world.entrant(2, task)
    for account in (3, 4, 5):
        world.validator(account)
    world.live(task)
    assert world.states(task) == [S.UNOPENABLE]
    assert ascii32(world.outcome(task)) == "void"
    assert world.reasons(task)[1]
    assert world.own(2) == 1100  # the creator's bond
    assert [world.own(account) for account in (3, 4, 5)] == [1000] * 3
