"""Its ServerApp, which a federation needs only for the first model and for what it sends along."""

import torch
from flwr.app import ArrayRecord, ConfigRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

from linear.task import Net

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    torch.manual_seed(0)
    config = ConfigRecord({"lr": context.run_config["learning-rate"]})
    rounds = int(context.run_config["num-server-rounds"])
    FedAvg().start(grid=grid, initial_arrays=ArrayRecord(Net().state_dict()), train_config=config, num_rounds=rounds)
