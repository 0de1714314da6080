"""Language models: exact scores, adapters that belong to their base model, training, and base models of all sorts."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from samples import sample_spec

from protocol.artifacts import manifest_of
from protocol.errors import ConfigInvalid, ModelInvalid, SpecInvalid, TaskFailed
from protocol.specs import TaskSpec, write_spec
from protocol.tasks import load
from protocol.tasks.bases import make_base, read_architecture, read_base
from protocol.tasks.causal_lm import CausalLM
from protocol.tasks.lora import hugging_face
from protocol.tasks.runs import evaluate_artifact, train_artifact
from protocol.tasks.sets import split
from protocol.tasks.texts import write_texts
from protocol.tasks.tiny import tiny_base, write_published
from protocol.tasks.transformer import Transformer

LIMITS = {"max_model_bytes": 10**6, "max_seconds": 60, "max_memory_bytes": 2**31}


def lm_spec(base: Path, **fields) -> TaskSpec:
    model = {
        "architecture": read_architecture(base).model_dump(mode="json"),
        "adapter": {"rank": 4, "alpha": 8, "targets": ["q_proj", "v_proj", "down_proj"]},
        "context": 64,
    }
    scoring = {"metric": "bits_per_byte", "maximise": False, "limits": LIMITS, "model": model | fields.pop("model", {})}
    fixed = {"kind": "causal_lm", "base_digest": manifest_of(base).digest}
    return sample_spec(**fixed | scoring | fields)


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    """Folders: `base`, `training`, `held-out`, and `model`, trained for a moment."""
    place = tmp_path_factory.mktemp("lm")
    example = CausalLM.example(place)
    for name, part in zip(("training", "held-out"), split(example.source.data, 0.3, b"s"), strict=True):
        write_texts(place / name, part, example.source.card)
    train_artifact(lm_spec(place / "base"), place / "training", place / "model", example.budget, 1, base=place / "base")
    return place


@pytest.fixture
def task(lm):
    return load(lm_spec(lm / "base"), lm / "base")


# --- evaluation


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_losses_are_those_of_transformers(tmp_path, family):
    base = tiny_base(tmp_path / "base", family)
    architecture = read_architecture(base)
    tensors = read_base(base, architecture)
    tokens = np.random.default_rng(0).integers(0, 257, 120)
    ours = Transformer(architecture, tensors, {}, 1.0, 128).losses([tokens])[0]
    network = hugging_face(architecture, tensors).double()
    with torch.inference_mode():
        outputs = network(input_ids=torch.from_numpy(tokens[None, :-1])).logits[0].double()
    theirs = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(tokens[1:]), reduction="none")
    assert np.abs(ours - theirs.numpy()).max() < 2e-5


def test_no_loss_depends_on_what_follows_or_on_other_windows(tmp_path):
    base = tiny_base(tmp_path / "base", "qwen2")
    architecture = read_architecture(base)
    tensors = read_base(base, architecture)
    # large values at the end: they must not even change how the values before them are rounded
    tensors["model.embed_tokens.weight"][7] *= 1e6
    model = Transformer(architecture, tensors, {}, 1.0, 64)
    tokens = np.array([1, 2, 3, 4, 5, 6, 2, 7, 7], np.int64)
    whole, part, other = model.losses([tokens, tokens[:7], tokens[::-1].copy()])
    assert whole[:6].tobytes() == part.tobytes() == model.losses([tokens[:7]])[0].tobytes()
    assert whole.tobytes() != other.tobytes()


def test_a_score_is_all_bits_by_all_bytes(lm, task):
    data = task.load(lm / "held-out")
    weights = task.blank()
    metrics = task.evaluate(weights, data)
    size = sum(map(len, data.documents))
    assert metrics.score == pytest.approx(metrics.losses.sum() / np.log(2) / size, rel=1e-12)
    some = task.evaluate(weights, data.rows(np.array([3, 1])))
    assert some.losses.tobytes() == metrics.losses[[3, 1]].tobytes()
    assert some.values.tobytes() == metrics.values[[3, 1]].tobytes()


SCRIPT = """
import sys, torch
from pathlib import Path
from protocol.specs import read_spec
from protocol.tasks.runs import evaluate_artifact
torch.set_num_threads(2)
spec, model, held_out, report, base = map(Path, sys.argv[1:])
evaluate_artifact(read_spec(spec), model, held_out, report, base)
sys.exit(bool({"transformers", "peft"} & sys.modules.keys()))
"""


def test_another_instruction_set_comes_to_the_same_bytes_without_transformers(lm, tmp_path):
    spec = lm_spec(lm / "base")
    evaluate_artifact(spec, lm / "model", lm / "held-out", tmp_path / "here", lm / "base")
    write_spec(spec, tmp_path / "spec")
    folders = (tmp_path / "spec", lm / "model", lm / "held-out", tmp_path / "there", lm / "base")
    slow = {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
    subprocess.run([sys.executable, "-c", SCRIPT, *map(str, folders)], env=os.environ | slow, check=True)
    assert manifest_of(tmp_path / "here") == manifest_of(tmp_path / "there")


def test_an_adapter_belongs_to_its_base_model(lm, task):
    data = task.load(lm / "held-out")
    other = task.blank() | {"base": np.zeros(32, np.uint8)}
    with pytest.raises(ModelInvalid, match="it was made for another base model"):
        task.evaluate(other, data)


def test_outputs_that_are_no_numbers_make_an_adapter_invalid(lm):
    adapter = {"rank": 4, "alpha": 8, "targets": ["gate_proj", "up_proj", "down_proj"]}
    task = load(lm_spec(lm / "base", model={"adapter": adapter}), lm / "base")
    large = {name: np.full_like(array, 3e38) for name, array in task.blank().items() if name != "base"}
    with pytest.raises(ModelInvalid, match="its outputs are not finite"):
        task.evaluate(task.blank() | large, task.load(lm / "held-out"))


# --- training


def test_training_brings_the_bits_down_and_is_the_same_again(lm, task, tmp_path):
    spec, budget = lm_spec(lm / "base"), CausalLM.example(lm).budget
    trained = evaluate_artifact(spec, lm / "model", lm / "held-out", tmp_path / "report", lm / "base")
    blank = task.evaluate(task.blank(), task.load(lm / "held-out"))
    assert trained.score < blank.score - 1
    seen = []
    again = train_artifact(spec, lm / "training", tmp_path / "model", budget, 1, seen.append, lm / "base")
    assert manifest_of(tmp_path / "model") == manifest_of(lm / "model")
    assert tuple(seen) == again.history
    assert (again.history[0].step, again.best.step) == (0, again.history[-1].step)


@pytest.mark.parametrize("lives", [1, 3])
def test_a_training_that_was_killed_goes_on(lm, task, tmp_path, lives):
    budget = replace(CausalLM.example(lm).budget, epochs=4, checkpoint=tmp_path / "state.pt", checkpoint_seconds=0)
    data = task.load(lm / "training")
    whole = task.train(data, replace(budget, checkpoint=None), 5)
    told = []

    def die(progress):
        told.append(progress)
        if progress.step == lives:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        task.train(data, budget, 5, die)
    rest = []
    again = task.train(data, budget, 5, rest.append)
    assert again.history == whole.history
    assert {name: array.tobytes() for name, array in again.weights.items()} == {
        name: array.tobytes() for name, array in whole.weights.items()
    }
    assert len(rest) < len(whole.history)


def test_a_training_that_diverges_is_told(lm, task):
    budget = CausalLM.example(lm).budget
    with pytest.raises(TaskFailed, match="the training diverged"):
        task.train(task.load(lm / "training"), type(budget)(epochs=9, learning_rate=1e30, validation=0.2), 1)


# --- what is refused


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"base_digest": None}, "base_digest: causal_lm needs it"),
        ({"metric": "accuracy"}, "metric: it must be bits_per_byte"),
        ({"model": {"context": 4}}, "model.context: "),
        ({"model": {"adapter": {"rank": 4, "alpha": 8, "targets": []}}}, "model.adapter.targets: "),
        ({"model": {"adapter": {"rank": 4, "alpha": 8, "targets": ["v_proj", "q_proj"]}}}, "in the order"),
        ({"model": {"adapter": {"rank": 4, "alpha": 8, "targets": ["lm_head"]}}}, "model.adapter.targets.0: "),
        ({"limits": LIMITS | {"max_memory_bytes": 2**28}}, "limits.max_memory_bytes: evaluating this model takes"),
        ({"limits": LIMITS | {"max_model_bytes": 1000}}, "limits.max_model_bytes: this model needs"),
    ],
)
def test_specifications_that_cannot_be_followed(lm, fields, reason):
    with pytest.raises(SpecInvalid, match=reason):
        load(lm_spec(lm / "base", **fields))


def broken(lm, tmp_path, change) -> CausalLM:
    """The task with another base model in the place of its own."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("architecture.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes((lm / "base" / name).read_bytes())
    change(folder)
    return load(lm_spec(lm / "base"), folder)


