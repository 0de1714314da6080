"""Classification of rows of numbers by a multi-layer perceptron (with no hidden layer: softmax regression).

A specification's `model` is {"features": 30, "hidden": [32], "classes": 2}. A model's tensors, all float32:

    mean, scale            (features,)   x is standardised as (x - mean) * scale
    layers.<i>.weight      (out, in)     one more layer than `hidden` names, ReLU between them
    layers.<i>.bias        (out,)

Evaluation is in float64 with exact arithmetic (see `protocol.tasks.exact`), so that the outputs are the same to the
last bit on every machine and a model made of near-ties cannot set honest validators against each other.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from protocol.documents import Document
from protocol.models import TensorType
from protocol.specs import spec_error
from protocol.tasks.base import Budget, Example, Origin, Source
from protocol.tasks.classifier import MAX_PARAMETERS, Classifier
from protocol.tasks.data import MOST_CLASSES, Table, breast_cancer, read_data, read_table, write_data
from protocol.tasks.exact import exact_linear, small_factor
from protocol.tasks.sets import Card

Width = Annotated[int, Field(ge=1, le=65_536)]
Hidden = Annotated[tuple[Width, ...], Field(max_length=8)]
Classes = Annotated[int, Field(ge=2, le=MOST_CLASSES)]


class Perceptron(Document):
    """A specification's `model`: widths of the input, of each hidden layer, and the number of classes."""

    features: Width
    hidden: Hidden
    classes: Classes

    def layers(self) -> list[tuple[int, int]]:
        """(in, out) of each layer."""
        return layers_of(self.features, self.hidden, self.classes)


class Network(nn.Module):
    """The perceptron as it is trained; its state is the tensors of a model."""

    mean: Tensor
    scale: Tensor

    def __init__(self, model: Perceptron, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(model.features))
        self.register_buffer("scale", torch.ones(model.features))
        self.layers = linear_layers(model.layers())
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (rows, classes) of x (rows, features)."""
        return forward_layers(self.layers, (x - self.mean) * self.scale, self.dropout)

    def standardise(self, x: Tensor) -> None:
        """Choose mean and scale so that the rows have mean 0 and deviation 1; columns that do not vary are left out."""
        mean, scale = standardisation(x)
        self.mean.copy_(mean)
        self.scale.copy_(scale)


class Classification(Classifier[Table]):
    """The kind "classification"."""

    kind = "classification"
    description = Perceptron
    model: Perceptron

    def check(self) -> None:
        check_size(self.model.layers())

    def tensors(self) -> Mapping[str, TensorType]:
        return {
            **{name: TensorType("F32", (self.model.features,)) for name in ("mean", "scale")},
            **layer_tensors(self.model.layers()),
        }

    def load(self, directory: Path) -> Table:
        return read_data(directory, self.model.features, self.model.classes)

    def width(self) -> int:
        return max(self.model.features, *(outputs for _, outputs in self.model.layers()))

    def outputs(self, weights: dict[str, Tensor], data: Table) -> Tensor:
        x = torch.from_numpy(data.x).double().sub_(weights["mean"].double()).mul_(weights["scale"].double())
        return exact_layers(weights, x, len(self.model.layers()))

    def network(self, data: Table, dropout: float) -> Network:
        network = Network(self.model, dropout)
        network.standardise(self.inputs(data))
        return network

    def inputs(self, data: Table) -> Tensor:
        return torch.from_numpy(data.x)

    @classmethod
    def read(cls, origin: Origin) -> Source[Table]:
        return read_table(origin)

    @classmethod
    def write(cls, directory: Path, data: Table, card: Card) -> Path:
        return write_data(directory, data, card)

    @classmethod
    def example(cls, folder: Path) -> Example[Table]:
        return Example(
            "breast_cancer", breast_cancer(), {"hidden": [16]}, Budget(epochs=10, batch_size=64, learning_rate=0.01)
        )


# --- layers, also of other kinds


def layers_of(features: int, hidden: tuple[int, ...], classes: int) -> list[tuple[int, int]]:
    """(in, out) of each linear layer from the features to the classes."""
    return list(pairwise((features, *hidden, classes)))


def check_size(layers: list[tuple[int, int]], others: int = 0) -> None:
    """SpecInvalid for linear layers that have, with `others`, more than MAX_PARAMETERS parameters."""
    if others + sum((inputs + 1) * outputs for inputs, outputs in layers) > MAX_PARAMETERS:
        raise spec_error(f"model: it has more than {MAX_PARAMETERS:,} parameters")


def layer_tensors(layers: list[tuple[int, int]]) -> dict[str, TensorType]:
    """The tensors of linear layers."""
    tensors = {}
    for number, (inputs, outputs) in enumerate(layers):
        tensors[f"layers.{number}.weight"] = TensorType("F32", (outputs, inputs))
        tensors[f"layers.{number}.bias"] = TensorType("F32", (outputs,))
    return tensors


def linear_layers(layers: list[tuple[int, int]]) -> nn.ModuleList:
    """Linear layers as they are trained."""
    return nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in layers)


def forward_layers(layers: nn.ModuleList, x: Tensor, dropout: nn.Module) -> Tensor:
    """Through linear layers with ReLU between them, in training."""
    for layer in layers[:-1]:
        x = dropout(functional.relu(layer(x)))
    return cast(Tensor, layers[-1](x))


def exact_layers(weights: dict[str, Tensor], x: Tensor, count: int) -> Tensor:
    """The same with exact sums, of x (rows, features), float64, which is overwritten; what was made ready of small
    weights stays there."""
    for number in range(count):
        weight, ready = weights[f"layers.{number}.weight"], f"layers.{number}.ready"
        if ready not in weights and (made := small_factor(weight)) is not None:
            weights[ready] = made
        x = exact_linear(x, weight, weights[f"layers.{number}.bias"], weights.get(ready), spent=True)
        x = x if number == count - 1 else x.relu_()
    return x


def standardisation(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale (features,), float32, by which (x - mean) * scale has mean 0 and deviation 1 in every column.

    The scale is 0 for columns that do not vary.
    """
    deviation, mean = torch.std_mean(x.double(), dim=0, correction=0)
    scale = torch.where(deviation > 1e-7 * mean.abs(), 1 / deviation, 0.0).float()
    return mean.float(), torch.where(scale.isfinite(), scale, 0.0)
