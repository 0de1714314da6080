"""Signatures on BN254 and the beacon that seeds come from, against a beacon with a key of our own, and a real round."""

from typing import Any

import pytest
from beacon import Beacon, affine, hash_to_point, randomness
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from network import Network
from web3.exceptions import ContractCustomError

PERIOD, DELAY, LIFETIME = 3, 30, 600
OURS = Beacon(0xC0FFEE)
# drand's network evmnet: its key and one of its rounds.
KEY = (
    "07e1d1d335df83fa98462005690372c643340060d205306a9aa8106b6bd0b3820557ec32c2ad488e4d4f6008f89a346f18492092ccc0d594610d"
    "e2732c8b808f0095685ae3a85ba243747b1b2f426049010f6b73a0cf1d389351d5aaaa1047f6297d3a4f9749b33eb2d904c9d9ebf17224150ddd"
    "7abd7567a9bec6c74480ee0b"
)
MESSAGE = "baf09720c37cb921fd8362b1d907232ac0b813ffba768c714aeaace987e7fd6b"
HASHED = (
    "1626082c3dd0751bdaaf8c3e709b5dd7cdedf45d4e81a5aa3e270f1e78924b322bf29ab3af54dfe3c053ad4efa93db05d3586368463e9d7334c7"
    "ba61f6f4e955"
)
ROUND, GENESIS = 9337227, 1727521075
SIGNATURE = (
    "01d65d6128f4b2df3d08de85543d8efe06b0281d0770246ae3672e8ddd3efda0269373123458f0b5c0073eeed1c816a06809e127421513e34ee0"
    "7df6987910b3"
)


def words(text: str) -> list[int]:
    return [int(text[start : start + 64], 16) for start in range(0, len(text), 64)]


@pytest.fixture(scope="module")
def harness(module_network: Network) -> Any:
    return module_network.artifact("Bn254Harness").functions


@pytest.fixture(scope="module")
def source(module_network: Network) -> Any:
    genesis = module_network.now() - 1000
    return module_network.artifact("DrandRandomness", OURS.key, genesis, PERIOD, DELAY, LIFETIME)


def prove(source: Any, ticket: int, proof: bytes) -> Any:
    sent = source.functions.prove(ticket, proof).transact({"from": source.w3.eth.accounts[0]})
    return source.w3.eth.wait_for_transaction_receipt(sent)


def refuses(source: Any, call: Any, name: str, *values: int) -> bool:
    """Whether the call is refused with this error."""
    try:
        call.call()
    except ContractCustomError as refused:
        error = next(entry for entry in source.abi if entry["type"] == "error" and entry["name"] == name)
        types = ",".join(one["type"] for one in error["inputs"])
        selector = bytes(source.w3.keccak(text=f"{name}({types})")[:4])
        return str(refused.data) == "0x" + (selector + b"".join(value.to_bytes(32) for value in values)).hex()
    return False


def test_a_real_round_of_drand(module_network: Network, harness: Any) -> None:
    assert harness.hashToPoint(bytes.fromhex(MESSAGE)).call() == words(HASHED)
    assert harness.verify(*words(SIGNATURE), bytes.fromhex(MESSAGE), words(KEY)).call()
    real = module_network.artifact("DrandRandomness", words(KEY), GENESIS, PERIOD, DELAY, 30 * 24 * 3600)
    assert refuses(real, real.functions.prove(ROUND, bytes.fromhex(SIGNATURE)), "SeedExpired", ROUND)
    assert real.functions.publicKey().call() == words(KEY)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_messages_are_hashed_as_the_rfc_says(harness: Any, message: bytes) -> None:
    assert tuple(harness.hashToPoint(message).call()) == affine(hash_to_point(message))


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 2**254), st.integers(1, 2**63), st.integers(0, 511))
def test_only_the_keys_own_signature_holds(harness: Any, secret: int, number: int, bit: int) -> None:
    beacon = Beacon(secret)
    message, signature = number.to_bytes(8), beacon.sign(number)
    hashed = keccak(message)
    assert harness.verify(*words(signature.hex()), hashed, beacon.key).call()
    assert not harness.verify(*words(signature.hex()), keccak(message + b"x"), beacon.key).call()
    assert not harness.verify(*words(signature.hex()), hashed, OURS.key).call()
    damaged = (int.from_bytes(signature) ^ 1 << bit).to_bytes(64)
    assert not harness.verify(*words(damaged.hex()), hashed, beacon.key).call()
    assert not harness.verify(0, 0, hashed, beacon.key).call()


def test_keys_are_points_of_their_group(harness: Any) -> None:
    assert harness.isKey(OURS.key).call() and harness.isKey(words(KEY)).call()
    assert not harness.isKey([0, 0, 0, 0]).call()
    x1, x0, y1, y0 = OURS.key
    assert not harness.isKey([x1, x0, y1, y0 + 1]).call()
    assert not harness.isKey([x0, x1, y0, y1]).call()


def test_a_round_is_asked_for_that_is_not_known_yet(module_network: Network, source: Any) -> None:
    ticket = source.functions.request().call()
    asked = source.w3.eth.get_block("latest").timestamp
    assert asked + DELAY <= source.functions.timeOf(ticket).call() < asked + DELAY + 2 * PERIOD
    assert refuses(source, source.functions.seed(ticket), "SeedNotReady", ticket)
    assert refuses(source, source.functions.prove(ticket, OURS.sign(ticket)), "SeedNotReady", ticket)
    assert not source.functions.expired(ticket).call()


def test_a_seed_is_the_rounds_randomness(module_network: Network, source: Any) -> None:
    ticket = source.functions.request().call()
    module_network.set_time(source.functions.timeOf(ticket).call())
    for wrong in (b"", bytes(64), OURS.sign(ticket + 1), OURS.sign(ticket) + b"\0", Beacon(7).sign(ticket)):
        assert refuses(source, source.functions.prove(ticket, wrong), "WrongProof", ticket)
    receipt = prove(source, ticket, OURS.sign(ticket))
    seed = randomness(OURS.sign(ticket))
    assert source.functions.seed(ticket).call() == seed
    assert [event["args"]["seed"] for event in source.events.SeedProved().process_receipt(receipt)] == [seed]
    module_network.set_time(source.functions.timeOf(ticket).call() + LIFETIME + 1)
    assert source.functions.seed(ticket).call() == seed and not source.functions.expired(ticket).call()
    assert prove(source, ticket, b"").logs == []  # once more does nothing


def test_a_beacon_that_is_too_late_decides_nothing(module_network: Network, source: Any) -> None:
    ticket = source.functions.request().call()
    module_network.set_time(source.functions.timeOf(ticket).call() + LIFETIME)
    assert not source.functions.expired(ticket).call()
    module_network.set_time(source.functions.timeOf(ticket).call() + LIFETIME + 1)
    assert source.functions.expired(ticket).call()
    for call in (source.functions.seed(ticket), source.functions.prove(ticket, OURS.sign(ticket))):
        assert refuses(source, call, "SeedExpired", ticket)


@pytest.mark.parametrize(
    "changes",
    [{0: [1, 2, 3, 4]}, {1: 0}, {1: 2**40}, {2: 0}, {3: 0}, {4: 0}, {2: 2**32}, {3: 2**32}, {4: 2**32}],
)
def test_what_no_beacon_has_is_refused(module_network: Network, changes: dict[int, Any]) -> None:
    values: list[Any] = [OURS.key, 1, PERIOD, DELAY, LIFETIME]
    for place, value in changes.items():
        values[place] = value
    with pytest.raises(ContractCustomError):
        module_network.artifact("DrandRandomness", *values)