def cut(folder):
    tensors = load_file(folder / "model.safetensors")
    save_file(tensors | {"model.norm.weight": torch.zeros(3)}, folder / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda folder: (folder / "architecture.json").unlink(), "architecture.json is missing"),
        (lambda folder: (folder / "architecture.json").write_text("{}"), "architecture.json: "),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json cannot be read"),
        (cut, r"tensor model.norm.weight is 'F32' \[3\]"),
    ],
)
def test_base_models_that_are_refused(lm, tmp_path, change, reason):
    task = broken(lm, tmp_path, change)
    with pytest.raises(TaskFailed, match=f"base model: .*{reason}"):
        task.check_base()
    with pytest.raises(TaskFailed, match=f"base model: .*{reason}"):
        task.load(lm / "held-out")


def test_without_its_base_model_nothing_is_loaded(lm):
    with pytest.raises(TaskFailed, match="is not at hand"):
        load(lm_spec(lm / "base")).load(lm / "held-out")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_type": "mamba"}, "family: "),
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu' is not supported"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "only the default type of rotary positions"),
        ({"rms_norm_eps": "x"}, "cannot be understood"),
        ({"rms_norm_eps": 1.5e-9}, "rms_norm_eps in billionths = 1.5 cannot be expressed"),
        ({"vocab_size": 999}, r"tensor model.embed_tokens.weight is F32 \[257, 64\], expected F32 \[999, 64\]"),
        ({"num_hidden_layers": 3}, "has no tensor model.layers.2"),
        ({"bos_token_id": None}, "names neither bos_token_id nor eos_token_id"),
    ],
)
def test_directories_that_are_no_base_models(tmp_path, change, reason):
    write_published(tmp_path / "published")
    config = json.loads((tmp_path / "published" / "config.json").read_text())
    (tmp_path / "published" / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ConfigInvalid, match=reason):
        make_base(tmp_path / "published", tmp_path / "base")
    assert not (tmp_path / "base").exists()


def test_shards_and_narrow_types_make_a_base_model(tmp_path):
    folder = tmp_path / "published"
    write_published(folder, "qwen2")
    tensors = {name: tensor.bfloat16() for name, tensor in load_file(folder / "model.safetensors").items()}
    (folder / "model.safetensors").unlink()
    shards = dict.fromkeys(sorted(tensors)[:9], "model-0.safetensors")
    shards |= {name: "model-1.safetensors" for name in tensors if name not in shards}
    for shard in set(shards.values()):
        save_file({name: tensor for name, tensor in tensors.items() if shards[name] == shard}, folder / shard)
    index = {"weight_map": shards}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    base = make_base(folder, tmp_path / "base")
    architecture = read_architecture(base)
    assert (architecture.precision, architecture.family) == ("BF16", "qwen2")
    read = read_base(base, architecture)
    assert all(np.array_equal(read[name], tensor.float().numpy()) for name, tensor in tensors.items())
