"""`validator doctor`: the common checks, and what evaluates."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from node.checks import Common
from node.doctor import Check, Finding, fault, ok, warning
from protocol.specs import make_spec, write_spec
from validator.isolation import Limits
from validator.outputs import RESULT_FILE
from validator.sandbox import Sandbox, SandboxUnavailable, confinement
from validator.settings import ValidatorClient, ValidatorSettings

_DIGEST = "0x" + "00" * 32
_SPEC = make_spec(
    kind="classification",
    title="A look into the sandbox",
    description="",
    metric="accuracy",
    maximise=True,
    scale=10**9,
    tolerance=0,
    slash_tolerance=0,
    grid=1,
    model={"features": 1, "hidden": [], "classes": 2},
    training_digest=_DIGEST,
    held_out_digest=_DIGEST,
    limits={"max_model_bytes": 1 << 20, "max_seconds": 60, "max_memory_bytes": 1 << 30},
)

_LIMITS = Limits(cpu_seconds=60, memory_bytes=1 << 30, file_bytes=1 << 20)
_SECONDS = 300


def checks(client: ValidatorClient, settings: ValidatorSettings) -> dict[str, Check]:
    """All checks of a validator, by name."""
    return {**Common(client, settings).checks(), "sandbox": _sandbox}


def _sandbox() -> Iterator[Finding]:
    layers = confinement()
    if "audit" in layers:
        advice = "run on Linux with namespaces or libseccomp: nothing but Python itself keeps a model from the network"
        yield warning("sandbox", f"evaluations are confined by {', '.join(layers)} only", advice)
    else:
        yield ok("sandbox", f"evaluations are confined by {', '.join(layers)}")
    sandbox, started = Sandbox(), time.monotonic()
    try:
        _try(sandbox)
        yield ok("sandbox", f"an evaluation starts and ends; the first took {time.monotonic() - started:.1f} s")
    except SandboxUnavailable as error:
        yield fault("sandbox", str(error), "see to the machine's memory and to the installation of skein[node]")
    finally:
        sandbox.close()


def _try(sandbox: Sandbox) -> None:
    """Have a specification looked at as it would be before staking. SandboxUnavailable."""
    with tempfile.TemporaryDirectory(prefix="skein-doctor-") as scratch:
        spec, output = write_spec(_SPEC, Path(scratch) / "spec"), Path(scratch) / "output"
        output.mkdir()
        ended = sandbox.run({"spec": str(spec)}, [spec], output, _LIMITS, _SECONDS)
        if ended.fault or not (output / RESULT_FILE).exists():
            raise SandboxUnavailable(f"An evaluation {ended.fault or 'left no result'}.")
