"""Classification of texts by the words and pairs of words in them.

A specification's `model` is {"buckets": 4096, "width": 16, "hidden": [], "classes": 2}. `data.safetensors` has text and
ends, as in `protocol.tasks.texts`, and y (I64). Words are runs of ASCII letters and digits and of bytes from 128 on;
ASCII is lowered; a word, or two with a space between, counts for the bucket of its CRC-32. The first MOST_TERMS of a
text count. (No tables of Unicode: they change from one version of a library to the next.) A model's tensors, float32:

    embedding                 (buckets, width)   the mean over a text's terms goes into the layers
    layers.<i>.weight, .bias  as in `classification`
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from protocol.configuration import expanded
from protocol.documents import Document
from protocol.models import TensorType
from protocol.tasks.base import Budget, Example, Origin, Source
from protocol.tasks.classification import (
    Classes,
    Hidden,
    check_size,
    exact_layers,
    forward_layers,
    layer_tensors,
    layers_of,
    linear_layers,
)
from protocol.tasks.classifier import Classifier
from protocol.tasks.data import labels_of, read_rows, required_label, unknown_source
from protocol.tasks.exact import factor
from protocol.tasks.sets import Card, Labelled, check_classes
from protocol.tasks.texts import Texts, documents_in, text_tensors, write_labelled

MOST_TERMS = 512
_WORD = re.compile(rb"[a-z0-9\x80-\xff]+")
_BITS = 52 - 9  # so many that MOST_TERMS numbers add up without rounding


class Words(Document):
    """A specification's `model`."""

    buckets: Annotated[int, Field(ge=16, le=2**20)]
    width: Annotated[int, Field(ge=1, le=4096)]
    hidden: Hidden
    classes: Classes

    def layers(self) -> list[tuple[int, int]]:
        """(in, out) of each layer."""
        return layers_of(self.width, self.hidden, self.classes)


@dataclass(frozen=True)
class Documents(Labelled):
    """Texts with a class each: documents are objects (bytes, UTF-8), shape (documents,)."""

    documents: NDArray[Any]
    y: NDArray[np.int64]
    counts: NDArray[np.int64] | None = None

    def content(self, index: int) -> bytes:
        document: bytes = self.documents[index]
        return document + bytes(self.y[index].tobytes())


class TextClassification(Classifier[Documents]):
    """The kind "text_classification"."""

    kind = "text_classification"
    description = Words
    model: Words

    def check(self) -> None:
        check_size(self.model.layers(), self.model.buckets * self.model.width)

    def tensors(self) -> Mapping[str, TensorType]:
        embedding = TensorType("F32", (self.model.buckets, self.model.width))
        return {"embedding": embedding, **layer_tensors(self.model.layers())}

    def load(self, directory: Path) -> Documents:
        tensors = text_tensors(directory, {"y": TensorType("I64", (None,))})
        check_classes(tensors["y"], self.model.classes)
        return documents_of(documents_in(tensors), tensors["y"])

    def width(self) -> int:
        return max(MOST_TERMS * self.model.width, *(outputs for _, outputs in self.model.layers()))

    def outputs(self, weights: dict[str, Tensor], data: Documents) -> Tensor:
        # rounded column by column to so few bits that the sum over any terms, in any order, is exact
        embedding = factor(weights["embedding"].double().mT, _BITS).mT
        return exact_layers(weights, _mean(embedding, self.inputs(data)), len(self.model.layers()))

    def inputs(self, data: Documents) -> Tensor:
        """The buckets of each text's terms (texts, MOST_TERMS), -1 behind the last."""
        found = np.full((len(data), MOST_TERMS), -1, np.int64)
        for row, document in enumerate(data.documents):
            terms = buckets(document, self.model.buckets)
            found[row, : len(terms)] = terms
        return torch.from_numpy(found)

    def network(self, data: Documents, dropout: float) -> nn.Module:
        return _Network(self.model, dropout)

    @classmethod
    def read(cls, origin: Origin) -> Source[Documents]:
        """`notices`, or a CSV file: a column with the class; the texts in the others are joined."""
        if origin.source == "notices":
            return notices()
        path = expanded(origin.source)
        if not path.is_file():
            raise unknown_source(origin, {"notices": notices}, "or a CSV file")
        header, rows = read_rows(path)
        features, classes, y = labels_of(path, header, rows, required_label(origin))
        texts = [" ".join(row[name] for name in features).encode() or b" " for _, row in rows]
        card = Card(name=path.stem[:200], classes=classes, rows=len(rows))
        return documents_source(documents_of(texts, y), card)

    @classmethod
    def write(cls, directory: Path, data: Documents, card: Card) -> Path:
        return write_labelled(directory, Texts(tuple(data.documents)), data.y, card)

    @classmethod
    def example(cls, folder: Path) -> Example[Documents]:
        model = {"buckets": 1024, "width": 8, "hidden": []}
        return Example("notices", notices(300), model, Budget(epochs=6, learning_rate=0.05))


class _Network(nn.Module):
    """As it is trained."""

    def __init__(self, model: Words, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(model.buckets, model.width) * 0.1)
        self.layers = linear_layers(model.layers())
        self.dropout = nn.Dropout(dropout)

    def forward(self, terms: Tensor) -> Tensor:
        return forward_layers(self.layers, _mean(self.embedding, terms), self.dropout)


def buckets(document: bytes, count: int) -> list[int]:
    """The buckets of a text's terms, at most MOST_TERMS."""
    words = _WORD.findall(document.lower())[:MOST_TERMS]
    terms = [*words, *(b" ".join(pair) for pair in pairwise(words))]
    return [zlib.crc32(term) % count for term in terms[:MOST_TERMS]]


def _mean(embedding: Tensor, terms: Tensor) -> Tensor:
    """The mean of the terms' rows, 0 for a text without terms."""
    there = (terms >= 0).to(embedding.dtype).unsqueeze(-1)
    total = (nn.functional.embedding(terms.clamp(min=0), embedding) * there).sum(dim=1)
    return total / there.sum(dim=1).clamp(min=1)


# --- sources


def documents_of(texts: Any, y: NDArray[np.int64]) -> Documents:
    """Documents from bytes in any sequence."""
    array = np.empty(len(texts), object)
    array[:] = list(texts)
    return Documents(array, y)


def documents_source(data: Documents, card: Card) -> Source[Documents]:
    """Documents' source: the classes follow from it."""
    return Source(data, card, {"classes": len(card.classes)})


def notices(count: int = 1200) -> Source[Documents]:
    """Short notices made by rule, from four fields of work. For trying out."""
    words = {
        "agriculture": "field seed harvest soil barley tractor irrigation yield frost plough",
        "education": "pupil lesson exam school teacher reading course homework class degree",
        "finance": "loan interest budget audit invoice share payment credit tax balance",
        "health": "nurse patient dose ward fever vaccine clinic diagnosis surgery pulse",
    }
    common = "the of a is this and for today new small report from our with next".split()  # noqa: SIM905
    random = np.random.default_rng(2026)
    y = random.integers(0, len(words), count)
    texts = []
    for label in y:
        own = words[sorted(words)[label]].split()
        chosen = [str(random.choice(own if random.random() < 0.25 else common)) for _ in range(20)]
        texts.append(" ".join(chosen).encode())
    card = Card(
        name="notices",
        description="Which field of work is a notice from? Made by rule.",
        source="protocol.tasks.text_classification",
        licence="Apache-2.0",
        classes=tuple(sorted(words)),
        rows=count,
    )
    return documents_source(documents_of(texts, y.astype(np.int64)), card)
