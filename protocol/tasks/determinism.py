"""What makes torch give the same numbers again: one thread, deterministic algorithms, a seed of its own, the CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic(seed: int = 0) -> Iterator[None]:
    """Run the block with torch seeded, on one thread and strict; everything is as before afterwards.

    Sums depend on how work is shared between threads, so the number of threads is part of the result. An evaluation
    draws nothing: its seed does not matter. RuntimeError for an operation that has no deterministic form.
    """
    threads, strict = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.set_num_threads(1)
            # the same as use_deterministic_algorithms, which would also load torch's compiler: a second each time
            torch.set_deterministic_debug_mode("error")
            torch.manual_seed(seed)
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_deterministic_debug_mode(strict)
