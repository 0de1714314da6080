"""Classification of small images by a convolutional network.

A specification's `model` is {"channels": 1, "height": 8, "width": 8, "filters": [16], "hidden": [64], "classes": 10}.
`data.safetensors` has x (U8, shape (rows, channels, height, width)) and y (I64). A model's tensors, all float32:

    convolutions.<i>.weight   (filters, channels, 3, 3)   on pixels / 255; edges are padded with zeros; ReLU and the
    convolutions.<i>.bias     (filters,)                  largest of each 2 x 2 follow
    layers.<i>.weight, .bias  as in `classification`, of what is left, channel by channel
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from protocol.configuration import expanded
from protocol.documents import Document
from protocol.errors import ConfigInvalid
from protocol.models import TensorType
from protocol.specs import spec_error
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
from protocol.tasks.data import array_card, digits, read_array, unknown_source
from protocol.tasks.exact import exact_product
from protocol.tasks.sets import Card, Labelled, check_classes, read_set, write_set

_TAPS = 9
Side = Annotated[int, Field(ge=1, le=1024)]


class Pixels(Document):
    """A specification's `model`."""

    channels: Annotated[int, Field(ge=1, le=16)]
    height: Side
    width: Side
    filters: Annotated[tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(max_length=6)]
    hidden: Hidden
    classes: Classes

    def stages(self) -> list[tuple[int, int, int, int]]:
        """(channels in, filters, height, width) of each convolution."""
        sizes = (self.channels, *self.filters)
        return [(sizes[i], sizes[i + 1], self.height >> i, self.width >> i) for i in range(len(self.filters))]

    def features(self) -> int:
        """How many numbers the convolutions leave."""
        halvings = len(self.filters)
        return (self.channels, *self.filters)[-1] * (self.height >> halvings) * (self.width >> halvings)

    def layers(self) -> list[tuple[int, int]]:
        """(in, out) of each linear layer."""
        return layers_of(self.features(), self.hidden, self.classes)


@dataclass(frozen=True)
class Images(Labelled):
    """x uint8 of shape (images, channels, height, width), y int64 of shape (images,)."""

    x: NDArray[np.uint8]
    y: NDArray[np.int64]
    counts: NDArray[np.int64] | None = None


class Image(Classifier[Images]):
    """The kind "image"."""

    kind = "image"
    description = Pixels
    model: Pixels

    def check(self) -> None:
        if not self.model.features():
            raise spec_error("model.filters: they are too many, each halves height and width")
        taps = [(_TAPS * inputs, filters) for inputs, filters, _, _ in self.model.stages()]
        check_size([*taps, *self.model.layers()])

    def tensors(self) -> Mapping[str, TensorType]:
        tensors = layer_tensors(self.model.layers())
        for number, (inputs, filters, _, _) in enumerate(self.model.stages()):
            tensors[f"convolutions.{number}.weight"] = TensorType("F32", (filters, inputs, 3, 3))
            tensors[f"convolutions.{number}.bias"] = TensorType("F32", (filters,))
        return tensors

    def load(self, directory: Path) -> Images:
        shape = (None, self.model.channels, self.model.height, self.model.width)
        tensors = read_set(directory, {"x": TensorType("U8", shape), "y": TensorType("I64", (None,))})
        check_classes(tensors["y"], self.model.classes)
        return Images(tensors["x"], tensors["y"])

    def width(self) -> int:
        stages = ((_TAPS * inputs + filters) * height * width for inputs, filters, height, width in self.model.stages())
        return max(*stages, *(inputs + outputs for inputs, outputs in self.model.layers()), 1)

    def outputs(self, weights: dict[str, Tensor], data: Images) -> Tensor:
        x = torch.from_numpy(data.x).double().div_(255)
        for number, (_, filters, height, width) in enumerate(self.model.stages()):
            weight, bias = (weights[f"convolutions.{number}.{part}"].double() for part in ("weight", "bias"))
            patches = functional.unfold(x, 3, padding=1).mT  # (images, places, channels x 9)
            x = exact_product(patches, weight.flatten(1)).add_(bias).mT.reshape(len(x), filters, height, width)
            x = functional.max_pool2d(functional.relu(x), 2)
        return exact_layers(weights, x.flatten(1), len(self.model.layers()))

    def network(self, data: Images, dropout: float) -> nn.Module:
        return _Network(self.model, dropout)

    def inputs(self, data: Images) -> Tensor:
        return torch.from_numpy(data.x).float().div_(255)

    @classmethod
    def read(cls, origin: Origin) -> Source[Images]:
        """`digits`, or a directory: x.npy (bytes, shape (images, height, width) or with channels last), y.npy."""
        if origin.source == "digits":
            return _digits()
        directory = expanded(origin.source)
        if not directory.is_dir():
            raise unknown_source(origin, {"digits": _digits}, "or a directory with x.npy and y.npy")
        x, y = (read_array(directory / name) for name in ("x.npy", "y.npy"))
        if x.ndim not in (3, 4) or x.dtype != np.uint8 or y.ndim != 1 or len(x) != len(y) or not len(x):
            raise ConfigInvalid(
                f"{directory}: x must be bytes of shape (images, height, width) or (images, height, width, channels), "
                f"y (images,), but they are {x.dtype} {x.shape}, {y.shape}."
            )
        x = x[:, None] if x.ndim == 3 else np.moveaxis(x, 3, 1)
        return images_source(Images(np.ascontiguousarray(x), y.astype(np.int64)), array_card(directory, y))

    @classmethod
    def write(cls, directory: Path, data: Images, card: Card) -> Path:
        return write_set(directory, {"x": data.x, "y": data.y}, card, len(data))

    @classmethod
    def example(cls, folder: Path) -> Example[Images]:
        source = _digits()
        some = Images(source.data.x[:400], source.data.y[:400])
        model = {"filters": [4, 8], "hidden": []}
        return Example("digits", images_source(some, source.card), model, Budget(epochs=4, learning_rate=0.02))


class _Network(nn.Module):
    """As it is trained."""

    def __init__(self, model: Pixels, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b, _, _ in model.stages())
        self.layers = linear_layers(model.layers())
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        for convolution in self.convolutions:
            x = functional.max_pool2d(functional.relu(convolution(x)), 2)
        return forward_layers(self.layers, x.flatten(1), self.dropout)


def images_source(data: Images, card: Card) -> Source[Images]:
    """Images' source: sizes and classes follow from it."""
    channels, height, width = data.x.shape[1:]
    model = {"channels": channels, "height": height, "width": width, "classes": len(card.classes)}
    return Source(data, card, model)


def _digits() -> Source[Images]:
    source = digits()
    x = (source.data.x * 15).astype(np.uint8).reshape(-1, 1, 8, 8)
    return images_source(Images(x, source.data.y), source.card.model_copy(update={"features": ()}))
