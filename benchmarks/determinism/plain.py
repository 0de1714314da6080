"""The same models in plain torch, float32, as one would write it: what exact arithmetic is compared with.

Run as `python -m benchmarks.determinism.plain KIND SPEC MODEL DATA BASE OUT THREADS BATCH`.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from protocol import tasks
from protocol.specs import read_spec
from protocol.tasks.base import Floats, Weights
from protocol.tasks.causal_lm import CausalLM
from protocol.tasks.lora import hugging_face
from protocol.tasks.runs import read_model


def losses(task: Any, weights: Weights, data: Any, batch: int) -> Floats:
    """The loss of every sample, evaluated `batch` at a time (0: all together)."""
    measure = _language if isinstance(task, CausalLM) else _classes
    size = batch or len(data)
    parts = (data.rows(np.arange(at, min(at + size, len(data)))) for at in range(0, len(data), size))
    with torch.inference_mode():
        return np.concatenate([measure(task, weights, part) for part in parts])


def _classes(task: Any, weights: Weights, data: Any) -> Floats:
    network = task.network(data, 0.0)
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    found = functional.cross_entropy(network.eval()(task.inputs(data)), torch.from_numpy(data.y), reduction="none")
    return found.double().numpy()


def _language(task: CausalLM, weights: Weights, data: Any) -> Floats:
    """Of the base model: its windows padded to one length."""
    network = hugging_face(task.model.architecture, task.base_tensors).eval()
    documents = [windows[0] for windows in task.windows(data)]
    length = max(map(len, documents))
    tokens = torch.from_numpy(np.stack([np.pad(window, (0, length - len(window))) for window in documents]))
    outputs = network(input_ids=tokens[:, :-1]).logits
    each = functional.cross_entropy(outputs.transpose(1, 2), tokens[:, 1:], reduction="none").double()
    return np.array([float(row[: len(window) - 1].sum()) for row, window in zip(each, documents, strict=True)])


def main() -> None:
    """Write the losses of one evaluation."""
    name, spec, model, data, base, out, threads, batch = sys.argv[1:]
    torch.set_num_threads(int(threads))
    read = read_spec(Path(spec))
    task = tasks.kind(name)(read, Path(base) if base else None)
    np.save(out, losses(task, read_model(task, Path(model)), task.load(Path(data)), int(batch)))


if __name__ == "__main__":
    main()
