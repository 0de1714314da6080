"""Transformer decoders of the Llama family, evaluated exactly: the same losses everywhere, to the last bit.

`Architecture` is a base model's description, as a specification has it; its tensors are those of the files that people
publish, by the same names. An adapter (LoRA: b a, times alpha / rank, is added to a projection's weight) is merged in.

No bit of a token's loss depends on what follows it. Roundings must not either: if a value were rounded by the largest
of its whole window, an adapter with large values could tell earlier tokens what comes.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from protocol.documents import Document
from protocol.errors import ModelInvalid
from protocol.models import Tensors, TensorType
from protocol.tasks.exact import (
    exact_cos_sin,
    exact_cross_entropy,
    exact_exp,
    exact_log,
    exact_product,
    exact_softmax,
    exact_sum,
    factor,
    factor_bits,
    on_grid,
)

MAX_LOSS = 100.0  # nats, of one token
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_PACK = 2048  # tokens that go through the layers together
_ELEMENTS = 2**22  # of an intermediate result that are computed at once
_BLOCK = 8192  # tokens of the vocabulary whose outputs are computed at once

Count = Annotated[int, Field(ge=1, le=1024)]
Width = Annotated[int, Field(ge=16, le=65_536)]


class Architecture(Document):
    """What there is to know about a base model beside its tensors. `norm_epsilon` is in billionths."""

    family: Literal["llama", "qwen2", "qwen3"]
    vocabulary: Annotated[int, Field(ge=2, le=1_000_000)]
    hidden: Width
    intermediate: Width
    layers: Count
    heads: Count
    kv_heads: Count
    head_dim: Annotated[int, Field(ge=2, le=1024, multiple_of=2)]
    rope_theta: Annotated[int, Field(ge=1, le=10**12)]
    norm_epsilon: Annotated[int, Field(ge=1, le=10**9)]
    tied: bool
    start: Annotated[int, Field(ge=0)]
    precision: Literal["F32", "F16", "BF16"]

    def projections(self) -> dict[str, tuple[int, int]]:
        """(out, in) of the seven projections of a layer."""
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "q_proj": (queries, self.hidden),
            "k_proj": (keys, self.hidden),
            "v_proj": (keys, self.hidden),
            "o_proj": (self.hidden, queries),
            "gate_proj": (self.intermediate, self.hidden),
            "up_proj": (self.intermediate, self.hidden),
            "down_proj": (self.hidden, self.intermediate),
        }

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """All tensors of the base model."""
        shapes: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocabulary, self.hidden),
            "model.norm.weight": (self.hidden,),
        }
        if not self.tied:
            shapes["lm_head.weight"] = (self.vocabulary, self.hidden)
        for layer in range(self.layers):
            shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in self._layer_shapes().items()}
        return shapes

    def _layer_shapes(self) -> dict[str, tuple[int, ...]]:
        projections = self.projections()
        shapes: dict[str, tuple[int, ...]] = {f"{place(name)}.weight": shape for name, shape in projections.items()}
        shapes |= dict.fromkeys(("input_layernorm.weight", "post_attention_layernorm.weight"), (self.hidden,))
        if self.family == "qwen2":
            shapes |= {f"{place(name)}.bias": projections[name][:1] for name in ("q_proj", "k_proj", "v_proj")}
        if self.family == "qwen3":
            shapes |= {f"self_attn.{name}.weight": (self.head_dim,) for name in ("q_norm", "k_norm")}
        return shapes

    def tensors(self) -> dict[str, TensorType]:
        """The same, as the gate wants them."""
        return {name: TensorType(self.precision, shape) for name, shape in self.shapes().items()}

    def parameters(self) -> int:
        """How many numbers the base model has."""
        return sum(math.prod(shape) for shape in self.shapes().values())


def place(projection: str) -> str:
    """Where a projection is within its layer."""
    return ("mlp." if projection in PROJECTIONS[4:] else "self_attn.") + projection


class Transformer:
    """A base model with an adapter. `adapter`: "layers.0.q_proj.a" (rank, in) and ".b" (out, rank), as `scale` b a.

    `context`: the most tokens before the last of a window.
    """

    def __init__(self, architecture: Architecture, base: Tensors, adapter: Tensors, scale: float, context: int) -> None:
        self._architecture = architecture
        self._bits = factor_bits(context)
        self._base = base
        self._adapter = adapter
        self._scale = scale

    def losses(self, windows: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
        """Of each window (tokens,) the loss of every token but the first, given those before it: nats, (tokens - 1,).

        ModelInvalid if an output is not finite.
        """
        found: list[NDArray[np.float64]] = []
        for pack in _packs(windows):
            found += self._pack_losses(pack)
        return found

    def _pack_losses(self, pack: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
        """The windows lie behind one another; only attention looks at each alone."""
        lengths = [len(window) - 1 for window in pack]
        inputs = torch.from_numpy(np.concatenate([window[:-1] for window in pack]))
        targets = torch.from_numpy(np.concatenate([window[1:] for window in pack]))
        x = self._tensor("model.embed_tokens.weight")[inputs].double()
        rotation = self._rotation(torch.cat([torch.arange(length) for length in lengths]))
        for layer in range(self._architecture.layers):
            x = self._layer(layer, x, rotation, lengths)
        losses = self._token_losses(self._norm(x, "model.norm.weight"), targets)
        return [part.numpy() for part in torch.split(losses, lengths)]

    # --- layers

    def _layer(self, layer: int, x: Tensor, rotation: tuple[Tensor, Tensor], lengths: list[int]) -> Tensor:
        name = f"model.layers.{layer}."
        x = x + self._attention(layer, self._norm(x, name + "input_layernorm.weight"), rotation, lengths)
        normed = factor(self._norm(x, name + "post_attention_layernorm.weight"))
        gate = self._project(layer, "gate_proj", normed)
        return x + self._project(layer, "down_proj", factor(_silu(gate) * self._project(layer, "up_proj", normed)))

    def _attention(self, layer: int, x: Tensor, rotation: tuple[Tensor, Tensor], lengths: list[int]) -> Tensor:
        shape, x = self._architecture, factor(x)
        queries, keys, values = (self._project(layer, name, x) for name in PROJECTIONS[:3])
        queries = self._positioned(layer, "q_norm", queries.view(len(x), shape.heads, -1), rotation)
        keys = self._positioned(layer, "k_norm", keys.view(len(x), shape.kv_heads, -1), rotation)
        largest = self._value_exponents(layer).view(shape.kv_heads, 1, -1)
        parts = zip(
            *(torch.split(part, lengths) for part in (queries, keys, values.view(len(x), shape.kv_heads, -1))),
            strict=True,
        )
        mixed = [self._attend(largest, *(each.transpose(0, 1) for each in part)) for part in parts]
        return self._project(layer, "o_proj", factor(torch.cat(mixed)))

    def _attend(self, largest: Tensor, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Of one window: (heads, tokens, head_dim) each, of keys and values fewer heads; gives (tokens, all heads).

        Values are split into a coarse and a fine part, by units that are the same for all tokens.
        """
        heads, tokens, width = queries.shape
        coarse = on_grid(values, largest, self._bits)
        fine = on_grid(values - coarse, largest - self._bits, self._bits)
        later = torch.ones(tokens, tokens, dtype=torch.bool).triu_(1)
        mixed = []
        for head in range(heads):
            group = head * len(keys) // heads
            scores = exact_product(queries[head], keys[group]).mul_(1 / math.sqrt(width))
            shares = factor(exact_softmax(scores.masked_fill_(later, -math.inf)), self._bits)
            mixed.append((shares @ coarse[group]).add_(shares @ fine[group]))
        return torch.cat(mixed, dim=1)

    def _value_exponents(self, layer: int) -> Tensor:
        """Of every value (all heads,) an exponent of two above whatever it can be, for any token.

        A normed input has at most the length √hidden, so a value is at most that times the length of its row.
        """
        name = f"model.layers.{layer}."
        rows = self._weight(layer, "v_proj") * self._tensor(name + "input_layernorm.weight").double()
        bound = exact_sum(rows * rows).mul_(self._architecture.hidden).sqrt_().mul_(1 + 2**-10)
        if (bias := f"{name}self_attn.v_proj.bias") in self._base:
            bound += self._tensor(bias).double().abs()
        return torch.frexp(bound).exponent

    def _positioned(self, layer: int, norm: str, x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Queries or keys (tokens, heads, head_dim), turned by their positions."""
        if self._architecture.family == "qwen3":
            x = self._norm(x, f"model.layers.{layer}.self_attn.{norm}.weight")
        cos, sin = (part.unsqueeze(1) for part in rotation)
        first, second = x.chunk(2, dim=-1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

    def _rotation(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines (tokens, head_dim / 2)."""
        shape = self._architecture
        theta = exact_log(torch.tensor([shape.rope_theta], dtype=torch.float64))
        steps = torch.arange(0, shape.head_dim, 2).double().div_(shape.head_dim)
        return exact_cos_sin(positions.double().unsqueeze(1) * exact_exp(-steps * theta))

    def _norm(self, x: Tensor, name: str) -> Tensor:
        square = exact_sum(x * x).div_(x.shape[-1]).add_(self._architecture.norm_epsilon / 10**9)
        return x.div(square.sqrt_().unsqueeze(-1)).mul_(self._tensor(name).double())

    def _project(self, layer: int, projection: str, x: Tensor) -> Tensor:
        """A projection of x, which is a `factor` already."""
        y = x @ factor(self._weight(layer, projection)).mT
        bias = f"model.layers.{layer}.{place(projection)}.bias"
        return y.add_(self._tensor(bias).double()) if bias in self._base else y

    def _weight(self, layer: int, projection: str) -> Tensor:
        """A projection's weight with the adapter merged in, float64 (out, in)."""
        weight = self._tensor(f"model.layers.{layer}.{place(projection)}.weight").double()
        adapted = f"layers.{layer}.{projection}"
        if f"{adapted}.a" in self._adapter:
            a, b = (torch.from_numpy(self._adapter[f"{adapted}.{part}"]).double() for part in "ab")
            weight += exact_product(b, a.mT.contiguous()).mul_(self._scale)
        return weight

    # --- outputs

    def _token_losses(self, x: Tensor, targets: Tensor) -> Tensor:
        head = self._tensor("model.embed_tokens.weight" if self._architecture.tied else "lm_head.weight")
        rows = max(1, 2 * _ELEMENTS // len(head))
        parts = [
            self._row_losses(factor(x[start : start + rows]), head, targets[start : start + rows])
            for start in range(0, len(x), rows)
        ]
        return torch.cat(parts)

    def _row_losses(self, x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        outputs = torch.empty(len(x), len(head), dtype=torch.float64)
        for start in range(0, len(head), _BLOCK):
            outputs[:, start : start + _BLOCK] = x @ factor(head[start : start + _BLOCK].double()).mT
        losses = exact_cross_entropy(outputs, targets)
        if not losses.isfinite().all():
            raise ModelInvalid("its outputs are not finite")
        return losses.clamp_(max=MAX_LOSS)

    def _tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self._base[name])


def _silu(x: Tensor) -> Tensor:
    """x times its logistic function."""
    power = exact_exp(-x.abs())
    return x * torch.where(x >= 0, 1.0, power).div_(power + 1)


def _packs(windows: Sequence[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    pack: list[NDArray[np.int64]] = []
    for window in windows:
        if pack and sum(map(len, pack)) + len(window) > _PACK:
            yield pack
            pack = []
        pack.append(window)
    if pack:
        yield pack
