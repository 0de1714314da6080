"""Skein's rules as strategies inside Flower's own simulation: its grid, its links, its message loop.

What runs the clients there is Ray, which is no requirement of ours; a worker of the same interface runs them in this
process instead.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message
from flwr.clientapp import ClientApp
from flwr.server import ServerApp as LegacyServerApp
from flwr.server import ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg as OldFedAvg
from flwr.server.superlink.fleet.vce.backend import Backend
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from numpy.typing import NDArray

from trainer.federated.strategies import SkeinFedAvg, SkeinStrategy

APP = Path(__file__).resolve().parents[1] / "flower_app"
RAY = "flwr.server.superlink.fleet.vce.backend.raybackend"
MEMBERS, ROUNDS = 4, 3
SLOPE = np.array([1.0, -2.0, 0.5])  # what the app's rows are made by

Arrays = NDArray[Any]
Wrong = Mapping[int, float]  # what a member returns in place of what it has learnt
Play = Callable[[Any, Wrong], Arrays]


class Worker(Backend):
    """One worker, in this process."""

    def build(self, app_fn: Callable[[], ClientApp]) -> None:
        self.app_fn = app_fn

    @property
    def num_workers(self) -> int:
        return 1

    def is_worker_idle(self) -> bool:
        return True

    def terminate(self) -> None:
        pass

    def process_message(self, message: Any, context: Context) -> tuple[Any, Context]:
        return self.app_fn()(message, context), context


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flower without Ray, and its app of the tests."""
    module = ModuleType(RAY)
    module.RayBackend = Worker  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, RAY, module)
    monkeypatch.syspath_prepend(str(APP))


def today(strategy: Any, wrong: Wrong) -> Arrays:
    """The model after some rounds of an app of today's interface; some members return what is wrong."""
    client_app = importlib.import_module("linear.client_app")
    client, server, found = ClientApp(), ServerApp(), dict[str, Any]()

    @client.train()
    def train(msg: Message, context: Context) -> Message:
        told = Context(context.run_id, context.node_id, context.node_config, context.state, {"local.epochs": 3})
        reply = client_app.train(msg, told)
        value = wrong.get(int(context.node_config["partition-id"]))
        if value is not None:
            line = reply.content["arrays"]["line.weight"].numpy()
            reply.content["arrays"]["line.weight"] = Array(np.full_like(line, value))
        return reply

    client.evaluate()(client_app.evaluate)

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        arrays = {"line.weight": np.zeros((1, 3)), "line.bias": np.zeros(1), "seen": np.array(7)}
        first = ArrayRecord({n: Array(a.astype(np.float32) if n != "seen" else a) for n, a in arrays.items()})
        config = ConfigRecord({"lr": 0.1})
        found["arrays"] = strategy.start(grid, first, num_rounds=ROUNDS, train_config=config).arrays

    run_simulation(server_app=server, client_app=client, num_supernodes=MEMBERS, backend_name="here")
    weight: Arrays = found["arrays"]["line.weight"].numpy()[0]
    return weight


def older(strategy: Any, wrong: Wrong) -> Arrays:
    """The same of the older interface."""
    legacy, found = importlib.import_module("legacy"), list[Arrays]()

    class Client(legacy.Client):  # type: ignore[misc,name-defined]
        def fit(self, parameters: Any, config: Any) -> Any:
            (slope, bias), count, metrics = super().fit(parameters, config)
            return [np.full_like(slope, self.wrong) if self.wrong is not None else slope, bias], count, metrics

    def client_fn(context: Context) -> Any:
        partition = int(context.node_config["partition-id"])
        client = Client(partition)
        client.wrong = wrong.get(partition)
        return client.to_client()

    def server_fn(context: Context) -> ServerAppComponents:
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=ROUNDS))

    strategy.evaluate_fn = lambda number, arrays, config: found.append(arrays[0])
    run_simulation(LegacyServerApp(server_fn=server_fn), ClientApp(client_fn=client_fn), MEMBERS, backend_name="here")
    return found[-1]


ALL = "min_available_nodes", "min_train_nodes"
ALL_OLDER = "min_available_clients", "min_fit_clients"
TODAY, OLDER = (dict.fromkeys(names, MEMBERS) for names in (ALL, ALL_OLDER))
WAYS = [
    pytest.param(today, partial(FedAvg, **TODAY), partial(SkeinStrategy, **TODAY), id="today"),
    pytest.param(older, partial(OldFedAvg, **OLDER), partial(SkeinFedAvg, **OLDER), id="older"),
]


@pytest.mark.parametrize(("play", "flowers", "ours"), WAYS)
def test_the_mean_is_what_flowers_own_mean_is(play: Play, flowers: Any, ours: Any) -> None:
    found = play(ours(rule="mean"), {})
    assert np.allclose(found, play(flowers(), {}), atol=1e-5)
    assert np.abs(found - SLOPE).max() < np.abs(SLOPE).max() / 2


@pytest.mark.parametrize(("play", "flowers", "ours"), WAYS)
def test_who_returns_nonsense_spoils_flowers_mean_and_not_a_rule(play: Play, flowers: Any, ours: Any) -> None:
    wrong = {1: np.nan, 3: 1e3}
    assert np.abs(play(ours(rule="median"), wrong) - SLOPE).max() < np.abs(SLOPE).max() / 2
    assert not np.abs(play(flowers(), wrong) - SLOPE).max() < 100
