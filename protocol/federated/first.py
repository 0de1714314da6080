"""The model that a federation begins with, where nobody brings one."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from protocol.federated.fixed import unflatten

Layers = list[tuple[NDArray[np.float64], NDArray[np.float64]]]


def layers(vector: NDArray[np.float64], shapes: Mapping[str, tuple[int, ...]]) -> Layers:
    """Weight and bias of every layer, as views of a model's vector."""
    tensors = unflatten(vector, shapes)
    return [(tensors[f"layers.{n}.weight"], tensors[f"layers.{n}.bias"]) for n in range(len(shapes) // 2)]


def initial(shapes: Mapping[str, tuple[int, ...]], seed: int) -> NDArray[np.float64]:
    """A model to start from: He's deviations for hidden layers, zeros for the last."""
    random = np.random.default_rng(seed)
    vector = np.zeros(sum(math.prod(shape) for shape in shapes.values()))
    for weight, _ in layers(vector, shapes)[:-1]:
        weight[:] = random.normal(size=weight.shape) * math.sqrt(2 / weight.shape[1])
    return vector
