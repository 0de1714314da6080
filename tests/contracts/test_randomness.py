"""Seeds from block hashes: not before their block, not after 256 more."""

from __future__ import annotations

import pytest
from brownie import reverts, web3
from brownie_compat import error


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
