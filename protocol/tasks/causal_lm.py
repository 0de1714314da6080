"""Language models: an adapter (LoRA) for a base model, scored by how many bits it needs for a byte of text.

A specification's `model` is {"architecture": {...}, "adapter": {"rank": 8, "alpha": 16, "targets": ["q_proj"]},
"context": 512}; `base_digest` names the base model's artifact (see `protocol.tasks.bases`). A model's tensors:

    base                        (32,)      U8: the base model's digest, so that an adapter of another one is told
    layers.<i>.<target>.a       (rank, in)    F32
    layers.<i>.<target>.b       (out, rank)   F32: alpha / rank times b a is added to the projection's weight

A sample is a document. Its tokens are predicted in windows of `context`, each from the start token or the last token of
the window before. Its loss is the sum of its tokens' cross-entropies in nats, each at most MAX_LOSS, added without
rounding; its value are these in bits, divided by the mean number of bytes of the set's documents, so that the score is
all bits of the set by all its bytes. Evaluation is exact (see `protocol.tasks.transformer`).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from protocol.artifacts import digest_bytes
from protocol.documents import Document
from protocol.errors import ModelInvalid, TaskFailed
from protocol.models import Tensors, TensorType
from protocol.specs import spec_error
from protocol.staging import local_storage, write_file
from protocol.tasks import bases
from protocol.tasks.base import (
    Budget,
    Example,
    Metric,
    Metrics,
    Origin,
    Progress,
    Source,
    Task,
    Trained,
    Weights,
    no_progress,
)
from protocol.tasks.determinism import deterministic
from protocol.tasks.lora import Adapter, LoraTraining, Part
from protocol.tasks.sets import Card
from protocol.tasks.texts import Texts, read_texts, texts_source, write_texts
from protocol.tasks.tiny import sentences, tiny_base
from protocol.tasks.transformer import PROJECTIONS, Architecture, Transformer

BASE_TENSOR = "base"

Windows = list[NDArray[np.int64]]


class Adapted(Document):
    """A specification's `model`. `context`: the most tokens of a window."""

    architecture: Architecture
    adapter: Adapter
    context: Annotated[int, Field(ge=8, le=8192)]


