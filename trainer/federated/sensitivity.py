"""How much each column speaks for each class: the gradient of a network's outputs by its inputs."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocol.federated.fixed import unflatten
from trainer.federated.perceptron import Floats, Labels

_MOST_CLASSES = 32


def shift(base: Floats, vector: Floats, shapes: Mapping[str, tuple[int, ...]], x: Floats, y: Labels) -> Floats:
    """How much more each column of x speaks for each class in `vector` than in `base`, shape (classes, columns).

    Of many classes only the 32 whose outputs' parameters moved most.
    """
    last = f"layers.{len(shapes) // 2 - 1}.weight"
    moved = unflatten(vector - base, shapes)[last]
    classes = np.argsort(-np.square(moved).sum(axis=1), kind="stable")[:_MOST_CLASSES]
    return sensitivity(vector, shapes, x, y, classes) - sensitivity(base, shapes, x, y, classes)


def sensitivity(
    vector: Floats, shapes: Mapping[str, tuple[int, ...]], x: Floats, y: Labels, classes: NDArray[np.int64]
) -> Floats:
    """The gradient of a class's output over the logarithm of the others' sum of exponentials, by the columns.

    The mean over the rows of other classes, or over all where there are no others. Shape (classes, columns).
    """
    tensors = unflatten(vector, shapes)
    layers = [(tensors[f"layers.{n}.weight"], tensors[f"layers.{n}.bias"]) for n in range(len(shapes) // 2)]
    inputs = [x]
    for weight, bias in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weight.T + bias, 0))
    out = inputs[-1] @ layers[-1][0].T + layers[-1][1]
    found = np.empty((len(classes), x.shape[1]))
    for place, chosen in enumerate(classes):
        rows = np.flatnonzero(y != chosen) if (y != chosen).any() else np.arange(len(y))
        others = out[rows]
        others[:, chosen] = -np.inf
        delta = -np.exp(others - others.max(axis=1, keepdims=True))
        delta /= -delta.sum(axis=1, keepdims=True)
        delta[:, chosen] = 1
        for number in range(len(layers) - 1, 0, -1):
            delta = (delta @ layers[number][0]) * (inputs[number][rows] > 0)
        found[place] = delta.mean(axis=0) @ layers[0][0]
    return found
