"""Hostile models of every kind: what is wrong with each whatever the kind, and what an enemy does to one kind alone.

A build takes a kind's `Bench` and gives the files of an artifact, made from a blank model so that one thing is wrong.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from safetensors.numpy import save

from protocol.tasks.base import Weights
from protocol.tasks.bench import Bench
from protocol.tasks.causal_lm import BASE_TENSOR
from protocol.tasks.runs import MODEL_FILE

Files = Mapping[str, bytes]
Build = Callable[[Bench], Files]
Hostile = tuple[Build, str]
"""How it is made, and a part of what the verdict says."""


def largest(bench: Bench) -> str:
    """The name of the tensor with most numbers to be learned."""
    sizes = {name: array.size for name, array in bench.task.blank().items() if array.dtype == np.float32}
    return max(sizes, key=sizes.__getitem__)


def weights(change: Callable[[Bench, Weights], None]) -> Build:
    def build(bench: Bench) -> Files:
        made = {name: array.copy() for name, array in bench.task.blank().items()}
        change(bench, made)
        return {MODEL_FILE: save(made)}

    return build


def largest_as(change: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]) -> Build:
    def exchange(bench: Bench, made: Weights) -> None:
        made[largest(bench)] = np.ascontiguousarray(change(made[largest(bench)]))

    return weights(exchange)


def holding(value: float) -> Build:
    """One number of the largest tensor, somewhere in its second half."""

    def put(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        array.reshape(-1)[array.size * 2 // 3] = value
        return array

    return largest_as(put)


def named(name: str, shape: tuple[int, ...] = (1,)) -> Build:
    return weights(lambda _, made: made.update({name: np.zeros(shape, np.float32)}))


def _without(bench: Bench, made: Weights) -> None:
    del made[largest(bench)]


def _renamed(bench: Bench, made: Weights) -> None:
    made["module." + largest(bench)] = made.pop(largest(bench))


def _beside(name: str, data: bytes) -> Build:
    return lambda bench: {MODEL_FILE: save(bench.task.blank()), name: data}


OF_ANY_KIND: dict[str, Hostile] = {
    "largest tensor missing": (weights(_without), "is missing"),
    "tensor too many": (named("extra"), "'extra' is not expected"),
    "names of a wrapped module": (weights(_renamed), "is missing"),
    "NaN": (holding(np.nan), "holds NaN or infinity"),
    "infinity": (holding(np.inf), "holds NaN or infinity"),
    "double precision": (largest_as(lambda array: array.astype(np.float64)), "'F64'"),
    "half precision": (largest_as(lambda array: array.astype(np.float16)), "'F16'"),
    "whole numbers": (largest_as(lambda array: array.astype(np.int64)), "'I64'"),
    "bytes": (largest_as(lambda array: array.astype(np.uint8)), "'U8'"),
    "flattened": (largest_as(lambda array: array.reshape(1, -1, 1, 1, 1)), "expected F32"),
    "a row too many": (largest_as(lambda array: np.concatenate([array, array[:1]])), "expected F32"),
    "no rows": (largest_as(lambda array: array[:0]), "expected F32"),
    "code beside the model": (_beside("modeling.py", b"import os"), "must hold model.safetensors and nothing else"),
}


# --- language models

_PROJECTION = "layers.0.q_proj"


def _of_base(digest: bytes) -> Build:
    return weights(lambda _, made: made.update({BASE_TENSOR: np.frombuffer(digest, np.uint8)}))


def _base_of_zeros_but_one(bench: Bench, made: Weights) -> None:
    digest = made[BASE_TENSOR].copy()
    digest[-1] ^= 1
    made[BASE_TENSOR] = digest


def _of_rank(rank: int) -> Build:
    def change(_: Bench, made: Weights) -> None:
        made[f"{_PROJECTION}.a"] = np.zeros((rank, made[f"{_PROJECTION}.a"].shape[1]), np.float32)
        made[f"{_PROJECTION}.b"] = np.zeros((made[f"{_PROJECTION}.b"].shape[0], rank), np.float32)

    return weights(change)


def _turned(_: Bench, made: Weights) -> None:
    for part in "ab":
        made[f"{_PROJECTION}.{part}"] = np.ascontiguousarray(made[f"{_PROJECTION}.{part}"].T)


def _exchanged(_: Bench, made: Weights) -> None:
    made[f"{_PROJECTION}.a"], made[f"{_PROJECTION}.b"] = made[f"{_PROJECTION}.b"], made[f"{_PROJECTION}.a"]


def _of_peft(bench: Bench) -> Files:
    """As peft writes it."""
    spelled = {"a": "lora_A.weight", "b": "lora_B.weight"}
    made = {
        f"base_model.model.model.{name[:-2]}.{spelled[name[-1]]}": array
        for name, array in bench.task.blank().items()
        if name != BASE_TENSOR
    }
    return {MODEL_FILE: save(made)}


def _merged(bench: Bench) -> Files:
    """The whole model instead of an adapter."""
    return {MODEL_FILE: save({name: np.asarray(array) for name, array in bench.task.base_tensors.items()})}


_CONFIG = json.dumps({"peft_type": "LORA", "auto_map": {"AutoModel": "evil.Model"}, "trust_remote_code": True}).encode()
_NOTHING_ELSE = "must hold model.safetensors and nothing else"

OF_LANGUAGE_MODELS: dict[str, Hostile] = {
    "adapter of another base model": (_of_base(bytes(range(32))), "it was made for another base model"),
    "adapter of no base model": (_of_base(bytes(32)), "it was made for another base model"),
    "adapter of nearly the same base model": (weights(_base_of_zeros_but_one), "it was made for another base model"),
    "base digest cut short": (_of_base(bytes(31)), "'U8' [31], expected U8 [32]"),
    "base digest of 2^20 bytes": (_of_base(bytes(1 << 20)), "expected U8 [32]"),
    "no base digest": (weights(lambda _, made: made.__delitem__(BASE_TENSOR) or None), "tensor base is missing"),
    "rank above the task's": (_of_rank(64), "expected F32 [4,"),
    "rank below the task's": (_of_rank(1), "expected F32 [4,"),
    "adapter turned round": (weights(_turned), "expected F32 [4,"),
    "halves exchanged": (weights(_exchanged), "expected F32 [4,"),
    "layer that the base model lacks": (named("layers.99.q_proj.a", (4, 8)), "'layers.99.q_proj.a' is not expected"),
    "target that the task does not name": (named("lm_head.a", (4, 8)), "'lm_head.a' is not expected"),
    "embedding beside the adapter": (named("embed_tokens", (8, 8)), "'embed_tokens' is not expected"),
    "tokenizer beside the adapter": (_beside("tokenizer.json", b"{}"), _NOTHING_ELSE),
    "remote code beside the adapter": (_beside("adapter_config.json", _CONFIG), _NOTHING_ELSE),
    "adapter as peft names it": (_of_peft, "is missing"),
    "adapter in peft's file": (lambda bench: {"adapter_model.safetensors": save(bench.task.blank())}, _NOTHING_ELSE),
    "adapter as a pickle": (lambda bench: {"adapter_model.bin": b"\x80\x04."}, _NOTHING_ELSE),
    "whole model instead of an adapter": (_merged, "is missing"),
}
