"""Fill .toolchain: the chain and forge from npm's platform packages, the compiler behind its launcher, node.

python tools/toolchain.py NODE: links anvil, forge, cast, solc and node into .toolchain/bin and writes the compiler
where py-solc-x looks for it. Brownie starts its chain only by the plain command `anvil`: that folder goes on PATH.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLCHAIN = ROOT / ".toolchain"
FOUNDRY = ("anvil", "forge", "cast")
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

LAUNCHER = """#!/bin/sh
# Brownie asks for the version once per compiled unit: answering here saves 0.4 s each time.
if [ "$*" = "--version" ]; then
  printf 'solc, the solidity compiler commandline interface\\nVersion: {version}\\n'
  exit 0
fi
exec "{node}" --stack-size=3900 "{shim}" "$@"
"""


def link(target: Path, name: str) -> None:
    path = TOOLCHAIN / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{name}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def foundry(tool: str) -> Path:
    """The binary of npm's platform package, or one that foundryup put on PATH."""
    machine = MACHINES.get(platform.machine(), platform.machine())
    binary = ROOT / f"node_modules/@foundry-rs/{tool}-{sys.platform}-{machine}/bin/{tool}"
    if binary.exists():
        return binary
    found = shutil.which(tool)
    if found is None:
        raise SystemExit(f"npm has no {tool} for {sys.platform}-{machine}: install Foundry 1.7.1 with foundryup.")
    return Path(found)


def write_solc(node: str) -> Path:
    package = json.loads((ROOT / "node_modules/solc/package.json").read_text())
    shim = ROOT / "tools/solc_shim.js"
    answer = subprocess.run([node, str(shim), "--version"], check=True, capture_output=True, text=True).stdout
    target = TOOLCHAIN / "solcx" / f"solc-v{package['version']}"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(".solc")
    temporary.write_text(LAUNCHER.format(version=answer.split("Version: ")[1].strip(), node=node, shim=shim))
    temporary.chmod(0o755)
    return temporary.replace(target)


def main(node: str) -> None:
    for tool in FOUNDRY:
        link(foundry(tool), tool)
    link(Path(node), "node")
    link(write_solc(node), "solc")


if __name__ == "__main__":
    main(sys.argv[1])
