"""Print what users pay in gas, beside plain OpenZeppelin and Solady contracts, measured in the same run.

    .venv/bin/python -m benchmarks.gas            # measures and writes benchmarks/gas/report.json
    .venv/bin/python -m benchmarks.gas --check    # measures and compares: fails when a figure moved by more than 1 %

The measurements are `forge-tests/Gas.t.sol`; those of the arena's verbs are contracts/gas.json, which
`scripts/test gas` compares.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REPORT = Path(__file__).with_name("report.json")
SNAPSHOT = ROOT / "snapshots" / "GasBenchmark.json"
TOLERANCE = 0.01
# Each action, what it is compared with, and the state or the calls that the plain one does not have.
PAIRS = {
    "deposit own stake": (
        "plain rewards: stake",
        "the pool's two tranches, the ledger's total, the pause, and a balance to refuse tokens that keep a part",
    ),
    "delegate": (
        "OpenZeppelin ERC-4626: deposit",
        "the operator's own stake is looked at, the ledger's total and the pause are kept",
    ),
    "vault deposit": (
        "OpenZeppelin ERC-4626: deposit",
        "a second transfer and the delegation above: the stake lies in the ledger, not in the vault",
    ),
    "withdraw": ("OpenZeppelin ERC-4626: redeem", "the request is erased, which returns gas"),
    "request withdrawal": (
        "OpenZeppelin ERC-4626: redeem",
        "three words of a request that waits (66,300 gas): the plain ones pay at once",
    ),
    "vault request redeem": ("OpenZeppelin ERC-4626: redeem", "the request above, and the vault's own shares"),
    "distribute a reward": (
        "plain rewards: notify",
        "two tranches with a commission between them; it pays all delegators, who need no claim of their own",
    ),
}


def measure() -> dict[str, int]:
    """Gas by name."""
    home = {**os.environ, "HOME": str(ROOT / ".toolchain" / "home")}
    command = [str(ROOT / ".toolchain" / "bin" / "forge"), "test", "--offline", "--match-contract", "GasBenchmark"]
    done = subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"The measurements failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found: dict[str, str] = json.loads(SNAPSHOT.read_text())
    return {name: int(gas) for name, gas in sorted(found.items())}


def show(gas: dict[str, int]) -> None:
    """Every action with its ratio to the plain one."""
    for name, (plain, more) in PAIRS.items():
        print(f"{gas[name]:>8,}  {gas[name] / gas[plain]:5.2f} x {gas[plain]:>7,}  {name} | {plain}")
        print(f"{'':>27}{more}")
    others = sorted(set(gas) - set(PAIRS) - {plain for plain, _ in PAIRS.values()})
    for name in others:
        print(f"{gas[name]:>8,}  {name}")
    arena = json.loads((ROOT / "contracts" / "gas.json").read_text())
    for name in sorted(arena):
        if not name.startswith("Staking."):
            print(f"{arena[name]:>8,}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.gas", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed report, write nothing")
    check = parser.parse_args().check
    gas = measure()
    show(gas)
    if not check:
        REPORT.write_text(json.dumps(gas, indent=2) + "\n")
        return
    before: dict[str, int] = json.loads(REPORT.read_text())
    moved = {
        name: (before.get(name), gas.get(name))
        for name in sorted(gas | before)
        if abs(gas.get(name, 0) - before.get(name, 0)) > TOLERANCE * before.get(name, 1)
    }
    if moved:
        told = "; ".join(f"{name}: {old} before, {new} now" for name, (old, new) in moved.items())
        sys.exit(f"Gas has moved ({told}). If it should, run `python -m benchmarks.gas` and commit the report.")


if __name__ == "__main__":
    main()
