"""The chain layer against a real chain."""

import json
import pickle
import threading
import time

import play
import pytest
from eth_account import Account
from network import FUNDS, SKEIN, Network

from protocol.calls import Record
from protocol.chain import Chain
from protocol.deployment import Deployed, Deployment
from protocol.encoding import ascii32
from protocol.errors import ChainUnavailable, ConfigInvalid, ContractReverted
from protocol.rpc import RequestRefused
from protocol.transactions import Signed
from skein.processes import until

NOBODY = "0x00000000000000000000000000000000000000AA"


def signed_transfer(chain: Chain, assets: int, nonce: int, gas: int = 200_000) -> Signed:
    """A transfer that was never tried out, so that it can be refused when it is mined."""
    built = chain.build("SkeinToken", "transfer", NOBODY, 1, nonce=nonce)
    other = chain.build("SkeinToken", "approve", NOBODY, assets, nonce=nonce)
    approve, transfer = other["data"][:10], built["data"][:10]
    return chain.sign({**built, "data": other["data"].replace(approve, transfer), "gas": gas})


def test_views_return_values_and_records(network: Network) -> None:
    chain, task_id = network.chain(), play.create_task(network)
    assert chain.token_balance(network.accounts[5].address) == FUNDS
    assert chain.balance(network.accounts[5].address) == 10_000 * 10**18
    task = chain.task(task_id)
    assert task.creator == network.accounts[1].address
    assert task.parameters.to_dict() == play.PARAMETERS
    assert chain.call("Arena", "scoreAt", task_id, 1, 0) == Record({"revealed": False, "score": 0, "copied": False})
    assert chain.call("Arena", "ranking", task_id) == []
    assert chain.pool(network.accounts[5].address).own.assets == 0
    assert chain.call("Arena", "taskCount", block=1 + network.deployment.first_block + 10) == 0


def test_records_are_read_only_values() -> None:
    record = Record({"a": 1, "inner": Record({"b": "0x"}), "many": [Record({"c": 2})]})
    assert json.dumps(record.to_dict()) == '{"a": 1, "inner": {"b": "0x"}, "many": [{"c": 2}]}'
    assert pickle.loads(pickle.dumps(record)) == record
    assert (record.inner.b, record["a"], len(record)) == ("0x", 1, 3)
    with pytest.raises(AttributeError):
        record.a = 2
    with pytest.raises(AttributeError):
        record.absent  # noqa: B018


def test_sending_returns_the_receipt_with_its_events(network: Network) -> None:
    chain = network.chain(1)
    receipt = chain.send("SkeinToken", "transfer", NOBODY, 5 * SKEIN)
    assert receipt.event("SkeinToken.Transfer").args == {"from": chain.address, "to": NOBODY, "value": 5 * SKEIN}
    assert receipt.block_number == chain.head().number
    assert receipt.block_hash == chain.head().hash == chain.block(receipt.block_number).hash
    assert 21_000 < receipt.gas_used < 100_000
    assert receipt.gas_price > 0
    assert chain.token_balance(NOBODY) == 5 * SKEIN
    with pytest.raises(ChainUnavailable, match="has no block"):
        chain.block(receipt.block_number + 1)


def test_refusals_are_named_before_anything_is_sent(network: Network) -> None:
    chain = network.chain(1)
    before = chain.nonce()
    with pytest.raises(ContractReverted) as refusal:
        chain.send("Arena", "createTask", {**play.PARAMETERS, "panel_size": 33})
    assert (refusal.value.error, refusal.value.contract) == ("InvalidParameter", "Arena")
    assert ascii32(refusal.value.args_["parameter"]) == "panelSize"
    with pytest.raises(ContractReverted, match=r"Staking refused: ERC20InsufficientAllowance\(.*needed=1\)"):
        chain.simulate("Staking", "deposit", chain.address, 1, chain.address)
    with pytest.raises(ContractReverted, match=r"Arena refused: UnknownTask\(task_id=77\)"):
        chain.estimate("Arena", "finalize", 77)
    assert chain.nonce() == before


def test_simulating_returns_what_the_transaction_would(network: Network) -> None:
    chain = network.chain(1)
    chain.send("SkeinToken", "approve", network.deployment.address("Arena"), FUNDS)
    assert chain.simulate("Arena", "createTask", play.PARAMETERS) == 1
    assert chain.call("Arena", "taskCount") == 0


def test_refusals_of_mined_transactions_are_found_out(network: Network) -> None:
    chain = network.chain(1)
    nonce = chain.nonce()
    first, second = signed_transfer(chain, FUNDS, nonce), signed_transfer(chain, FUNDS, nonce + 1)
    hungry = signed_transfer(chain, 1, nonce + 2, gas=22_000)
    for signed in (first, second, hungry):
        chain.broadcast(signed.raw)
    assert chain.wait(first.hash).transaction_hash == first.hash
    with pytest.raises(ContractReverted, match=r"SkeinToken refused: ERC20InsufficientBalance\(.*balance=0"):
        chain.wait(second.hash)
    with pytest.raises(ContractReverted, match=r"OutOfGas\(gas=22000\)"):
        chain.wait(hungry.hash)


