"""The smallest base model there is, and sentences for it: what examples and tests of language models stand on."""

import itertools
import json
from pathlib import Path

import torch

from protocol.staging import write_file
from protocol.tasks.bases import make_base
from protocol.tasks.transformer import Architecture


def tiny_base(into: Path, family: str = "qwen3", seed: int = 1) -> Path:
    """The artifact of a base model with two layers and a vocabulary of bytes, whose weights are random."""
    published = into.with_name(into.name + "-published")
    write_published(published, family, seed)
    return make_base(published, into)


def write_published(folder: Path, family: str = "qwen3", seed: int = 1) -> None:
    """The same in the form in which people publish models."""
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    config = {
        "model_type": family,
        "vocab_size": 257,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rope_parameters": {"rope_theta": 10_000.0, "rope_type": "default"},
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": 256,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "config.json", json.dumps(config).encode())
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(_random_tensors(config, seed), folder / "model.safetensors")


def _random_tensors(config: dict[str, object], seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    architecture = Architecture(
        family=config["model_type"],  # type: ignore[arg-type]
        vocabulary=257,
        hidden=64,
        intermediate=128,
        layers=2,
        heads=4,
        kv_heads=2,
        head_dim=16,
        rope_theta=10_000,
        norm_epsilon=1000,
        tied=True,
        start=256,
        precision="F32",
    )
    tensors = {}
    for name, shape in architecture.shapes().items():
        normal = torch.randn(shape, generator=generator) * 0.1
        tensors[name] = normal + 1 if "norm" in name else normal
    return tensors


def sentences(count: int = 60) -> tuple[bytes, ...]:
    """Documents that a model can learn: the same few words in ever other order."""
    who = ("the farmer", "a nurse", "the clerk", "a teacher", "the miller")
    does = ("counts", "weighs", "orders", "keeps", "sells")
    what = ("grain", "paper", "medicine", "seed", "flour", "ink")
    lines = [f"{a} {b} {c} in the morning." for a, b, c in itertools.product(who, does, what)]
    chosen = ([lines[(7 * number + 31 * k) % len(lines)] for k in range(3)] for number in range(count))
    return tuple(" ".join(three).encode() for three in chosen)
