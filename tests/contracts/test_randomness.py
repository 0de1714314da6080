"""Seeds: of block hashes, of prevrandao, of a real round of drand. What makes proofs is tested in tests/protocol."""

from __future__ import annotations

import hashlib

import pytest
from brownie import chain, reverts, web3
from brownie_compat import error

from protocol.seeds import header_rlp

# of drand's network evmnet: its key, and the signature of one of its rounds
KEY = [
    0x07E1D1D335DF83FA98462005690372C643340060D205306A9AA8106B6BD0B382,
    0x0557EC32C2AD488E4D4F6008F89A346F18492092CCC0D594610DE2732C8B808F,
    0x0095685AE3A85BA243747B1B2F426049010F6B73A0CF1D389351D5AAAA1047F6,
    0x297D3A4F9749B33EB2D904C9D9EBF17224150DDD7ABD7567A9BEC6C74480EE0B,
]
ROUND, PERIOD, DELAY, LIFETIME = 9337227, 3, 30, 600
SIGNATURE = bytes.fromhex(
    "01d65d6128f4b2df3d08de85543d8efe06b0281d0770246ae3672e8ddd3efda0"
    "269373123458f0b5c0073eeed1c816a06809e127421513e34ee07df6987910b3"
)


def mine_until(block: int) -> None:
    """Calls then see this block as their own."""
    web3.provider.make_request("anvil_mine", [hex(block - web3.eth.block_number)])
    assert web3.eth.block_number == block


@pytest.fixture
def ticket(randomness):
    return randomness.request()


def test_a_ticket_is_for_the_next_block(randomness):
    assert randomness.request() == web3.eth.block_number + 1


def test_a_seed_is_not_ready_in_its_own_block(randomness, ticket):
    for block in (ticket - 1, ticket):
        mine_until(block)
        with reverts(error("SeedNotReady", ticket)):
            randomness.seed(ticket)
        assert not randomness.expired(ticket)


@pytest.mark.parametrize("age", [1, 256])
def test_a_seed_is_the_hash_of_its_block(randomness, ticket, age):
    mine_until(ticket + age)
    assert bytes(randomness.seed(ticket)) == bytes(web3.eth.get_block(ticket).hash)
    assert not randomness.expired(ticket)


def test_a_seed_expires(randomness, ticket):
    mine_until(ticket + 257)
    with reverts(error("SeedExpired", ticket)):
        randomness.seed(ticket)
    assert randomness.expired(ticket)


def test_a_proof_of_nothing_gives_the_seed(randomness, ticket):
    mine_until(ticket + 1)
    assert randomness.prove(ticket, b"") == randomness.seed(ticket)


# --- prevrandao


@pytest.fixture(scope="module")
def prevrandao(PrevrandaoRandomness, owner):
    for delay in (0, 7 * 24 * 3600 + 1):
        with reverts(error("InvalidRandomness", b"delay" + bytes(27))):
            owner.deploy(PrevrandaoRandomness, delay)
    return owner.deploy(PrevrandaoRandomness, 2)


def header(number: int) -> bytes:
    """A block's header as its hash is of it."""
    return header_rlp(web3.provider.make_request("eth_getBlockByNumber", [hex(number), False])["result"])


def test_a_header_proves_its_prevrandao(prevrandao, stranger):
    ticket = prevrandao.request()
    assert ticket == web3.eth.block_number + 2
    mine_until(ticket - 1)
    for verb in (lambda: prevrandao.prove(ticket, b"", {"from": stranger}), lambda: prevrandao.seed(ticket)):
        with reverts(error("SeedNotReady", ticket)):  # in the ticket's own block
            verb()
    mine_until(ticket + 1)
    assert not prevrandao.expired(ticket)
    with reverts(error("SeedNotReady", ticket)):
        prevrandao.seed(ticket)
    with reverts(error("WrongProof", ticket)):
        prevrandao.prove(ticket, header(ticket - 1), {"from": stranger})
    sent = prevrandao.prove(ticket, header(ticket), {"from": stranger})
    seed = web3.eth.get_block(ticket).mixHash
    assert bytes(sent.events["SeedProved"]["seed"]) == bytes(seed) == bytes(prevrandao.seed(ticket))
    assert "SeedProved" not in prevrandao.prove(ticket, b"", {"from": stranger}).events
    mine_until(ticket + 400)
    assert bytes(prevrandao.seed(ticket)) == bytes(seed) and not prevrandao.expired(ticket)


