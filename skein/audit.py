"""The demonstration's books: who has what, what every transaction cost, and whether all wei are accounted for.

Everything is read from the chain and from the API at one block, and the two are compared.
"""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from protocol.calls import Record
from protocol.chain import Chain
from protocol.deployment import CONTRACTS, abi
from protocol.values import signature
from skein.api import Api
from skein.cast import DELEGATIONS, Cast
from skein.localnet import Localnet


@dataclass(frozen=True)
class Wealth:
    """What somebody has, token wei: in the wallet, in the own pool, in the pools of others."""

    wallet: int
    own: int
    delegated: int

    @property
    def total(self) -> int:
        return self.wallet + self.own + self.delegated


@dataclass(frozen=True)
class Check:
    """Two figures that must be equal; `what` says of what."""

    what: str
    expected: int
    actual: int

    @property
    def holds(self) -> bool:
        return self.expected == self.actual


@dataclass(frozen=True)
class GasUse:
    """The gas of one kind of transaction ("Arena.settle")."""

    kind: str
    count: int
    least: int
    mean: int
    most: int


def wealth(chain: Chain, cast: Cast, block: int) -> dict[str, Wealth]:
    """What every actor has at a block, by name."""
    return {actor.name: _wealth(chain, cast, actor.name, actor.address, block) for actor in cast}


def _wealth(chain: Chain, cast: Cast, name: str, address: str, block: int) -> Wealth:
    def staked(operator: str) -> int:
        return int(chain.call("Staking", "assetsOf", operator, address, block=block))

    delegated = staked(cast[DELEGATIONS[name][0]].address) if name in DELEGATIONS else 0
    wallet = int(chain.call("SkeinToken", "balanceOf", address, block=block))
    return Wealth(wallet, staked(address), delegated)


# --- sums


def checks(
    chain: Chain, api: Api, cast: Cast, block: int, before: Mapping[str, Wealth], after: Mapping[str, Wealth]
) -> list[Check]:
    """All sums of the network at a block that the API has indexed."""
    pools = {each["operator"]: chain.call("Staking", "pool", each["operator"], block=block) for each in _operators(api)}
    found = [*_supply(chain, api, block), *_ledger(chain, pools, block), *_tasks(chain, api, block)]
    owned = sum(each.own + each.delegated for each in after.values())
    rounding = sum(_active(pool) for pool in pools.values()) - owned
    before_all, after_all = (sum(each.total for each in side.values()) for side in (before, after))
    emitted = sum(int(task["emission"]) for task in api.all("/tasks"))
    what = "SKEIN of participants before + emission = after + rounding in pools"
    found.append(Check(what, before_all + emitted, after_all + rounding))
    found += _api_balances(chain, api, cast, block, after)
    return found


def _operators(api: Api) -> Iterable[dict[str, str]]:
    return api.all("/operators")


def _supply(chain: Chain, api: Api, block: int) -> Iterable[Check]:
    supply = int(chain.call("SkeinToken", "totalSupply", block=block))
    holders = [each["address"] for each in api.all("/accounts")]
    held = sum(int(chain.call("SkeinToken", "balanceOf", holder, block=block)) for holder in holders)
    yield Check("all SKEIN = what all accounts and contracts hold", supply, held)


def _active(pool: Record) -> int:
    return int(pool.own.assets + pool.delegated.assets)


def _ledger(chain: Chain, pools: Mapping[str, Record], block: int) -> Iterable[Check]:
    staking = chain.deployment.address("Staking")
    held = int(chain.call("SkeinToken", "balanceOf", staking, block=block))
    exiting = sum(int(pool.own.exiting_assets + pool.delegated.exiting_assets) for pool in pools.values())
    yield Check("the stake ledger holds = what its pools add up to", held, sum(map(_active, pools.values())) + exiting)
    locked = sum(int(pool.locked) for pool in pools.values())
    yield Check("stake still locked after all claims", 0, locked)


def _tasks(chain: Chain, api: Api, block: int) -> Iterable[Check]:
    arena = chain.deployment.address("Arena")
    yield Check("left in the arena", 0, int(chain.call("SkeinToken", "balanceOf", arena, block=block)))
    for task in api.all("/tasks", order="id"):
        paths = (f"/tasks/{task['id']}/{kind}" for kind in ("slashes", "payouts"))
        slashed, paid = (sum(int(each["assets"]) for each in api.all(path)) for path in paths)
        put_in = int(task["bounty"]) + int(task["bond"]) + int(task["emission"]) + slashed
        yield Check(f"task {task['id']}: bounty + bond + emission + slashes = payouts", put_in, paid)


def _api_balances(chain: Chain, api: Api, cast: Cast, block: int, after: Mapping[str, Wealth]) -> Iterable[Check]:
    for actor in cast:
        told = api.one(f"/accounts/{actor.address}")
        stakes = {each["operator"]: int(each["assets"]) for each in told["stakes"]}
        own = stakes.pop(actor.address, 0)
        answer = Wealth(int(told["balance"]), own, sum(stakes.values()))
        yield Check(f"{actor.name}: API = chain", after[actor.name].total, answer.total)


def verify_index(network: Localnet) -> str | None:
    """Run the indexer's own comparison with the chain; None if all agrees, else the differences."""
    command = [sys.executable, "-m", "skein", "indexer", "verify"]
    environment = {**os.environ, **network.indexer_environment}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip()


# --- gas


def gas(chain: Chain, last: int) -> list[GasUse]:
    """Gas by kind of transaction, over all blocks up to `last`."""
    kinds, used = _kinds(chain), defaultdict(list)
    for number in range(chain.deployment.first_block, last + 1):
        block = chain.rpc.request("eth_getBlockByNumber", hex(number), True)
        sent = {each["hash"]: each for each in block["transactions"]}
        if not sent:
            continue
        for receipt in chain.rpc.request("eth_getBlockReceipts", hex(number)):
            transaction = sent[receipt["transactionHash"]]
            kind = kinds.get(((transaction["to"] or "").lower(), transaction["input"][:10]))
            if kind and receipt["status"] == "0x1":
                used[kind].append(int(receipt["gasUsed"], 16))
    return [_summary(kind, amounts) for kind, amounts in sorted(used.items())]


def _kinds(chain: Chain) -> dict[tuple[str, str], str]:
    """What a transaction does, by its receiver and the first four bytes of its data."""
    return {
        (chain.deployment.address(contract).lower(), "0x" + keccak(text=signature(entry))[:4].hex()): (
            f"{contract}.{entry['name']}"
        )
        for contract in CONTRACTS
        for entry in abi(contract)
        if entry["type"] == "function"
    }


def _summary(kind: str, amounts: Sequence[int]) -> GasUse:
    return GasUse(kind, len(amounts), min(amounts), sum(amounts) // len(amounts), max(amounts))
