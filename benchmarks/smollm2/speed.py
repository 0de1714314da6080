"""What exact evaluation of a language model costs: `python -m benchmarks.smollm2.speed DIR` (a published model).

Prints tokens a second of processor time on one thread, bits per byte, for ours and for transformers in float32.
"""

import math
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from pydoc_data.topics import topics
from time import process_time

import numpy as np
import torch
from torch.nn import functional

from protocol.tasks import bases
from protocol.tasks.base import Floats
from protocol.tasks.lora import hugging_face
from protocol.tasks.transformer import Transformer

CONTEXT, TEXTS, TEXT_BYTES = 512, 4, 1600


def main() -> None:
    """Print both."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        base = bases.make_base(Path(sys.argv[1]), Path(place) / "base")
        architecture, tokenizer = bases.read_architecture(base), bases.read_tokenizer(base)
        tensors = bases.read_base(base, architecture)
    texts = [text.strip()[:TEXT_BYTES].encode() for _, text in sorted(topics.items()) if len(text) > TEXT_BYTES]
    tokens = [bases.tokens(tokenizer, text)[:CONTEXT] for text in texts[:TEXTS]]
    windows = [np.concatenate([[architecture.start], each]) for each in tokens]
    size = sum(map(len, texts[:TEXTS]))
    ours = Transformer(architecture, tensors, {}, 1.0, CONTEXT)
    network = hugging_face(architecture, tensors).eval()
    _tell("exact", lambda: ours.losses(windows), windows, size)
    _tell("transformers, float32", lambda: [_plain(network, window) for window in windows], windows, size)


def _plain(network: torch.nn.Module, window: np.ndarray) -> Floats:
    outputs = network(input_ids=torch.from_numpy(window[None, :-1])).logits[0].double()
    return functional.cross_entropy(outputs, torch.from_numpy(window[1:]), reduction="none").numpy()


def _tell(name: str, work: Callable[[], list[Floats]], windows: list[np.ndarray], size: int) -> None:
    with torch.inference_mode():
        started = process_time()
        losses = work()
        seconds = process_time() - started
    bits = sum(float(each.sum()) for each in losses) / math.log(2)
    tokens = sum(len(window) - 1 for window in windows)
    print(f"{name}: {tokens} tokens, {tokens / seconds:.0f} tokens/s, {bits / size:.7f} bits per byte")


if __name__ == "__main__":
    main()
