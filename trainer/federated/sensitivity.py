"""How much each column speaks for each class: the gradient of a network's outputs by its inputs."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocol.federated.first import layers as layers_of
from trainer.federated.perceptron import Floats, Labels

_MOST_CLASSES = 32
_AT_ONCE = 1 << 20  # numbers of a batch of classes

Shapes = Mapping[str, tuple[int, ...]]


def shifts(base: Floats, vectors: Mapping[int, Floats], shapes: Shapes, x: Floats, y: Labels) -> dict[int, Floats]:
    """How much more each column of x speaks for each class in each model than in `base`, shape (classes, columns).

    The same classes in all; of more than 32 those whose outputs' parameters moved most in any of the models.
    """
    last = layers_of(base, shapes)[-1][0]
    each = max(1, _MOST_CLASSES // max(1, len(vectors))) if len(last) > _MOST_CLASSES else len(last)
    chosen: set[int] = set()
    for vector in vectors.values():
        moved = np.square(layers_of(vector, shapes)[-1][0] - last).sum(axis=1)
        chosen.update(np.argsort(-moved, kind="stable")[:each].tolist())
    classes = np.array(sorted(chosen), np.int64)
    before = sensitivity(base, shapes, x, y, classes)
    return {slot: sensitivity(vector, shapes, x, y, classes) - before for slot, vector in vectors.items()}


def sensitivity(vector: Floats, shapes: Shapes, x: Floats, y: Labels, classes: NDArray[np.int64]) -> Floats:
    """The gradient of a class's output over the logarithm of the others' sum of exponentials, by the columns.

    The mean over the rows of other classes, or over all where there are no others. Shape (classes, columns).
    """
    layers = layers_of(vector, shapes)
    inputs = [x]
    for weight, bias in layers[:-1]:
        inputs.append(np.maximum(inputs[-1] @ weight.T + bias, 0))
    out = inputs[-1] @ layers[-1][0].T + layers[-1][1]
    step = max(1, _AT_ONCE // max(1, len(x) * max(out.shape[1], *(weight.shape[0] for weight, _ in layers))))
    found = np.empty((len(classes), x.shape[1]))
    for start in range(0, len(classes), step):
        some = classes[start : start + step]
        found[start : start + step] = _by_inputs(layers, inputs, _by_outputs(out, some), y != some[:, None])
    return found


def _by_outputs(out: Floats, classes: NDArray[np.int64]) -> Floats:
    """The gradients by the outputs, shape (classes, rows, outputs)."""
    others = np.repeat(out[None], len(classes), axis=0)
    places = np.arange(len(classes))
    others[places, :, classes] = -np.inf
    others -= others.max(axis=2, keepdims=True)
    np.exp(others, out=others)
    others /= -others.sum(axis=2, keepdims=True)
    others[places, :, classes] = 1
    return others


def _by_inputs(
    layers: list[tuple[Floats, Floats]], inputs: list[Floats], deltas: Floats, counted: NDArray[np.bool_]
) -> Floats:
    """The means over the counted rows, shape (classes, columns)."""
    counted = counted | ~counted.any(axis=1, keepdims=True)
    for number in range(len(layers) - 1, 0, -1):
        deltas = (deltas @ layers[number][0]) * (inputs[number] > 0)
    shares = counted / counted.sum(axis=1, keepdims=True)
    means: Floats = (shares[:, None, :] @ deltas)[:, 0] @ layers[0][0]
    return means
