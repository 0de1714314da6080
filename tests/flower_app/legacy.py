"""A client of Flower's older interface: a `client_fn` that makes a NumPyClient."""

import numpy as np
from flwr.client import NumPyClient

SLOPE = np.array([1.0, -2.0, 0.5])


class Client(NumPyClient):
    """Least squares by a few steps."""

    def __init__(self, partition: int = 0) -> None:
        self.x = np.random.default_rng(partition).normal(size=(40, 3))
        self.y = self.x @ SLOPE

    def get_parameters(self, config):
        return [np.zeros(3, np.float32), np.zeros(1, np.float32)]

    def fit(self, parameters, config):
        slope, bias = parameters
        for _ in range(5):
            error = self.x @ slope + bias - self.y
            slope, bias = slope - 0.1 * self.x.T @ error / 40, bias - 0.1 * error.mean()
        return [slope, bias], 40, {}

    def evaluate(self, parameters, config):
        slope, bias = parameters
        return float(np.square(self.x @ slope + bias - self.y).mean()), 40, {"accuracy": 0.5}


def client_fn(context):
    return Client(int(context.node_config["partition-id"])).to_client()