def test_a_block_without_prevrandao_proves_nothing(prevrandao, stranger):
    """The first block has none; 0 would stand for a seed that nobody has proved."""
    with reverts(error("WrongProof", 0)):
        prevrandao.prove(0, header(0), {"from": stranger})


def test_a_header_after_256_blocks_is_too_late(prevrandao, stranger):
    ticket = prevrandao.request()
    mine_until(ticket + 1)
    late = header(ticket)
    mine_until(ticket + 257)
    assert prevrandao.expired(ticket)
    for verb in (lambda: prevrandao.seed(ticket), lambda: prevrandao.prove(ticket, late, {"from": stranger})):
        with reverts(error("SeedExpired", ticket)):
            verb()


# --- drand


@pytest.fixture
def drand(DrandRandomness, owner):
    """A source in whose time the known round is due in a minute."""
    genesis = chain[-1].timestamp + 60 - (ROUND - 1) * PERIOD
    return owner.deploy(DrandRandomness, KEY, genesis, PERIOD, DELAY, LIFETIME)


@pytest.mark.parametrize(
    "name, place, value",
    [("publicKey", 0, [1, 2, 3, 4]), ("publicKey", 0, [0, 0, 0, 0]), ("genesis", 1, 0), ("genesis", 1, 2**40)]
    + [(name, place, value) for name, place in (("period", 2), ("delay", 3), ("lifetime", 4)) for value in (0, 2**32)],
)
def test_what_no_beacon_has_is_refused(DrandRandomness, owner, name, place, value):
    values = [KEY, 1, PERIOD, DELAY, LIFETIME]
    values[place] = value
    with reverts(error("InvalidRandomness", name.encode().ljust(32, b"\0"))):
        owner.deploy(DrandRandomness, *values)


def test_a_signature_proves_its_round(drand, stranger):
    due = drand.timeOf(ROUND)
    assert drand.request() <= ROUND and drand.timeOf(0) == 0
    refused = [(lambda: drand.seed(ROUND)), (lambda: drand.prove(ROUND, SIGNATURE, {"from": stranger}))]
    for verb in refused:
        with reverts(error("SeedNotReady", ROUND)):
            verb()
    chain.mine(timestamp=due)
    for wrong in (b"", SIGNATURE[1:], SIGNATURE[:-1] + b"\0", bytes(64), bytes(63) + b"\1"):
        with reverts(error("WrongProof", ROUND)):
            drand.prove(ROUND, wrong, {"from": stranger})
    sent = drand.prove(ROUND, SIGNATURE, {"from": stranger})
    seed = hashlib.sha256(SIGNATURE).digest()
    assert bytes(sent.events["SeedProved"]["seed"]) == seed == bytes(drand.seed(ROUND))
    assert list(drand.publicKey()) == KEY
    chain.mine(timestamp=due + LIFETIME + 1)
    assert bytes(drand.seed(ROUND)) == seed and not drand.expired(ROUND)
    assert "SeedProved" not in drand.prove(ROUND, b"", {"from": stranger}).events


def test_a_signature_that_comes_too_late_decides_nothing(drand, stranger):
    chain.mine(timestamp=drand.timeOf(ROUND) + LIFETIME + 1)
    assert drand.expired(ROUND)
    for verb in (lambda: drand.seed(ROUND), lambda: drand.prove(ROUND, SIGNATURE, {"from": stranger})):
        with reverts(error("SeedExpired", ROUND)):
            verb()


def test_messages_are_hashed_to_points_of_the_curve(Bn254Harness, owner):
    """By any of the map's three candidates; tests/protocol compares the points with another implementation's."""
    harness = owner.deploy(Bn254Harness)
    for number in range(12):
        x, y = harness.hashToPoint(number.to_bytes(32, "big"))
        prime = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
        assert (y * y - x**3 - 3) % prime == 0
    assert harness.isKey(KEY)
    assert not harness.isKey([KEY[1], KEY[0], KEY[3], KEY[2]]) and not harness.isKey([0, 0, 0, 0])
