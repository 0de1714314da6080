"""Measure the gas of every verb that a user calls, in one fixed scenario on a chain of its own.

    .venv-contracts/bin/python scripts/gas_report.py            # writes contracts/gas.json
    .venv-contracts/bin/python scripts/gas_report.py --check    # compares with it; fails when one differs by over 1 %

The scenario is one task with panels of four drawn from eight validators, and one whose seed expires. Where a verb is
called several times the dearest call counts; the name in brackets tells apart calls of one verb that do unlike work.
Panels follow from FixedRandomness, so that they stay the same when the contracts' bytecode does not.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from brownie import accounts, network, project, web3
from brownie._config import CONFIG

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "contracts"), str(ROOT)]

import brownie_compat  # noqa: E402
from alliance_life import AllianceLife  # noqa: E402
from arena_life import (  # noqa: E402
    KEY,
    Life,
    digest_of,
)
from reference import WAD  # noqa: E402
from reference_task import Phase  # noqa: E402

FILE = ROOT / "contracts" / "gas.json"
TOLERANCE = 0.01
COOLDOWN = 7 * 24 * 3600
FIRST_SECOND = 2_000_000_000
CREATOR, STRANGER, DELEGATOR = 0, 1, 2
TRAINERS, VALIDATORS = range(3, 8), range(8, 16)


class Meter:
    """The dearest call of each verb."""

    def __init__(self):
        self.gas: dict[str, int] = {}

    def note(self, name: str, tx) -> None:
        self.gas[name] = max(self.gas.get(name, 0), tx.gas_used)


class MeteredLife(Life):
    """Notes the gas of all that is done."""

    meter: Meter
    kind = ""

    def do(self, verb: str, *args, sender):
        expected, tx = super().do(verb, *args, sender=sender)
        assert tx is not None, f"{verb} was refused: {self.refusal}"
        self.meter.note(f"Arena.{verb}" + (f" ({self.kind})" if self.kind else ""), tx)
        return expected, tx

    def settle_as(self, kind: str, submissions: list[int]) -> None:
        self.kind = kind
        self.settle(accounts[STRANGER], submissions)
        self.kind = ""


class MeteredAlliance(AllianceLife):
    """The same of a federation."""

    meter: Meter

    def do(self, verb: str, *args, sender):
        expected, tx = super().do(verb, *args, sender=sender)
        assert tx is not None, f"{verb} was refused: {self.refusal}"
        self.meter.note(f"Alliance.{verb}", tx)
        return expected, tx


def deploy(contracts):
    """Everything deployed, with tokens and allowances for all."""
    options = {"from": accounts[CREATOR]}
    token = contracts.SkeinToken.deploy(accounts[CREATOR], 500_000_000 * WAD, options)
    staking = contracts.Staking.deploy(token, COOLDOWN, accounts[CREATOR], options)
    randomness = contracts.FixedRandomness.deploy(options)
    for library in (contracts.Appeals, contracts.Evaluation, contracts.Settlement, contracts.Payout):
        library.deploy(options)
    arena = contracts.Arena.deploy(staking, randomness, "0x" + 40 * "0", options)
    staking.setModule(arena, True, options)
    for account in accounts[:16]:
        if account != accounts[CREATOR]:
            token.transfer(account, 1_000_000 * WAD, options)
        for spender in (staking, arena):
            token.approve(spender, 2**256 - 1, {"from": account})
    return token, staking, arena


def measure_staking(meter: Meter, staking, life: Life) -> None:
    operator, delegator = accounts[TRAINERS[0]], accounts[DELEGATOR]
    meter.note("Staking.deposit (own)", staking.deposit(operator, 1000 * WAD, operator, {"from": operator}))
    meter.note("Staking.deposit (delegated)", staking.deposit(operator, WAD, delegator, {"from": delegator}))
    shares = staking.sharesOf(operator, delegator) // 2
    request = staking.requestWithdrawal(operator, shares, {"from": delegator})
    meter.note("Staking.requestWithdrawal", request)
    meter.note("Staking.setCommission", staking.setCommission(WAD // 10, {"from": operator}))
    life.now = request.timestamp + COOLDOWN
    life.tick()
    meter.note("Staking.withdraw", staking.withdraw(request.return_value, {"from": delegator}))
    ledger = life.model.ledger
    ledger.deposit(operator.address, 1000 * WAD, operator.address)
    ledger.deposit(operator.address, WAD, delegator.address)
    ledger.request(operator.address, shares, delegator.address, 0)
    ledger.withdraw(1, life.now)
    ledger.pool(operator.address).announce(WAD // 10, 0, 0)
    for index in [*TRAINERS[1:], *VALIDATORS]:
        life.stake(accounts[index], 1000 * WAD)


class Sponsored:
    """Task 2 of a life, sponsored in a token of others."""

    def __init__(self, life: MeteredLife, contracts):
        self.life, options = life, {"from": accounts[CREATOR]}
        self.token = contracts.HostileToken.deploy(options)
        self.ledger = contracts.Sponsorships.deploy(life.arena, options)
        self.token.mint(accounts[CREATOR], 10**24, options)
        self.token.approve(self.ledger, 2**256 - 1, options)

    def do(self, verb: str, argument) -> None:
        self.life.tick()
        tx = getattr(self.ledger, verb)(2, self.token, argument, {"from": accounts[CREATOR]})
        self.life.meter.note(f"Sponsorships.{verb}", tx)


def measure_arena(life: MeteredLife, contracts) -> None:
    """A life with a copy, an unrevealed model, a liar, a silent validator, a second attempt and an expired seed."""
    creator, stranger = accounts[CREATOR], accounts[STRANGER]
    life.create(creator)
    life.do("fundTask", 1, WAD, sender=stranger)
    life.do("cancelTask", 1, sender=creator)
    life.create(creator, panel_size=4, quorum=4, paid_ranks=64)
    sponsored = Sponsored(life, contracts)
    sponsored.do("sponsorTask", 10**21)
    life.register({accounts[index]: (20 + index) * WAD for index in VALIDATORS})
    for index, label in zip(TRAINERS, "ABCAD", strict=True):
        life.commit(accounts[index], label, 100 * WAD)
    life.until(Phase.REVEAL)
    life.reveal({4: "A", 1: "A", 2: "B", 3: "C"})
    life.until(Phase.KEY)
    life.do("releaseKey", 2, KEY, sender=creator)
    life.mine(300)
    life.do("renewSeed", 2, sender=stranger)
    life.mine(2)
    life.draw([1, 2, 3], stranger)
    everybody = {accounts[index]: {1: 10**9, 2: 9 * 10**8, 3: 10**8} for index in VALIDATORS}
    silent = life.people[life.task.panels[3, 1].members[0]]
    everybody[silent] = {1: 10**9, 2: 9 * 10**8}
    life.score(everybody)
    life.settle_as("duplicate", [4])
    life.settle_as("unrevealed", [5])
    life.settle_as("scored, 4 scores", [1, 2])
    life.settle_as("unscored", [3])
    life.do("redraw", 2, sender=stranger)
    life.mine(2)
    life.draw([3], stranger)
    members = [life.people[member] for member in life.task.panels[3, 2].members]
    liar = min(members, key=lambda account: life.staking.lockedBy(account, life.arena))
    life.score({account: {3: 0 if account == liar else 10**8} for account in members})
    life.settle_as("scored, one slashed", [3])
    life.do("finalize", 2, sender=stranger)
    life.claim(stranger)
    life.check()
    sponsored.do("claimSubmission", 1)
    sponsored.do("claimValidator", accounts[VALIDATORS[0]])
    sponsored.do("refund", creator)


def deploy_alliance(contracts, arena, token, staking):
    options = {"from": accounts[CREATOR]}
    for library in (contracts.Committees, contracts.Verdicts):
        library.deploy(options)
    alliance = contracts.Alliance.deploy(staking, arena.RANDOMNESS(), "0x" + 40 * "0", options)
    staking.setModule(alliance, True, options)
    for account in accounts[:16]:
        token.approve(alliance, 2**256 - 1, {"from": account})
    return alliance


def measure_alliance(life: MeteredAlliance, arena_life: Life) -> None:
    """Three proposers and nine voters; one update is harmful, one voter contrary, one silent. All settled at once."""
    creator, stranger = accounts[CREATOR], accounts[STRANGER]
    life.model.ledger = arena_life.model.ledger
    life.model.ledger.modules.add(life.arena.address)
    life.now = web3.eth.get_block("latest").timestamp
    life.found(creator, proposers=3, committee=25, quorum=5, min_members=10, floor_stake=95 * WAD)
    life.do("fundFederation", 1, WAD, sender=stranger)
    life.do("invite", 1, stranger, True, sender=creator)
    members = [accounts[index] for index in [*TRAINERS, *VALIDATORS]]
    life.join(dict.fromkeys(members, 100 * WAD))
    life.do("addStake", 1, WAD, sender=members[0])
    life.do("commitData", 1, (7, b"\x01" * 32, b"\x02" * 32), sender=members[0])
    life.do("leave", 1, sender=members[-1])
    life.now += 100
    life.do("startRound", 1, sender=stranger)
    life.mine(300)
    life.do("renewRoundSeed", 1, sender=stranger)
    life.mine(2)
    life.do("drawRound", 1, sender=stranger)
    life.propose_all()
    contrary, _, *honest = life.voters  # the second is silent
    life.vote({contrary: (4, 3), **dict.fromkeys(honest, (3, 4))})
    life.do("tally", 1, sender=stranger)
    for account in honest:
        if life.federation.round.conduct.final is None:
            life.do("attest", 1, digest_of("next"), sender=account)
    life.settle(stranger)
    life.do("claim", 1, life.proposers[0], sender=stranger)
    life.now = life.federation.rests_until + 8 * 24 * 3600
    life.do("endFederation", 1, sender=creator)
    life.check()


def measure() -> dict[str, int]:
    contracts = project.load(ROOT, name="SkeinProject")
    contracts.load_config()
    brownie_compat.apply()
    CONFIG.networks["development"]["cmd"] += f" --timestamp {FIRST_SECOND}"
    network.connect("development")
    web3.provider.make_request("anvil_setBlockTimestampInterval", [1])
    try:
        meter = Meter()
        token, staking, arena = deploy(contracts)
        life = MeteredLife(arena, staking, token, COOLDOWN)
        life.meter = meter
        life.model.block_hash = lambda ticket: web3.keccak(ticket.to_bytes(32, "big"))  # as FixedRandomness has it
        measure_staking(meter, staking, life)
        measure_arena(life, contracts)
        alliance = MeteredAlliance(deploy_alliance(contracts, arena, token, staking), staking, token, COOLDOWN)
        alliance.meter, alliance.model.block_hash = meter, life.model.block_hash
        measure_alliance(alliance, life)
        return dict(sorted(meter.gas.items()))
    finally:
        network.disconnect()


def differences(old: dict[str, int], new: dict[str, int]) -> list[str]:
    lines = []
    for name in sorted(old.keys() | new.keys()):
        before, now = old.get(name), new.get(name)
        if before is None or now is None or abs(now - before) > TOLERANCE * before:
            lines.append(f"{name}: {before} before, {now} now")
    return lines


def main(arguments: list[str]) -> int:
    with redirect_stdout(StringIO()):  # Brownie reports every transaction
        gas = measure()
    if "--check" not in arguments:
        FILE.write_text(json.dumps(gas, indent=2) + "\n", encoding="utf-8")
        print("\n".join(f"{used:>9,}  {name}" for name, used in gas.items()))
        return 0
    found = differences(json.loads(FILE.read_text(encoding="utf-8")), gas)
    if not found:
        print(f"gas: {len(gas)} verbs as in contracts/gas.json")
        return 0
    print("gas: not as in contracts/gas.json; if that is meant, run scripts/gas_report.py and commit the file")
    print("\n".join(found))
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
