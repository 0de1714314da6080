"""How fast updates are aggregated: `python -m benchmarks.alliance aggregation`.

20 updates of 10 million int32 words, against the time that the memory takes to be read once, and against numpy's own
way of doing the same in float32, as Flower's rules do it.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from protocol.federated.fixed import NORM, Update
from protocol.federated.rules import NAMES, Rule, aggregate

COUNT, PARAMETERS, TRIES = 20, 10_000_000, 3


def best(work: Callable[[], Any]) -> float:
    """The shortest of some tries, milliseconds."""
    found = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        found.append(1000 * (time.perf_counter() - started))
    return round(min(found), 1)


def run() -> list[dict[str, Any]]:
    """Each rule, then the yardsticks."""
    random = np.random.default_rng(0)
    size = 0.9 * NORM / np.sqrt(PARAMETERS)
    rows = [(random.standard_normal(PARAMETERS, np.float32) * size).astype(np.int32) for _ in range(COUNT)]
    updates = [Update(f"{number:02d}", words) for number, words in enumerate(rows)]
    found = [{"what": name, "ms": best(lambda name=name: aggregate(Rule(name=name), updates))} for name in NAMES]
    weighted = [Update(update.digest, update.words, number + 1) for number, update in enumerate(updates)]
    found.append({"what": "mean by unlike weights", "ms": best(lambda: aggregate(Rule(), weighted))})
    found.append(
        {
            "what": "trimmed_mean after mixing",
            "ms": best(lambda: aggregate(Rule(name="trimmed_mean", mix=True), updates)),
        }
    )
    found.append({"what": "reading all words once", "ms": best(lambda: [int(row.max()) for row in rows])})
    floats = [row.astype(np.float32) for row in rows]
    found.append({"what": "numpy: mean of float32", "ms": best(lambda: np.mean(floats, axis=0))})
    found.append({"what": "numpy: median of float32", "ms": best(lambda: np.median(floats, axis=0))})
    return found
