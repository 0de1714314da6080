"""`trainer doctor`: the common checks, and what trains."""

import json
import subprocess
import sys
from collections.abc import Iterator

from node.checks import Common
from node.doctor import Check, Finding, fault, ok
from trainer.settings import TrainerClient, TrainerSettings

# In a process of its own, as every training: this one should not load torch to say that it is there.
_PROBE = """
import json, torch
cuda = torch.cuda.is_available()
device = torch.cuda.get_device_properties(0) if cuda else None
print(json.dumps([torch.__version__, device.name if cuda else "", device.total_memory if cuda else 0]))
"""
_SECONDS = 300


def checks(client: TrainerClient, settings: TrainerSettings) -> dict[str, Check]:
    """All checks of a trainer, by name."""
    return {**Common(client, settings).checks(), "training": _training}


def _training() -> Iterator[Finding]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["it was killed"])[-1]
        yield fault("training", f"torch does not start: {told}", "repair its installation (skein[node])")
        return
    version, name, memory = json.loads(done.stdout)
    if name:
        yield ok("training", f"torch {version} on {name} with {memory / 2**30:.1f} GiB")
    else:
        yield ok("training", f"torch {version} on processors; it sees no GPU")
