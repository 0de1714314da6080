"""A line in torch, as one would write it for Flower."""

import torch
from torch import nn

SLOPE = torch.tensor([[1.0, -2.0, 0.5]])


class Net(nn.Module):
    """With a counter that is no float, as batch norms have."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 1)
        self.register_buffer("seen", torch.tensor(7))


def data(partition: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(partition)
    x = torch.randn(40, 3, generator=generator)
    return x, x @ SLOPE.T + 0.01 * torch.randn(40, 1, generator=generator)


def train(net: Net, partition: int, epochs: int, rate: float) -> float:
    x, y = data(partition)
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    for _ in range(epochs):
        optimiser.zero_grad()
        loss = nn.functional.mse_loss(net.line(x), y)
        loss.backward()
        optimiser.step()
    net.seen += epochs
    return loss.item()


def test(net: Net, partition: int) -> float:
    x, y = data(partition + 100)
    with torch.no_grad():
        return float(nn.functional.mse_loss(net.line(x), y))
