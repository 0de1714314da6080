"""Copy the ABIs that Brownie compiled into protocol/abi, where the programs read them.

    python scripts/export_abi.py            # build/contracts/*.json -> protocol/abi/*.json
    python scripts/export_abi.py --check    # change nothing, fail if a file is stale

Only the ABI is copied, one entry a line and sorted, so that a change of an interface is a readable diff. A contract's
ABI is joined with that of the interface that it implements: whatever event or error stands in `contracts/interfaces`
can be decoded. Needs neither Brownie nor the project's environment.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "contracts"
TARGET = ROOT / "protocol" / "abi"
# Each contract that the programs talk to, and the interfaces whose events and errors belong to it.
CONTRACTS = {
    "SkeinToken": (),
    "Staking": ("IStaking",),
    "Emissions": ("IEmissions",),
    "DelegationVaults": ("IDelegationVaults",),
    "SkeinGovernor": (),
    "Arena": ("IArena",),
    "Alliance": ("IAlliance",),
    "Randomness": (),  # whichever is deployed: programs use the interface
    "Sponsorships": ("ISponsorships",),
    "DelegationVault": ("IDelegationVault",),
    "ERC20": ("IERC20Errors",),  # tokens of others
}
# Where what is exported is called otherwise.
SOURCES = {"Randomness": "IRandomness", "ERC20": "IERC20Metadata"}

Entry = dict[str, Any]


def artifact_abi(name: str) -> list[Entry]:
    path = BUILD / f"{name}.json"
    if not path.exists():
        raise SystemExit(f"{path.relative_to(ROOT)} is missing: run `brownie compile` first.")
    abi: list[Entry] = json.loads(path.read_text(encoding="utf-8"))["abi"]
    return abi


def merged_abi(contract: str) -> list[Entry]:
    """The contract's own entries, then the events and errors that only its interfaces have."""
    entries = artifact_abi(SOURCES.get(contract, contract))
    for interface in CONTRACTS[contract]:
        entries += [entry for entry in artifact_abi(interface) if entry["type"] in ("event", "error")]
    unique = {json.dumps(without_internal_types(entry), sort_keys=True): entry for entry in entries}
    return sorted(map(without_internal_types, unique.values()), key=lambda entry: (entry["type"], canonical(entry)))


def without_internal_types(value: Any) -> Any:
    """`internalType` names Solidity's own structs and enums; nobody reads it, and it doubles the files."""
    if isinstance(value, list):
        return [without_internal_types(item) for item in value]
    if isinstance(value, dict):
        return {key: without_internal_types(item) for key, item in value.items() if key != "internalType"}
    return value


def canonical(entry: Entry) -> str:
    return json.dumps([entry.get("name"), entry], sort_keys=True)


def text_of(entries: list[Entry]) -> str:
    lines = (json.dumps(entry, sort_keys=True, separators=(",", ":")) for entry in entries)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Copy the compiled ABIs into protocol/abi.")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a file is stale")
    check = parser.parse_args().check
    stale = []
    for contract in CONTRACTS:
        path, text = TARGET / f"{contract}.json", text_of(merged_abi(contract))
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.exit(f"Stale ABI: {', '.join(stale)}. Run `python scripts/export_abi.py` and commit the result.")
    print(f"{len(CONTRACTS)} ABIs, {len(stale)} rewritten" if stale else f"{len(CONTRACTS)} ABIs are up to date")


if __name__ == "__main__":
    main()
