"""The part of a life that is about emission, vaults and the governor, by contract calls alone."""

from eth_utils.crypto import keccak
from life import VALIDATORS, Life, digest
from network import SKEIN


def earn(life: Life) -> None:
    """Emission begins; a module states weights and draws; a vault is made."""
    life.send(0, "Emissions", "setModule", life.address(16), True)
    life.send(16, "Emissions", "setWeight", digest("task"), 5)
    life.network.set_time(max(life.network.now(), life.network.chain().call("Emissions", "START")) + 7_000)
    life.send(16, "Emissions", "draw", digest("task"), life.address(17))
    life.send(16, "Emissions", "setWeight", digest("task"), 0)
    life.send(17, "DelegationVaults", "createVault", life.address(VALIDATORS[0]))


def decide(life: Life) -> None:
    """A proposal is passed, one is taken back. Nothing is the governor's here: they call an account."""
    life.send(0, "SkeinToken", "approve", life.network.deployment.address("Staking"), 2**255)
    life.deposit(0, 0, 3_000 * SKEIN)
    life.send(0, "Staking", "escrow", 3_000 * SKEIN, 24 * 3600)
    life.network.sleep(10)
    nothing = ([life.address(18)], [0], ["0x"])
    made = [life.send(0, "SkeinGovernor", "propose", *nothing, text) for text in ("Nothing.", "Nothing at all.")]
    number = made[0].event("SkeinGovernor.ProposalCreated").args["proposal_id"]
    first, second = ("0x" + keccak(text=text).hex() for text in ("Nothing.", "Nothing at all."))
    life.send(0, "SkeinGovernor", "cancel", *nothing, second)
    life.network.sleep(70)
    life.send(0, "SkeinGovernor", "castVote", number, 1)
    life.network.sleep(120)
    life.send(0, "SkeinGovernor", "queue", *nothing, first)
    life.network.sleep(70)
    life.send(0, "SkeinGovernor", "execute", *nothing, first)
