"""The network of a federation in numpy: its loss, and training by SGD with momentum, with or without DP.

A model is one float64 vector, the tensors of `FederationSpec.shapes` in the order of their names. ReLU between layers,
cross-entropy in nats at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocol.errors import TaskFailed
from protocol.federated.first import layers as _layers

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Effort:
    """How a member trains in a round. Nothing here is part of the federation: every member chooses for itself."""

    epochs: int = 2
    batch_size: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.9


@dataclass(frozen=True)
class Noise:
    """DP-SGD: every row's gradient is clipped to `clip`, noise of deviation clip · multiplier is added to their sum."""

    clip: float
    multiplier: float


def outputs(vector: Floats, shapes: Mapping[str, tuple[int, ...]], x: Floats) -> Floats:
    """Of x (rows, features), shape (rows, classes); of many vectors (…, parameters): (…, rows, classes)."""
    layers = _layers(vector, shapes)
    for number, (weight, bias) in enumerate(layers):
        x = x @ weight.swapaxes(-1, -2) + bias[..., None, :]
        if number < len(layers) - 1:
            np.maximum(x, 0, out=x)
    return x


def losses(vector: Floats, shapes: Mapping[str, tuple[int, ...]], x: Floats, y: Labels) -> Floats:
    """The cross-entropy of every row in nats; of many vectors (…, parameters): (…, rows)."""
    out = outputs(vector, shapes, x)
    out -= out.max(axis=-1, keepdims=True)
    chosen = out[..., np.arange(len(y)), y]
    result: Floats = np.log(np.exp(out).sum(axis=-1)) - chosen
    return result


def train(
    vector: Floats,
    shapes: Mapping[str, tuple[int, ...]],
    x: Floats,
    y: Labels,
    effort: Effort,
    random: np.random.Generator,
    noise: Noise | None = None,
) -> Floats:
    """The model after some epochs. TaskFailed if it diverges."""
    vector, velocity = vector.copy(), np.zeros_like(vector)
    for _ in range(effort.epochs):
        order = random.permutation(len(y))
        for start in range(0, len(y), effort.batch_size):
            if noise is None:
                rows = order[start : start + effort.batch_size]
                gradient = _gradient(vector, shapes, x[rows], y[rows])
            else:  # the accountant's draws: every row independently
                rows = np.flatnonzero(random.random(len(y)) < effort.batch_size / len(y))
                gradient = _noisy_gradient(vector, shapes, x[rows], y[rows], noise, effort.batch_size, random)
            velocity = effort.momentum * velocity + gradient
            vector -= effort.learning_rate * velocity
    if not np.isfinite(vector).all():
        raise TaskFailed("training", "it diverged; choose a lower learning rate")
    return vector


def _passes(
    vector: Floats, shapes: Mapping[str, tuple[int, ...]], x: Floats, y: Labels
) -> tuple[list[Floats], list[Floats]]:
    """What each layer is given, and the gradient of each row's loss by what the layer gives."""
    layers = _layers(vector, shapes)
    inputs = [x]
    for weight, bias in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weight.T + bias, 0))
    out = inputs[-1] @ layers[-1][0].T + layers[-1][1]
    out -= out.max(axis=1, keepdims=True)
    delta = np.exp(out)
    delta /= delta.sum(axis=1, keepdims=True)
    delta[np.arange(len(y)), y] -= 1
    deltas = [delta]
    for number in range(len(layers) - 1, 0, -1):
        deltas.insert(0, (deltas[0] @ layers[number][0]) * (inputs[number] > 0))
    return inputs, deltas


def _sum(shapes: Mapping[str, tuple[int, ...]], inputs: list[Floats], deltas: list[Floats], size: int) -> Floats:
    gradient = np.empty(size)
    for (weight, bias), into, delta in zip(_layers(gradient, shapes), inputs, deltas, strict=True):
        np.matmul(delta.T, into, out=weight)
        np.sum(delta, axis=0, out=bias)
    return gradient


def _gradient(vector: Floats, shapes: Mapping[str, tuple[int, ...]], x: Floats, y: Labels) -> Floats:
    inputs, deltas = _passes(vector, shapes, x, y)
    return _sum(shapes, inputs, deltas, len(vector)) / len(y)


def _noisy_gradient(
    vector: Floats,
    shapes: Mapping[str, tuple[int, ...]],
    x: Floats,
    y: Labels,
    noise: Noise,
    expected: int,
    random: np.random.Generator,
) -> Floats:
    """The norm of a row's gradient follows from its inputs and deltas, so that none is ever formed."""
    inputs, deltas = _passes(vector, shapes, x, y)
    square = sum(
        np.square(delta).sum(axis=1) * (np.square(into).sum(axis=1) + 1)
        for into, delta in zip(inputs, deltas, strict=True)
    )
    factors = np.minimum(1.0, noise.clip / np.maximum(np.sqrt(square), 1e-12))[:, None]
    total = _sum(shapes, inputs, [delta * factors for delta in deltas], len(vector))
    total += random.normal(scale=noise.clip * noise.multiplier, size=total.shape)
    return total / expected
