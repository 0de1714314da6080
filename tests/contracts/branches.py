"""Which branches of the contracts the tests take: `scripts/prove coverage` runs the suite with SKEIN_BRANCHES set.

Brownie's own coverage asks the chain for whole traces, which takes hours here. This asks for the outcomes of JUMPI
alone, by a tracer that runs in the node, and reads them by Brownie's own map of branches. What constructors do is not
in that map. `scripts/branches.py` adds up what the processes write.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from brownie.network.state import _find_contract
from brownie.network.transaction import TransactionReceipt
from brownie.network.web3 import web3
from requests.exceptions import Timeout

ROOT = Path(__file__).resolve().parents[2]

# {address of the code: {"pc of a JUMPI:next pc": 1}}
TRACER = """{
  found: {}, code: {}, last: null, at: null,
  step: function (log, db) {
    var depth = log.getDepth(), op = log.op.toString(), pc = log.getPC();
    if (depth === 1) this.code[1] = this.code[1] || toHex(log.contract.getAddress());
    if (this.last !== null) {
      if (depth === this.at) {
        var code = this.code[depth];
        this.found[code] = this.found[code] || {};
        this.found[code][this.last + ":" + pc] = 1;
      }
      this.last = null;
    }
    if (op === "JUMPI") {
      this.last = pc;
      this.at = depth;
    } else if (op === "CALL" || op === "STATICCALL" || op === "DELEGATECALL" || op === "CALLCODE") {
      this.code[depth + 1] = "0x" + ("0".repeat(40) + log.stack.peek(1).toString(16)).slice(-40);
    } else if (op === "CREATE" || op === "CREATE2") {
      this.code[depth + 1] = "new";
    }
  },
  fault: function (log, db) {},
  result: function (ctx, db) { return this.found; }
}"""

# {(path, first character, end): outcomes}, and all that there are
taken: dict[tuple[str, int, int], set[bool]] = defaultdict(set)


def note(jumps: dict[str, dict[str, int]]) -> None:
    """Remember the outcomes that one call or transaction had."""
    for address, pairs in jumps.items():
        contract = _find_contract(web3.to_checksum_address(address)) if address != "new" else None
        build = getattr(contract, "_build", None)
        if build is None:
            continue
        for pair in pairs:
            at, following = map(int, pair.split(":"))
            step = build["pcMap"].get(at, {})
            if step.get("op") == "JUMPI" and "branch" in step:
                key = places(build)[step["branch"]]
                taken[key].add((following != at + 1) == jumps_if[key])


_places: dict[str, dict[int, tuple[str, int, int]]] = {}
jumps_if: dict[tuple[str, int, int], bool] = {}


def places(build: dict) -> dict[int, tuple[str, int, int]]:
    """Path and characters of each branch of a compiled contract."""
    name = build["contractName"]
    if name not in _places:
        found = {}
        for source, functions in build["coverageMap"]["branches"].items():
            for branches in dict(functions).values():
                for number, (start, end, jump) in branches.items():
                    key = (build["allSourcePaths"][source], start, end)
                    found[int(number)] = key
                    jumps_if[key] = jump
        _places[name] = found
    return _places[name]


def trace(method: str, *params: object) -> None:
    """Ask the node to run something again with the tracer; what takes it too long is left out."""
    with suppress(Timeout):
        note(web3.provider.make_request(method, [*params, {"tracer": TRACER}]).get("result") or {})


def watch() -> None:
    """Trace whatever is called or sent from now on."""
    read = TransactionReceipt._set_from_receipt

    def trace_transaction(self, receipt):
        read(self, receipt)
        trace("debug_traceTransaction", self.txid)

    TransactionReceipt._set_from_receipt = trace_transaction
    call = web3.eth.call

    def trace_call(transaction, block_identifier=None, *args, **options):
        sent = {name: hex(value) if isinstance(value, int) else value for name, value in transaction.items()}
        trace("debug_traceCall", sent, block_identifier or "latest")
        return call(transaction, block_identifier, *args, **options)

    web3.eth.call = trace_call


def write() -> None:
    """Write what was taken, and of which source, to a file of this process in the folder SKEIN_BRANCHES."""
    folder = Path(os.environ["SKEIN_BRANCHES"])
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict] = {}
    for (path, start, end), outcomes in sorted(taken.items()):
        if path.startswith("contracts/"):
            source = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
            file = found.setdefault(path, {"source": source, "taken": []})
            file["taken"].append([start, end, sorted(outcomes)])
    (folder / f"{os.getpid()}-{time.time_ns()}.json").write_text(json.dumps(found))