def test_broadcasting_again_is_harmless(network: Network) -> None:
    chain = network.chain(1)
    network.rpc("evm_setAutomine", False)
    signed = chain.sign(chain.build("SkeinToken", "transfer", NOBODY, 1))
    chain.broadcast(signed.raw)
    chain.broadcast(signed.raw)
    assert chain.receipt(signed.hash) is None
    with pytest.raises(ChainUnavailable, match=f"{signed.hash} was not mined in 0.1 s"):
        chain.wait(signed.hash, timeout=0.1)
    network.mine()
    assert chain.wait(signed.hash).block_number == chain.head().number
    with pytest.raises(RequestRefused, match="nonce"):
        chain.broadcast(signed.raw)
    assert chain.token_balance(NOBODY) == 1


@pytest.mark.parametrize("programs", [1, 3])
def test_who_sends_at_once_takes_different_nonces(network: Network, programs: int) -> None:
    chains = [network.chain(1) for _ in range(programs)]
    # different amounts: the same bytes with the same nonce would be the same transaction
    sends = [(chains[at % programs], "SkeinToken", "transfer", NOBODY, 2**at) for at in range(6)]
    threads = [threading.Thread(target=chain.send, args=args) for chain, *args in sends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert network.chain().token_balance(NOBODY) == 2**6 - 1


def test_what_another_program_replaced_is_sent_again(network: Network) -> None:
    chain = network.chain(1)
    network.rpc("evm_setAutomine", False)
    nonce = chain.nonce()
    other = chain.build("SkeinToken", "transfer", NOBODY, 2, nonce=nonce)
    other["maxFeePerGas"] *= 2
    thread = threading.Thread(target=chain.send, args=("SkeinToken", "transfer", NOBODY, 1))
    thread.start()
    until(lambda: chain.nonce() > nonce, 60, "The first transaction")
    chain.broadcast(chain.sign(other).raw)
    network.mine()
    assert chain.token_balance(NOBODY) == 2
    until(lambda: chain.nonce() > nonce + 1, 60, "The replaced transaction, sent again")
    network.mine()
    thread.join()
    assert chain.token_balance(NOBODY) == 3


def test_the_time_goes_on_without_blocks(network: Network) -> None:
    chain = network.chain()
    head, begin = chain.head(), int(time.time())
    network.rpc("evm_increaseTime", 5000)
    assert chain.head() == head
    now = chain.now()
    assert begin + 5000 <= now <= time.time() + 5002


def test_what_an_account_lacks_is_said(network: Network) -> None:
    with pytest.raises(ConfigInvalid, match="needs a key"):
        network.chain().send("SkeinToken", "transfer", NOBODY, 0)
    poor = network.chain(Account.create())
    with pytest.raises(ConfigInvalid, match=r"0\.000000 of the chain.s own money, too little for gas"):
        poor.send("SkeinToken", "transfer", NOBODY, 0)
    chain = network.chain(1)
    raw = chain.sign({**chain.build("SkeinToken", "transfer", NOBODY, 0), "value": 10**24}).raw
    with pytest.raises(ConfigInvalid, match=f"{chain.address} has .* too little for gas: send it some"):
        chain.broadcast(raw)


def test_gas_above_the_maximum_is_not_bought(network: Network) -> None:
    dear = network.chain(1, max_fee_per_gas=10**8)
    with pytest.raises(ChainUnavailable, match=r"above the maximum of 0\.1 gwei.*SKEIN_MAX_FEE_GWEI"):
        dear.send("SkeinToken", "transfer", NOBODY, 0)
    capped = network.chain(1, max_fee_per_gas=5 * 10**9)
    assert capped.build("SkeinToken", "transfer", NOBODY, 0)["maxFeePerGas"] <= 5 * 10**9


def test_contracts_that_are_not_there_are_missed(module_network: Network) -> None:
    lost = Deployment(31337, {"Arena": Deployed(NOBODY, 1)})
    with pytest.raises(ConfigInvalid, match=f"There is no Arena at {NOBODY} on chain 31337"):
        Chain(module_network.rpc_url, lost).task(1)


def test_misuse_is_a_programming_error(module_network: Network) -> None:
    with pytest.raises(LookupError, match="0 functions named nothing"):
        module_network.chain().call("Arena", "nothing")
    with pytest.raises(TypeError, match="takes 1 arguments, not 0"):
        module_network.chain().call("Arena", "task")
