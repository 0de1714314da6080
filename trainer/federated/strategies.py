"""Skein's rules of aggregation as strategies of Flower, for its servers and its simulation: exact, whatever the order.

    from trainer.federated.strategies import SkeinStrategy
    strategy = SkeinStrategy(rule="trimmed_mean", mix=True, exponent=3, fraction_train=1.0)

`SkeinStrategy` is for `flwr.serverapp`, `SkeinFedAvg` for the older `flwr.server`. Both take what Flower's FedAvg
takes, and the fields of `protocol.federated.rules.Rule`. Replies that are no update of the model are left out.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord
from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.strategy import FedAvg as LegacyFedAvg
from flwr.serverapp.strategy import FedAvg
from numpy.typing import NDArray

from protocol.errors import ModelInvalid
from protocol.federated.fixed import Update, decode, encode, flatten, unflatten
from protocol.federated.rules import Rule, aggregate

logger = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]
_RULE = ("tolerated", "weight_cap", "clip_to_median", "mix")


class _Exact:
    """A rule, and the unit of updates: their norm is at most 2^exponent, longer ones are shortened."""

    def __init__(self, rule: str, exponent: int, seed: int, options: dict[str, Any]) -> None:
        self.rule = Rule.model_validate({"name": rule, **{key: options.pop(key) for key in _RULE if key in options}})
        self.exponent, self.seed = exponent, seed

    def next(self, start: Arrays, replies: Sequence[tuple[str, Arrays, int]], round_id: int) -> dict[str, Any] | None:
        """The model after a round; `replies`: who, with which arrays, with which weight. None without any update."""
        parameters, updates = flatten(start), []
        for place, (name, arrays, weight) in enumerate(sorted(replies, key=lambda reply: reply[0])):
            random = np.random.default_rng([self.seed, round_id, place])
            try:
                words = encode(_flat(start, arrays) - parameters, self.exponent, random)
            except ModelInvalid as error:
                logger.warning("Left out the reply of %s: %s", name, error)
                continue
            updates.append(Update(name, words, max(1, int(weight))))
        if not updates:
            return None
        moved = parameters + decode(aggregate(self.rule, updates), self.exponent)
        tensors = unflatten(moved, {name: array.shape for name, array in start.items()})
        return {name: tensors[name].astype(array.dtype) for name, array in start.items()}


def _flat(start: Arrays, arrays: Arrays) -> NDArray[np.float64]:
    shapes = {name: array.shape for name, array in start.items()}
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise ModelInvalid("its arrays have other names or shapes than the model")
    whole = {name for name, array in start.items() if array.dtype.kind != "f"}  # counters stay as they are
    return flatten({name: start[name] if name in whole else array for name, array in arrays.items()})


class SkeinStrategy(FedAvg):  # type: ignore[misc,unused-ignore]
    """FedAvg of `flwr.serverapp` with an exact rule in its place."""

    def __init__(self, rule: str = "trimmed_mean", exponent: int = 3, seed: int = 0, **options: Any) -> None:
        self.exact = _Exact(rule, exponent, seed, options)
        self._start: dict[str, NDArray[Any]] = {}
        super().__init__(**options)

    def configure_train(self, server_round: int, arrays: ArrayRecord, config: Any, grid: Any) -> Iterable[Message]:
        """Remembers what the round starts from."""
        self._start = {name: array.numpy() for name, array in arrays.items()}
        messages: Iterable[Message] = super().configure_train(server_round, arrays, config, grid)
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The next model by the rule; metrics as FedAvg has them."""
        valid, _ = self._check_and_log_replies(replies, is_train=True)
        if not valid:
            return None, None
        contents = [message.content for message in valid]
        told = [
            (
                f"node {message.metadata.src_node_id:020d}",
                {name: array.numpy() for name, array in next(iter(content.array_records.values())).items()},
                _weight(next(iter(content.metric_records.values()))[self.weighted_by_key]),
            )
            for message, content in zip(valid, contents, strict=True)
        ]
        found = self.exact.next(self._start, told, server_round)
        metrics = self.train_metrics_aggr_fn(contents, self.weighted_by_key)
        return (ArrayRecord({name: Array(a) for name, a in found.items()}) if found else None), metrics


class SkeinFedAvg(LegacyFedAvg):  # type: ignore[misc,unused-ignore]
    """FedAvg of `flwr.server` with an exact rule in its place."""

    def __init__(self, rule: str = "trimmed_mean", exponent: int = 3, seed: int = 0, **options: Any) -> None:
        self.exact = _Exact(rule, exponent, seed, options)
        self._start: dict[str, NDArray[Any]] = {}
        super().__init__(**options)

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
        """Remembers what the round starts from."""
        self._start = _placed(parameters)
        return super().configure_fit(server_round, parameters, client_manager)

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> Any:
        """The next model by the rule; metrics as FedAvg has them."""
        if not results or (failures and not self.accept_failures):
            return None, {}
        replies = [(str(proxy.cid), _placed(reply.parameters), reply.num_examples) for proxy, reply in results]
        found = self.exact.next(self._start, replies, server_round)
        told = [(reply.num_examples, reply.metrics) for _, reply in results]
        metrics = self.fit_metrics_aggregation_fn(told) if self.fit_metrics_aggregation_fn else {}
        return (ndarrays_to_parameters(list(found.values())) if found else None), metrics


def _weight(value: Any) -> int:
    return int(value)


def _placed(parameters: Any) -> dict[str, NDArray[Any]]:
    """Arrays by their places: names that sort as they lie."""
    return {f"{place:06d}": np.asarray(array) for place, array in enumerate(parameters_to_ndarrays(parameters))}
