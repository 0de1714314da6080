"""An app of the older interface with scikit-learn: parameters from its server, a config for every round, and state."""

import warnings

import numpy as np
from flwr.client import ClientApp, NumPyClient
from flwr.common import ArrayRecord, Context, MetricRecord, ndarrays_to_parameters
from flwr.server import ServerApp, ServerAppComponents, ServerConfig
from flwr.server.strategy import FedAvg
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

CLASSES, COLUMNS = 3, 4


def rows(partition: int, partitions: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = random.integers(CLASSES, size=60 * partitions)
    x = np.eye(CLASSES, COLUMNS)[y] * 2 + random.normal(size=(len(y), COLUMNS))
    return x[partition::partitions], y[partition::partitions]


def new_model(steps: int) -> LogisticRegression:
    model = LogisticRegression(max_iter=steps, warm_start=True)
    model.classes_ = np.arange(CLASSES)
    model.coef_, model.intercept_ = np.zeros((CLASSES, COLUMNS)), np.zeros(CLASSES)
    return model


class Client(NumPyClient):
    def __init__(self, context: Context) -> None:
        node, self.state = context.node_config, context.state
        x, y = rows(node["partition-id"], node["num-partitions"])
        self.train, self.test = (x[:40], y[:40]), (x[40:], y[40:])

    def load(self, parameters, steps):
        model = new_model(steps)
        model.coef_, model.intercept_ = parameters
        return model

    def fit(self, parameters, config):
        model = self.load(parameters, config["steps"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so few steps do not converge
            model.fit(*self.train)
        seen = self.state["seen"]["rounds"] if "seen" in self.state else 0
        self.state["seen"] = MetricRecord({"rounds": seen + 1, "steps": config["steps"]})
        self.state["last"] = ArrayRecord([model.coef_])
        return [model.coef_, model.intercept_], len(self.train[1]), {"rounds": seen + 1, "steps": config["steps"]}

    def evaluate(self, parameters, config):
        model = self.load(parameters, 1)
        loss = log_loss(self.test[1], model.predict_proba(self.test[0]), labels=model.classes_)
        return loss, len(self.test[1]), {"accuracy": model.score(*self.test) * config["shown"]}


def client_fn(context: Context):
    return Client(context).to_client()


def server_fn(context: Context) -> ServerAppComponents:
    first = new_model(1)
    strategy = FedAvg(
        initial_parameters=ndarrays_to_parameters([first.coef_, first.intercept_]),
        on_fit_config_fn=lambda number: {"steps": context.run_config["steps"] * number},
        on_evaluate_config_fn=lambda _: {"shown": 1.0},
    )
    return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=3))


client = ClientApp(client_fn=client_fn)
server = ServerApp(server_fn=server_fn)
