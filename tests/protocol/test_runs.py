"""From files to files: what trainers and validators run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from samples import CANCER

from protocol.artifacts import manifest_of
from protocol.errors import ModelInvalid, StorageFailed, TaskFailed
from protocol.models import write_tensors
from protocol.reports import Evaluation, read_report
from protocol.specs import spec_digest, write_spec
from protocol.tasks import Budget, load
from protocol.tasks.runs import MODEL_FILE, evaluate_artifact, train_artifact

QUICK = Budget(epochs=12, batch_size=64, learning_rate=1e-2)


def test_models_learn_and_their_files_are_what_the_specification_says(cancer, tmp_path):
    metrics = evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path)
    assert metrics.score > 0.93
    assert [path.name for path in (cancer / "model").iterdir()] == [MODEL_FILE]


def test_the_same_seed_gives_the_same_model_and_another_another(cancer, tmp_path):
    for name, seed in (("same", 1), ("other", 2)):
        train_artifact(CANCER, cancer / "training", tmp_path / name, QUICK, seed)
    assert manifest_of(tmp_path / "same") == manifest_of(cancer / "model")
    assert manifest_of(tmp_path / "other") != manifest_of(cancer / "model")


def test_a_model_takes_the_place_of_what_was_there(cancer, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / ".model.safetensors.part").write_bytes(b"left by a killed process")
    train_artifact(CANCER, cancer / "training", tmp_path / "model", QUICK, 1)
    assert manifest_of(tmp_path / "model") == manifest_of(cancer / "model")


def test_progress_can_end_the_training(cancer, tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_artifact(CANCER, cancer / "training", tmp_path / "model", QUICK, 1, stop)
    assert not (tmp_path / "model").exists()


def test_a_training_that_diverges_is_told(cancer, tmp_path):
    with pytest.raises(TaskFailed, match="classification: the training diverged; choose a lower learning rate"):
        train_artifact(CANCER, cancer / "training", tmp_path, Budget(learning_rate=1e36, epochs=50), 1)


SCRIPT = """
import sys, torch
from pathlib import Path
from protocol.specs import read_spec
from protocol.tasks.runs import evaluate_artifact
torch.set_num_threads(2)
evaluate_artifact(read_spec(Path(sys.argv[1])), *map(Path, sys.argv[2:]))
"""


@pytest.mark.parametrize("environment", [{}, {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"}])
def test_another_process_comes_to_the_same_report(cancer, tmp_path, environment):
    evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path / "here")
    write_spec(CANCER, tmp_path / "spec")
    command = [sys.executable, "-c", SCRIPT, *map(str, (tmp_path / "spec", cancer / "model", cancer / "held-out"))]
    subprocess.run([*command, str(tmp_path / "there")], env=os.environ | environment, check=True)
    here, there = read_report(tmp_path / "here"), read_report(tmp_path / "there")
    assert isinstance(here, Evaluation)
    assert here.report.score == there.report.score
    assert here.values.tolist() == there.values.tolist()
    assert np.abs(here.losses - there.losses).max() < 1e-12
    if not environment:
        assert manifest_of(tmp_path / "here") == manifest_of(tmp_path / "there")


def test_the_report_names_what_was_evaluated(cancer, tmp_path):
    metrics = evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path)
    evaluation = read_report(tmp_path)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.report.spec == spec_digest(CANCER)
    assert evaluation.report.model == manifest_of(cancer / "model").digest
    assert evaluation.report.score == round(metrics.score * 1e9)
    assert np.array_equal(evaluation.losses, metrics.losses)


# --- verdicts


@pytest.fixture
def model(tmp_path, cancer):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / MODEL_FILE).write_bytes((cancer / "model" / MODEL_FILE).read_bytes())
    return tmp_path / "model"


def break_weights(model: Path):
    task = load(CANCER)
    shapes = {name: np.zeros(kind.shape, "f4") for name, kind in task.tensors().items()}
    write_tensors(model / MODEL_FILE, shapes | {"mean": np.full(30, np.inf, "f4")})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: (model / "extra.pkl").write_bytes(b"\x80\x02."), "and nothing else"),
        (lambda model: (model / MODEL_FILE).rename(model / "model.pt"), "and nothing else"),
        (lambda model: (model / MODEL_FILE).unlink(), "has no files"),
        (lambda model: (model / "link").symlink_to("/etc/passwd"), "is not a plain file"),
        (lambda model: (model / MODEL_FILE).write_bytes(b"\x80\x04\x95" * 50), "no safetensors file"),
        (lambda model: (model / MODEL_FILE).write_bytes(bytes(10**6 + 1)), "at most 1,000,000 are allowed"),
        (break_weights, "tensor mean holds NaN or infinity"),
    ],
)
def test_models_that_are_invalid(model, cancer, tmp_path, change, reason):
    change(model)
    with pytest.raises(ModelInvalid, match=reason):
        evaluate_artifact(CANCER, model, cancer / "held-out", tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_held_out_set_that_is_none_is_found_before_the_model_is_looked_at(model, cancer, tmp_path):
    (model / MODEL_FILE).unlink()
    (tmp_path / "held-out").mkdir()
    with pytest.raises(TaskFailed, match=r"held-out set: data\.safetensors is missing"):
        evaluate_artifact(CANCER, model, tmp_path / "held-out", tmp_path / "report")


def test_a_report_that_cannot_be_written_is_no_verdict(cancer, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed):
        evaluate_artifact(CANCER, cancer / "model", cancer / "held-out", tmp_path / "file" / "report")
