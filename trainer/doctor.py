"""`trainer doctor`: the common checks, and what trains."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from node.checks import Common
from node.doctor import Check, Finding, fault, ok
from protocol.configuration import expanded
from protocol.errors import StorageFailed
from protocol.staging import local_storage
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
    common = Common(client, settings).checks()
    return {**common, "folders": lambda: _folders(settings), "training": _training}


def _folders(settings: TrainerSettings) -> Iterator[Finding]:
    """Those that a training writes to besides its own: what it finds out only when a model is made is too late."""
    for option, folder in (("--backup", settings.backup), ("--tensorboard", settings.tensorboard)):
        if folder is None:
            continue
        try:
            with local_storage(f"Writing to {folder}"):
                expanded(folder).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=expanded(folder), prefix=".doctor-"):
                    pass
            yield ok("folders", f"{option} {folder} takes files")
        except StorageFailed as error:
            yield fault("folders", f"{option}: {error}", "name a folder that this account may write to")


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
