"""The token: allocation, cap, minting, permit, votes."""

from __future__ import annotations

from brownie import ZERO_ADDRESS, chain, reverts
from brownie_compat import error
from conftest import GENESIS
from eth_account import Account
from eth_account.messages import encode_typed_data

CAP = 1_000_000_000 * 10**18
LATER = 2**48


def sign_permit(token, key, spender, value, deadline):
    message = encode_typed_data(
        {"name": "Skein", "version": "1", "chainId": chain.id, "verifyingContract": token.address},
        {
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        {
            "owner": key.address,
            "spender": str(spender),
            "value": value,
            "nonce": token.nonces(key.address),
            "deadline": deadline,
        },
    )
    signed = key.sign_message(message)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_genesis(token, owner):
    assert (token.name(), token.symbol(), token.decimals()) == ("Skein", "SKEIN", 18)
    assert token.cap() == CAP
    assert token.totalSupply() == token.balanceOf(owner) == GENESIS
    assert token.owner() == owner


def test_genesis_beyond_cap(SkeinToken, owner):
    with reverts(error("ERC20ExceededCap", CAP + 1, CAP)):
        owner.deploy(SkeinToken, owner, CAP + 1)


def test_mint(token, owner, stranger):
    with reverts(error("OwnableUnauthorizedAccount", stranger)):
        token.mint(stranger, 1, {"from": stranger})
    with reverts(error("ERC20InvalidReceiver", ZERO_ADDRESS)):
        token.mint(ZERO_ADDRESS, 1, {"from": owner})
    with reverts(error("ERC20ExceededCap", CAP + 1, CAP)):
        token.mint(stranger, CAP - GENESIS + 1, {"from": owner})

    tx = token.mint(stranger, CAP - GENESIS, {"from": owner})

    assert dict(tx.events["Transfer"]) == {"from": ZERO_ADDRESS, "to": stranger, "value": CAP - GENESIS}
    assert token.balanceOf(stranger) == CAP - GENESIS
    assert token.totalSupply() == CAP


def test_owner_is_handed_over_in_two_steps(token, owner, stranger):
    token.transferOwnership(stranger, {"from": owner})
    assert token.owner() == owner
    token.acceptOwnership({"from": stranger})
    assert token.owner() == stranger
    with reverts(error("OwnableUnauthorizedAccount", owner)):
        token.mint(owner, 1, {"from": owner})


def test_permit(token, stranger):
    key = Account.create()
    with reverts(error("ERC2612ExpiredSignature", 1)):
        token.permit(key.address, stranger, 7, 1, *sign_permit(token, key, stranger, 7, 1), {"from": stranger})
    other = Account.create()
    with reverts():
        token.permit(
            key.address, stranger, 7, LATER, *sign_permit(token, other, stranger, 7, LATER), {"from": stranger}
        )

    signature = sign_permit(token, key, stranger, 7, LATER)
    token.permit(key.address, stranger, 7, LATER, *signature, {"from": stranger})

    assert token.allowance(key.address, stranger) == 7
    assert token.nonces(key.address) == 1
    with reverts():  # a signature is good once
        token.permit(key.address, stranger, 7, LATER, *signature, {"from": stranger})


def test_votes_are_counted_at_timestamps(token, owner, stranger):
    assert token.CLOCK_MODE() == "mode=timestamp"
    assert token.clock() == chain[-1].timestamp
    token.delegate(owner, {"from": owner})
    before = chain[-1].timestamp
    chain.sleep(100)
    token.transfer(stranger, 10, {"from": owner})
    assert token.getVotes(owner) == GENESIS - 10
    assert token.getPastVotes(owner, before) == GENESIS
    assert token.getVotes(stranger) == 0
