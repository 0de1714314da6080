"""Whatever a user may send to a contract, some command sends: the list is compared with ABIs and programs."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAINER, VALIDATOR = "skein trainer run", "skein validator run"
MEMBER, PUSH = "skein trainer join", "skein federation push"
MODULES = "Only modules of the ledger may call it: the arena and the alliance do."
SENT = "For contracts that send stake and enter with it in one transaction, as a vault does."
HELD = "For contracts that keep the accounts of many, as a vault does: `skein stake vault-exit`, `vault-claim`."
OWNER = "Only the owner may call it, the timelock: `skein gov propose` proposes what can be changed."
RELAY = "It takes a signature that a wallet made, and is for whoever relays it; the command sends its plain form."
TOKEN = "Not needed by anybody here: a wallet that knows ERC-20 does it where another program asks for it."
VAULT = "A vault is a token like all others: any wallet that knows ERC-20 and ERC-4626 does it."
NO_VOTES = "Votes are those of stake in escrow (`skein gov delegate`); the token's own count nowhere."
PROPOSED = "The governor's own, which it calls when that was decided by vote."
RECEIVES = "A callback by which tokens of other standards are taken; a governor that holds none has no use for it."

# Contract: function: the command that sends it, or why none does.
ACTIONS: dict[str, dict[str, str]] = {
    "SkeinToken": {
        "transfer": "skein account send",
        "approve": "skein stake deposit",
        "transferFrom": TOKEN,
        "permit": RELAY,
        "delegate": NO_VOTES,
        "delegateBySig": NO_VOTES,
        "mint": "Only the emission ledger may call it, for ever.",
        **dict.fromkeys(("acceptOwnership", "transferOwnership", "renounceOwnership"), OWNER),
    },
    "Staking": {
        "deposit": "skein stake deposit",
        "depositSent": SENT,
        "requestWithdrawal": "skein stake exit",
        "requestWithdrawalTo": "skein stake exit",
        "withdraw": "skein stake withdraw",
        "withdrawPart": "skein stake withdraw",
        **dict.fromkeys(("requestHeldWithdrawal", "withdrawTo"), HELD),
        "setCommission": "skein stake commission",
        "distribute": "skein stake reward",
        "escrow": "skein stake lock",
        "endEscrow": "skein stake unlock",
        "delegate": "skein gov delegate",
        "delegateBySig": RELAY,
        "pauseEntries": "skein gov pause",
        **dict.fromkeys(("lock", "unlock", "slash"), MODULES),
        **dict.fromkeys(("setModule", "setGuardian"), "skein gov propose"),
        **dict.fromkeys(("acceptOwnership", "transferOwnership", "renounceOwnership"), OWNER),
    },
    "Emissions": {
        "advance": "skein gov advance",
        "setModule": "skein gov propose",
        "acceptToken": "The deploy script calls it, once: it makes the ledger the only minter.",
        **dict.fromkeys(("draw", "setWeight"), MODULES),
        **dict.fromkeys(("acceptOwnership", "transferOwnership", "renounceOwnership"), OWNER),
    },
    "DelegationVaults": {"createVault": "skein stake vault"},
    "DelegationVault": {
        "deposit": "skein stake vault-deposit",
        "requestRedeem": "skein stake vault-exit",
        **dict.fromkeys(("mint", "transfer", "transferFrom", "approve"), VAULT),
        "permit": RELAY,
        **dict.fromkeys(("withdraw", "redeem"), "skein stake vault-claim"),
        "setOperator": "A program that is to act for others asks for it, in a wallet that knows ERC-7540.",
    },
    "SkeinGovernor": {
        "propose": "skein gov propose",
        "cancel": "skein gov cancel",
        "castVoteWithReason": "skein gov vote",
        "castVote": "The same as castVoteWithReason without a reason, which `skein gov vote` sends.",
        "castVoteWithReasonAndParams": "The governor gives the parameters no meaning: `skein gov vote` does the same.",
        **dict.fromkeys(("castVoteBySig", "castVoteWithReasonAndParamsBySig"), RELAY),
        **dict.fromkeys(("queue", "execute"), "skein gov carry-on"),
        **dict.fromkeys(("relay", "setProposalThreshold", "setVotingDelay", "setVotingPeriod"), PROPOSED),
        **dict.fromkeys(("updateQuorumNumerator", "updateTimelock"), PROPOSED),
        **dict.fromkeys(("onERC721Received", "onERC1155Received", "onERC1155BatchReceived"), RECEIVES),
    },
    "Arena": {
        "createTask": "skein task create",
        "fundTask": "skein task fund",
        "cancelTask": "skein task cancel",
        "releaseKey": "skein task release-key",
        "revealCanary": "skein task watch",
        **dict.fromkeys(("commitSubmission", "revealSubmission"), TRAINER),
        **dict.fromkeys(("registerValidator", "commitScores", "revealScores", "renewSeed"), VALIDATOR),
        **dict.fromkeys(("drawPanel", "settle"), "skein task settle"),
        "appeal": "skein task appeal",
        **dict.fromkeys(("redraw", "finalize"), "skein task finalize"),
        **dict.fromkeys(("claimSubmission", "claimValidator", "claimCreator"), "skein task claim"),
    },
    "Sponsorships": {
        "sponsorTask": "skein task sponsor",
        **dict.fromkeys(("claimSubmission", "claimValidator", "refund"), "skein task claim"),
    },
    "Alliance": {
        "createFederation": "skein federation create",
        "fundFederation": "skein federation fund",
        "invite": "skein federation invite",
        "join": MEMBER,
        "commitData": "A member whose data changed leaves and joins anew: `skein trainer join` commits.",
        "addStake": "skein federation add-stake",
        "leave": "skein federation leave",
        **dict.fromkeys(("startRound", "drawRound", "renewRoundSeed", "tally", "settleRound"), PUSH),
        **dict.fromkeys(("commitUpdate", "revealUpdate", "commitBallot", "revealBallot", "attest"), MEMBER),
        "claim": "skein federation claim",
        "endFederation": "skein federation end",
    },
    "Randomness": {"prove": "skein task settle"},
    "ERC20": {"approve": "skein task sponsor", "transfer": TOKEN, "transferFrom": TOKEN},
}
PAIRS = [(contract, function) for contract, known in ACTIONS.items() for function in known]
FOLDERS = {"trainer": ("trainer", "node"), "validator": ("validator", "node")}


def abi_of(contract: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((ROOT / "protocol" / "abi" / f"{contract}.json").read_text())
    return found


def test_every_function_that_changes_something_is_listed() -> None:
    assert {path.stem for path in (ROOT / "protocol" / "abi").glob("*.json")} == set(ACTIONS)
    for contract, known in ACTIONS.items():
        functions = [each for each in abi_of(contract) if each["type"] == "function"]
        writing = {each["name"] for each in functions if each["stateMutability"] not in ("view", "pure")}
        assert writing == set(known), contract


def test_whatever_has_no_command_has_a_reason() -> None:
    reasons = [said for known in ACTIONS.values() for said in known.values() if not said.startswith("skein ")]
    assert all(len(said) > 40 and said.endswith(".") for said in reasons)


@pytest.mark.parametrize(("contract", "function"), PAIRS)
def test_the_command_is_there_and_its_program_names_the_function(contract: str, function: str) -> None:
    command = ACTIONS[contract][function]
    if not command.startswith("skein "):
        return
    listed = (ROOT / "tests" / "cli_options.txt").read_text().splitlines()
    (options,) = [line for line in listed if line.startswith(f"{command} ")]
    group = command.split()[1]
    if group not in FOLDERS and command != "skein task watch":
        assert " --dry-run" in options, command
    sources = [path for folder in FOLDERS.get(group, ("wallet",)) for path in (ROOT / folder).rglob("*.py")]
    named = re.compile(rf'"{function}"')
    assert any(named.search(path.read_text()) for path in sources), (command, function)
