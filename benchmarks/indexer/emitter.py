"""A chain full of our contracts' events, made fast: a real node, and in the contracts' places code that logs on demand.

The code takes records (number of topics, length, topics, data) in its call data and logs them as they are, so a block
can hold any events in any number, without the work that the real contracts would do for them. The events tell a story
that holds together: nobody spends what he has not got, and tasks are created before anybody joins them.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from protocol.deployment import Deployed, Deployment
from protocol.events import event_abis, topic
from protocol.values import type_of

CHAIN_ID = 31337
CONTRACTS = ("SkeinToken", "Staking", "Arena", "Randomness")
SKEIN = 10**18

_OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "LT": 0x10, "EQ": 0x14, "AND": 0x16, "SHL": 0x1B, "SHR": 0x1C, "CALLDATALOAD": 0x35,
    "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "POP": 0x50, "MLOAD": 0x51, "MSTORE": 0x52, "JUMP": 0x56, "JUMPI": 0x57,
    "JUMPDEST": 0x5B,
}  # fmt: skip
_START = """
:start JUMPDEST 0 MLOAD CALLDATASIZE DUP2 LT @body JUMPI STOP
:body JUMPDEST DUP1 CALLDATALOAD DUP1 248 SHR SWAP1 232 SHR 65535 AND SWAP2 3 ADD
DUP2 5 SHL DUP2 ADD DUP4 DUP2 32 CALLDATACOPY DUP4 ADD 0 MSTORE
"""


def emitter_code() -> str:
    """The EVM code, as hex."""
    words = _START.split()
    for topics in range(1, 5):
        words += f"DUP2 {topics} EQ @log{topics} JUMPI".split()
    words.append("STOP")
    for topics in range(1, 5):
        words += f":log{topics} JUMPDEST".split()
        for pushed, which in enumerate(reversed(range(topics))):
            words += f"DUP{pushed + 1} {32 * which} ADD CALLDATALOAD".split()
        words += f"DUP{topics + 3} 32 LOG{topics} POP POP POP @start JUMP".split()
    return "0x" + _assemble(words).hex()


def _assemble(words: list[str]) -> bytes:
    """Every number and every label is pushed as two bytes."""
    sizes = [0 if word[0] == ":" else 3 if word[0] == "@" or word.isdigit() else 1 for word in words]
    places = dict(zip(words, itertools.accumulate(sizes, initial=0), strict=False))
    code = bytearray()
    for word in words:
        if word[0] == "@" or word.isdigit():
            value = int(word) if word.isdigit() else places[":" + word[1:]]
            code += b"\x61" + value.to_bytes(2)
        elif word[0] != ":":
            code.append(_opcode(word))
    return bytes(code)


def _opcode(word: str) -> int:
    for name, base in (("DUP", 0x7F), ("SWAP", 0x8F), ("LOG", 0xA0)):
        if word.startswith(name):
            return base + int(word[len(name) :])
    return _OPCODES[word]


def record(name: str, **args: object) -> bytes:
    """One event as the emitter takes it; `args` by their names in the ABI."""
    inputs = event_abis()[name]["inputs"]
    topics = [bytes.fromhex(topic(name)[2:])]
    topics += [encode([part["type"]], [args[part["name"]]]) for part in inputs if part["indexed"]]
    plain = [part for part in inputs if not part["indexed"]]
    data = encode([type_of(part) for part in plain], [args[part["name"]] for part in plain])
    return bytes([len(topics)]) + len(data).to_bytes(2) + b"".join(topics) + data


def _parameters(digest: bytes) -> tuple[object, ...]:
    """The parameters of a task, in the order of the ABI; what has no value of its own here is a window of 1000 s."""
    known = {
        "bounty": 1000 * SKEIN, "bond": 100 * SKEIN, "minTrainerStake": SKEIN, "minValidatorStake": SKEIN,
        "scale": 10**9, "tolerance": 10**6, "slashTolerance": 10**8, "grid": 10**6, "panelSize": 3, "quorum": 2,
        "paidRanks": 8, "maximise": True, "maxShare": 10**18, "appealPanelSize": 0,
    }  # fmt: skip
    (form,) = (part for part in event_abis()["Arena.TaskCreated"]["inputs"] if part["name"] == "parameters")
    return tuple(digest if part["type"] == "bytes32" else known.get(part["name"], 1000) for part in form["components"])


@dataclass
class Story:
    """A network at work: accounts keep coming, and each task has its trainers, validators and scores."""

    seed: int = 1
    people: list[str] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    tasks: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def events(self) -> Iterator[tuple[str, bytes]]:
        """Contract and record, without end."""
        while True:
            yield from self._newcomer()
            if len(self.people) % 4 == 0:
                yield from self._task()
            for _ in range(3):
                yield from self._transfer()

    def contest(self, models: int) -> Iterator[tuple[str, bytes]]:
        """A task with so many models, all of them scored."""
        while len(self.people) < models + 4:
            yield from self._newcomer()
        yield from self._task(models)
        for model in range(1, models + 1):
            score = self._random.randrange(10**9)
            yield "Arena", record(
                "Arena.SubmissionScored", taskId=self.tasks, submissionId=model, trainer=self.people[model],
                score=score, gridScore=score // 10**6,
            )  # fmt: skip

    def _newcomer(self) -> Iterator[tuple[str, bytes]]:
        who = to_checksum_address(self._random.randbytes(20))
        self.people.append(who)
        self.balances[who] = 10**6 * SKEIN
        nobody, some = "0x" + "00" * 20, 10**4 * SKEIN
        yield "SkeinToken", record("SkeinToken.Transfer", **{"from": nobody, "to": who, "value": 10**6 * SKEIN})
        yield (
            "Staking",
            record("Staking.Deposited", operator=who, funder=who, sender=who, assets=some, shares=some * 10**6),
        )
        operator = self._random.choice(self.people)
        if operator != who:
            yield (
                "Staking",
                record(
                    "Staking.Deposited", operator=operator, funder=who, sender=who, assets=SKEIN, shares=SKEIN * 10**6
                ),
            )

    def _transfer(self) -> Iterator[tuple[str, bytes]]:
        sender, receiver = self._random.choice(self.people), self._random.choice(self.people)
        value = self._random.randint(0, self.balances[sender] // 10)
        self.balances[sender] -= value
        self.balances[receiver] += value
        yield "SkeinToken", record("SkeinToken.Transfer", **{"from": sender, "to": receiver, "value": value})

    def _task(self, models: int = 4) -> Iterator[tuple[str, bytes]]:
        self.tasks += 1
        task, digest = self.tasks, self._random.randbytes(32)
        crowd = self._random.sample(self.people, min(models + 4, len(self.people)))
        creator, trainers, validators = crowd[0], crowd[1 : models + 1], crowd[models + 1 :]
        yield "Arena", record(
            "Arena.TaskCreated", taskId=task, creator=creator, specDigest=digest, parameters=_parameters(digest),
            commitEnds=1, revealEnds=2, keyEnds=3,
        )  # fmt: skip
        for index, who in enumerate(validators, 1):
            yield "Staking", record("Staking.Locked", operator=who, module=creator, assets=SKEIN)
            yield (
                "Arena",
                record("Arena.ValidatorRegistered", taskId=task, validator=who, validatorIndex=index, stake=SKEIN),
            )
        for submission, who in enumerate(trainers, 1):
            yield from self._submission(task, submission, who, validators)

    def _submission(
        self, task: int, submission: int, trainer: str, validators: list[str]
    ) -> Iterator[tuple[str, bytes]]:
        named = {"taskId": task, "submissionId": submission}
        digest = self._random.randbytes(32)
        yield "Arena", record("Arena.SubmissionCommitted", **named, trainer=trainer, stake=SKEIN, commitment=digest)
        yield "Arena", record("Arena.SubmissionRevealed", **named, trainer=trainer, digest=digest)
        yield "Arena", record("Arena.PanelDrawn", **named, attempt=1, validators=validators)
        for who in validators:
            yield "Arena", record(
                "Arena.ScoreRevealed", **named, validator=who, attempt=1,
                score=self._random.randrange(10**9), reportDigest=digest, copyOf=0,
            )  # fmt: skip


class Emitter:
    """A node and the accounts that make it log."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(timeout=120)
        self._url = url
        self._ids = itertools.count(1)
        addresses = {name: to_checksum_address(f"0x{0x5000 + at:040x}") for at, name in enumerate(CONTRACTS)}
        self.deployment = Deployment(CHAIN_ID, {name: Deployed(address, 1) for name, address in addresses.items()})
        self._sender, *_ = self.request("eth_accounts")
        self.request("evm_setAutomine", False)
        self.request("anvil_setBlockGasLimit", hex(10**12))
        for address in addresses.values():
            self.request("anvil_setCode", address, emitter_code())

    def request(self, method: str, *params: object) -> Any:
        """One call."""
        return self._post([(method, list(params))])[0]

    def _post(self, calls: list[tuple[str, list[object]]]) -> list[Any]:
        body = [{"jsonrpc": "2.0", "id": next(self._ids), "method": m, "params": p} for m, p in calls]
        answers = orjson.loads(self._http.post(self._url, content=orjson.dumps(body), headers=_JSON).content)
        failed = [answer["error"]["message"] for answer in answers if "error" in answer]
        if failed:
            raise RuntimeError(f"the node refused: {failed[0]}")
        return [answer["result"] for answer in answers]

    def mine(self, events: list[tuple[str, bytes]]) -> None:
        """One block with these events, in their order."""
        sent: list[tuple[str, list[object]]] = [("eth_sendTransaction", [form]) for form in self._forms(events)]
        self._post([*sent, ("evm_mine", [])])

    def reorg(self, blocks: list[list[tuple[str, bytes]]]) -> str:
        """These take the places of as many newest blocks; the hash of the last."""
        pairs = [[form, at] for at, events in enumerate(blocks) for form in self._forms(events)]
        self.request("anvil_reorg", len(blocks), pairs)
        return str(self.request("eth_getBlockByNumber", "latest", False)["hash"])

    def _forms(self, events: list[tuple[str, bytes]]) -> list[dict[str, str]]:
        """The transactions that log them, each time others: by their prices."""
        forms, price = [], hex(10**10 + next(self._ids))
        for contract, run in itertools.groupby(events, key=lambda event: event[0]):
            data = b"".join(event for _, event in run)
            form = {"from": self._sender, "to": self.deployment.address(contract), "data": "0x" + data.hex()}
            forms.append({**form, "gas": hex(10**8), "gasPrice": price})
        return forms


_JSON = {"content-type": "application/json"}