class CausalLM(Task[Texts]):
    """The kind "causal_lm"."""

    kind = "causal_lm"
    description = Adapted
    metrics: ClassVar = {"bits_per_byte": Metric(False)}
    adapts = True
    budget = Budget(epochs=3, batch_size=8, learning_rate=1e-3, weight_decay=0.0, validation=0.1, patience=5)
    model: Adapted

    def check(self) -> None:
        shape = self.model.architecture
        if shape.start >= shape.vocabulary:
            raise spec_error("model.architecture.start: it is beyond the vocabulary")
        if shape.heads % shape.kv_heads:
            raise spec_error("model.architecture.kv_heads: it must divide heads")
        if (needed := self.memory_bytes()) > self.spec.limits.max_memory_bytes:
            raise spec_error(f"limits.max_memory_bytes: evaluating this model takes up to {needed}")

    def memory_bytes(self) -> int:
        """What an evaluation may take: the base model widened, its largest tensor in float64 a few times, and room."""
        shapes = self.model.architecture.shapes().values()
        projections = [math.prod(shape) for shape in self.model.architecture.projections().values()]
        largest = max(math.prod(shape) for shape in shapes)
        return 4 * sum(map(math.prod, shapes)) + 4 * largest + 40 * max(projections) + 3 * 2**28

    def tensors(self) -> Mapping[str, TensorType]:
        adapter, projections = self.model.adapter, self.model.architecture.projections()
        tensors = {BASE_TENSOR: TensorType("U8", (32,))}
        for layer in range(self.model.architecture.layers):
            for target in adapter.targets:
                outputs, inputs = projections[target]
                tensors[f"layers.{layer}.{target}.a"] = TensorType("F32", (adapter.rank, inputs))
                tensors[f"layers.{layer}.{target}.b"] = TensorType("F32", (outputs, adapter.rank))
        return tensors

    def blank(self) -> Weights:
        return super().blank() | {BASE_TENSOR: self._base_tensor()}

    def _base_tensor(self) -> NDArray[np.uint8]:
        assert self.spec.base_digest is not None
        return np.frombuffer(digest_bytes(self.spec.base_digest), np.uint8)

    # --- the base model

    def check_base(self) -> None:
        self.base_tensors  # noqa: B018 - reading is checking
        self._tokenizer()

    @cached_property
    def base_tensors(self) -> Tensors:
        """The base model's tensors; TaskFailed if they are not what the specification says."""
        return bases.read_base(self._base_folder(), self.model.architecture)

    def _base_folder(self) -> Path:
        if self.base is None:
            raise TaskFailed("base model", f"{self.spec.base_digest} is not at hand")
        return self.base

    def _tokenizer(self) -> Any:
        tokenizer = bases.read_tokenizer(self._base_folder())
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if max(tokenizer.get_vocab().values(), default=0) >= self.model.architecture.vocabulary:
            raise TaskFailed("base model", "its tokenizer has tokens beyond the vocabulary")
        return tokenizer

    # --- the task

    def load(self, directory: Path) -> Texts:
        self.check_base()  # whose fault it is, is decided before a model is looked at
        texts = read_texts(directory)
        tokenizer = self._tokenizer()
        tokens = tuple(bases.tokens(tokenizer, document) for document in texts.documents)
        return replace(texts, tokens=tokens)

    def windows(self, data: Texts) -> list[Windows]:
        """Of every document its windows: token ids, each window with the token before it in front."""
        start = np.array([self.model.architecture.start], np.int64)
        return [list(self._cut(np.concatenate([start, tokens]))) for tokens in data.tokens]

    def _cut(self, tokens: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        for begin in range(0, len(tokens) - 1, self.model.context):
            yield tokens[begin : begin + self.model.context + 1]

    def evaluate(self, weights: Weights, data: Texts) -> Metrics:
        adapter = dict(weights)
        if adapter.pop(BASE_TENSOR).tobytes() != self._base_tensor().tobytes():
            raise ModelInvalid("it was made for another base model")
        documents = self.windows(data)
        with deterministic(), torch.inference_mode():
            scale = self.model.adapter.alpha / self.model.adapter.rank
            model = Transformer(self.model.architecture, self.base_tensors, adapter, scale, self.model.context)
            losses = iter(model.losses([window for windows in documents for window in windows]))
        nats = [math.fsum(np.concatenate([next(losses) for _ in windows])) if windows else 0.0 for windows in documents]
        return Metrics(np.array(nats), np.array(nats) / math.log(2) / data.mean())

    def train(
        self, data: Texts, budget: Budget, seed: int, progress: Callable[[Progress], None] = no_progress
    ) -> Trained:
        order = np.random.default_rng(seed).permutation(len(data))
        kept = round(budget.validation * len(data))
        if not 0 < kept < len(data):
            raise TaskFailed(self.kind, f"{len(data)} documents are too few to keep {budget.validation:.0%} aside")
        rows, aside = (self._part(data.rows(part)) for part in (order[kept:], order[:kept]))
        model, adapter = self.model.architecture, self.model.adapter
        trained = LoraTraining(model, self.base_tensors, adapter, rows, aside, budget, seed).run(progress)
        return Trained(trained.weights | {BASE_TENSOR: self._base_tensor()}, trained.history)

    def _part(self, data: Texts) -> Part:
        windows = [window for windows in self.windows(data) for window in windows]
        return Part(windows, sum(map(len, data.documents)))

    # --- making one

    @classmethod
    def make_base(cls, source: Path, into: Path) -> Path:
        return bases.make_base(source, into)

    @classmethod
    def read_base(cls, base: Path) -> Mapping[str, Any]:
        return {"architecture": bases.read_architecture(base).model_dump(mode="json")}

    @classmethod
    def read(cls, origin: Origin) -> Source[Texts]:
        texts, card = texts_source(origin)
        return Source(texts, card, {})

    @classmethod
    def write(cls, directory: Path, data: Texts, card: Card) -> Path:
        return write_texts(directory, data, card)

    @classmethod
    def example(cls, folder: Path) -> Example[Texts]:
        """A tiny base model that knows nothing, and sentences made by rule."""
        base, text = folder / "base", folder / "sentences.txt"
        if not base.exists():
            tiny_base(base)
        with local_storage(f"Writing {text}"):
            write_file(text, b"\n\n".join(sentences(600)))
        documents = sentences()
        card = Card(name="sentences", description="Sentences made by rule.", licence="Apache-2.0", rows=len(documents))
        budget = Budget(epochs=2, batch_size=8, learning_rate=0.01, weight_decay=0.0)
        model = {"adapter": {"rank": 4, "alpha": 8, "targets": list(PROJECTIONS)}, "context": 96}
        published = base.with_name("base-published")
        return Example(str(text), Source(Texts(documents), card, {}), model, budget, published, base)
