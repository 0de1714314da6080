"""A training command as a trainer would write it: reads what it is told, writes a model; misbehaves when asked to."""

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

behaviour = sys.argv[1] if len(sys.argv) > 1 else "honest"
output = Path(os.environ["SKEIN_OUTPUT"])
spec = json.loads((Path(os.environ["SKEIN_SPEC"]) / "task.json").read_text())
assert (Path(os.environ["SKEIN_DATA"]) / "data.safetensors").exists()
assert "SKEIN_PASSWORD" not in os.environ
random = np.random.default_rng(int(os.environ["SKEIN_SEED"]))
widths = [spec["model"]["features"], *spec["model"]["hidden"], spec["model"]["classes"]]
tensors = {name: random.normal(size=widths[0]).astype(np.float32) for name in ("mean", "scale")}
for number, (inputs, outputs) in enumerate(pairwise(widths)):
    tensors[f"layers.{number}.weight"] = random.normal(size=(outputs, inputs)).astype(np.float32)
    tensors[f"layers.{number}.bias"] = np.zeros(outputs, np.float32)
for step in range(1, 4):
    print("epoch", step, "of 3", flush=True)
    print(json.dumps({"step": step, "steps": 3, "loss": 1 / step, "score": step / 3}), flush=True)
if behaviour == "crash":
    sys.exit("out of luck")
if behaviour == "wrong":
    tensors["mean"] = tensors["mean"][:-1]
save_file(tensors, output / "model.safetensors")
(output / "optimizer.pt").write_bytes(b"left beside it")
if behaviour == "linger":
    child = subprocess.Popen(["sleep", "600"])
    Path("child").write_text(str(child.pid))
    time.sleep(600)
