"""Seeds from prevrandao: proofs made of what the node says, and what the contract makes of them."""

from typing import Any

import pytest
from network import Network

from protocol.errors import ChainUnavailable, ContractReverted
from protocol.seeds import header_rlp, seed_proof


def block(network: Network, number: int) -> dict[str, Any]:
    found: dict[str, Any] = network.rpc("eth_getBlockByNumber", hex(number), False)
    return found


@pytest.fixture
def ticket(network: Network) -> int:
    return int(network.chain().call("Randomness", "request"))


def test_a_seed_is_the_prevrandao_of_its_block(network: Network, ticket: int) -> None:
    chain = network.chain(0)
    assert seed_proof(chain, ticket) is None  # there is no such block yet
    with pytest.raises(ContractReverted, match="SeedNotReady"):
        chain.call("Randomness", "seed", ticket)
    network.mine(1)
    assert seed_proof(chain, ticket) is None  # its hash can be looked up from the next block on
    with pytest.raises(ContractReverted, match="SeedNotReady"):
        chain.call("Randomness", "prove", ticket, header_rlp(block(network, ticket)))
    network.mine(1)
    with pytest.raises(ContractReverted, match="SeedNotReady"):
        chain.call("Randomness", "seed", ticket)
    proof = seed_proof(chain, ticket)
    assert proof is not None
    proved = chain.send("Randomness", "prove", ticket, proof).event("Randomness.SeedProved").args
    assert proved == {"ticket": ticket, "seed": block(network, ticket)["mixHash"]}
    assert chain.call("Randomness", "seed", ticket) == proved["seed"]
    assert chain.send("Randomness", "prove", ticket, b"").events == []  # once more does nothing


def test_no_other_header_is_taken(network: Network, ticket: int) -> None:
    network.mine(5)
    chain, good = network.chain(0), header_rlp(block(network, ticket))
    for wrong in (b"", good[:-1], good + b"\0", header_rlp(block(network, ticket + 1))):
        with pytest.raises(ContractReverted, match="WrongProof"):
            chain.call("Randomness", "prove", ticket, wrong)


def test_a_seed_that_nobody_proved_expires(network: Network, ticket: int) -> None:
    chain = network.chain(0)
    network.mine(255)
    assert not chain.call("Randomness", "expired", ticket)
    proof = header_rlp(block(network, ticket))
    network.mine(3)
    assert chain.call("Randomness", "expired", ticket)
    for call in (("seed", ticket), ("prove", ticket, proof)):
        with pytest.raises(ContractReverted, match="SeedExpired"):
            chain.call("Randomness", *call)


def test_a_proved_seed_stays(network: Network, ticket: int) -> None:
    network.mine(2)
    proof = seed_proof(network.chain(), ticket)
    network.chain(0).send("Randomness", "prove", ticket, proof)
    network.mine(300)
    assert not network.chain().call("Randomness", "expired", ticket)
    assert network.chain().call("Randomness", "seed", ticket) == block(network, ticket)["mixHash"]


def test_a_header_that_is_not_its_hash_is_refused(network: Network) -> None:
    found = block(network, 1)
    assert header_rlp(found)
    with pytest.raises(ChainUnavailable, match="does not hash"):
        header_rlp({**found, "mixHash": "0x" + "11" * 32})


@pytest.mark.parametrize("delay", [0, 7 * 24 * 3600 + 1])
def test_delays_have_bounds(network: Network, delay: int) -> None:
    with pytest.raises(Exception, match="0x"):
        network.artifact("PrevrandaoRandomness", delay)
