"""Beside Flower: `python -m benchmarks.alliance flower`, in the environment of flower-requirements.txt.

The same members train the same network on the same rows for as many rounds, once in Flower's simulation with its FedAvg
and once in `skein.federation`; then 20 updates of 10 million parameters are aggregated by the rules of both.
"""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.alliance.aggregation import COUNT, PARAMETERS, best
from protocol.federated.fixed import NORM, Update, step
from protocol.federated.rules import Rule, aggregate
from skein.federation import Federation
from skein.simulate import Setting, build, load, measure, simulate
from trainer.federated.perceptron import train

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_DISABLE_IMPORT_WARNING"] = "1"
MEMBERS, ROUNDS = (10, 50), 10


def setting_of(members: int) -> Setting:
    """Alike data, nobody bad."""
    return Setting(members=members, rounds=ROUNDS, rule=Rule())


def flower(members: int) -> tuple[float, float]:
    """Seconds and the accuracy of Flower's simulation."""
    from flwr.client import ClientApp, NumPyClient
    from flwr.common import ndarrays_to_parameters
    from flwr.server import ServerApp, ServerAppComponents, ServerConfig
    from flwr.server.strategy import FedAvg
    from flwr.simulation import run_simulation

    federation, test = build(setting_of(members), load("digits"))
    spec, effort, people = federation.spec, federation.effort, federation.members
    last: dict[str, Any] = {}

    class Client(NumPyClient):  # type: ignore[misc]
        def __init__(self, number: int) -> None:
            self.number = number

        def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, dict[str, Any]]:
            random = np.random.default_rng([self.number, int(config["round"])])
            rows = people[self.number].train
            return [train(parameters[0], spec.shapes, *rows, effort, random)], len(rows[1]), {}

    def evaluate(_round: int, parameters: list[Any], _config: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        last["parameters"] = parameters[0]
        return 0.0, {}

    def server(_context: Any) -> ServerAppComponents:
        strategy = FedAvg(
            fraction_fit=1.0,
            fraction_evaluate=0.0,
            min_available_clients=members,
            initial_parameters=ndarrays_to_parameters([federation.parameters]),
            on_fit_config_fn=lambda number: {"round": number},
            evaluate_fn=evaluate,
        )
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=ROUNDS))

    client = ClientApp(client_fn=lambda context: Client(int(context.node_config["partition-id"])).to_client())
    started = time.perf_counter()
    run_simulation(ServerApp(server_fn=server), client, members, backend_config={"client_resources": {"num_cpus": 1}})
    return time.perf_counter() - started, _accuracy(federation, last["parameters"], test)


def _accuracy(federation: Federation, parameters: Any, test: Any) -> float:
    from trainer.federated.perceptron import outputs

    return float((outputs(parameters, federation.spec.shapes, test.x).argmax(axis=1) == test.y).mean())


def ours(members: int) -> tuple[float, float]:
    """Seconds and the accuracy of the same rounds here: everybody trains, exact updates, the exact mean by rows."""
    federation, test = build(setting_of(members), load("digits"))
    rows = [len(member.train[1]) for member in federation.members]
    started = time.perf_counter()
    for _ in range(ROUNDS):
        updates = federation.propose(federation.members)
        federation.model = step(federation.model, federation.combine(updates, rows))
    return time.perf_counter() - started, measure(federation, test).accuracy


def whole(members: int) -> tuple[float, float]:
    """Seconds and the accuracy of `skein simulate`: 10 proposers a round, votes, verdicts, settlement."""
    data = load("digits")
    started = time.perf_counter()
    result = simulate(setting_of(members), data)[1]
    return time.perf_counter() - started, result.accuracy


def rounds() -> list[dict[str, Any]]:
    """Wall time and accuracy, both ways."""
    found = []
    for members in MEMBERS:
        for name, run in (("flower", flower), ("skein", ours), ("skein simulate, votes and all", whole)):
            seconds, accuracy = run(members)
            row = {"what": name, "members": members, "rounds": ROUNDS}
            found.append({**row, "seconds": round(seconds, 3), "accuracy": round(accuracy, 4)})
    return found


def rules() -> list[dict[str, Any]]:
    """Each of Flower's rules on float32, and the same rule here on int32 words."""
    from flwr.server.strategy import aggregate as theirs

    random = np.random.default_rng(0)
    size = 0.9 * NORM / np.sqrt(PARAMETERS)
    floats = [random.standard_normal(PARAMETERS, np.float32) * np.float32(size) for _ in range(COUNT)]
    updates = [Update(f"{number:02d}", words.astype(np.int32)) for number, words in enumerate(floats)]
    told = [([words], 1) for words in floats]
    bad = COUNT * 3 // 10
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "mean": (lambda: theirs.aggregate(told), lambda: aggregate(Rule(), updates)),
        "median": (lambda: theirs.aggregate_median(told), lambda: aggregate(Rule(name="median"), updates)),
        "trimmed_mean": (
            lambda: theirs.aggregate_trimmed_avg(told, 0.3),
            lambda: aggregate(Rule(name="trimmed_mean"), updates),
        ),
        "multi_krum": (
            lambda: theirs.aggregate_krum(told, bad, COUNT - bad),
            lambda: aggregate(Rule(name="multi_krum"), updates),
        ),
    }
    found: list[dict[str, Any]] = [{"what": "reading all words once", "ms": best(lambda: [w.max() for w in floats])}]
    for name, (flowers, skeins) in pairs.items():
        found.append({"what": name, "flower_ms": best(flowers), "ms": best(skeins)})
    return found


def run() -> list[dict[str, Any]]:
    """Both comparisons."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    return rounds() + rules()
