"""What the test for backdoors costs a voter: `python -m benchmarks.alliance voter`, the best of 3, in milliseconds."""

from typing import Any, NamedTuple

import numpy as np

from benchmarks.alliance.aggregation import best
from protocol.federated.first import initial
from protocol.federated.focus import Variation, suspected
from protocol.federated.spec import Column, FederationSpec
from protocol.federated.votes import Voting
from trainer.federated.perceptron import losses
from trainer.federated.sensitivity import shifts


class Size(NamedTuple):
    """A round and a voter: updates, columns, hidden layers, classes, rows kept aside and all rows."""

    updates: int
    columns: int
    hidden: tuple[int, ...]
    classes: int
    held_out: int
    rows: int


SIZES = (
    Size(10, 64, (), 10, 20, 100),
    Size(10, 196, (), 10, 200, 1000),
    Size(32, 784, (128,), 10, 200, 1000),
    Size(32, 784, (128,), 100, 200, 1000),
)


def row(size: Size) -> dict[str, Any]:
    """Once per member how its rows vary; per round the losses, which every vote asks for, the shifts and the test."""
    random = np.random.default_rng(0)
    columns = tuple(Column(name=f"x{number}") for number in range(size.columns))
    spec = FederationSpec(title="size", columns=columns, label="y", classes=size.classes, hidden=size.hidden)
    x, y = random.normal(size=(size.rows, size.columns)), random.integers(size.classes, size=size.rows)
    base, aside = initial(spec.shapes, 0), (x[: size.held_out], y[: size.held_out])
    models = {slot: base + 0.01 * random.normal(size=len(base)) for slot in range(size.updates)}
    found, variation = shifts(base, models, spec.shapes, *aside), Variation.of(x)
    return {
        **size._asdict(),
        "variation_ms": best(lambda: Variation.of(x)),
        "losses_ms": best(lambda: losses(np.array(list(models.values())), spec.shapes, *aside)),
        "shifts_ms": best(lambda: shifts(base, models, spec.shapes, *aside)),
        "suspected_ms": best(lambda: suspected(Voting(), found, variation)),
    }


def run() -> list[dict[str, Any]]:
    """All sizes."""
    return [row(size) for size in SIZES]
