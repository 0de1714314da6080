"""A Flower app, unmodified, as a member's data: its ClientApp trains and evaluates what the federation sends it.

`--data flower:DIR?partition-id=0&num-partitions=3` is an app with its pyproject.toml, `flower:module:name` a ClientApp,
a `client_fn`, or a client or its class. What follows the question mark is the node's config, overrides the run's, and
goes into every message's config, where a server app would put it. Written for flwr 1.41; needs the extra `flower`.
"""

import logging
import math
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol.errors import ConfigInvalid, TaskFailed
from protocol.federated.spec import FederationSpec
from trainer.federated.flower_app import App, Scalar, find_app, flwr_module
from trainer.federated.local import Facts, Weights

logger = logging.getLogger(__name__)

_NO_ROWS = "0x" + "00" * 32
_NODE = 1


class FlowerData:
    """A Flower app as `Local`. Rows are the app's affair: the member commits to none."""

    def __init__(self, spec: FederationSpec, app: App) -> None:
        self.spec, self.app, self._round, self._told = spec, app, 0, False
        self._types = {tensor.name: np.dtype(tensor.dtype) for tensor in spec.tensors}

    def load(self) -> Facts:
        return Facts(0, _NO_ROWS)

    def describe(self) -> Mapping[str, Any]:
        return {"flower": self.app.name, **self.app.node_config}

    def train(self, weights: Weights, seed: int) -> Weights:
        _seed_all(seed)
        self._round += 1
        reply = self._ask("train", weights)
        arrays = next(iter(reply.array_records.values()), None)
        if arrays is None:
            raise TaskFailed("training", "the Flower app returned no arrays")
        found = {name: array.numpy() for name, array in arrays.items()}
        names = list(self.spec.shapes)
        if found.keys() != set(names):  # legacy clients know their arrays by their places alone
            if len(found) != len(names):
                raise TaskFailed("training", f"the Flower app returned {len(found)} arrays, not {len(names)}")
            found = dict(zip(names, found.values(), strict=True))
        return {name: array for name, array in found.items() if self._type(name).kind == "f"}

    def evaluate(self, weights: Weights) -> float:
        reply = self._ask("evaluate", weights)
        metrics = {name: value for record in reply.metric_records.values() for name, value in record.items()}
        loss = _loss(metrics)
        if loss is None and not self._told:
            self._told = True
            logger.warning("The Flower app's evaluation tells no loss: its votes go by the screening of updates alone")
        return 0.0 if loss is None else loss

    def _type(self, name: str) -> np.dtype[Any]:
        return self._types.get(name, np.dtype(np.float32))

    def _ask(self, what: str, weights: Weights) -> Any:
        """The content of the app's reply to a message of one round."""
        typed = {name: _cast(weights[name], self._type(name)) for name in self.spec.shapes}
        flwr = flwr_module("flwr.app")
        record = flwr.ArrayRecord(array_dict={name: flwr.Array(array) for name, array in typed.items()})
        config = {"server-round": self._round, **self.app.message_config}
        content = flwr.RecordDict({"arrays": record, "config": flwr.ConfigRecord(config)})
        if self.app.is_legacy:
            told = {**self.app.legacy_config(what, self._round), **self.app.node_config}
            content = _legacy_content(what, list(typed.values()), {**config, "server_round": self._round, **told})
        message = flwr.Message(content, dst_node_id=_NODE, message_type=what)
        reply = self.app.client(message, self.app.context)
        if reply.has_error():
            raise TaskFailed(what, f"the Flower app replied with an error: {reply.error.reason}")
        return reply.content


def open_flower(source: str, spec: FederationSpec) -> FlowerData:
    """What `--data flower:…` names; ConfigInvalid for what is no Flower app."""
    if spec.privacy is not None and spec.privacy.method == "dp_sgd":
        raise ConfigInvalid("This federation asks for DP-SGD, which a Flower app cannot be held to.")
    return FlowerData(spec, find_app(source))


def _legacy_content(what: str, arrays: list[NDArray[Any]], config: dict[str, Scalar]) -> Any:
    """As a server of Flower's older interface packs it."""
    common, compat = flwr_module("flwr.common"), flwr_module("flwr.compat.common.recorddict_compat")
    parameters = common.ndarrays_to_parameters(arrays)
    if what == "train":
        return compat.fitins_to_recorddict(common.FitIns(parameters, config), keep_input=True)
    return compat.evaluateins_to_recorddict(common.EvaluateIns(parameters, config), keep_input=True)


def _cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.asarray(array if dtype.kind == "f" else np.rint(array), dtype)


def _loss(metrics: Mapping[str, Any]) -> float | None:
    """The first number called a loss, else one less the first called an accuracy."""
    numbers = {name.lower(): float(value) for name, value in metrics.items() if isinstance(value, int | float)}
    for word, sign in (("loss", 1.0), ("acc", -1.0)):
        for name, value in numbers.items():
            if word in name:
                return value if sign > 0 else (1.0 - value if math.isfinite(value) else math.inf)
    return None


def _seed_all(seed: int) -> None:
    """The generators that apps use without a seed of their own, so that a training can be repeated."""
    random.seed(seed)
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def write_first_model(source: str, path: Path) -> dict[str, tuple[int, ...]]:
    """Write the model that a Flower app begins with, .npz, for `model.first`; returns its shapes.

    It is what its ServerApp sends first, else what its client gives out.
    """
    app = find_app(source)
    arrays = app.first_arrays()
    if path.suffix != ".npz":
        raise ConfigInvalid(f"{path} must be an .npz file.")
    try:
        np.savez(path, allow_pickle=False, **arrays)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be written: {error.strerror}.") from None
    return {name: array.shape for name, array in arrays.items()}
